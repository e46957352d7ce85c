/* The histogram against the samples themselves, sorted: what any percentile, mean and deviation really is. */
#include "check.h"
#include "histogram.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { SAMPLES_MAX = 20000, LAST = WS2ECHO_HISTOGRAM_COUNTS - 1, THOUSANDTHS = 100000 };

static uint64_t random_state;

static uint64_t random_number(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t random_below(uint64_t limit) {
    return random_number() % limit;
}

static bool same(const ws2echo_histogram *a, const ws2echo_histogram *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

/* ---- places ---- */

static void places_follow_on_each_other_without_a_gap(void) {
    uint64_t next = 0;
    for (uint32_t index = 0; index <= LAST; index++) {
        CHECK(w2e_histogram_lowest(index) == next);
        next = w2e_histogram_highest(index) + 1;
        CHECK(next > w2e_histogram_lowest(index));
    }
    CHECK(next == (uint64_t)W2E_HISTOGRAM_HIGHEST_US + 1);
}

static void each_value_of_a_place_has_that_place(void) {
    for (uint32_t index = 0; index <= LAST; index++) {
        CHECK(w2e_histogram_index(w2e_histogram_lowest(index)) == index);
        CHECK(w2e_histogram_index(w2e_histogram_median_equivalent(index)) == index);
        CHECK(w2e_histogram_index(w2e_histogram_highest(index)) == index);
    }
    uint32_t index = 0;
    for (uint64_t value = 0; value < 2000000; value++) {
        index += w2e_histogram_highest(index) < value;
        CHECK(w2e_histogram_index(value) == index);
    }
}

static void a_place_is_no_wider_than_a_128th_of_its_values(void) {
    for (uint32_t index = 0; index <= LAST; index++) {
        uint64_t lowest = w2e_histogram_lowest(index);
        uint64_t spread = w2e_histogram_highest(index) - lowest;
        CHECK(index < 256 ? spread == 0 : (spread + 1) * 128 <= lowest);
        CHECK(w2e_histogram_median_equivalent(index) == lowest + (spread + 1) / 2);
    }
}

/* The numbers of HdrHistogram itself, for (1, 100000000, 2). */
static void the_layout_is_that_of_hdr_histogram(void) {
    CHECK(WS2ECHO_HISTOGRAM_COUNTS == (20 + 1) * 128);
    CHECK(w2e_histogram_index(255) == 255 && w2e_histogram_index(256) == 256 && w2e_histogram_index(257) == 256);
    CHECK(w2e_histogram_index(511) == 383 && w2e_histogram_index(512) == 384 && w2e_histogram_index(1000) == 506);
    CHECK(w2e_histogram_index(1000000) == 13 * 128 + 116);
    CHECK(w2e_histogram_index(100000000) == 20 * 128 + 62);
    CHECK(w2e_histogram_highest(506) == 1003 && w2e_histogram_median_equivalent(506) == 1002);
}

static void what_is_too_large_has_the_last_place(void) {
    const uint64_t values[] = {W2E_HISTOGRAM_HIGHEST_US, 134217728, 200000000, 4294967295, 4294967296,
                               UINT64_MAX / 2,           UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        CHECK(w2e_histogram_index(values[i]) == LAST);
    }
}

/* ---- samples ---- */

static uint64_t samples[SAMPLES_MAX];
static size_t samples_count;
static ws2echo_histogram histogram;

static int compare(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void sample(uint64_t (*draw)(void), size_t count, uint64_t seed) {
    random_state = seed * 0x9E3779B97F4A7C15u;
    w2e_histogram_init(&histogram);
    for (samples_count = 0; samples_count < count; samples_count++) {
        samples[samples_count] = draw();
        w2e_histogram_add(&histogram, samples[samples_count], 1);
    }
    qsort(samples, samples_count, sizeof samples[0], compare);
}

static uint64_t all_equal(void) {
    return 12345;
}

static uint64_t all_zero(void) {
    return 0;
}

static uint64_t small(void) {
    return random_below(256);
}

static uint64_t uniform(void) {
    return random_below(100000000);
}

static uint64_t about_a_millisecond(void) {
    uint64_t sum = 0;
    for (int i = 0; i < 12; i++) {
        sum += random_below(100);
    }
    return sum + 400;
}

/* As many from each power of two. */
static uint64_t any_magnitude(void) {
    return random_below((uint64_t)1 << random_below(27));
}

/* Exponential, of mean 3 ms: what random arrivals make. */
static uint64_t exponential(void) {
    return (uint64_t)(-3000 * log((double)(random_below(1000000) + 1) / 1000001));
}

static uint64_t fast_with_a_slow_tail(void) {
    return random_below(1000) == 0 ? 1000000 + random_below(50000000) : 80 + random_below(40);
}

static uint64_t two_humps(void) {
    return random_below(2) == 0 ? 100 + random_below(20) : 40000 + random_below(900);
}

static uint64_t powers_of_two(void) {
    return ((uint64_t)1 << random_below(27)) - random_below(2);
}

static uint64_t (*const distributions[])(void) = {
    all_equal,    all_zero, small, uniform, any_magnitude, about_a_millisecond, exponential, two_humps, fast_with_a_slow_tail,
    powers_of_two};
static const size_t sizes[] = {1, 2, 3, 10, 99, 100, 101, 1000, SAMPLES_MAX};

static void for_each_distribution(void (*check)(void)) {
    for (size_t draw = 0; draw < sizeof distributions / sizeof distributions[0]; draw++) {
        for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++) {
            sample(distributions[draw], sizes[size], draw * 100 + size + 1);
            check();
        }
    }
}

/* ---- percentiles ---- */

/* Of a percentile in thousandths of a percent, so that the rank is a matter of whole numbers. */
static void percentile_is_right(uint64_t thousandths) {
    uint64_t rank = (thousandths * samples_count + THOUSANDTHS - 1) / THOUSANDTHS;
    uint64_t real = samples[rank > 0 ? rank - 1 : 0];
    uint64_t told = w2e_histogram_percentile(&histogram, (double)thousandths / 1000);
    CHECK(told >= real && (told - real) * 128 <= real);
    uint64_t highest = w2e_histogram_highest(w2e_histogram_index(real));
    uint64_t expected = highest < histogram.max_us ? highest : histogram.max_us;
    CHECK(told == (thousandths == 0 ? histogram.min_us : expected));
}

static void percentiles_are_those_of_the_samples(void) {
    static const uint64_t tails[] = {1, 10, 33333, 66667, 99900, 99990, 99999};
    for (uint64_t thousandths = 0; thousandths <= THOUSANDTHS; thousandths += 250) {
        percentile_is_right(thousandths);
    }
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        percentile_is_right(tails[i]);
    }
    CHECK(w2e_histogram_percentile(&histogram, 0) == samples[0]);
    CHECK(w2e_histogram_percentile(&histogram, 100) == samples[samples_count - 1]);
}

static void percentiles_of_the_smallest_numbers(void) {
    sample(all_equal, 1, 1);
    CHECK(w2e_histogram_percentile(&histogram, 5e-324) == 12345);
    CHECK(w2e_histogram_percentile(&histogram, nextafter(100, 0)) == 12345);
}

/* 99.9 as a double is more than 99.9, and 99.9 percent of 1000 would be the last one: a rank of 999 is meant. */
static void ranks_are_not_rounded_over_a_whole_number(void) {
    for (uint64_t count = 1; count <= 4000; count++) {
        w2e_histogram_init(&histogram);
        w2e_histogram_add(&histogram, 1, count);
        w2e_histogram_add(&histogram, 2, 1);
        double percentile = 100.0 * (double)count / (double)(count + 1);
        CHECK(w2e_histogram_percentile(&histogram, percentile) == 1);
        CHECK(w2e_histogram_percentile(&histogram, percentile + 1e-9) == 2);
    }
    w2e_histogram_init(&histogram);
    w2e_histogram_add(&histogram, 1, 999);
    w2e_histogram_add(&histogram, 2, 1);
    CHECK(w2e_histogram_percentile(&histogram, 99.9) == 1 && w2e_histogram_percentile(&histogram, 99.91) == 2);
}

/* ---- sums ---- */

static void extremes_and_sums_are_exact(void) {
    uint64_t sum = 0;
    for (size_t i = 0; i < samples_count; i++) {
        sum += samples[i];
    }
    CHECK(histogram.size == sizeof histogram && histogram.reserved == 0);
    CHECK(histogram.count == samples_count && histogram.sum_us == sum);
    CHECK(histogram.min_us == samples[0] && histogram.max_us == samples[samples_count - 1]);
    CHECK(w2e_histogram_mean(&histogram) == (double)sum / (double)samples_count);
}

static void places_count_what_they_are_for(void) {
    uint64_t sum = 0;
    size_t sorted = 0;
    for (uint32_t index = 0; index <= LAST; index++) {
        size_t begin = sorted;
        while (sorted < samples_count && samples[sorted] <= w2e_histogram_highest(index)) {
            sorted++;
        }
        CHECK(histogram.counts[index] == sorted - begin);
        sum += histogram.counts[index];
    }
    CHECK(sum == histogram.count);
}

/* What it is of the middles exactly; of the samples, as far off at most as any sample is from its middle. */
static void the_deviation_is_that_of_the_samples(void) {
    double mean = w2e_histogram_mean(&histogram);
    double squares = 0;
    double errors = 0;
    for (size_t i = 0; i < samples_count; i++) {
        double error = (double)w2e_histogram_median_equivalent(w2e_histogram_index(samples[i])) - (double)samples[i];
        squares += ((double)samples[i] - mean) * ((double)samples[i] - mean);
        errors += error * error;
    }
    double real = sqrt(squares / (double)samples_count);
    double off = sqrt(errors / (double)samples_count);
    CHECK(fabs(w2e_histogram_deviation(&histogram) - real) <= off * (1 + 1e-9) + 1e-6);
}

static void equal_values_have_no_deviation(void) {
    for (uint64_t value = 1; value < W2E_HISTOGRAM_HIGHEST_US; value = value * 3 + 1) {
        w2e_histogram_init(&histogram);
        w2e_histogram_add(&histogram, value, 1000);
        CHECK(w2e_histogram_deviation(&histogram) == 0);
    }
}

static void a_known_deviation(void) {
    static const uint64_t values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    w2e_histogram_init(&histogram);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        w2e_histogram_add(&histogram, values[i], 1);
    }
    CHECK(w2e_histogram_mean(&histogram) == 5 && w2e_histogram_deviation(&histogram) == 2);
}

