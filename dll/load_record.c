#include "load_record.h"

#include "histogram.h"
#include "win/system.h"

int w2e_record_init(struct w2e_record *record, uint32_t part_count) {
    record->parts = w2e_sys_alloc(part_count * sizeof *record->parts);
    record->part_count = part_count;
    return record->parts != NULL ? 0 : WSAENOBUFS;
}

void w2e_record_fini(struct w2e_record *record) {
    w2e_sys_free(record->parts);
    record->parts = NULL;
}

static LONG64 read_shared(volatile LONG64 *place) {
    return InterlockedCompareExchange64(place, 0, 0);
}

/* A maximum changes seldom: most calls only look. */
static void raise_to(volatile LONG64 *place, LONG64 value) {
    for (LONG64 seen = read_shared(place); value > seen;) {
        LONG64 before = InterlockedCompareExchange64(place, value, seen);
        if (before == seen) {
            return;
        }
        seen = before;
    }
}

void w2e_record_add(struct w2e_record *record, uint32_t who, uint64_t value_us) {
    struct w2e_record_part *part = &record->parts[who % record->part_count];
    raise_to(&part->least_us_inverted,
             INT64_MAX - (LONG64)value_us); /* before it counts: who reads meanwhile has an extreme for each */
    raise_to(&part->most_us, (LONG64)value_us);
    w2e_counter_add(&part->sum_us, value_us); /* likewise: no mean is below what it is of */
    w2e_counter_add(&part->counts[w2e_histogram_index(value_us)], 1);
}

void w2e_record_skip(struct w2e_record *record, uint32_t who) {
    w2e_counter_add(&record->parts[who % record->part_count].uncounted, 1);
}

uint64_t w2e_record_total(const struct w2e_record *record) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < record->part_count; i++) {
        total += w2e_counter_get(&record->parts[i].uncounted);
        for (uint32_t k = 0; k < WS2ECHO_HISTOGRAM_COUNTS; k++) {
            total += w2e_counter_get(&record->parts[i].counts[k]);
        }
    }
    return total;
}

static void add_part(struct w2e_record_part *part, ws2echo_histogram *histogram) {
    ws2echo_histogram one = {.size = sizeof one};
    for (uint32_t i = 0; i < WS2ECHO_HISTOGRAM_COUNTS; i++) {
        one.counts[i] = w2e_counter_get(&part->counts[i]);
        one.count += one.counts[i];
    }
    if (one.count > 0) {
        one.sum_us = w2e_counter_get(&part->sum_us);
        one.min_us = (uint64_t)(INT64_MAX - read_shared(&part->least_us_inverted));
        one.max_us = (uint64_t)read_shared(&part->most_us);
        w2e_histogram_merge(histogram, &one);
    }
}

void w2e_record_get(const struct w2e_record *record, ws2echo_histogram *histogram) {
    *histogram = (ws2echo_histogram){.size = sizeof *histogram};
    for (uint32_t i = 0; i < record->part_count; i++) {
        add_part(&record->parts[i], histogram);
    }
}
