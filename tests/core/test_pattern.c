/* The pattern against its definition, byte by byte; and every way in which bytes can be out of place. */
#include "check.h"
#include "pattern.h"

#include <stdbool.h>
#include <string.h>

enum { SIZE = 200, GUARD = 0xA5, CONNECTIONS = 100, OWN = 7 };

static const uint64_t offsets[] = {0, 4096, 1000003, ((uint64_t)1 << 32) - 50, ((uint64_t)1 << 43) - 1024};

static struct w2e_pattern made(uint64_t seed, uint32_t connection) {
    struct w2e_pattern pattern;
    w2e_pattern_init(&pattern, seed, connection);
    return pattern;
}

/* What the header promises, in the simplest way. */
static unsigned char byte_of(const struct w2e_pattern *pattern, uint64_t offset) {
    uint64_t place = (uint64_t)pattern->connection << 40 | offset / 8;
    uint64_t word = 0x9E3779B97F4A7C15u * place + pattern->base;
    return (unsigned char)(word >> (56 - offset % 8 * 8));
}

/* ---- fill and check ---- */

static void filled_is(const struct w2e_pattern *pattern, uint64_t offset, size_t shift, size_t size) {
    unsigned char data[SIZE + 32];
    memset(data, GUARD, sizeof data);
    w2e_pattern_fill(pattern, offset, data + shift, size);
    for (size_t at = 0; at < sizeof data; at++) {
        bool inside = at >= shift && at < shift + size;
        CHECK(data[at] == (inside ? byte_of(pattern, offset + at - shift) : GUARD));
    }
    CHECK(w2e_pattern_check(pattern, offset, data + shift, size) == size);
}

static void any_alignment_and_size_is_the_definition(void) {
    struct w2e_pattern pattern = made(1, OWN);
    for (uint64_t offset = 0; offset < 9; offset++) {
        for (size_t shift = 0; shift < 9; shift++) {
            for (size_t size = 0; size <= SIZE; size++) {
                filled_is(&pattern, 4096 + offset, shift, size);
            }
        }
    }
}

static void any_connection_and_offset_is_the_definition(void) {
    static const uint32_t connections[] = {0, 1, 255, 256, 65537, (1u << 24) - 1};
    for (size_t i = 0; i < sizeof connections / sizeof connections[0]; i++) {
        struct w2e_pattern pattern = made(i, connections[i]);
        CHECK(pattern.connection == connections[i]);
        for (size_t j = 0; j < sizeof offsets / sizeof offsets[0]; j++) {
            filled_is(&pattern, offsets[j], 3, SIZE);
        }
    }
}

static void pieces_are_parts_of_one_stream(void) {
    struct w2e_pattern pattern = made(3, OWN);
    unsigned char whole[4096];
    unsigned char pieces[sizeof whole] = {0};
    w2e_pattern_fill(&pattern, 99, whole, sizeof whole);
    for (size_t at = 0, size = 0; at < sizeof pieces; at += size) {
        size = (size * 7 + 1) % 300;
        size = size < sizeof pieces - at ? size : sizeof pieces - at;
        w2e_pattern_fill(&pattern, 99 + at, pieces + at, size);
    }
    CHECK(memcmp(whole, pieces, sizeof whole) == 0);
}

