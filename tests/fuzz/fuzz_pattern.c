/* The pattern: what was filled is found right, at any offset and in any slices; one wrong byte is found where it is. */
#include "fuzz.h"
#include "pattern.h"

enum { BYTES_MAX = 200 };

static void fill_in_slices(struct choice *choice, const struct w2e_pattern *pattern, uint64_t offset, unsigned char *data,
                           size_t size) {
    for (size_t done = 0; done < size;) {
        size_t part = choose_part(choice, size - done);
        w2e_pattern_fill(pattern, offset + done, data + done, part);
        done += part;
    }
}

static void check_located(const struct w2e_pattern *pattern, uint64_t offset, const unsigned char *data, size_t size) {
    uint32_t connection = 0;
    uint64_t found = 0;
    bool located = w2e_pattern_locate(pattern, data, size, &connection, &found);
    CHECK(size < W2E_PATTERN_LOCATE_BYTES || (located && connection == pattern->connection && found == offset));
}

static void alter(struct choice *choice, const struct w2e_pattern *pattern, uint64_t offset, unsigned char *data, size_t size) {
    size_t place = (size_t)choose(choice, size);
    uint32_t connection;
    uint64_t found;
    data[place] ^= (unsigned char)(1 + choose(choice, 255));
    CHECK(w2e_pattern_check(pattern, offset, data, size) == place);
    enum w2e_wrong wrong = w2e_pattern_diagnose(pattern, offset + place, data + place, size - place, 3, &connection, &found);
    CHECK(wrong == W2E_WRONG_CORRUPT && connection == pattern->connection && found == offset + place);
}

/* Bytes that are of no stream, most likely: whatever is said of them must be of this load. */
static void diagnose_anything(struct choice *choice, const struct w2e_pattern *pattern, unsigned char *data) {
    size_t size = 1 + (size_t)choose(choice, 64);
    uint32_t connection;
    uint64_t found;
    for (size_t i = 0; i < size; i++) {
        data[i] = (unsigned char)choose(choice, 256);
    }
    enum w2e_wrong wrong = w2e_pattern_diagnose(pattern, choose(choice, 1000), data, size, 3, &connection, &found);
    CHECK(connection < 3 && found < UINT64_C(1) << 43);
    CHECK(wrong != W2E_WRONG_FOREIGN || connection != pattern->connection);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct choice choice = choice_of_bytes(data, size);
    struct w2e_pattern pattern;
    w2e_pattern_init(&pattern, choose(&choice, UINT64_MAX), (uint32_t)choose(&choice, 3));
    uint64_t offset = choose(&choice, UINT64_C(1) << choose_between(&choice, 1, 42));
    size_t bytes = 1 + (size_t)choose(&choice, BYTES_MAX);
    unsigned char *memory = malloc(bytes + 8);
    unsigned char *filled = memory + choose(&choice, 8); /* unaligned */
    fill_in_slices(&choice, &pattern, offset, filled, bytes);
    CHECK(w2e_pattern_check(&pattern, offset, filled, bytes) == bytes);
    check_located(&pattern, offset, filled, bytes);
    alter(&choice, &pattern, offset, filled, bytes);
    free(memory);
    memory = malloc(64);
    diagnose_anything(&choice, &pattern, memory);
    free(memory);
    return 0;
}
