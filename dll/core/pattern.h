/*
 * The bytes that the load client sends, and by which it knows what came back.
 *
 * The stream of a connection is made of 64-bit words, big-endian. Word i, at offset 8 * i, is
 *
 *   STEP * (connection << 40 | i) + base(seed)        modulo 2^64
 *
 * with an odd STEP: a Weyl sequence. One addition leads to the next word; no two words of a load are equal; and since an odd factor
 * can be undone, a word tells of which connection and offset it is. So bytes that are out of place are not only found: it is known
 * where they belong. The highest byte of a word depends on every bit of its place, so it comes first: even messages of a few bytes differ
 * from one connection to the next. Connections are below 2^24, offsets below 2^43.
 */
#ifndef W2E_PATTERN_H
#define W2E_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many bytes of a stream contain two whole words, or one, wherever they begin. */
enum { W2E_PATTERN_LOCATE_BYTES = 23, W2E_PATTERN_WORD_BYTES = 15 };

struct w2e_pattern {
    uint64_t base;  /* made from the seed */
    uint64_t first; /* word 0 */
    uint32_t connection;
};

/* What is wrong with bytes that are not those expected. */
enum w2e_wrong {
    W2E_WRONG_CORRUPT,  /* they belong nowhere, or are in their place but for a few */
    W2E_WRONG_MISSING,  /* of this connection, from further on: what is between was left out */
    W2E_WRONG_REPEATED, /* of this connection, from further back */
    W2E_WRONG_FOREIGN   /* of another connection */
};

void w2e_pattern_init(struct w2e_pattern *pattern, uint64_t seed, uint32_t connection);

/* Writes the bytes of the stream from that offset on. Neither offset nor data need be aligned. */
void w2e_pattern_fill(const struct w2e_pattern *pattern, uint64_t offset, unsigned char *data, size_t size);

/* The index of the first byte that is not the stream's; size if all are. */
size_t w2e_pattern_check(const struct w2e_pattern *pattern, uint64_t offset, const unsigned char *data, size_t size);

/*
 * Where in which stream of this seed the data belongs, judged by two words of it that follow on each other and begin within the first
 * 8 bytes: W2E_PATTERN_LOCATE_BYTES are always enough. False, and nothing stored, if there are no such words.
 */
bool w2e_pattern_locate(const struct w2e_pattern *pattern, const unsigned char *data, size_t size, uint32_t *connection,
                        uint64_t *offset);

/*
 * What is wrong, where data begins with the first wrong byte and the load has so many connections. What is found is where the data
 * belongs; of CORRUPT, where it was expected. With fewer than W2E_PATTERN_LOCATE_BYTES, FOREIGN may look corrupt, and so may what belongs more
 * than 1 MiB away; with fewer than W2E_PATTERN_WORD_BYTES, anything.
 */
enum w2e_wrong w2e_pattern_diagnose(const struct w2e_pattern *pattern, uint64_t expected_offset, const unsigned char *data,
                                    size_t size, uint32_t connections, uint32_t *found_connection, uint64_t *found_offset);

#endif