static void nothing_is_zero(void) {
    w2e_histogram_init(&histogram);
    w2e_histogram_add(&histogram, 77, 0);
    ws2echo_histogram empty;
    w2e_histogram_init(&empty);
    CHECK(same(&histogram, &empty));
    CHECK(empty.size == sizeof empty && empty.count == 0 && empty.min_us == 0 && empty.max_us == 0);
    CHECK(w2e_histogram_percentile(&empty, 0) == 0 && w2e_histogram_percentile(&empty, 50) == 0);
    CHECK(w2e_histogram_percentile(&empty, 100) == 0);
    CHECK(w2e_histogram_mean(&empty) == 0 && w2e_histogram_deviation(&empty) == 0);
}

static void counted_at_once_is_counted_one_by_one(void) {
    ws2echo_histogram one_by_one;
    random_state = 4711;
    w2e_histogram_init(&histogram);
    w2e_histogram_init(&one_by_one);
    for (int i = 0; i < 300; i++) {
        uint64_t value = any_magnitude();
        uint64_t count = random_below(20);
        w2e_histogram_add(&histogram, value, count);
        for (; count > 0; count--) {
            w2e_histogram_add(&one_by_one, value, 1);
        }
    }
    CHECK(same(&histogram, &one_by_one));
}

/* ---- merge ---- */

