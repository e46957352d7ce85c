/* The load session over TCP, driven by hand: the peer is in memory, and the clock is an argument. */
#ifndef LOAD_HAND_H
#define LOAD_HAND_H

#include "check.h"
#include "codes.h"
#include "fit_buffer.h"
#include "session_load.h"

#include <string.h>

enum { START_US = 1000, CONNECTION = 3 };

static struct w2e_load_config config;
static struct w2e_session_load load;
static struct w2e_session *const session = &load.session;
static struct w2e_pattern pattern;

/* What the sink was told last, and how often. */
static struct told {
    unsigned connects;
    uint64_t connect_us;
    unsigned answers;
    unsigned measured;
    uint64_t latency_us;
    uint64_t bytes;
    unsigned faults;
    struct w2e_load_fault fault;
} told;

static inline void on_connected(void *owner, uint64_t connect_us) {
    (void)owner;
    told.connects++;
    told.connect_us = connect_us;
}

static inline void on_echoed(void *owner, uint64_t latency_us, uint64_t bytes, bool measured) {
    (void)owner;
    told.answers++;
    told.measured += measured;
    told.latency_us = latency_us;
    told.bytes = bytes;
}

static inline void on_wrong(void *owner, const struct w2e_load_fault *fault) {
    (void)owner;
    told.faults++;
    told.fault = *fault;
}

static const struct w2e_load_sink sink = {.connected = on_connected, .echoed = on_echoed, .wrong = on_wrong};

/* ---- steps ---- */

static inline struct w2e_op next_at(uint64_t now_us) {
    fit_buffer(session);
    return w2e_session_next(session, now_us);
}

static inline struct w2e_op expect_at(uint64_t now_us, enum w2e_op_kind kind) {
    struct w2e_op op = next_at(now_us);
    CHECK(op.kind == kind);
    return op;
}

static inline void done_at(uint64_t now_us, enum w2e_op_kind kind, size_t bytes) {
    w2e_session_done(session, kind, 0, bytes, now_us);
}

static inline void begin(void) {
    memset(&told, 0, sizeof told);
    config.connections = CONNECTION + 1;
    w2e_session_load_init(&load, &config, &sink, CONNECTION, 0);
    w2e_pattern_init(&pattern, config.seed, CONNECTION);
}

static inline void begin_connected(void) {
    begin();
    expect_at(START_US, W2E_OP_CONNECT);
    done_at(START_US, W2E_OP_CONNECT, 0);
}

static inline void send_at(uint64_t now_us, size_t bytes) {
    struct w2e_op op = expect_at(now_us, W2E_OP_SEND);
    CHECK(op.size == bytes);
    done_at(now_us, W2E_OP_SEND, bytes);
}

/* The next bytes of the echo come into a span that is lent now. */
static inline void comes_at(uint64_t now_us, struct w2e_op op, size_t bytes) {
    CHECK(op.kind == W2E_OP_RECV && op.size >= bytes);
    w2e_pattern_fill(&pattern, load.received, op.data, bytes);
    done_at(now_us, W2E_OP_RECV, bytes);
}

static inline void receive_at(uint64_t now_us, size_t bytes) {
    comes_at(now_us, expect_at(now_us, W2E_OP_RECV), bytes);
}

static inline void close_at(uint64_t now_us) {
    expect_at(now_us, W2E_OP_CLOSE);
    expect_at(now_us, W2E_OP_NONE);
    CHECK(w2e_session_buffer_wanted(session) == 0);
    free(w2e_session_buffer_swap(session, NULL, 0));
}

static inline void reset_at(uint64_t now_us) {
    expect_at(now_us, W2E_OP_RESET);
    done_at(now_us, W2E_OP_RESET, 0);
    close_at(now_us);
}

static inline void abort_at(uint64_t now_us) {
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    reset_at(now_us);
}

static inline void ended_by(enum ws2echo_reason reason, int error) {
    CHECK(session->reason == reason && session->error == error);
}

#endif
