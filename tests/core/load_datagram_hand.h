/* The load session over UDP, driven by hand: the peer is in memory, and the clock is an argument. */
#ifndef LOAD_DATAGRAM_HAND_H
#define LOAD_DATAGRAM_HAND_H

#include "check.h"
#include "codes.h"
#include "fit_buffer.h"
#include "session_load_datagram.h"

#include <string.h>

enum { START_US = 1000 };

static struct w2e_load_config config;
static struct w2e_session_load_datagram load;
static struct w2e_session *const session = &load.session;

static struct told {
    uint64_t answers;
    uint64_t measured;
    uint64_t latency_us;
    uint64_t bytes;
    uint64_t faults[W2E_LOAD_FAULT_KINDS];
    struct w2e_load_fault fault;
    uint64_t counted;
} told;

static inline void on_connected(void *owner, uint64_t connect_us) {
    (void)owner;
    (void)connect_us;
    CHECK(!"nothing connects");
}

static inline void on_echoed(void *owner, uint64_t latency_us, uint64_t bytes, bool measured) {
    (void)owner;
    told.answers++;
    told.measured += measured;
    told.latency_us = latency_us;
    told.bytes += bytes;
}

static inline void on_wrong(void *owner, const struct w2e_load_fault *fault) {
    (void)owner;
    told.faults[fault->kind]++;
    told.fault = *fault;
}

static inline void on_counted(void *owner) {
    (void)owner;
    told.counted++;
}

static const struct w2e_load_sink sink = {
    .connected = on_connected, .echoed = on_echoed, .wrong = on_wrong, .counted = on_counted};

/* ---- steps ---- */

static inline struct w2e_op next_at(uint64_t now_us) {
    fit_buffer(session);
    return w2e_session_next(session, now_us);
}

static inline struct w2e_op expect_at(uint64_t now_us, enum w2e_op_kind kind) {
    struct w2e_op op = next_at(now_us);
    CHECK(op.kind == kind && op.ends == NULL);
    return op;
}

static inline void begin(void) {
    memset(&told, 0, sizeof told);
    w2e_session_load_datagram_init(&load, &config, &sink, 0, 0);
}

static inline void configure(void) {
    w2e_load_config_default(&config);
    config.reply_timeout_us = 100;
}

static inline void close_at(uint64_t now_us) {
    expect_at(now_us, W2E_OP_CLOSE);
    expect_at(now_us, W2E_OP_NONE);
    CHECK(w2e_session_buffer_wanted(session) == 0);
    free(w2e_session_buffer_swap(session, NULL, 0));
}

static inline void send_at(uint64_t now_us, unsigned char *copy) {
    struct w2e_op op = expect_at(now_us, W2E_OP_SEND);
    memcpy(copy, op.data, op.size);
    w2e_session_done(session, W2E_OP_SEND, 0, op.size, now_us);
}

static inline void receive_at(uint64_t now_us, const unsigned char *data, size_t size) {
    struct w2e_op op = expect_at(now_us, W2E_OP_RECV);
    CHECK(op.size >= size);
    memcpy(op.data, data, size);
    w2e_session_done(session, W2E_OP_RECV, 0, size, now_us);
}

#endif