static void merging_is_as_if_all_had_been_counted_in_one(void) {
    ws2echo_histogram parts[3];
    for (size_t part = 0; part < 3; part++) {
        w2e_histogram_init(&parts[part]);
    }
    for (size_t i = 0; i < samples_count; i++) {
        w2e_histogram_add(&parts[random_below(3)], samples[i], 1);
    }
    w2e_histogram_merge(&parts[0], &parts[1]);
    w2e_histogram_merge(&parts[0], &parts[2]);
    CHECK(same(&parts[0], &histogram));
}

static void an_empty_one_changes_nothing(void) {
    sample(exponential, 100, 5);
    ws2echo_histogram before = histogram;
    ws2echo_histogram other;
    w2e_histogram_init(&other);
    w2e_histogram_merge(&histogram, &other);
    CHECK(same(&histogram, &before));
    w2e_histogram_merge(&other, &histogram);
    CHECK(same(&other, &before));
}

static void merged_with_itself_it_has_everything_twice(void) {
    sample(exponential, 100, 6);
    ws2echo_histogram other = histogram;
    w2e_histogram_merge(&other, &histogram);
    w2e_histogram_merge(&histogram, &histogram);
    CHECK(same(&histogram, &other));
}

/* Whoever has more than one may have them side by side. */
static void what_lies_behind_one_has_no_part_in_it(void) {
    struct {
        ws2echo_histogram histogram;
        uint64_t behind;
    } pair[2];
    sample(exponential, 100, 7);
    for (size_t i = 0; i < 2; i++) {
        pair[i].histogram = histogram;
        pair[i].behind = (uint64_t)1 << 40;
    }
    CHECK(w2e_histogram_deviation(&pair[0].histogram) == w2e_histogram_deviation(&histogram));
    CHECK(w2e_histogram_mean(&pair[0].histogram) == w2e_histogram_mean(&histogram));
    w2e_histogram_merge(&pair[0].histogram, &pair[1].histogram);
    CHECK(pair[0].behind == (uint64_t)1 << 40);
    CHECK(w2e_histogram_deviation(&pair[0].histogram) == w2e_histogram_deviation(&histogram));
}

