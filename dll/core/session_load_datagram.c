#include "session_load_datagram.h"

#include "codes.h"

enum { DATAGRAM_BYTES_MIN = 16, DATAGRAM_BYTES_MAX = 65535 };

/* After a failure of this machine's: without a pause it might fail for ever, as fast as it can. */
enum { PAUSE_US = 50 * 1000 };

static struct w2e_session_load_datagram *load_of(struct w2e_session *session) {
    return (struct w2e_session_load_datagram *)session;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static struct w2e_op op(enum w2e_op_kind kind) {
    return (struct w2e_op){.kind = kind, .ask_again_us = W2E_NEVER};
}

static void load_abort(struct w2e_session *session, enum ws2echo_reason reason, int error) {
    if (session->reason == WS2ECHO_REASON_NONE) {
        session->reason = reason;
        session->error = error;
    }
}

/* ---- sending ---- */

static bool is_full(const struct w2e_session_load_datagram *load) {
    return load->ping.waiting_count >= load->ping.options.window;
}

static void offer(struct w2e_session_load_datagram *load, uint64_t now_us) {
    if (w2e_load_plan_may_begin(&load->plan, !is_full(load), now_us)) {
        uint64_t intended_us = w2e_load_plan_begin(&load->plan, now_us);
        load->unsent = w2e_ping_build(&load->ping, load->outgoing);
        w2e_ping_sent_late(&load->ping, intended_us, now_us);
    }
}

static bool may_send(const struct w2e_session_load_datagram *load, uint64_t now_us) {
    return !load->send_out && !load->draining && now_us >= load->pause_us;
}

static struct w2e_op lend_send(struct w2e_session_load_datagram *load) {
    struct w2e_op lent = op(W2E_OP_SEND);
    lent.data = load->outgoing;
    lent.size = load->unsent;
    load->send_out = true;
    w2e_load_plan_waits_for_else(&load->plan); /* for the system to take it */
    return lent;
}

/* Whether all was sent that may be: it is the turn of the answers, if they go by turns. */
static bool turn_is_over(const struct w2e_session_load_datagram *load, uint64_t now_us) {
    bool time_matters = w2e_load_plan_wake_us(&load->plan, now_us) != W2E_NEVER;
    return load->ping.waiting_count > 0 && (!time_matters || is_full(load));
}

/* ---- receiving ---- */

static bool receives_now(const struct w2e_session_load_datagram *load) {
    return load->config->receives == W2E_RECEIVES_START || load->draining;
}

static bool may_receive(const struct w2e_session_load_datagram *load, uint64_t now_us) {
    return !load->recv_out && receives_now(load) && now_us >= load->receive_us && now_us >= load->pause_us;
}

/* When to ask again, if nothing happens until then. */
static uint64_t wake_us(const struct w2e_session_load_datagram *load, uint64_t now_us) {
    uint64_t at_us = w2e_ping_lost_us(&load->ping);
    if (!is_full(load)) {
        at_us = smaller(at_us, w2e_load_plan_wake_us(&load->plan, now_us));
    }
    if (!load->recv_out && now_us < load->receive_us) {
        at_us = smaller(at_us, load->receive_us);
    }
    return now_us < load->pause_us ? smaller(at_us, load->pause_us) : at_us;
}

static struct w2e_op lend_recv(struct w2e_session_load_datagram *load, uint64_t now_us) {
    struct w2e_op lent = op(W2E_OP_RECV);
    lent.data = load->incoming;
    lent.size = load->datagram_bytes;
    load->recv_out = true;
    lent.ask_again_us = wake_us(load, now_us);
    return lent;
}

static void fault(struct w2e_session_load_datagram *load, enum w2e_load_fault_kind kind, uint64_t number) {
    struct w2e_load_fault fault = {.connection = load->connection,
                                   .kind = kind,
                                   .offset = number,
                                   .found_connection = load->connection,
                                   .found_offset = number};
    load->sink->wrong(load->sink->owner, &fault);
}

static void answered(struct w2e_session_load_datagram *load, size_t bytes, uint64_t now_us) {
    uint64_t intended_us = load->ping.answered.intended_us;
    load->byte_us = now_us;
    load->sink->echoed(load->sink->owner, now_us - intended_us, bytes, intended_us >= load->config->measure_from_us);
    w2e_load_plan_answered(&load->plan, now_us);
}

static void came(struct w2e_session_load_datagram *load, size_t bytes, uint64_t now_us) {
    load->session.bytes_received += bytes;
    switch (w2e_ping_came(&load->ping, load->incoming, bytes, now_us)) { /* not reached: each verdict has its case */
    case W2E_PING_ANSWER:
        answered(load, bytes, now_us);
        break;
    case W2E_PING_CORRUPT:
        fault(load, W2E_LOAD_CORRUPT, load->ping.answered.sequence);
        break;
    case W2E_PING_FOREIGN:
        fault(load, W2E_LOAD_FOREIGN, 0);
        break;
    case W2E_PING_LATE:
    case W2E_PING_DUPLICATE:
        break;
    }
}

/* ---- failures ---- */

static bool is_unreachable(int error) {
    return error == W2E_ECONNRESET || error == W2E_ENETRESET;
}

static void failed(struct w2e_session_load_datagram *load, int error, uint64_t now_us) {
    if (is_unreachable(error)) {
        load->ping.progress.unreachable++; /* of an earlier datagram */
        load->sink->counted(load->sink->owner);
    } else if (error == W2E_ENOBUFS) {
        load->pause_us = now_us + PAUSE_US;
        w2e_load_plan_waits_for_else(&load->plan);
    } else {
        load_abort(&load->session, WS2ECHO_REASON_ERROR, error);
    }
}

static void received(struct w2e_session_load_datagram *load, int error, size_t bytes, uint64_t now_us) {
    if (load->session.reason != WS2ECHO_REASON_NONE) {
        return;
    }
    if (error == 0) {
        came(load, bytes, now_us);
    } else if (error == W2E_EMSGSIZE) { /* longer than any that was sent */
        load->ping.progress.corrupt++;
        fault(load, W2E_LOAD_CORRUPT, 0);
    } else {
        failed(load, error, now_us);
    }
}

/* What tells of an earlier datagram leaves this one to be sent. One that finds no room is lost, as datagrams may be. */
static void sent(struct w2e_session_load_datagram *load, int error, size_t bytes, uint64_t now_us) {
    if (!is_unreachable(error)) {
        load->unsent = 0;
    }
    if (error == 0) {
        load->session.bytes_sent += bytes;
        load->byte_us = now_us;
    } else {
        failed(load, error, now_us);
    }
}

/* ---- the session ---- */

static struct w2e_op wind_down(struct w2e_session_load_datagram *load) {
    if (load->recv_out || load->send_out) {
        bool again = load->cancel_lent;
        load->cancel_lent = true;
        return op(again ? W2E_OP_NONE : W2E_OP_CANCEL);
    }
    bool again = load->close_lent;
    load->close_lent = true;
    return op(again ? W2E_OP_NONE : W2E_OP_CLOSE);
}

static void open(struct w2e_session_load_datagram *load, uint64_t now_us) {
    load->opened = true;
    w2e_load_plan_opened(&load->plan, now_us);
    if (load->config->receive_delay_us > 0) {
        load->receive_us = w2e_load_deadline_us(now_us, load->config->receive_delay_us);
    }
}

/* Sees to what time alone does. */
static void pass_time(struct w2e_session_load_datagram *load, uint64_t now_us) {
    if (!load->opened) {
        open(load, now_us);
    }
    uint64_t lost = load->ping.progress.lost;
    w2e_ping_expire(&load->ping, now_us);
    if (load->ping.progress.lost != lost) {
        load->sink->counted(load->sink->owner);
    }
    if (load->ping.waiting_count == 0) {
        load->draining = false;
        if (load->unsent == 0 && w2e_load_plan_over(&load->plan, now_us)) {
            load_abort(&load->session, WS2ECHO_REASON_FIN, 0);
        }
    }
}

static struct w2e_op next_of_running(struct w2e_session_load_datagram *load, uint64_t now_us) {
    if (may_send(load, now_us)) {
        if (load->unsent == 0) {
            offer(load, now_us);
        }
        if (load->unsent > 0) {
            return lend_send(load);
        }
        load->draining = load->config->receives == W2E_RECEIVES_AFTER_SENT && turn_is_over(load, now_us);
    }
    if (may_receive(load, now_us)) {
        return lend_recv(load, now_us);
    }
    struct w2e_op none = op(W2E_OP_NONE);
    none.ask_again_us = wake_us(load, now_us);
    return none;
}

static struct w2e_op load_next(struct w2e_session *session, uint64_t now_us) {
    struct w2e_session_load_datagram *load = load_of(session);
    if (session->reason == WS2ECHO_REASON_NONE && session->buffer_size > 0) {
        pass_time(load, now_us);
    }
    if (session->reason != WS2ECHO_REASON_NONE) {
        return wind_down(load);
    }
    return session->buffer_size > 0 ? next_of_running(load, now_us) : op(W2E_OP_NONE);
}

static void give_back(struct w2e_session_load_datagram *load, enum w2e_op_kind kind) {
    if (kind == W2E_OP_RECV) {
        load->recv_out = false;
    } else {
        load->send_out = false;
    }
}

static void load_done(struct w2e_session *session, enum w2e_op_kind kind, int error, size_t bytes, uint64_t now_us) {
    struct w2e_session_load_datagram *load = load_of(session);
    give_back(load, kind);
    if (kind == W2E_OP_RECV) {
        received(load, error, bytes, now_us);
    } else {
        sent(load, error, bytes, now_us);
    }
}

static void load_undo(struct w2e_session *session, enum w2e_op_kind kind) {
    give_back(load_of(session), kind);
}

static size_t load_buffer_wanted(const struct w2e_session *session) {
    const struct w2e_session_load_datagram *load = (const struct w2e_session_load_datagram *)session;
    if (load->close_lent) {
        return 0;
    }
    bool lacks = session->buffer_size == 0 && session->reason == WS2ECHO_REASON_NONE;
    return lacks ? load->ping.options.window * sizeof *load->ping.waiting + 2 * load->datagram_bytes : session->buffer_size;
}

static unsigned char *load_buffer_swap(struct w2e_session *session, unsigned char *buffer, size_t size) {
    struct w2e_session_load_datagram *load = load_of(session);
    unsigned char *old = load->buffer;
    load->buffer = buffer;
    load->ping.waiting = (struct w2e_ping_waiting *)(void *)buffer;
    if (buffer != NULL) {
        load->incoming = buffer + load->ping.options.window * sizeof *load->ping.waiting;
        load->outgoing = load->incoming + load->datagram_bytes;
    }
    session->buffer_size = size;
    return old;
}

static const struct w2e_session_ops load_ops = {.next = load_next,
                                                .done = load_done,
                                                .undo = load_undo,
                                                .abort = load_abort,
                                                .buffer_wanted = load_buffer_wanted,
                                                .buffer_swap = load_buffer_swap};

/* ---- begin ---- */

static uint32_t bytes_at(const void *owner, uint64_t sequence) {
    const struct w2e_load_plan *plan = owner;
    return w2e_load_plan_bytes_at(plan, sequence);
}

static uint32_t window_of(const struct w2e_load_config *config, size_t datagram_bytes) {
    uint64_t depth = config->depth > 0 ? config->depth : W2E_PING_WINDOW_MAX;
    uint64_t held = config->window_bytes / datagram_bytes;
    uint64_t window = smaller(smaller(depth, held), W2E_PING_WINDOW_MAX);
    return window > 0 ? (uint32_t)window : 1;
}

void w2e_session_load_datagram_init(struct w2e_session_load_datagram *load, const struct w2e_load_config *config,
                                    const struct w2e_load_sink *sink, uint32_t connection, uint64_t phase_us) {
    *load =
        (struct w2e_session_load_datagram){.session.ops = &load_ops, .config = config, .sink = sink, .connection = connection};
    w2e_load_plan_init(&load->plan, config, connection, phase_us, DATAGRAM_BYTES_MIN);
    load->datagram_bytes = (size_t)smaller(w2e_load_plan_largest(&load->plan), DATAGRAM_BYTES_MAX);
    ws2echo_ping_options options = {.datagram_bytes = (uint32_t)load->datagram_bytes,
                                    .datagrams = W2E_NEVER,
                                    .window = window_of(config, load->datagram_bytes)};
    w2e_ping_begin(&load->ping, &options, config->seed ^ ((uint64_t)connection + 1) << 32, NULL);
    load->ping.bytes_at = bytes_at;
    load->ping.bytes_owner = &load->plan;
    /* Where nothing is received, nothing is waited for: each is lost at once. */
    load->ping.reply_timeout_us = config->receives == W2E_RECEIVES_NEVER ? 0 : config->reply_timeout_us;
}
