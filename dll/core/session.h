/*
 * A session decides what a connection does next, without touching a socket. A driver asks it, does it, and reports.
 *
 *   next    lends one operation to the driver, or NONE. At most one RECV and one SEND are lent at a time; their spans do not move
 *           until done or undo gives them back. ask_again_us is when to ask again even if nothing has happened by then.
 *   done    gives an operation back with its outcome: a Winsock code, and how many bytes moved.
 *   undo    gives an operation back that was not started.
 *   abort   makes the session wind down: from now on it lends RESET, then CLOSE, as soon as nothing is out.
 *
 * CANCEL asks for what is out to be given back soon, by undo if it had not begun, else by done with whatever became of it.
 * CONNECT is lent only by the session of a client of streams, first, and alone. CLOSE is lent once, last, and only when nothing else is
 * out: whoever gets it may free everything. A session holds no lock; its driver calls it from one thread at a time. It allocates
 * nothing: buffer_wanted says how large a buffer it would like, and its connection gives it one with buffer_swap whenever that
 * differs from what it has. While buffer_idle says that nothing is in it, the connection may also take it away until it asks `next`
 * again.
 */
#ifndef W2E_SESSION_H
#define W2E_SESSION_H

#include "ws2echo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define W2E_NEVER UINT64_MAX

enum w2e_op_kind {
    W2E_OP_NONE,
    W2E_OP_CONNECT,
    W2E_OP_RECV,
    W2E_OP_SEND,
    W2E_OP_CANCEL,
    W2E_OP_SHUTDOWN,
    W2E_OP_RESET,
    W2E_OP_CLOSE
};

/* The two ends of a datagram: whom it came from, and at which address. Only drivers look inside. */
struct w2e_ends {
    uint64_t opaque[24];
};

struct w2e_op {
    enum w2e_op_kind kind;
    unsigned char *data; /* RECV, SEND */
    size_t size;
    struct w2e_ends
        *ends; /* of a datagram: RECV fills them in, SEND answers to them; NULL for a stream, and on a connected socket */
    uint64_t ask_again_us; /* W2E_NEVER, or a time of the driver's clock */
};

struct w2e_session;

struct w2e_session_ops {
    struct w2e_op (*next)(struct w2e_session *session, uint64_t now_us);
    void (*done)(struct w2e_session *session, enum w2e_op_kind kind, int error, size_t bytes, uint64_t now_us);
    void (*undo)(struct w2e_session *session, enum w2e_op_kind kind);
    void (*abort)(struct w2e_session *session, enum ws2echo_reason reason, int error);
    size_t (*buffer_wanted)(const struct w2e_session *session);
    unsigned char *(*buffer_swap)(struct w2e_session *session, unsigned char *buffer, size_t size);
    bool (*buffer_idle)(const struct w2e_session *session); /* or NULL: never */
};

struct w2e_session {
    const struct w2e_session_ops *ops;
    uint64_t bytes_received;
    uint64_t bytes_sent;
    enum ws2echo_reason reason; /* NONE until it is known how the session ends */
    int error;                  /* the Winsock code behind reason, or 0 */
    size_t buffer_size;
};

static inline struct w2e_op w2e_session_next(struct w2e_session *session, uint64_t now_us) {
    return session->ops->next(session, now_us);
}

static inline void w2e_session_done(struct w2e_session *session, enum w2e_op_kind kind, int error, size_t bytes,
                                    uint64_t now_us) {
    session->ops->done(session, kind, error, bytes, now_us);
}

static inline void w2e_session_undo(struct w2e_session *session, enum w2e_op_kind kind) {
    session->ops->undo(session, kind);
}

static inline void w2e_session_abort(struct w2e_session *session, enum ws2echo_reason reason, int error) {
    session->ops->abort(session, reason, error);
}

static inline size_t w2e_session_buffer_wanted(const struct w2e_session *session) {
    return session->ops->buffer_wanted(session);
}

static inline bool w2e_session_buffer_idle(const struct w2e_session *session) {
    return session->ops->buffer_idle != NULL && session->ops->buffer_idle(session);
}

/* Gives the session another buffer, only if buffer_wanted asked for it, or none, if it is idle; the old one comes back. */
static inline unsigned char *w2e_session_buffer_swap(struct w2e_session *session, unsigned char *buffer, size_t size) {
    return session->ops->buffer_swap(session, buffer, size);
}

#endif
