/*
 * Stands between a driver and a session, and holds both to the contract of session.h: at most one RECV and one SEND are out, a span that
 * is lent stays where and as it is, nothing is asked for twice, CLOSE comes once, last, and when nothing is out. Everything that passes
 * goes into a number, the trace: two runs are the same if their traces are.
 */
#ifndef GUARD_H
#define GUARD_H

#include "session.h"

#include <stdbool.h>

struct guard {
    struct w2e_session *session;
    bool datagrams;
    unsigned char fill; /* what new buffers are full of: a run that depends on it reads what nobody wrote */
    struct w2e_op recv; /* kind NONE: not out */
    struct w2e_op send;
    bool connect_out;
    bool cancelled; /* since something was lent last */
    bool shut;
    bool was_reset;
    bool closed;
    uint64_t ask_us; /* when it wants to be asked again */
    uint64_t trace;
    unsigned char *send_copy;
    size_t send_copy_bytes;
};

void guard_begin(struct guard *guard, struct w2e_session *session, bool datagrams, unsigned char fill);

/* Gives the session the buffer that it wants, and asks it. */
struct w2e_op guard_next(struct guard *guard, uint64_t now_us);

/* What came is written into the span that is out for RECV, and reported. */
void guard_received(struct guard *guard, const unsigned char *data, size_t size, uint64_t now_us);

/* Reports anything else. */
void guard_done(struct guard *guard, enum w2e_op_kind kind, int error, size_t bytes, uint64_t now_us);
void guard_undo(struct guard *guard, enum w2e_op_kind kind);
void guard_abort(struct guard *guard, enum ws2echo_reason reason, int error);

bool guard_is_out(const struct guard *guard);

/* The session has lent CLOSE: it lends nothing more. Frees its buffer. */
void guard_end(struct guard *guard, uint64_t now_us);

/* Mixes a number into a trace. */
static inline uint64_t guard_mix(uint64_t trace, uint64_t number) {
    trace = (trace ^ number) * 0x9E3779B97F4A7C15u;
    return trace ^ trace >> 29;
}

#endif
