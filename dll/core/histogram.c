#include "histogram.h"

#include <math.h>
#include <stdbool.h>

enum { HALF_COUNT = 128 };

/* ---- places ---- */

/* The width of a place is a power of two, and this is which. */
static uint32_t width_bits(uint32_t index) {
    return index < 2 * HALF_COUNT ? 0 : index / HALF_COUNT - 1;
}

uint64_t w2e_histogram_lowest(uint32_t index) {
    return (uint64_t)(index - width_bits(index) * HALF_COUNT) << width_bits(index);
}

uint64_t w2e_histogram_highest(uint32_t index) {
    return w2e_histogram_lowest(index) + ((uint64_t)1 << width_bits(index)) - 1;
}

uint64_t w2e_histogram_median_equivalent(uint32_t index) {
    return w2e_histogram_lowest(index) + ((uint64_t)1 << width_bits(index)) / 2;
}

/* ---- counting ---- */

static uint64_t plus(uint64_t a, uint64_t b) {
    return a <= UINT64_MAX - b ? a + b : UINT64_MAX;
}

static uint64_t times(uint64_t a, uint64_t b) {
    if ((a | b) <= UINT32_MAX) {
        return a * b; /* nearly always, and without a division */
    }
    return b == 0 || a <= UINT64_MAX / b ? a * b : UINT64_MAX;
}

void w2e_histogram_init(ws2echo_histogram *histogram) {
    memset(histogram, 0, sizeof *histogram);
    histogram->size = sizeof *histogram;
}

/* Values that a histogram is to know of. */
struct values {
    uint64_t count;
    uint64_t min_us;
    uint64_t max_us;
    uint64_t sum_us;
};

static void account(ws2echo_histogram *histogram, struct values values) {
    if (values.count == 0) {
        return;
    }
    if (histogram->count == 0 || values.min_us < histogram->min_us) {
        histogram->min_us = values.min_us;
    }
    if (values.max_us > histogram->max_us) {
        histogram->max_us = values.max_us;
    }
    histogram->count = plus(histogram->count, values.count);
    histogram->sum_us = plus(histogram->sum_us, values.sum_us);
}

void w2e_histogram_add(ws2echo_histogram *histogram, uint64_t value_us, uint64_t count) {
    struct values values = {.count = count, .min_us = value_us, .max_us = value_us, .sum_us = times(value_us, count)};
    uint64_t *place = &histogram->counts[w2e_histogram_index(value_us)];
    *place = plus(*place, count);
    account(histogram, values);
}

void w2e_histogram_merge(ws2echo_histogram *into, const ws2echo_histogram *from) {
    struct values values = {.count = from->count, .min_us = from->min_us, .max_us = from->max_us, .sum_us = from->sum_us};
    account(into, values);
    for (uint32_t index = 0; index < WS2ECHO_HISTOGRAM_COUNTS; index++) {
        into->counts[index] = plus(into->counts[index], from->counts[index]);
    }
}

/* ---- evaluation ---- */

/* Rounding may lift the product just over a whole number; as in HdrHistogram's Java, a percentile that is one ulp smaller prevents it. */
static uint64_t rank_of(double percentile, uint64_t count) {
    double rank = ceil(nextafter(percentile, 0) * (double)count / 100);
    if (rank < 1) {
        return 1;
    }
    return rank < (double)count ? (uint64_t)rank : count;
}

/* The place of the value with that rank; the last place if there are not so many. */
static uint32_t index_of_rank(const ws2echo_histogram *histogram, uint64_t rank) {
    uint32_t index = 0;
    while (index < WS2ECHO_HISTOGRAM_COUNTS - 1 && histogram->counts[index] < rank) {
        rank -= histogram->counts[index];
        index++;
    }
    return index;
}

uint64_t w2e_histogram_percentile(const ws2echo_histogram *histogram, double percentile) {
    if (histogram->count == 0 || percentile <= 0) {
        return histogram->min_us;
    }
    if (percentile >= 100) {
        return histogram->max_us; /* whatever a double makes of the count */
    }
    uint32_t index = index_of_rank(histogram, rank_of(percentile, histogram->count));
    /* The last place may have larger values than belong there: only max_us is sure not to be too low. */
    bool is_last = index == WS2ECHO_HISTOGRAM_COUNTS - 1;
    uint64_t highest = w2e_histogram_highest(index);
    return is_last || highest > histogram->max_us ? histogram->max_us : highest;
}

double w2e_histogram_mean(const ws2echo_histogram *histogram) {
    return histogram->count == 0 ? 0 : (double)histogram->sum_us / (double)histogram->count;
}

static double mean_of_medians(const ws2echo_histogram *histogram) {
    double sum = 0;
    for (uint32_t index = 0; index < WS2ECHO_HISTOGRAM_COUNTS; index++) {
        sum += (double)histogram->counts[index] * (double)w2e_histogram_median_equivalent(index);
    }
    return sum / (double)histogram->count;
}

double w2e_histogram_deviation(const ws2echo_histogram *histogram) {
    if (histogram->count == 0) {
        return 0;
    }
    /* Not the exact mean: equal values shall have no deviation. */
    double mean = mean_of_medians(histogram);
    double squares = 0;
    for (uint32_t index = 0; index < WS2ECHO_HISTOGRAM_COUNTS; index++) {
        double distance = (double)w2e_histogram_median_equivalent(index) - mean;
        squares += (double)histogram->counts[index] * distance * distance;
    }
    return sqrt(squares / (double)histogram->count);
}
