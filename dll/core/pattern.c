#include "pattern.h"

#include <string.h>

/* The pattern is big-endian and Windows is not: load and store swap bytes. Compilers that build for anything else say so. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the pattern is big-endian: load and store need not swap the bytes of a word"
#endif

/* 2^64 divided by the golden ratio, as in SplitMix64: its multiples spread evenly. And what undoes a multiplication by it. */
#define STEP    0x9E3779B97F4A7C15u
#define INVERSE 0xF1DE83E19937733Du

/* Blocks are written out, word by word: not every compiler unrolls a loop, and none of these words waits for another. */
enum { WORD_BYTES = 8, BLOCK_WORDS = 8, BLOCK_BYTES = BLOCK_WORDS * WORD_BYTES, INDEX_BITS = 40 };
enum { NEAR_BYTES = 1 << 20 };
#define INDEX_MASK (((uint64_t)1 << INDEX_BITS) - 1)

/* ---- words ---- */

/* The output function of SplitMix64: seeds that differ in one bit shall not look alike. */
static uint64_t mix(uint64_t value) {
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
    value = (value ^ value >> 27) * 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

void w2e_pattern_init(struct w2e_pattern *pattern, uint64_t seed, uint32_t connection) {
    pattern->base = mix(seed);
    pattern->first = pattern->base + STEP * ((uint64_t)connection << INDEX_BITS);
    pattern->connection = connection;
}

static uint64_t word_at(const struct w2e_pattern *pattern, uint64_t offset) {
    return pattern->first + STEP * (offset / WORD_BYTES);
}

static unsigned char byte_at(const struct w2e_pattern *pattern, uint64_t offset) {
    return (unsigned char)(word_at(pattern, offset) >> (WORD_BYTES - 1 - offset % WORD_BYTES) * 8);
}

/* Compilers know this as one instruction. */
static uint64_t swapped(uint64_t word) {
    word = (word & 0x00FF00FF00FF00FFu) << 8 | (word >> 8 & 0x00FF00FF00FF00FFu);
    word = (word & 0x0000FFFF0000FFFFu) << 16 | (word >> 16 & 0x0000FFFF0000FFFFu);
    return word << 32 | word >> 32;
}

static uint64_t load(const unsigned char *data) {
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return swapped(word);
}

static void store(unsigned char *data, uint64_t word) {
    word = swapped(word);
    memcpy(data, &word, sizeof word);
}

/* How many of the bytes come before the next whole word. */
static size_t head_bytes(uint64_t offset, size_t size) {
    size_t head = (size_t)((WORD_BYTES - offset % WORD_BYTES) % WORD_BYTES);
    return head < size ? head : size;
}

/* ---- fill ---- */

static void fill_bytes(const struct w2e_pattern *pattern, uint64_t offset, unsigned char *data, size_t size) {
    for (size_t at = 0; at < size; at++) {
        data[at] = byte_at(pattern, offset + at);
    }
}

static void store_half(unsigned char *data, uint64_t word) {
    store(data, word);
    store(data + WORD_BYTES, word + STEP);
    store(data + 2 * WORD_BYTES, word + 2 * STEP);
    store(data + 3 * WORD_BYTES, word + 3 * STEP);
}

static void store_block(unsigned char *data, uint64_t word) {
    store_half(data, word);
    store_half(data + BLOCK_BYTES / 2, word + BLOCK_WORDS / 2 * STEP);
}

void w2e_pattern_fill(const struct w2e_pattern *pattern, uint64_t offset, unsigned char *data, size_t size) {
    size_t at = head_bytes(offset, size);
    fill_bytes(pattern, offset, data, at);
    uint64_t word = word_at(pattern, offset + at);
    for (; size - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
        store_block(data + at, word);
        word += BLOCK_WORDS * STEP;
    }
    for (; size - at >= WORD_BYTES; at += WORD_BYTES) {
        store(data + at, word);
        word += STEP;
    }
    fill_bytes(pattern, offset + at, data + at, size - at);
}

/* ---- check ---- */

static size_t check_bytes(const struct w2e_pattern *pattern, uint64_t offset, const unsigned char *data, size_t size) {
    size_t at = 0;
    while (at < size && data[at] == byte_at(pattern, offset + at)) {
        at++;
    }
    return at;
}

static uint64_t difference_of_half(const unsigned char *data, uint64_t word) {
    uint64_t first = (load(data) ^ word) | (load(data + WORD_BYTES) ^ (word + STEP));
    uint64_t second = (load(data + 2 * WORD_BYTES) ^ (word + 2 * STEP)) | (load(data + 3 * WORD_BYTES) ^ (word + 3 * STEP));
    return first | second;
}

static bool is_block(const unsigned char *data, uint64_t word) {
    uint64_t first = difference_of_half(data, word);
    uint64_t second = difference_of_half(data + BLOCK_BYTES / 2, word + BLOCK_WORDS / 2 * STEP);
    return (first | second) == 0;
}

size_t w2e_pattern_check(const struct w2e_pattern *pattern, uint64_t offset, const unsigned char *data, size_t size) {
    size_t head = head_bytes(offset, size);
    size_t at = check_bytes(pattern, offset, data, head);
    if (at < head) {
        return at;
    }
    uint64_t word = word_at(pattern, offset + at);
    for (; size - at >= BLOCK_BYTES && is_block(data + at, word); at += BLOCK_BYTES) {
        word += BLOCK_WORDS * STEP;
    }
    for (; size - at >= WORD_BYTES && load(data + at) == word; at += WORD_BYTES) {
        word += STEP;
    }
    /* What is left is shorter than a word, or begins with a word that is wrong: a few bytes, either way. */
    return at + check_bytes(pattern, offset + at, data + at, size - at);
}

/* ---- where bytes belong ---- */

/* Where the word that begins at this index says that the data belongs: false if it would begin before its stream. */
static bool place_of(const struct w2e_pattern *pattern, const unsigned char *data, size_t at, uint32_t *connection,
                     uint64_t *offset) {
    uint64_t place = (load(data + at) - pattern->base) * INVERSE;
    uint64_t word_offset = (place & INDEX_MASK) * WORD_BYTES;
    *connection = (uint32_t)(place >> INDEX_BITS);
    *offset = word_offset - at;
    return word_offset >= at;
}

bool w2e_pattern_locate(const struct w2e_pattern *pattern, const unsigned char *data, size_t size, uint32_t *connection,
                        uint64_t *offset) {
    uint32_t found_connection;
    uint64_t found_offset;
    for (size_t at = 0; at < WORD_BYTES && at + 2 * WORD_BYTES <= size; at++) {
        bool two = load(data + at + WORD_BYTES) == load(data + at) + STEP;
        if (two && place_of(pattern, data, at, &found_connection, &found_offset)) {
            *connection = found_connection;
            *offset = found_offset;
            return true;
        }
    }
    return false;
}

/* Of little data: whether one word tells that it belongs to this very connection, near to where it was expected. By chance that is one in
 * 2^46. */
static bool locate_near(const struct w2e_pattern *pattern, uint64_t expected_offset, const unsigned char *data, size_t size,
                        uint64_t *offset) {
    uint32_t connection;
    uint64_t found;
    for (size_t at = 0; at < WORD_BYTES && at + WORD_BYTES <= size; at++) {
        if (place_of(pattern, data, at, &connection, &found) && connection == pattern->connection &&
            found + NEAR_BYTES > expected_offset && found < expected_offset + NEAR_BYTES) {
            *offset = found;
            return true;
        }
    }
    return false;
}

enum w2e_wrong w2e_pattern_diagnose(const struct w2e_pattern *pattern, uint64_t expected_offset, const unsigned char *data,
                                    size_t size, uint32_t connections, uint32_t *found_connection, uint64_t *found_offset) {
    uint32_t connection = pattern->connection;
    uint64_t offset = expected_offset;
    if (!w2e_pattern_locate(pattern, data, size, &connection, &offset)) {
        locate_near(pattern, expected_offset, data, size, &offset);
    } else if (connection >= connections) {
        connection = pattern->connection; /* chance, or bytes of another load */
        offset = expected_offset;
    }
    *found_connection = connection;
    *found_offset = offset;
    if (connection != pattern->connection) {
        return W2E_WRONG_FOREIGN;
    }
    if (offset == expected_offset) {
        return W2E_WRONG_CORRUPT;
    }
    return offset > expected_offset ? W2E_WRONG_MISSING : W2E_WRONG_REPEATED;
}
