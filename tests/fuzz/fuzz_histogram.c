/* Histograms of any values, against the plain truth about them. */
#include "fuzz.h"
#include "histogram.h"

#include <math.h>

enum { VALUES_MAX = 64 };

struct truth {
    unsigned count;
    uint64_t values[VALUES_MAX];
    uint64_t sum;
};

static uint64_t choose_value(struct choice *choice) {
    return choose(choice, UINT64_C(1) << choose(choice, 40));
}

static void add(struct choice *choice, ws2echo_histogram *histogram, struct truth *truth) {
    uint64_t value = choose_value(choice);
    uint64_t count = choose(choice, 4);
    w2e_histogram_add(histogram, value, count);
    for (; count > 0 && truth->count < VALUES_MAX; count--) {
        truth->values[truth->count++] = value;
        truth->sum += value;
    }
}

static uint64_t counted(const ws2echo_histogram *histogram) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < WS2ECHO_HISTOGRAM_COUNTS; i++) {
        sum += histogram->counts[i];
    }
    return sum;
}

static void check_index(uint64_t value) {
    uint32_t index = w2e_histogram_index(value);
    CHECK(index < WS2ECHO_HISTOGRAM_COUNTS);
    CHECK(w2e_histogram_lowest(index) <= value || value > W2E_HISTOGRAM_HIGHEST_US);
    CHECK(value <= w2e_histogram_highest(index) || value > W2E_HISTOGRAM_HIGHEST_US);
    CHECK(w2e_histogram_median_equivalent(index) >= w2e_histogram_lowest(index));
}

static unsigned not_above(const struct truth *truth, uint64_t limit) {
    unsigned count = 0;
    for (unsigned i = 0; i < truth->count; i++) {
        count += truth->values[i] <= limit;
    }
    return count;
}

/* So many percent are no larger, and of the place before there are fewer. */
static void check_percentile(const ws2echo_histogram *histogram, const struct truth *truth, unsigned percent) {
    uint64_t value = w2e_histogram_percentile(histogram, percent);
    CHECK(value >= histogram->min_us && value <= histogram->max_us);
    CHECK(value > W2E_HISTOGRAM_HIGHEST_US || not_above(truth, value) * 100ull >= percent * (uint64_t)truth->count);
    CHECK(value >= w2e_histogram_percentile(histogram, percent / 2.0));
}

static void check(struct choice *choice, const ws2echo_histogram *histogram, const struct truth *truth) {
    CHECK(histogram->count == truth->count && counted(histogram) == truth->count && histogram->sum_us == truth->sum);
    for (unsigned i = 0; i < truth->count; i++) {
        CHECK(truth->values[i] >= histogram->min_us && truth->values[i] <= histogram->max_us);
        check_index(truth->values[i]);
    }
    if (truth->count > 0) {
        check_percentile(histogram, truth, (unsigned)choose(choice, 101));
        CHECK(fabs(w2e_histogram_mean(histogram) - (double)truth->sum / truth->count) <= 1e-6 * (double)truth->sum + 1e-9);
    }
    CHECK(w2e_histogram_deviation(histogram) >= 0);
}

/* Sums stop, and do not turn over. */
static void overflow(struct choice *choice, ws2echo_histogram *histogram) {
    uint64_t most = (uint64_t)1 << 32;
    w2e_histogram_add(histogram, UINT64_MAX - choose(choice, most), UINT64_MAX - choose(choice, most));
    CHECK(histogram->sum_us == UINT64_MAX && histogram->min_us <= histogram->max_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static ws2echo_histogram one;
    static ws2echo_histogram other;
    struct truth truth = {0};
    struct choice choice = choice_of_bytes(data, size);
    w2e_histogram_init(&one);
    w2e_histogram_init(&other);
    for (uint64_t count = choose(&choice, 16); count > 0 && truth.count + 4 < VALUES_MAX; count--) {
        add(&choice, choose_one_in(&choice, 2) ? &one : &other, &truth);
    }
    w2e_histogram_merge(&one, &other);
    check(&choice, &one, &truth);
    overflow(&choice, &one);
    return 0;
}