static void each_bit_counts(void) {
    struct w2e_pattern pattern = made(4, OWN);
    unsigned char data[SIZE];
    for (uint64_t offset = 0; offset < 8; offset++) {
        w2e_pattern_fill(&pattern, offset, data, sizeof data);
        for (size_t bit = 0; bit < sizeof data * 8; bit++) {
            data[bit / 8] ^= (unsigned char)(1u << bit % 8);
            CHECK(w2e_pattern_check(&pattern, offset, data, sizeof data) == bit / 8);
            CHECK(w2e_pattern_check(&pattern, offset, data, bit / 8) == bit / 8);
            data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
    }
}

static void the_first_of_several_wrong_bytes_is_told(void) {
    struct w2e_pattern pattern = made(5, OWN);
    unsigned char data[SIZE];
    for (size_t first = 0; first < sizeof data; first++) {
        w2e_pattern_fill(&pattern, 5, data, sizeof data);
        for (size_t at = first; at < sizeof data; at += 1 + at % 3) {
            data[at] ^= 0xFF;
        }
        CHECK(w2e_pattern_check(&pattern, 5, data, sizeof data) == first);
    }
}

/* No word of one is a word of the other at the same place. */
static void differ(const struct w2e_pattern *a, const struct w2e_pattern *b) {
    unsigned char data[4096];
    w2e_pattern_fill(a, 0, data, sizeof data);
    for (size_t at = 0; at < sizeof data; at += 8) {
        CHECK(w2e_pattern_check(b, at, data + at, 8) < 8);
    }
}

static void seeds_and_connections_differ(void) {
    struct w2e_pattern pattern = made(6, OWN);
    for (unsigned i = 0; i < 24; i++) {
        struct w2e_pattern other_connection = made(6, OWN ^ 1u << i);
        differ(&pattern, &other_connection);
    }
    for (unsigned i = 0; i < 64; i++) {
        struct w2e_pattern other_seed = made(6 ^ (uint64_t)1 << i, OWN);
        differ(&pattern, &other_seed);
    }
}

/* ---- locate ---- */

static void located(const struct w2e_pattern *of_run, const unsigned char *data, size_t size, uint32_t connection,
                    uint64_t offset) {
    uint32_t found_connection = 0;
    uint64_t found_offset = 0;
    CHECK(w2e_pattern_locate(of_run, data, size, &found_connection, &found_offset));
    CHECK(found_connection == connection && found_offset == offset);
}

static void any_place_of_any_stream_is_located(void) {
    static const uint32_t connections[] = {0, 1, OWN, 65535, (1u << 24) - 1};
    struct w2e_pattern own = made(8, OWN);
    unsigned char data[W2E_PATTERN_LOCATE_BYTES];
    for (size_t i = 0; i < sizeof connections / sizeof connections[0]; i++) {
        struct w2e_pattern other = made(8, connections[i]);
        for (size_t j = 0; j < sizeof offsets / sizeof offsets[0]; j++) {
            for (uint64_t offset = offsets[j]; offset < offsets[j] + 17; offset++) {
                w2e_pattern_fill(&other, offset, data, sizeof data);
                located(&own, data, sizeof data, connections[i], offset);
            }
        }
    }
}

/* What a client may be told with another's answer, however short it is. */
static void a_few_bytes_of_two_connections_differ(void) {
    unsigned char seen[256] = {0};
    unsigned distinct = 0;
    for (uint32_t connection = 0; connection < 256; connection++) {
        struct w2e_pattern pattern = made(1, connection);
        unsigned char first;
        w2e_pattern_fill(&pattern, 0, &first, 1);
        distinct += !seen[first];
        seen[first] = 1;
    }
    CHECK(distinct > 128); /* by chance it would be some 160 */
}

static void so_few_bytes_as_two_words_need_suffice(void) {
    struct w2e_pattern pattern = made(9, OWN);
    unsigned char data[W2E_PATTERN_LOCATE_BYTES];
    for (size_t before = 0; before < 8; before++) {
        uint64_t offset = 800 - before;
        w2e_pattern_fill(&pattern, offset, data, sizeof data);
        located(&pattern, data, 16 + before, OWN, offset);
        uint32_t connection = 1234;
        CHECK(!w2e_pattern_locate(&pattern, data, 15 + before, &connection, &offset));
        CHECK(connection == 1234 && offset == 800 - before);
    }
}

static void what_is_of_no_stream_is_not_located(void) {
    struct w2e_pattern pattern = made(10, OWN);
    unsigned char data[SIZE];
    uint32_t connection;
    uint64_t offset;
    memset(data, 0, sizeof data);
    CHECK(!w2e_pattern_locate(&pattern, data, sizeof data, &connection, &offset));
    CHECK(!w2e_pattern_locate(&pattern, NULL, 0, &connection, &offset));
    for (size_t at = 0; at < sizeof data; at++) {
        data[at] = (unsigned char)(at * at);
    }
    CHECK(!w2e_pattern_locate(&pattern, data, sizeof data, &connection, &offset));
    /* Something before the first byte of the stream: it would have an offset below 0. */
    w2e_pattern_fill(&pattern, 0, data + 3, sizeof data - 3);
    CHECK(!w2e_pattern_locate(&pattern, data, sizeof data, &connection, &offset));
}

/* ---- diagnose ---- */

/* Bytes of another place, found wrong where the check says so, and put where they belong. */
static void diagnosed(const struct w2e_pattern *of, uint64_t from, uint64_t expected, enum w2e_wrong wanted) {
    struct w2e_pattern own = made(11, OWN);
    unsigned char data[SIZE];
    w2e_pattern_fill(of, from, data, sizeof data);
    size_t first = w2e_pattern_check(&own, expected, data, sizeof data);
    CHECK(first <= 16);
    uint32_t connection;
    uint64_t offset;
    enum w2e_wrong wrong =
        w2e_pattern_diagnose(&own, expected + first, data + first, sizeof data - first, CONNECTIONS, &connection, &offset);
    CHECK(wrong == wanted && connection == of->connection && offset == from + first);
}

static void missing_and_repeated_bytes_are_told_apart(void) {
    static const uint64_t far[] = {1000, 2048, 65536, 524288, (uint64_t)1 << 35, (uint64_t)1 << 42};
    struct w2e_pattern own = made(11, OWN);
    for (uint64_t expected = 5000; expected < 5016; expected++) {
        for (uint64_t shift = 1; shift < 300; shift++) {
            diagnosed(&own, expected + shift, expected, W2E_WRONG_MISSING);
            diagnosed(&own, expected - shift, expected, W2E_WRONG_REPEATED);
        }
        for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
            diagnosed(&own, expected + far[i], expected, W2E_WRONG_MISSING);
            diagnosed(&own, expected, expected + far[i], W2E_WRONG_REPEATED);
        }
    }
}

