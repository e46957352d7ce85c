#include "guard.h"

#include "check.h"

#include <string.h>

enum { UNWRITTEN = 0xEE };

void guard_begin(struct guard *guard, struct w2e_session *session, bool datagrams, unsigned char fill) {
    *guard = (struct guard){.session = session, .datagrams = datagrams, .fill = fill, .trace = 1};
}

static void note(struct guard *guard, uint64_t number) {
    guard->trace = guard_mix(guard->trace, number);
}

static void note_bytes(struct guard *guard, const unsigned char *data, size_t size) {
    uint64_t sum = size;
    for (size_t i = 0; i < size; i++) {
        sum = sum * 31 + data[i];
    }
    note(guard, sum);
}

bool guard_is_out(const struct guard *guard) {
    return guard->recv.kind != W2E_OP_NONE || guard->send.kind != W2E_OP_NONE || guard->connect_out;
}

/* ---- buffers ---- */

static unsigned char *new_buffer(const struct guard *guard, size_t size) {
    unsigned char *buffer = malloc(size > 0 ? size : 1);
    CHECK(buffer != NULL);
    memset(buffer, guard->fill, size);
    return buffer;
}

static void fit_buffer(struct guard *guard) {
    if (w2e_session_buffer_idle(guard->session)) { /* another connection may have had it meanwhile */
        CHECK(!guard_is_out(guard));
        free(w2e_session_buffer_swap(guard->session, NULL, 0));
    }
    size_t wanted = w2e_session_buffer_wanted(guard->session);
    if (wanted != guard->session->buffer_size) {
        CHECK(!guard_is_out(guard)); /* else what is lent would move */
        free(w2e_session_buffer_swap(guard->session, new_buffer(guard, wanted), wanted));
        note(guard, wanted);
    }
}

/* ---- what is lent ---- */

static void lent_recv(struct guard *guard, const struct w2e_op *op) {
    CHECK(guard->recv.kind == W2E_OP_NONE && op->size > 0);
    memset(op->data, UNWRITTEN, op->size); /* a sanitizer sees the span */
    guard->recv = *op;
    guard->cancelled = false;
}

static void lent_send(struct guard *guard, const struct w2e_op *op) {
    CHECK(guard->send.kind == W2E_OP_NONE && (op->size > 0 || guard->datagrams));
    CHECK(!guard->shut && !guard->was_reset);
    if (op->size > guard->send_copy_bytes) {
        free(guard->send_copy);
        guard->send_copy = malloc(op->size);
        guard->send_copy_bytes = op->size;
    }
    if (op->size > 0) {
        memcpy(guard->send_copy, op->data, op->size);
    }
    guard->send = *op;
    guard->cancelled = false;
}

static void lent_end(struct guard *guard, enum w2e_op_kind kind) {
    CHECK(guard->send.kind == W2E_OP_NONE && !guard->connect_out);
    CHECK(!guard->datagrams || kind == W2E_OP_CLOSE);
    if (kind == W2E_OP_SHUTDOWN) {
        CHECK(!guard->shut && !guard->was_reset);
        guard->shut = true;
        return;
    }
    CHECK(guard->recv.kind == W2E_OP_NONE);
    CHECK(kind == W2E_OP_CLOSE || !guard->was_reset);
    guard->was_reset |= kind == W2E_OP_RESET;
    guard->closed = kind == W2E_OP_CLOSE;
}

static void lent(struct guard *guard, const struct w2e_op *op) {
    CHECK(!guard->closed || op->kind == W2E_OP_NONE);
    CHECK(!guard->connect_out || op->kind == W2E_OP_NONE || op->kind == W2E_OP_CANCEL);
    switch (op->kind) {
    case W2E_OP_CONNECT:
        CHECK(!guard->datagrams && !guard_is_out(guard));
        guard->connect_out = true;
        break;
    case W2E_OP_RECV:
        lent_recv(guard, op);
        break;
    case W2E_OP_SEND:
        lent_send(guard, op);
        break;
    case W2E_OP_CANCEL:
        CHECK(guard_is_out(guard) && !guard->cancelled);
        guard->cancelled = true;
        break;
    case W2E_OP_SHUTDOWN:
    case W2E_OP_RESET:
    case W2E_OP_CLOSE:
        lent_end(guard, op->kind);
        break;
    case W2E_OP_NONE:
        break;
    }
}

