/*
 * The accounts of a ping: which datagram goes when, and what each one that comes back is.
 *
 * A datagram is 16 bytes and a pattern; numbers are big-endian:
 *
 *   0  "w2ep"            4  the run: a number that the ping before did not have, so that its answers are not taken for this one's
 *   8  sequence number, 0, 1, 2, …          16  a pattern that run and sequence number determine
 *
 * What begins with the first 8 bytes is an answer, anything else is foreign. An answer that is not byte for byte a datagram that was sent
 * is corrupt, and answers nothing: the datagram goes on waiting, and is lost unless a good answer comes.
 *
 * Memory is bounded: who waits is listed (at most `window`), and of the last W2E_PING_REMEMBERED sequence numbers it is known whether an
 * answer came. A further answer is a duplicate if one came, and late if none did; one that is too old to tell counts as late.
 * Late answers and duplicates have no part in reordering (RFC 4737, 3.3: a packet that took too long is lost, of copies the first counts).
 */
#ifndef W2E_PING_H
#define W2E_PING_H

#include "ws2echo.h"

#include <stdbool.h>
#include <stddef.h>

enum { W2E_PING_WINDOW_MAX = 1024, W2E_PING_REMEMBERED = 4096 };

struct w2e_ping_waiting {
    uint64_t sequence;
    uint64_t sent_us;
};

struct w2e_ping {
    ws2echo_ping_options options;
    ws2echo_ping_progress progress; /* unreachable and elapsed_us are the caller's to count */
    uint32_t run;
    uint64_t send_us;       /* the interval is over */
    uint64_t next_expected; /* NextExp of RFC 4737: one more than the highest sequence number that was answered in time */
    uint32_t waiting_count;
    struct w2e_ping_waiting waiting[W2E_PING_WINDOW_MAX]; /* in the order of sending */
    bool answered[W2E_PING_REMEMBERED];                   /* by sequence number, of the last ones */
};

/* Begins anew. Any seed will do that the ping before did not have; the first datagram may go at once. */
void w2e_ping_begin(struct w2e_ping *ping, const ws2echo_ping_options *options, uint64_t seed);

/* When the next datagram may go: W2E_NEVER while the window is full, and after the last one. */
uint64_t w2e_ping_send_us(const struct w2e_ping *ping);

/* Writes the next datagram, options.datagram_bytes of it. */
void w2e_ping_build(const struct w2e_ping *ping, unsigned char *datagram);

/* That datagram was sent. Times never go back. */
void w2e_ping_sent(struct w2e_ping *ping, uint64_t now_us);

/* A datagram came. */
void w2e_ping_came(struct w2e_ping *ping, const unsigned char *datagram, size_t size, uint64_t now_us);

/* When the next datagram will be lost: W2E_NEVER if none waits. */
uint64_t w2e_ping_lost_us(const struct w2e_ping *ping);

/* Gives up those that have waited for reply_timeout_ms. */
void w2e_ping_expire(struct w2e_ping *ping, uint64_t now_us);

/* Each of the datagrams was answered or is lost. */
bool w2e_ping_finished(const struct w2e_ping *ping);

#endif
