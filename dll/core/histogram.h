/*
 * The latency histogram: how often which value was met, in 2,688 places.
 *
 * The layout is that of HdrHistogram (Gil Tene; http://hdrhistogram.org) for a lowest discernible value of 1, a highest trackable
 * value of 100,000,000 and 2 significant digits. Values below 256 have a place each; from there on, 128 places cover each power of two:
 *
 *   values    0 … 255    256 … 511    512 … 1023    …    67,108,864 … 134,217,727
 *   width     1          2            4             …    524,288
 *   places    256        128          128           …    128
 *
 * So a place is at most 1/128 as wide as its values are large. What is above the last place counts in it.
 * Nothing wraps around: sums and counts stop at UINT64_MAX.
 */
#ifndef W2E_HISTOGRAM_H
#define W2E_HISTOGRAM_H

#include "ws2echo.h"

#include <float.h>
#include <stdint.h>
#include <string.h>

#define W2E_HISTOGRAM_HIGHEST_US 134217727u /* the highest value that the last place is meant for */

_Static_assert(FLT_RADIX == 2 && DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024, "a double is the binary64 of IEEE 754");

/*
 * The place of a value. The exponent and the first 7 bits of the fraction of a binary64 number these very places: the exponent is the
 * power of two, the fraction the place within it. So there is no search for the highest bit, for which C11 has no function.
 */
static inline uint32_t w2e_histogram_index(uint64_t value_us) {
    enum { FRACTION_BITS = 52, PLACE_BITS = 7, BIAS = 1023 };
    if (value_us < 1u << PLACE_BITS) {
        return (uint32_t)value_us;
    }
    double value = (double)(int32_t)(value_us < W2E_HISTOGRAM_HIGHEST_US ? value_us : W2E_HISTOGRAM_HIGHEST_US);
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint32_t)(bits >> (FRACTION_BITS - PLACE_BITS)) - ((BIAS + PLACE_BITS - 1u) << PLACE_BITS);
}

/* The values of a place, from the lowest to the highest, and the one in its middle. index is below WS2ECHO_HISTOGRAM_COUNTS. */
uint64_t w2e_histogram_lowest(uint32_t index);
uint64_t w2e_histogram_highest(uint32_t index);
uint64_t w2e_histogram_median_equivalent(uint32_t index);

/* Makes an empty histogram. */
void w2e_histogram_init(ws2echo_histogram *histogram);

/* Counts a value, so many times. */
void w2e_histogram_add(ws2echo_histogram *histogram, uint64_t value_us, uint64_t count);

/* Counts in `into` whatever `from` has counted. */
void w2e_histogram_merge(ws2echo_histogram *into, const ws2echo_histogram *from);

/*
 * The value that so many percent (0 to 100) of the values do not exceed: the highest of the place of the value with rank
 * ceil(percentile / 100 * count), no more than max_us. 0 percent is min_us, 100 percent max_us. 0 if nothing was counted.
 */
uint64_t w2e_histogram_percentile(const ws2echo_histogram *histogram, double percentile);

/* The mean, exact, from the sum. 0 if nothing was counted. */
double w2e_histogram_mean(const ws2echo_histogram *histogram);

/* The standard deviation, as if each value were the middle of its place. 0 if nothing was counted. */
double w2e_histogram_deviation(const ws2echo_histogram *histogram);

#endif