static void bytes_of_another_connection_are_foreign(void) {
    for (uint32_t connection = 0; connection < CONNECTIONS; connection++) {
        struct w2e_pattern other = made(11, connection);
        for (uint64_t shift = 0; shift < 40 && connection != OWN; shift++) {
            diagnosed(&other, 5000 + shift, 5016, W2E_WRONG_FOREIGN);
        }
    }
}

static void corrupt(const struct w2e_pattern *own, uint64_t expected, const unsigned char *data, size_t size) {
    uint32_t connection = 0;
    uint64_t offset = 0;
    CHECK(w2e_pattern_diagnose(own, expected, data, size, CONNECTIONS, &connection, &offset) == W2E_WRONG_CORRUPT);
    CHECK(connection == OWN && offset == expected);
}

/* From one wrong byte to all of them, on any alignment, with the stream going on as expected behind them. */
static void wrong_bytes_in_their_place_are_corrupt(void) {
    struct w2e_pattern own = made(11, OWN);
    unsigned char data[SIZE];
    for (uint64_t expected = 5000; expected < 5008; expected++) {
        for (size_t wrong = 1; wrong <= sizeof data; wrong++) {
            w2e_pattern_fill(&own, expected, data, sizeof data);
            for (size_t at = 0; at < wrong; at++) {
                data[at] ^= (unsigned char)(at | 1);
            }
            CHECK(w2e_pattern_check(&own, expected, data, sizeof data) == 0);
            corrupt(&own, expected, data, sizeof data);
        }
    }
}

static void one_word_tells_what_belongs_near(void) {
    static const int64_t shifts[] = {1, -1, 63, -64, 4096, -4095, (1 << 20) - 1, 1 - (1 << 20)};
    struct w2e_pattern own = made(11, OWN);
    unsigned char data[W2E_PATTERN_WORD_BYTES];
    for (uint64_t expected = (1 << 20) + 5000; expected < (1 << 20) + 5008; expected++) {
        for (size_t i = 0; i < sizeof shifts / sizeof shifts[0]; i++) {
            uint64_t from = expected + (uint64_t)shifts[i];
            uint32_t connection;
            uint64_t offset;
            w2e_pattern_fill(&own, from, data, sizeof data);
            enum w2e_wrong wrong = w2e_pattern_diagnose(&own, expected, data, sizeof data, 1 << 24, &connection, &offset);
            CHECK(wrong == (shifts[i] > 0 ? W2E_WRONG_MISSING : W2E_WRONG_REPEATED) && connection == OWN && offset == from);
        }
    }
}