struct w2e_op guard_next(struct guard *guard, uint64_t now_us) {
    fit_buffer(guard);
    struct w2e_op op = w2e_session_next(guard->session, now_us);
    /* Who would have to ask again at once, and for ever, is a busy loop. */
    CHECK(op.kind != W2E_OP_NONE || op.ask_again_us > now_us);
    guard->ask_us = op.ask_again_us;
    note(guard, (uint64_t)op.kind + op.size * 16);
    note(guard, op.ask_again_us);
    lent(guard, &op);
    return op;
}

/* ---- what is given back ---- */

static void check_unwritten(const struct guard *guard) {
    static unsigned char unwritten[1024];
    memset(unwritten, UNWRITTEN, unwritten[0] == UNWRITTEN ? 0 : sizeof unwritten);
    for (size_t at = 0; at < guard->recv.size; at += sizeof unwritten) {
        size_t left = guard->recv.size - at;
        CHECK(memcmp(guard->recv.data + at, unwritten, left < sizeof unwritten ? left : sizeof unwritten) == 0);
    }
}

static void give_back(struct guard *guard, enum w2e_op_kind kind) {
    if (kind == W2E_OP_RECV) {
        CHECK(guard->recv.kind == W2E_OP_RECV);
        guard->recv.kind = W2E_OP_NONE;
    } else if (kind == W2E_OP_SEND) {
        CHECK(guard->send.kind == W2E_OP_SEND);
        CHECK(guard->send.size == 0 || memcmp(guard->send.data, guard->send_copy, guard->send.size) == 0);
        guard->send.kind = W2E_OP_NONE;
    } else if (kind == W2E_OP_CONNECT) {
        CHECK(guard->connect_out);
        guard->connect_out = false;
    }
}

void guard_done(struct guard *guard, enum w2e_op_kind kind, int error, size_t bytes, uint64_t now_us) {
    if (kind == W2E_OP_RECV) {
        check_unwritten(guard);
    }
    give_back(guard, kind);
    note(guard, (uint64_t)kind * 3 + bytes * 16);
    note(guard, (uint64_t)error + now_us);
    w2e_session_done(guard->session, kind, error, bytes, now_us);
}

void guard_received(struct guard *guard, const unsigned char *data, size_t size, uint64_t now_us) {
    CHECK(guard->recv.kind == W2E_OP_RECV && size <= guard->recv.size);
    check_unwritten(guard);
    if (size > 0) {
        memcpy(guard->recv.data, data, size);
    }
    note_bytes(guard, data, size);
    guard->recv.kind = W2E_OP_NONE;
    note(guard, now_us);
    w2e_session_done(guard->session, W2E_OP_RECV, 0, size, now_us);
}

void guard_undo(struct guard *guard, enum w2e_op_kind kind) {
    if (kind == W2E_OP_RECV) {
        check_unwritten(guard);
    }
    give_back(guard, kind);
    note(guard, (uint64_t)kind * 5);
    w2e_session_undo(guard->session, kind);
}

void guard_abort(struct guard *guard, enum ws2echo_reason reason, int error) {
    note(guard, (uint64_t)error + 7);
    w2e_session_abort(guard->session, reason, error);
}

void guard_end(struct guard *guard, uint64_t now_us) {
    CHECK(guard->closed && !guard_is_out(guard));
    CHECK(guard->session->reason != WS2ECHO_REASON_NONE);
    CHECK(w2e_session_buffer_wanted(guard->session) == 0);
    CHECK(w2e_session_next(guard->session, now_us).kind == W2E_OP_NONE);
    free(w2e_session_buffer_swap(guard->session, NULL, 0));
    free(guard->send_copy);
    note(guard, (uint64_t)guard->session->reason);
    note(guard, (uint64_t)guard->session->error);
    note(guard, guard->session->bytes_received);
    note(guard, guard->session->bytes_sent);
}
