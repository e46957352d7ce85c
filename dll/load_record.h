/* Histograms that several threads record into while others read them. */
#ifndef W2E_LOAD_RECORD_H
#define W2E_LOAD_RECORD_H

#include "win/thread.h"
#include "ws2echo.h"

/* Each connection records into one of the parts: so threads seldom meet in one place. */
struct w2e_record_part {
    struct w2e_counter counts[WS2ECHO_HISTOGRAM_COUNTS];
    struct w2e_counter sum_us;
    volatile LONG64 least_us_inverted; /* INT64_MAX - min: so that all zero means that nothing was recorded */
    volatile LONG64 most_us;
    struct w2e_counter uncounted; /* … in the histogram, but as having been */
};

struct w2e_record {
    uint32_t part_count;
    struct w2e_record_part *parts;
};

/* 0 or WSAENOBUFS. */
int w2e_record_init(struct w2e_record *record, uint32_t part_count);
void w2e_record_fini(struct w2e_record *record);

/* Records a time; `who` chooses the part. */
void w2e_record_add(struct w2e_record *record, uint32_t who, uint64_t value_us);

/* Notes that there was a time, which does not count. */
void w2e_record_skip(struct w2e_record *record, uint32_t who);

/* How many times there were, those that do not count included. */
uint64_t w2e_record_total(const struct w2e_record *record);

/* Adds everything up. What is recorded meanwhile may be in it or not, or its sum alone. */
void w2e_record_get(const struct w2e_record *record, ws2echo_histogram *histogram);

#endif