/* With as many connections as can be, whatever a wrong word says may be one of them. */
static void a_wrong_bit_at_the_end_is_corrupt(void) {
    struct w2e_pattern own = made(11, OWN);
    unsigned char data[W2E_PATTERN_LOCATE_BYTES - 1];
    for (size_t size = 1; size <= sizeof data; size++) {
        for (unsigned bit = 0; bit < 8 * size; bit++) {
            uint32_t connection;
            uint64_t offset;
            w2e_pattern_fill(&own, 5000, data, sizeof data);
            data[bit / 8] ^= (unsigned char)(1u << bit % 8);
            size_t first = bit / 8;
            enum w2e_wrong wrong =
                w2e_pattern_diagnose(&own, 5000 + first, data + first, size - first, 1 << 24, &connection, &offset);
            CHECK(wrong == W2E_WRONG_CORRUPT && connection == OWN && offset == 5000 + first);
        }
    }
}

static void too_little_to_tell_is_corrupt(void) {
    struct w2e_pattern own = made(11, OWN);
    unsigned char data[W2E_PATTERN_WORD_BYTES];
    for (uint64_t offset = 9000; offset < 9008; offset++) {
        size_t enough = (9008 - offset) % 8 + 8;
        w2e_pattern_fill(&own, offset, data, sizeof data);
        for (size_t size = 1; size < enough; size++) {
            corrupt(&own, 5000, data, size);
        }
    }
    w2e_pattern_fill(&own, 5000 + (1 << 20), data, sizeof data);
    corrupt(&own, 5000, data, sizeof data);
    memset(data, 0, sizeof data);
    w2e_pattern_fill(&own, 0, data + 3, sizeof data - 3); /* what lies before would have an offset below 0 */
    corrupt(&own, 5000, data, sizeof data);
    w2e_pattern_fill(&own, 5000, data, sizeof data);
    corrupt(&own, 5000 + (1 << 20), data, sizeof data);
}

static void a_connection_that_the_load_does_not_have_is_corrupt(void) {
    struct w2e_pattern own = made(11, OWN);
    unsigned char data[SIZE];
    static const uint32_t connections[] = {CONNECTIONS, CONNECTIONS + 1, (1u << 24) - 1};
    for (size_t i = 0; i < sizeof connections / sizeof connections[0]; i++) {
        struct w2e_pattern other = made(11, connections[i]);
        w2e_pattern_fill(&other, 6000, data, sizeof data);
        corrupt(&own, 5000, data, sizeof data);
    }
}

static void bytes_of_another_run_are_corrupt(void) {
    struct w2e_pattern own = made(11, OWN);
    unsigned char data[SIZE];
    for (uint64_t seed = 100; seed < 200; seed++) {
        struct w2e_pattern other = made(seed, OWN);
        w2e_pattern_fill(&other, 5000, data, sizeof data);
        corrupt(&own, 5000, data, sizeof data);
    }
}

int main(void) {
    any_alignment_and_size_is_the_definition();
    any_connection_and_offset_is_the_definition();
    pieces_are_parts_of_one_stream();
    each_bit_counts();
    the_first_of_several_wrong_bytes_is_told();
    seeds_and_connections_differ();
    any_place_of_any_stream_is_located();
    a_few_bytes_of_two_connections_differ();
    so_few_bytes_as_two_words_need_suffice();
    what_is_of_no_stream_is_not_located();
    missing_and_repeated_bytes_are_told_apart();
    bytes_of_another_connection_are_foreign();
    wrong_bytes_in_their_place_are_corrupt();
    one_word_tells_what_belongs_near();
    a_wrong_bit_at_the_end_is_corrupt();
    too_little_to_tell_is_corrupt();
    a_connection_that_the_load_does_not_have_is_corrupt();
    bytes_of_another_run_are_corrupt();
    return 0;
}
