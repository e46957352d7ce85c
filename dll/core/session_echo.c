#include "session_echo.h"

#include "codes.h"

/* Sizes of a buffer: each eight times the one before. A connection starts small, grows when a receive fills it, and goes a step back
 * after so many receives in a row that the smaller one would have held. */
enum { BUFFER_BYTES_FIRST = 1024, BUFFER_STEP = 8, SMALL_READS_TO_SHRINK = 64 };

/* Under a time limit so many bytes are sent at once, at most: a SEND tells only when it is over, and a peer that reads slowly does move. */
enum { TIMED_SEND_BYTES = 16 * 1024 };

/* How long a refused peer has to answer FIN with FIN. */
enum { DISCARD_US = 1000 * 1000 };

static struct w2e_session_echo *echo_of(struct w2e_session *session) {
    return (struct w2e_session_echo *)session;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static uint64_t deadline(uint64_t since_us, uint64_t timeout_us) {
    return timeout_us > W2E_NEVER - since_us ? W2E_NEVER : since_us + timeout_us;
}

static void end(struct w2e_session *session, enum ws2echo_reason reason, int error) {
    session->reason = reason;
    session->error = error;
}

/* A peer that still has its half is reset by who stops; the reason stays. Any other end is the one that the half was to come to. */
static void echo_abort(struct w2e_session *session, enum ws2echo_reason reason, int error) {
    struct w2e_session_echo *echo = echo_of(session);
    bool stops = reason == WS2ECHO_REASON_STOPPED;
    bool open = session->reason == WS2ECHO_REASON_NONE;
    if (open) {
        end(session, reason, error);
    }
    if (open || (stops && echo->half_open && !echo->peer_finished)) {
        echo->reset_due = true;
        echo->stopped = stops;
    }
    echo->discard_until_us = 0;
    echo->half_open = false;
}

static bool sending_waits(const struct w2e_session_echo *echo) {
    return echo->held > 0;
}

uint64_t w2e_session_echo_deadline_us(const struct w2e_session_echo *echo, bool sending) {
    uint64_t idle = deadline(echo->moved_us, echo->config.idle_timeout_us);
    uint64_t send = sending ? deadline(echo->waiting_us, echo->config.send_timeout_us) : W2E_NEVER;
    return idle < send ? idle : send;
}

static uint64_t next_deadline(const struct w2e_session_echo *echo) {
    return w2e_session_echo_deadline_us(echo, sending_waits(echo));
}

static bool ended(const struct w2e_session_echo *echo) {
    return echo->session.reason != WS2ECHO_REASON_NONE;
}

static struct w2e_op op(enum w2e_op_kind kind) {
    return (struct w2e_op){.kind = kind, .ask_again_us = W2E_NEVER};
}

static bool is_timed(const struct w2e_session_echo *echo) {
    return echo->config.idle_timeout_us != W2E_NEVER || echo->config.send_timeout_us != W2E_NEVER;
}

static struct w2e_op lend_send(struct w2e_session_echo *echo) {
    struct w2e_op lent = op(W2E_OP_SEND);
    lent.data = echo->buffer + echo->begin;
    lent.size = smaller(echo->held, echo->session.buffer_size - echo->begin);
    lent.size = is_timed(echo) ? smaller(lent.size, TIMED_SEND_BYTES) : lent.size;
    lent.ask_again_us = next_deadline(echo);
    echo->send_out = lent.size;
    echo->cancel_lent = false;
    return lent;
}

static struct w2e_op lend_recv(struct w2e_session_echo *echo) {
    struct w2e_op lent = op(W2E_OP_RECV);
    size_t size = echo->session.buffer_size;
    if (echo->held == 0) { /* so no SEND is out */
        echo->begin = 0;
    }
    size_t free_begin = (echo->begin + echo->held) % size;
    lent.data = echo->buffer + free_begin;
    lent.size = smaller(size - echo->held, size - free_begin);
    lent.ask_again_us = next_deadline(echo);
    echo->recv_out = lent.size;
    echo->cancel_lent = false;
    return lent;
}

/*
 * Not beside a SEND: it would receive into what is left of the buffer, and pieces are dear; and it would ask before there can be
 * anything. Faults, which may keep a SEND for long, want to know when each byte came.
 */
static bool may_receive(const struct w2e_session_echo *echo) {
    bool turn = echo->send_out == 0 || echo->faults != NULL;
    return turn && !echo->peer_finished && echo->recv_out == 0 && echo->held < echo->session.buffer_size;
}

/* Whether a refused peer still has time to answer FIN with FIN. */
static bool discards(const struct w2e_session_echo *echo, uint64_t now_us) {
    return echo->own_finished && !echo->peer_finished && now_us < echo->discard_until_us;
}

static struct w2e_op wind_down_what_is_out(struct w2e_session_echo *echo, uint64_t now_us) {
    struct w2e_op lent = op(W2E_OP_NONE);
    if (discards(echo, now_us)) {
        lent.ask_again_us = echo->discard_until_us;
    } else if (!echo->cancel_lent) {
        echo->cancel_lent = true;
        lent.kind = W2E_OP_CANCEL;
    }
    return lent;
}

/* What discards may go on receiving while FIN is sent. */
static bool finishes_beside_recv(const struct w2e_session_echo *echo) {
    return echo->discard_until_us > 0 && !echo->own_finished;
}

static struct w2e_op wind_down(struct w2e_session_echo *echo, uint64_t now_us) {
    if (finishes_beside_recv(echo)) {
        echo->own_finished = true;
        return op(W2E_OP_SHUTDOWN);
    }
    if (echo->recv_out > 0 || echo->send_out > 0) {
        return wind_down_what_is_out(echo, now_us);
    }
    if (echo->close_lent) {
        return op(W2E_OP_NONE);
    }
    if (echo->reset_due) {
        echo->reset_due = false;
        echo->own_finished = true;
        return op(W2E_OP_RESET);
    }
    if (!echo->own_finished) {
        echo->own_finished = true;
        return op(W2E_OP_SHUTDOWN);
    }
    if (discards(echo, now_us) && echo->session.buffer_size > 0) {
        struct w2e_op lent = lend_recv(echo);
        lent.ask_again_us = echo->discard_until_us;
        return lent;
    }
    echo->close_lent = true;
    return op(W2E_OP_CLOSE);
}

static struct w2e_op echo_next(struct w2e_session *session, uint64_t now_us) {
    struct w2e_session_echo *echo = echo_of(session);
    if (!ended(echo) && now_us >= next_deadline(echo)) {
        echo_abort(session, WS2ECHO_REASON_TIMEOUT, W2E_ETIMEDOUT);
    }
    if (!ended(echo) && echo->peer_finished && echo->held == 0) {
        end(session, WS2ECHO_REASON_FIN, 0);
        echo->reset_due = echo->config.finish_by_reset;
    }
    if (ended(echo)) {
        return wind_down(echo, now_us);
    }
    if (echo->held > 0 && echo->send_out == 0) {
        return lend_send(echo);
    }
    if (may_receive(echo)) {
        return lend_recv(echo);
    }
    struct w2e_op none = op(W2E_OP_NONE);
    none.ask_again_us = next_deadline(echo);
    return none;
}

/* Adapts the size of the buffer to what receives find. */
static void size_buffer(struct w2e_session_echo *echo, size_t bytes) {
    size_t size = echo->session.buffer_size;
    size_t step_down = size / BUFFER_STEP;
    if (bytes == size) {
        echo->small_reads = 0;
        echo->wanted = smaller(size * BUFFER_STEP, echo->config.buffer_bytes_max);
    } else if (bytes > step_down || size <= BUFFER_BYTES_FIRST) {
        echo->small_reads = 0;
    } else if (++echo->small_reads >= SMALL_READS_TO_SHRINK) {
        echo->small_reads = 0;
        echo->wanted = step_down < BUFFER_BYTES_FIRST ? BUFFER_BYTES_FIRST : step_down;
    }
}

static void received(struct w2e_session_echo *echo, size_t bytes, uint64_t now_us) {
    echo->peer_finished |= bytes == 0;
    if (bytes == 0) {
        return;
    }
    echo->session.bytes_received += bytes;
    echo->moved_us = now_us;
    if (ended(echo)) {
        echo->discard_until_us = echo->half_open ? w2e_session_echo_deadline_us(echo, false) : echo->discard_until_us;
        return;
    }
    if (echo->held == 0) {
        echo->waiting_us = now_us;
    }
    echo->held += bytes;
    size_buffer(echo, bytes);
}

static void sent(struct w2e_session_echo *echo, size_t bytes, uint64_t now_us) {
    echo->begin = (echo->begin + bytes) % echo->session.buffer_size;
    echo->held -= bytes;
    echo->session.bytes_sent += bytes;
    echo->moved_us = now_us;
    echo->waiting_us = now_us;
}

static enum ws2echo_reason reason_of(int error) {
    switch (error) {
    case W2E_ECONNRESET:
    case W2E_ECONNABORTED:
        return WS2ECHO_REASON_RESET;
    case W2E_ETIMEDOUT:
        return WS2ECHO_REASON_TIMEOUT;
    default:
        return WS2ECHO_REASON_ERROR;
    }
}

static void echo_undo(struct w2e_session *session, enum w2e_op_kind kind) {
    struct w2e_session_echo *echo = echo_of(session);
    if (kind == W2E_OP_RECV) {
        echo->recv_out = 0;
    } else if (kind == W2E_OP_SEND) {
        echo->send_out = 0;
    }
}

static void echo_done(struct w2e_session *session, enum w2e_op_kind kind, int error, size_t bytes, uint64_t now_us) {
    struct w2e_session_echo *echo = echo_of(session);
    echo_undo(session, kind);
    if (error != 0) {
        /* A shutdown that fails tells that the peer was quicker to reset than we to finish: every byte was taken, FIN stands. */
        if (kind == W2E_OP_RECV || kind == W2E_OP_SEND) {
            echo_abort(session, reason_of(error), error); /* which also ends discarding */
        }
    } else if (kind == W2E_OP_RECV) {
        received(echo, bytes, now_us);
    } else if (kind == W2E_OP_SEND) {
        sent(echo, bytes, now_us);
    }
}

static bool echo_buffer_idle(const struct w2e_session *session) {
    const struct w2e_session_echo *echo = (const struct w2e_session_echo *)session;
    return echo->held == 0 && echo->recv_out == 0; /* nor is a SEND out, which would be of what is held */
}

static size_t echo_buffer_wanted(const struct w2e_session *session) {
    const struct w2e_session_echo *echo = (const struct w2e_session_echo *)session;
    if (echo->close_lent) {
        return 0;
    }
    bool used = !ended(echo) || echo->discard_until_us > 0;
    return echo_buffer_idle(session) && used ? echo->wanted : session->buffer_size;
}

static unsigned char *echo_buffer_swap(struct w2e_session *session, unsigned char *buffer, size_t size) {
    struct w2e_session_echo *echo = echo_of(session);
    unsigned char *old = echo->buffer;
    echo->buffer = buffer;
    echo->begin = 0;
    session->buffer_size = size;
    return old;
}

static const struct w2e_session_ops echo_ops = {.next = echo_next,
                                                .done = echo_done,
                                                .undo = echo_undo,
                                                .abort = echo_abort,
                                                .buffer_wanted = echo_buffer_wanted,
                                                .buffer_swap = echo_buffer_swap,
                                                .buffer_idle = echo_buffer_idle};

void w2e_session_echo_init(struct w2e_session_echo *echo, const struct w2e_echo_config *config, uint64_t now_us) {
    *echo = (struct w2e_session_echo){
        .session.ops = &echo_ops,
        .config = *config,
        .wanted = smaller(BUFFER_BYTES_FIRST, config->buffer_bytes_max),
        .moved_us = now_us,
        .waiting_us = now_us,
    };
}

void w2e_session_echo_finish(struct w2e_session_echo *echo, enum ws2echo_reason reason, uint64_t discard_until_us) {
    end(&echo->session, reason, 0);
    echo->held = 0;
    echo->discard_until_us = discard_until_us;
}

void w2e_session_echo_refuse(struct w2e_session_echo *echo, uint64_t now_us) {
    w2e_session_echo_finish(echo, WS2ECHO_REASON_CAP, now_us + DISCARD_US);
}
