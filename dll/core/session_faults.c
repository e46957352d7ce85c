#include "session_faults.h"

#include "codes.h"

#include <string.h>

/* How long the peer has to answer FIN with FIN, as when it is refused. */
enum { DISCARD_US = 1000 * 1000 };

/* What a full buffer grows by: the echo session's would wait until it is empty, which behind a slow gate it never is. */
enum { BUFFER_STEP = 8 };

static struct w2e_session_faults *faults_of(const struct w2e_session *session) {
    return ((const struct w2e_session_echo *)(const void *)session)->faults;
}

static struct w2e_session *base_of(struct w2e_session_faults *faults) {
    return &faults->echo->session;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static bool ended(const struct w2e_session_faults *faults) {
    return faults->echo->session.reason != WS2ECHO_REASON_NONE;
}

/* ---- the echo session ---- */

static struct w2e_op ask(struct w2e_session_faults *faults, uint64_t now_us) {
    return faults->echo_ops->next(base_of(faults), now_us);
}

static void unpark(struct w2e_session_faults *faults) {
    if (faults->send_parked) {
        faults->send_parked = false;
        faults->echo_ops->undo(base_of(faults), W2E_OP_SEND);
    }
}

/* What is swallowed lies behind everything else, so it is taken off the end; not while a RECV is out, which is to go there. */
static void swallow(struct w2e_session_faults *faults) {
    struct w2e_session_echo *echo = faults->echo;
    uint64_t kept = w2e_chain_swallowed_from(&faults->chain) - echo->session.bytes_sent;
    if (faults->recv_out > 0 || echo->held <= kept) {
        return;
    }
    unpark(faults);
    echo->held = (size_t)kept;
}

static void advance(struct w2e_session_faults *faults, uint64_t now_us) {
    w2e_chain_advance(&faults->chain, faults->echo->session.bytes_received, now_us, faults->send_out);
    swallow(faults);
}

/* ---- ends ---- */

static bool finish_held(struct w2e_session_faults *faults, uint32_t behind_id, uint64_t now_us, uint64_t *due_us) {
    if (faults->finish_due_us == W2E_NEVER) {
        faults->finish_due_us = now_us;
    }
    *due_us = w2e_chain_finish_us(&faults->chain, behind_id, faults->finish_due_us, faults->echo->session.bytes_sent);
    return now_us < *due_us;
}

static void abort_untold(struct w2e_session_faults *faults, enum ws2echo_reason reason, int error) {
    unpark(faults);
    faults->echo_ops->abort(base_of(faults), reason, error);
}

/* Nothing of the faults comes after this. */
static void abort_for(struct w2e_session_faults *faults, enum ws2echo_reason reason, int error) {
    if (!ended(faults)) {
        w2e_chain_tell(&faults->chain, faults->echo->session.bytes_sent, false);
    }
    abort_untold(faults, reason, error);
}

static void tell_end(struct w2e_session_faults *faults, const struct w2e_chain_end *end) {
    w2e_chain_tell(&faults->chain, faults->echo->session.bytes_sent, !end->at_once);
    w2e_chain_tell_end(&faults->chain, end);
}

static void finish(struct w2e_session_faults *faults, enum w2e_gate_end how, uint64_t now_us) {
    uint64_t until_us = now_us + DISCARD_US;
    if (how == W2E_GATE_FIN_ONLY) {
        until_us = w2e_session_echo_deadline_us(faults->echo, false);
    }
    unpark(faults);
    w2e_session_echo_finish(faults->echo, WS2ECHO_REASON_FAULT, until_us);
    faults->echo->half_open = how == W2E_GATE_FIN_ONLY && !faults->echo->peer_finished;
}

/* The peer's FIN is about to be answered. */
static bool finishing(const struct w2e_session_faults *faults) {
    return faults->echo->peer_finished && faults->echo->held == 0;
}

/* One end is due; it may be that other rules hold its FIN back. */
static void end_by(struct w2e_session_faults *faults, const struct w2e_chain_end *end, uint64_t now_us, uint64_t *ask_again_us) {
    uint64_t due_us = now_us;
    tell_end(faults, end); /* all that there is to tell: what lies behind the end has met nobody */
    if (end->how == W2E_GATE_RESET) {
        abort_untold(faults, WS2ECHO_REASON_FAULT, 0);
    } else if (!faults->send_out && (end->at_once || !finish_held(faults, end->rule_id, now_us, &due_us))) {
        finish(faults, end->how, now_us);
    }
    *ask_again_us = due_us > now_us ? smaller(*ask_again_us, due_us) : *ask_again_us;
    faults->chain.summary.ended_by = ended(faults) ? end->rule_id : 0;
}

/* Ends the connection where the faults say so. *ask_again_us: … and when, if they will by time alone. */
static void end_by_fault(struct w2e_session_faults *faults, uint64_t now_us, uint64_t *ask_again_us) {
    struct w2e_chain_end end;
    uint32_t next = 0;
    bool due = false;
    while (!ended(faults) && w2e_chain_next_end(&faults->chain, faults->echo->session.bytes_sent, &next, &end)) {
        due = true;
        end_by(faults, &end, now_us, ask_again_us);
    }
    if (!due) {
        w2e_chain_tell(&faults->chain, faults->echo->session.bytes_sent, false);
    }
    if (!due && !finishing(faults)) {
        faults->finish_due_us = W2E_NEVER; /* the rule that wanted to end it is gone */
    }
}

/* Whether the peer is to blame for what it does not take. */
static bool peer_can_take(const struct w2e_session_faults *faults) {
    return faults->send_out || faults->send_offered;
}

static void end_by_timeout(struct w2e_session_faults *faults, uint64_t now_us) {
    struct w2e_session_echo *echo = faults->echo;
    if (!peer_can_take(faults)) {
        echo->waiting_us = now_us;
    }
    if (now_us >= w2e_session_echo_deadline_us(echo, peer_can_take(faults))) {
        abort_for(faults, WS2ECHO_REASON_TIMEOUT, W2E_ETIMEDOUT);
    }
}

/* ---- lending ---- */

static struct w2e_op nothing(enum w2e_op_kind kind, uint64_t ask_again_us) {
    return (struct w2e_op){.kind = kind, .ask_again_us = ask_again_us};
}

static bool may_send(const struct w2e_session_faults *faults) {
    const struct w2e_session *session = &faults->echo->session;
    return !faults->send_out && faults->echo->held > 0 &&
           w2e_chain_passed(&faults->chain, session->bytes_received) > session->bytes_sent;
}

/* What the echo session lent before may be less than what there is to send by now. */
static struct w2e_op lend_send(struct w2e_session_faults *faults, uint64_t now_us) {
    const struct w2e_session *session = base_of(faults);
    unpark(faults);
    struct w2e_op lent = ask(faults, now_us);
    uint64_t passed = w2e_chain_passed(&faults->chain, session->bytes_received) - session->bytes_sent;
    lent.size = (size_t)smaller(lent.size, passed);
    lent.size = w2e_chain_prepare(&faults->chain, lent.data, session->bytes_sent, lent.size);
    faults->send_out = true;
    faults->send_offered = true;
    return lent;
}

static struct w2e_op lend_recv(struct w2e_session_faults *faults, struct w2e_op lent) {
    uint64_t limit = w2e_chain_receive_limit(&faults->chain);
    uint64_t received = faults->echo->session.bytes_received;
    if (limit <= received) {
        faults->echo_ops->undo(base_of(faults), W2E_OP_RECV);
        return nothing(W2E_OP_NONE, W2E_NEVER);
    }
    lent.size = (size_t)smaller(lent.size, limit - received);
    faults->recv_out = lent.size;
    faults->cancel_lent = false;
    return lent;
}

/* A RECV that is out and could bring more than may be received. Beside a SEND it must stay: CANCEL would take that, too. */
static bool must_cancel(const struct w2e_session_faults *faults) {
    uint64_t end = faults->echo->session.bytes_received + faults->recv_out;
    return faults->recv_out > 0 && !faults->send_out && !faults->cancel_lent && end > w2e_chain_receive_limit(&faults->chain);
}

/* What the echo session wants besides a SEND, which is not for now. */
static struct w2e_op lend_other(struct w2e_session_faults *faults, uint64_t now_us) {
    struct w2e_op lent = ask(faults, now_us);
    if (lent.kind == W2E_OP_SEND) {
        faults->send_parked = true;
        lent = ask(faults, now_us);
    }
    return lent.kind == W2E_OP_RECV ? lend_recv(faults, lent) : lent;
}

static struct w2e_op lend(struct w2e_session_faults *faults, uint64_t now_us, uint64_t *ask_again_us) {
    if (must_cancel(faults)) {
        faults->cancel_lent = true;
        return nothing(W2E_OP_CANCEL, W2E_NEVER);
    }
    if (may_send(faults)) {
        return lend_send(faults, now_us);
    }
    if (finishing(faults) && finish_held(faults, 0, now_us, ask_again_us)) {
        return nothing(W2E_OP_NONE, W2E_NEVER);
    }
    return lend_other(faults, now_us);
}

/* ---- the session ---- */

static struct w2e_op wind_down(struct w2e_session_faults *faults, uint64_t now_us) {
    unpark(faults);
    return ask(faults, now_us);
}

static struct w2e_op faults_next(struct w2e_session *session, uint64_t now_us) {
    struct w2e_session_faults *faults = faults_of(session);
    uint64_t ask_again_us = W2E_NEVER;
    if (!ended(faults)) {
        end_by_timeout(faults, now_us);
    }
    if (!ended(faults)) {
        advance(faults, now_us);
        end_by_fault(faults, now_us, &ask_again_us);
    }
    if (ended(faults)) {
        return wind_down(faults, now_us);
    }
    struct w2e_op lent = lend(faults, now_us, &ask_again_us);
    ask_again_us = smaller(ask_again_us, w2e_chain_ask_again_us(&faults->chain, faults->send_out));
    lent.ask_again_us = smaller(ask_again_us, w2e_session_echo_deadline_us(faults->echo, peer_can_take(faults)));
    return lent;
}

/* A RECV that was cancelled because nothing more may be received has not failed. */
static bool called_back(const struct w2e_session_faults *faults, enum w2e_op_kind kind, int error) {
    return kind == W2E_OP_RECV && faults->cancel_lent && error == W2E_OPERATION_ABORTED && !ended(faults);
}

static void faults_undo(struct w2e_session *session, enum w2e_op_kind kind) {
    struct w2e_session_faults *faults = faults_of(session);
    if (kind == W2E_OP_RECV) {
        faults->recv_out = 0;
    } else {
        faults->send_out = false;
    }
    faults->echo_ops->undo(session, kind);
}

static void faults_done(struct w2e_session *session, enum w2e_op_kind kind, int error, size_t bytes, uint64_t now_us) {
    struct w2e_session_faults *faults = faults_of(session);
    bool was_ended = ended(faults);
    if (called_back(faults, kind, error)) {
        faults_undo(session, kind);
        return;
    }
    if (kind == W2E_OP_RECV) {
        faults->recv_out = 0;
    } else if (kind == W2E_OP_SEND) {
        faults->send_out = false;
        faults->send_offered = false;
    }
    faults->echo_ops->done(session, kind, error, bytes, now_us);
    if (!was_ended && ended(faults)) {
        w2e_chain_tell(&faults->chain, session->bytes_sent, false); /* the peer has ended it, or the network */
    }
}

static void faults_abort(struct w2e_session *session, enum ws2echo_reason reason, int error) {
    abort_for(faults_of(session), reason, error);
}

static size_t faults_buffer_wanted(const struct w2e_session *session) {
    const struct w2e_session_faults *faults = faults_of(session);
    const struct w2e_session_echo *echo = faults->echo;
    bool full = echo->held > 0 && echo->held == session->buffer_size;
    bool movable = full && !faults->send_out && !ended(faults); /* no RECV is out: it would have no room */
    if (movable && session->buffer_size < echo->config.buffer_bytes_max) {
        return (size_t)smaller(session->buffer_size * BUFFER_STEP, echo->config.buffer_bytes_max);
    }
    return faults->echo_ops->buffer_wanted(session);
}

/* The echo session changes its buffer only when it is empty. */
static void move_held(const struct w2e_session_echo *echo, unsigned char *buffer) {
    size_t first = (size_t)smaller(echo->held, echo->session.buffer_size - echo->begin);
    memcpy(buffer, echo->buffer + echo->begin, first);
    memcpy(buffer + first, echo->buffer, echo->held - first);
}

static unsigned char *faults_buffer_swap(struct w2e_session *session, unsigned char *buffer, size_t size) {
    struct w2e_session_faults *faults = faults_of(session);
    unpark(faults);
    if (faults->echo->held > 0 && faults->echo->held <= size) {
        move_held(faults->echo, buffer);
        faults->echo->wanted = size;
    }
    return faults->echo_ops->buffer_swap(session, buffer, size);
}

static const struct w2e_session_ops faults_ops = {.next = faults_next,
                                                  .done = faults_done,
                                                  .undo = faults_undo,
                                                  .abort = faults_abort,
                                                  .buffer_wanted = faults_buffer_wanted,
                                                  .buffer_swap = faults_buffer_swap};

void w2e_session_faults_attach(struct w2e_session_faults *faults, struct w2e_session_echo *echo,
                               const struct w2e_fault_connection *connection, const struct w2e_fault_rules *rules,
                               uint64_t now_us) {
    memset(faults, 0, sizeof *faults); /* no literal: that might be as large on the stack */
    faults->echo = echo;
    faults->echo_ops = echo->session.ops;
    faults->chain.connection = connection->target;
    faults->chain.opened_us = connection->opened_us;
    faults->chain.observer = connection->observer;
    faults->recv_out = echo->recv_out;
    faults->send_out = echo->send_out > 0;
    faults->finish_due_us = W2E_NEVER;
    echo->faults = faults;
    echo->session.ops = &faults_ops;
    w2e_session_faults_update(faults, rules, now_us);
}

void w2e_session_faults_update(struct w2e_session_faults *faults, const struct w2e_fault_rules *rules, uint64_t now_us) {
    w2e_chain_set(&faults->chain, rules, faults->echo->session.bytes_received, now_us);
}

const struct w2e_fault_summary *w2e_session_faults_summary(const struct w2e_session_faults *faults) {
    return &faults->chain.summary;
}
