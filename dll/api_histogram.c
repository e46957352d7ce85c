/* The exported functions of histograms, which are plain memory without a handle. */
#include "api.h"
#include "histogram.h"
#include "win/error.h"

int ws2echo_histogram_init(ws2echo_histogram *histogram) {
    int error = w2e_api_require(histogram, __func__, "histogram");
    if (error == 0) {
        w2e_histogram_init(histogram);
    }
    return error;
}

int ws2echo_histogram_record(ws2echo_histogram *histogram, uint64_t value_us, uint64_t count) {
    int error = w2e_api_require(histogram, __func__, "histogram");
    if (error == 0) {
        error = w2e_api_require_size(histogram->size, sizeof *histogram, __func__);
    }
    if (error == 0) {
        w2e_histogram_add(histogram, value_us, count);
    }
    return error;
}

int ws2echo_histogram_merge(ws2echo_histogram *into, const ws2echo_histogram *from) {
    int error = w2e_api_require(into, __func__, "into");
    if (error == 0) {
        error = w2e_api_require(from, __func__, "from");
    }
    if (error == 0) {
        error = w2e_api_require_size(into->size, sizeof *into, __func__);
    }
    if (error == 0) {
        error = w2e_api_require_size(from->size, sizeof *from, __func__);
    }
    if (error == 0) {
        w2e_histogram_merge(into, from);
    }
    return error;
}

/* A histogram to be read, and where to store what comes of it. */
static int require_histogram(const ws2echo_histogram *histogram, const void *result, const char *function, const char *name) {
    int error = w2e_api_require(histogram, function, "histogram");
    if (error == 0) {
        error = w2e_api_require(result, function, name);
    }
    return error != 0 ? error : w2e_api_require_size(histogram->size, sizeof *histogram, function);
}

int ws2echo_histogram_percentile(const ws2echo_histogram *histogram, double percentile, uint64_t *value_us) {
    if (value_us != NULL) {
        *value_us = 0;
    }
    int error = require_histogram(histogram, value_us, __func__, "value_us");
    /* Asked this way round, not-a-number is refused. */
    if (error == 0 && !(percentile >= 0 && percentile <= 100)) {
        error = w2e_fail_because(WSAEINVAL, "0 to 100", "%s: percentile %g", __func__, percentile);
    }
    if (error == 0) {
        *value_us = w2e_histogram_percentile(histogram, percentile);
    }
    return error;
}

int ws2echo_histogram_mean(const ws2echo_histogram *histogram, double *mean_us) {
    if (mean_us != NULL) {
        *mean_us = 0;
    }
    int error = require_histogram(histogram, mean_us, __func__, "mean_us");
    if (error == 0) {
        *mean_us = w2e_histogram_mean(histogram);
    }
    return error;
}

int ws2echo_histogram_deviation(const ws2echo_histogram *histogram, double *deviation_us) {
    if (deviation_us != NULL) {
        *deviation_us = 0;
    }
    int error = require_histogram(histogram, deviation_us, __func__, "deviation_us");
    if (error == 0) {
        *deviation_us = w2e_histogram_deviation(histogram);
    }
    return error;
}

int ws2echo_histogram_bounds(uint32_t index, uint64_t *lowest_us, uint64_t *highest_us) {
    if (lowest_us != NULL) {
        *lowest_us = 0;
    }
    if (highest_us != NULL) {
        *highest_us = 0;
    }
    int error = w2e_api_require(lowest_us, __func__, "lowest_us");
    if (error == 0) {
        error = w2e_api_require(highest_us, __func__, "highest_us");
    }
    if (error == 0 && index >= WS2ECHO_HISTOGRAM_COUNTS) {
        error = w2e_fail(WSAEINVAL, "%s: place number %lu", __func__, (unsigned long)index);
    }
    if (error == 0) {
        *lowest_us = w2e_histogram_lowest(index);
        *highest_us = w2e_histogram_highest(index);
    }
    return error;
}