/* ---- the ends of the range ---- */

static void values_above_the_highest_keep_their_maximum(void) {
    w2e_histogram_init(&histogram);
    w2e_histogram_add(&histogram, 10, 90);
    w2e_histogram_add(&histogram, 200000000, 9);
    w2e_histogram_add(&histogram, 300000000, 1);
    CHECK(histogram.counts[LAST] == 10 && histogram.max_us == 300000000);
    CHECK(histogram.sum_us == 10 * 90 + 9 * (uint64_t)200000000 + 300000000);
    CHECK(w2e_histogram_percentile(&histogram, 90) == 10);
    CHECK(w2e_histogram_percentile(&histogram, 91) == 300000000);
    CHECK(w2e_histogram_percentile(&histogram, 100) == 300000000);
}

static void percentiles_of_a_maximum_within_the_last_place(void) {
    w2e_histogram_init(&histogram);
    w2e_histogram_add(&histogram, 134000000, 1);
    CHECK(w2e_histogram_index(134000000) == LAST && w2e_histogram_percentile(&histogram, 50) == 134000000);
}

static void numbers_stop_instead_of_wrapping_around(void) {
    w2e_histogram_init(&histogram);
    w2e_histogram_add(&histogram, 3, UINT64_MAX - 1);
    CHECK(histogram.count == UINT64_MAX - 1 && histogram.sum_us == UINT64_MAX);
    w2e_histogram_add(&histogram, 3, 5);
    w2e_histogram_add(&histogram, UINT64_MAX, 2);
    CHECK(histogram.count == UINT64_MAX && histogram.counts[3] == UINT64_MAX && histogram.sum_us == UINT64_MAX);
    CHECK(w2e_histogram_percentile(&histogram, 99.99) == 3 && w2e_histogram_percentile(&histogram, 50) == 3);
    CHECK(histogram.min_us == 3 && histogram.max_us == UINT64_MAX);
    w2e_histogram_merge(&histogram, &histogram);
    CHECK(histogram.count == UINT64_MAX && histogram.counts[3] == UINT64_MAX && histogram.sum_us == UINT64_MAX);
}

