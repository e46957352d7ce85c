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
 * Memory is bounded: who waits is listed (at most `window`, in a list that the caller lends), and of the last W2E_PING_REMEMBERED sequence
 * numbers it is known whether an answer came. A further answer is a duplicate if one came, and late if none did; one that is too old to tell counts as late.
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
    uint64_t intended_us; /* what a load counts latency from */
};

enum w2e_ping_verdict { W2E_PING_ANSWER, W2E_PING_LATE, W2E_PING_DUPLICATE, W2E_PING_CORRUPT, W2E_PING_FOREIGN };

/* Where datagrams are of different sizes: how large that one is. */
typedef uint32_t w2e_ping_bytes_at(const void *owner, uint64_t sequence);

struct w2e_ping {
    ws2echo_ping_options options;
    ws2echo_ping_progress progress; /* unreachable and elapsed_us are the caller's to count */
    uint32_t run;
    w2e_ping_bytes_at *bytes_at; /* NULL, as begin leaves it: each has options.datagram_bytes */
    const void *bytes_owner;
    uint64_t reply_timeout_us; /* options.reply_timeout_ms, or what its caller wrote over it; W2E_NEVER: nothing is ever lost */
    uint64_t send_us;          /* the interval is over */
    uint64_t next_expected;    /* NextExp of RFC 4737: one more than the highest sequence number that was answered in time */
    struct w2e_ping_waiting answered; /* what the last ANSWER answered; of a CORRUPT one only the sequence number it bears */
    struct w2e_ping_waiting *waiting; /* a ring of options.window places, in the order of sending */
    uint32_t waiting_first;
    uint32_t waiting_count;
    uint64_t came[W2E_PING_REMEMBERED / 64]; /* a bit for each of the last sequence numbers: whether an answer came */
};

/* Begins anew. Any seed will do that the ping before did not have; the first datagram may go at once. `waiting` is options.window places,
 * which stay the caller's. */
void w2e_ping_begin(struct w2e_ping *ping, const ws2echo_ping_options *options, uint64_t seed, struct w2e_ping_waiting *waiting);

/* When the next datagram may go: W2E_NEVER while the window is full, and after the last one. */
uint64_t w2e_ping_send_us(const struct w2e_ping *ping);

/* Writes the next datagram: gives its size. */
size_t w2e_ping_build(const struct w2e_ping *ping, unsigned char *datagram);

/* That datagram was sent. Times never go back. */
void w2e_ping_sent(struct w2e_ping *ping, uint64_t now_us);

/* … though it was meant to go at another time. */
void w2e_ping_sent_late(struct w2e_ping *ping, uint64_t intended_us, uint64_t now_us);

/* A datagram came. */
enum w2e_ping_verdict w2e_ping_came(struct w2e_ping *ping, const unsigned char *datagram, size_t size, uint64_t now_us);

/* When the next datagram will be lost: W2E_NEVER if none waits. */
uint64_t w2e_ping_lost_us(const struct w2e_ping *ping);

/* Gives up those that have waited for reply_timeout_ms. */
void w2e_ping_expire(struct w2e_ping *ping, uint64_t now_us);

/* Each of the datagrams was answered or is lost. */
bool w2e_ping_finished(const struct w2e_ping *ping);

#endif