static void products_beyond_32_bits_are_exact(void) {
    w2e_histogram_init(&histogram);
    w2e_histogram_add(&histogram, 0, (uint64_t)1 << 40);
    CHECK(histogram.sum_us == 0);
    w2e_histogram_add(&histogram, (uint64_t)1 << 33, 5);
    w2e_histogram_add(&histogram, 5, (uint64_t)1 << 33);
    CHECK(histogram.sum_us == (uint64_t)10 << 33);
    w2e_histogram_add(&histogram, (uint64_t)1 << 32, ((uint64_t)1 << 32) - 100);
    CHECK(histogram.sum_us == ((uint64_t)10 << 33) - ((uint64_t)100 << 32));
}

/* A struct that its user has spoilt gives wrong numbers, and nothing worse. */
static void inconsistent_counts_do_no_harm(void) {
    w2e_histogram_init(&histogram);
    histogram.count = 1000;
    histogram.max_us = 42;
    CHECK(w2e_histogram_percentile(&histogram, 99) == 42);
    histogram.max_us = UINT64_MAX;
    CHECK(w2e_histogram_percentile(&histogram, 99) == UINT64_MAX);
    memset(&histogram, 0xFF, sizeof histogram);
    CHECK(w2e_histogram_percentile(&histogram, 99) == 0);
    CHECK(w2e_histogram_mean(&histogram) == 1);
    CHECK(w2e_histogram_deviation(&histogram) >= 0);
}

static void counted_no_times_is_not_counted(void) {
    w2e_histogram_init(&histogram);
    w2e_histogram_add(&histogram, UINT64_MAX, 0);
    w2e_histogram_add(&histogram, 5, 0);
    CHECK(histogram.count == 0 && histogram.sum_us == 0 && histogram.max_us == 0);
}

/* A double holds no such count exactly. */
static void the_hundredth_percentile_is_the_largest_whatever_the_count(void) {
    w2e_histogram_init(&histogram);
    w2e_histogram_add(&histogram, 10, UINT64_C(10000000000000000));
    w2e_histogram_add(&histogram, 1000, 1);
    CHECK(w2e_histogram_percentile(&histogram, 100) == 1000);
}

int main(void) {
    places_follow_on_each_other_without_a_gap();
    each_value_of_a_place_has_that_place();
    a_place_is_no_wider_than_a_128th_of_its_values();
    the_layout_is_that_of_hdr_histogram();
    what_is_too_large_has_the_last_place();
    the_hundredth_percentile_is_the_largest_whatever_the_count();
    for_each_distribution(percentiles_are_those_of_the_samples);
    percentiles_of_the_smallest_numbers();
    ranks_are_not_rounded_over_a_whole_number();
    for_each_distribution(extremes_and_sums_are_exact);
    for_each_distribution(places_count_what_they_are_for);
    for_each_distribution(the_deviation_is_that_of_the_samples);
    equal_values_have_no_deviation();
    a_known_deviation();
    nothing_is_zero();
    counted_at_once_is_counted_one_by_one();
    for_each_distribution(merging_is_as_if_all_had_been_counted_in_one);
    an_empty_one_changes_nothing();
    merged_with_itself_it_has_everything_twice();
    what_lies_behind_one_has_no_part_in_it();
    values_above_the_highest_keep_their_maximum();
    percentiles_of_a_maximum_within_the_last_place();
    numbers_stop_instead_of_wrapping_around();
    products_beyond_32_bits_are_exact();
    inconsistent_counts_do_no_harm();
    counted_no_times_is_not_counted();
    return 0;
}
