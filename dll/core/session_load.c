#include "session_load.h"

#include "codes.h"

#include <string.h>

enum {
    RECV_BYTES_MIN = 256,
    WINDOW_PARTS = 4, /* pieces are a part of the window at least, lest ever smaller ones chase each other (RFC 813) */
    EVIDENCE_BYTES = 64,
    EVIDENCE_US = 200 * 1000 /* after a wrong byte, so long is waited for those that tell what it is */
};

_Static_assert((size_t)EVIDENCE_BYTES >= (size_t)W2E_PATTERN_LOCATE_BYTES && EVIDENCE_BYTES <= RECV_BYTES_MIN,
               "enough to tell, and room for it");

static struct w2e_session_load *load_of(struct w2e_session *session) {
    return (struct w2e_session_load *)session;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static struct w2e_op op(enum w2e_op_kind kind) {
    return (struct w2e_op){.kind = kind, .ask_again_us = W2E_NEVER};
}

static bool ended(const struct w2e_session_load *load) {
    return load->session.reason != WS2ECHO_REASON_NONE;
}

static void end(struct w2e_session_load *load, enum ws2echo_reason reason, int error) {
    load->session.reason = reason;
    load->session.error = error;
}

static void end_by_reset(struct w2e_session_load *load, enum ws2echo_reason reason, int error) {
    end(load, reason, error);
    load->reset_due = load->stage != W2E_LOAD_CONNECTING;
}

/* ---- what is due ---- */

static uint64_t in_flight(const struct w2e_session_load *load) {
    return load->offered - load->received;
}

static bool has_unsent(const struct w2e_session_load *load) {
    return load->unsent_begin < load->unsent_end;
}

/* Whether messages wait for their answers: else what comes is thrown away, or is no answer. */
static bool has_answers(const struct w2e_session_load *load) {
    return load->messages_max > 0;
}

static bool receives_now(const struct w2e_session_load *load) {
    return load->config->receives == W2E_RECEIVES_START || load->draining || !load->config->sends ||
           load->stage == W2E_LOAD_FINISHING;
}

/* Whether the peer is to do something. */
static bool waits_for_peer(const struct w2e_session_load *load) {
    return has_unsent(load) || (in_flight(load) > 0 && receives_now(load));
}

static uint64_t timed_deadline_us(const struct w2e_session_load *load) {
    const struct w2e_load_config *config = load->config;
    if (load->evidence > 0) {
        return load->evidence_us;
    }
    switch (load->stage) { /* not reached: each stage has its case */
    case W2E_LOAD_CONNECTING:
        return load->connect_out ? w2e_load_deadline_us(load->connect_us, config->connect_timeout_us) : W2E_NEVER;
    case W2E_LOAD_FINISHING:
        return load->finish_us;
    case W2E_LOAD_RUNNING:
        break;
    }
    return waits_for_peer(load) ? w2e_load_deadline_us(larger(load->moved_us, load->receive_us), config->reply_timeout_us)
                                : W2E_NEVER;
}

/* When the peer has had its time. */
static uint64_t deadline_us(const struct w2e_session_load *load) {
    return load->untimed ? W2E_NEVER : timed_deadline_us(load);
}

static void set_untimed(struct w2e_session_load *load) {
    load->untimed = load->stage == W2E_LOAD_RUNNING && load->evidence == 0 && load->config->reply_timeout_us == W2E_NEVER;
}

/* When to ask again, if nothing happens until then. */
static uint64_t wake_us(const struct w2e_session_load *load, uint64_t now_us) {
    uint64_t at_us = deadline_us(load);
    if (!load->recv_out && now_us < load->receive_us && receives_now(load)) {
        at_us = smaller(at_us, load->receive_us);
    }
    if (load->stage == W2E_LOAD_RUNNING && load->evidence == 0 && load->message_left == 0) {
        at_us = smaller(at_us, w2e_load_plan_wake_us(&load->plan, now_us));
    }
    return at_us;
}

/* ---- faults ---- */

static void fault(struct w2e_session_load *load, struct w2e_load_fault *fault) {
    fault->connection = load->connection;
    fault->offset = load->received;
    load->sink->wrong(load->sink->owner, fault);
    end_by_reset(load, WS2ECHO_REASON_ERROR, 0);
}

static void end_early(struct w2e_session_load *load) {
    struct w2e_load_fault early = {.kind = W2E_LOAD_EARLY_END,
                                   .missing_bytes = in_flight(load),
                                   .found_connection = load->connection,
                                   .found_offset = load->received};
    fault(load, &early);
}

static enum w2e_load_fault_kind kind_of(enum w2e_wrong wrong) {
    switch (wrong) { /* not reached: each kind has its case */
    case W2E_WRONG_MISSING:
        return W2E_LOAD_MISSING;
    case W2E_WRONG_REPEATED:
        return W2E_LOAD_REPEATED;
    case W2E_WRONG_FOREIGN:
        return W2E_LOAD_FOREIGN;
    case W2E_WRONG_CORRUPT:
        break;
    }
    return W2E_LOAD_CORRUPT;
}

/* Says what the evidence is evidence of. */
static void conclude(struct w2e_session_load *load) {
    struct w2e_load_fault wrong = {.actual = load->recv_span[0]};
    wrong.kind = kind_of(w2e_pattern_diagnose(&load->pattern, load->received, load->recv_span, load->evidence,
                                              load->config->connections, &wrong.found_connection, &wrong.found_offset));
    if (in_flight(load) == 0) {
        wrong.kind = W2E_LOAD_EXCESS;
    }
    w2e_pattern_fill(&load->pattern, load->received, &wrong.expected, 1);
    fault(load, &wrong);
}

/* Where a wrong byte comes from shows only with some of those that follow it, which may not have come yet. */
static void add_evidence(struct w2e_session_load *load, size_t bytes) {
    load->evidence += bytes;
    set_untimed(load);
    if (load->evidence >= EVIDENCE_BYTES) {
        conclude(load);
    }
}

/* A fault that was found comes first, though it is not known yet what it is. */
static void load_abort(struct w2e_session *session, enum ws2echo_reason reason, int error) {
    struct w2e_session_load *load = load_of(session);
    if (ended(load)) {
        return;
    }
    if (load->evidence > 0) {
        conclude(load);
    } else {
        end_by_reset(load, reason, error);
    }
}

/* ---- sending ---- */

static uint64_t room(const struct w2e_session_load *load) {
    uint64_t used = in_flight(load);
    return used < load->config->window_bytes ? load->config->window_bytes - used : 0;
}

/* How much room the next part of a message needs: a message is sent as a whole if the window can hold it. */
static uint64_t room_needed(const struct w2e_session_load *load, uint64_t bytes) {
    return bytes <= load->config->window_bytes ? bytes : load->piece_bytes;
}

/* Whether there is no room for the next message. */
static bool is_full(const struct w2e_session_load *load) {
    return (has_answers(load) && load->waiting == load->messages_max) || room(load) < room_needed(load, load->plan.next_bytes);
}

static bool begin_message(struct w2e_session_load *load, uint64_t now_us) {
    if (!w2e_load_plan_may_begin(&load->plan, !is_full(load), now_us)) {
        return false;
    }
    uint32_t bytes = load->plan.next_bytes;
    if (has_answers(load)) {
        uint32_t place = load->first + load->waiting++;
        place = place < load->messages_max ? place : place - load->messages_max;
        load->messages[place].end = load->offered + bytes;
        load->messages[place].intended_us = w2e_load_plan_begin(&load->plan, now_us);
    } else {
        w2e_load_plan_begin(&load->plan, now_us);
    }
    load->message_left = bytes;
    return true;
}

/* The part of the message that goes into so much space: 0 if it has to wait for room. */
static size_t next_piece(const struct w2e_session_load *load, size_t space) {
    uint64_t room_now = room(load);
    if (room_now < smaller(load->message_left, load->piece_bytes)) {
        return 0;
    }
    return (size_t)smaller(smaller(load->message_left, room_now), space);
}

/* Fills the span with what may be sent now. From here on it is in flight. */
static void offer(struct w2e_session_load *load, uint64_t now_us) {
    uint64_t offset = load->offered;
    size_t size = 0;
    if (in_flight(load) == 0) {
        load->moved_us = now_us;
    }
    while (size < load->send_bytes && (load->message_left > 0 || begin_message(load, now_us))) {
        size_t piece = next_piece(load, load->send_bytes - size);
        if (piece == 0) {
            break;
        }
        size += piece;
        load->message_left -= piece;
        load->offered += piece;
    }
    if (size > 0) {
        w2e_pattern_fill(&load->pattern, offset, load->send_span, size);
    }
    if (!has_answers(load)) {
        load->received = load->offered;
    }
    load->unsent_begin = 0;
    load->unsent_end = size;
}

/* Whether all was offered that may be: it is the turn of the answers, if they go by turns. */
static bool turn_is_over(const struct w2e_session_load *load, uint64_t now_us) {
    bool time_matters = w2e_load_plan_wake_us(&load->plan, now_us) != W2E_NEVER;
    return in_flight(load) > 0 && (load->message_left > 0 || !time_matters || is_full(load));
}

static bool may_send(const struct w2e_session_load *load) {
    return load->config->sends && !load->send_out && !load->draining && load->evidence == 0;
}

static struct w2e_op lend_send(struct w2e_session_load *load) {
    struct w2e_op lent = op(W2E_OP_SEND);
    lent.data = load->send_span + load->unsent_begin;
    lent.size = load->unsent_end - load->unsent_begin;
    lent.ask_again_us = deadline_us(load);
    load->send_out = true;
    w2e_load_plan_waits_for_else(&load->plan); /* for the peer to take it */
    return lent;
}

static void sent(struct w2e_session_load *load, size_t bytes, uint64_t now_us) {
    load->unsent_begin += bytes;
    load->session.bytes_sent += bytes;
    load->moved_us = now_us;
    load->byte_us = now_us;
}

/* ---- receiving ---- */

static bool may_receive(const struct w2e_session_load *load, uint64_t now_us) {
    return !load->recv_out && receives_now(load) && now_us >= load->receive_us;
}

static struct w2e_op lend_recv(struct w2e_session_load *load, uint64_t now_us) {
    struct w2e_op lent = op(W2E_OP_RECV);
    lent.data = load->recv_span + load->evidence;
    lent.size = load->recv_bytes - load->evidence;
    load->recv_out = true;
    lent.ask_again_us = wake_us(load, now_us);
    return lent;
}

/* Tells of the messages that have come back. */
static void settle(struct w2e_session_load *load, uint64_t now_us) {
    while (load->waiting > 0 && load->messages[load->first].end <= load->received) {
        const struct w2e_load_message *message = &load->messages[load->first];
        load->sink->echoed(load->sink->owner, now_us - message->intended_us, message->end - load->answered,
                           message->intended_us >= load->config->measure_from_us);
        load->answered = message->end;
        load->first = load->first + 1 < load->messages_max ? load->first + 1 : 0;
        load->waiting--;
        w2e_load_plan_answered(&load->plan, now_us);
    }
}

/* FIN came. */
static void peer_finished(struct w2e_session_load *load) {
    if (load->evidence > 0) {
        conclude(load);
    } else if (load->stage == W2E_LOAD_FINISHING) {
        end(load, WS2ECHO_REASON_FIN, 0);
    } else if (!load->config->sends && load->config->bytes == W2E_NEVER) {
        end(load, WS2ECHO_REASON_FIN, 0);
        load->fin_due = load->config->finish == W2E_FINISH_FIN;
        load->reset_due = !load->fin_due;
    } else {
        end_early(load);
    }
}

static void check(struct w2e_session_load *load, size_t bytes, uint64_t now_us) {
    size_t due = (size_t)smaller(bytes, in_flight(load));
    size_t right = w2e_pattern_check(&load->pattern, load->received, load->recv_span, due);
    load->received += right;
    settle(load, now_us);
    if (right < bytes) {
        memmove(load->recv_span, load->recv_span + right, bytes - right);
        load->evidence_us = now_us + EVIDENCE_US;
        add_evidence(load, bytes - right);
    } else if (in_flight(load) == 0) {
        load->draining = false;
    }
}

static void received(struct w2e_session_load *load, size_t bytes, uint64_t now_us) {
    load->session.bytes_received += bytes;
    load->moved_us = now_us;
    load->byte_us = bytes > 0 ? now_us : load->byte_us;
    if (ended(load)) {
        return;
    }
    if (bytes == 0) {
        peer_finished(load);
    } else if (load->evidence > 0) {
        add_evidence(load, bytes);
    } else if (has_answers(load) || !load->config->sends) {
        check(load, bytes, now_us);
    }
}

/* ---- next ---- */

static struct w2e_op wind_down(struct w2e_session_load *load) {
    if (load->connect_out || load->recv_out || load->send_out) {
        bool again = load->cancel_lent;
        load->cancel_lent = true;
        return op(again ? W2E_OP_NONE : W2E_OP_CANCEL);
    }
    if (load->reset_due) {
        load->reset_due = false;
        return op(W2E_OP_RESET);
    }
    if (load->fin_due) {
        load->fin_due = false;
        return op(W2E_OP_SHUTDOWN);
    }
    bool again = load->close_lent;
    load->close_lent = true;
    return op(again ? W2E_OP_NONE : W2E_OP_CLOSE);
}

static struct w2e_op lend_connect(struct w2e_session_load *load, uint64_t now_us) {
    struct w2e_op lent = op(W2E_OP_NONE);
    if (!load->connect_out) {
        load->connect_out = true;
        load->connect_us = now_us;
        lent.kind = W2E_OP_CONNECT;
    }
    lent.ask_again_us = deadline_us(load);
    return lent;
}

/* Whether all is done: whatever will be sent was sent, and came back. */
static bool is_through(const struct w2e_session_load *load, uint64_t now_us) {
    if (load->evidence > 0) {
        return false;
    }
    if (!load->config->sends) {
        return in_flight(load) == 0 || now_us >= load->config->stop_us;
    }
    return in_flight(load) == 0 && load->message_left == 0 && !has_unsent(load) && w2e_load_plan_over(&load->plan, now_us);
}

static struct w2e_op finish(struct w2e_session_load *load, uint64_t now_us) {
    load->stage = W2E_LOAD_FINISHING;
    set_untimed(load);
    if (load->config->finish == W2E_FINISH_RESET) {
        end(load, WS2ECHO_REASON_RESET, 0);
        load->reset_due = true;
        return wind_down(load);
    }
    load->finish_us = w2e_load_deadline_us(now_us, load->config->finish_timeout_us);
    return op(W2E_OP_SHUTDOWN);
}

static struct w2e_op receive_or_wait(struct w2e_session_load *load, uint64_t now_us) {
    if (may_receive(load, now_us)) {
        return lend_recv(load, now_us);
    }
    struct w2e_op none = op(W2E_OP_NONE);
    none.ask_again_us = wake_us(load, now_us);
    return none;
}

static struct w2e_op next_of_running(struct w2e_session_load *load, uint64_t now_us) {
    if (may_send(load)) {
        if (!has_unsent(load)) {
            offer(load, now_us);
        }
        if (has_unsent(load)) {
            return lend_send(load);
        }
        if (load->config->receives == W2E_RECEIVES_AFTER_SENT && turn_is_over(load, now_us)) {
            load->draining = true;
            load->moved_us = now_us;
        }
    }
    return is_through(load, now_us) ? finish(load, now_us) : receive_or_wait(load, now_us);
}

static struct w2e_op load_next(struct w2e_session *session, uint64_t now_us) {
    struct w2e_session_load *load = load_of(session);
    if (!ended(load) && now_us >= deadline_us(load)) {
        load_abort(session, WS2ECHO_REASON_TIMEOUT, W2E_ETIMEDOUT);
    }
    if (ended(load)) {
        return wind_down(load);
    }
    if (load->stage == W2E_LOAD_CONNECTING) {
        return lend_connect(load, now_us);
    }
    if (session->buffer_size == 0) {
        return op(W2E_OP_NONE);
    }
    return load->stage == W2E_LOAD_RUNNING ? next_of_running(load, now_us) : receive_or_wait(load, now_us);
}

/* ---- done ---- */

static void connected(struct w2e_session_load *load, uint64_t now_us) {
    load->stage = W2E_LOAD_RUNNING;
    set_untimed(load);
    if (ended(load)) {
        load->reset_due = true;
        return;
    }
    load->moved_us = now_us;
    if (load->config->receive_delay_us > 0) {
        load->receive_us = w2e_load_deadline_us(now_us, load->config->receive_delay_us);
    }
    w2e_load_plan_opened(&load->plan, now_us);
    load->sink->connected(load->sink->owner, now_us - load->connect_us);
}

static void give_back(struct w2e_session_load *load, enum w2e_op_kind kind) {
    if (kind == W2E_OP_RECV) {
        load->recv_out = false;
    } else if (kind == W2E_OP_SEND) {
        load->send_out = false;
    } else if (kind == W2E_OP_CONNECT) {
        load->connect_out = false;
    }
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

static void load_done(struct w2e_session *session, enum w2e_op_kind kind, int error, size_t bytes, uint64_t now_us) {
    struct w2e_session_load *load = load_of(session);
    give_back(load, kind);
    if (error != 0) {
        /* Of SHUTDOWN, it tells that the peer has reset the connection; the RECV that follows will tell, too. */
        if (kind == W2E_OP_RECV || kind == W2E_OP_SEND || kind == W2E_OP_CONNECT) {
            load_abort(session, reason_of(error), error);
        }
    } else if (kind == W2E_OP_RECV) {
        received(load, bytes, now_us);
    } else if (kind == W2E_OP_SEND) {
        sent(load, bytes, now_us);
    } else if (kind == W2E_OP_CONNECT) {
        connected(load, now_us);
    }
}

static void load_undo(struct w2e_session *session, enum w2e_op_kind kind) {
    give_back(load_of(session), kind);
}

/* ---- the buffer ---- */

/* None before the connection is open: many may never be. */
static size_t load_buffer_wanted(const struct w2e_session *session) {
    const struct w2e_session_load *load = (const struct w2e_session_load *)session;
    if (load->close_lent) {
        return 0;
    }
    bool lacks = session->buffer_size == 0 && load->stage != W2E_LOAD_CONNECTING && !ended(load);
    return lacks ? load->messages_max * sizeof *load->messages + load->recv_bytes + load->send_bytes : session->buffer_size;
}

static unsigned char *load_buffer_swap(struct w2e_session *session, unsigned char *buffer, size_t size) {
    struct w2e_session_load *load = load_of(session);
    unsigned char *old = (unsigned char *)load->messages;
    load->messages = (struct w2e_load_message *)(void *)buffer;
    if (buffer != NULL) {
        load->recv_span = buffer + load->messages_max * sizeof *load->messages;
        load->send_span = load->recv_span + load->recv_bytes;
    }
    session->buffer_size = size;
    return old;
}

/* How many messages may be in flight: no more than the window can hold, if each is as small as can be. Of two the window may hold a part. */
static uint32_t most_messages(const struct w2e_session_load *load) {
    const struct w2e_load_config *config = load->config;
    if (!config->sends || config->receives == W2E_RECEIVES_NEVER) {
        return 0;
    }
    uint64_t depth = config->depth > 0 ? smaller(config->depth, W2E_LOAD_DEPTH_MAX) : W2E_LOAD_DEPTH_DEFAULT;
    uint64_t held = config->window_bytes / w2e_load_plan_smallest(&load->plan);
    uint64_t most = smaller(smaller(depth, config->messages), held > W2E_LOAD_DEPTH_MAX ? held : held + 2);
    return most > 0 ? (uint32_t)most : 1;
}

static void size_spans(struct w2e_session_load *load) {
    const struct w2e_load_config *config = load->config;
    uint64_t io_bytes = config->io_bytes_max > 0 ? config->io_bytes_max : W2E_LOAD_IO_BYTES;
    uint64_t largest = w2e_load_plan_largest(&load->plan);
    uint64_t most = config->sends ? smaller(config->window_bytes, config->bytes) : W2E_NEVER;
    if (has_answers(load)) {
        most = smaller(most, load->messages_max * largest);
    }
    most = most > 0 ? smaller(most, io_bytes) : 1;
    load->send_bytes = config->sends ? (size_t)most : 0;
    load->recv_bytes = (size_t)larger(most, RECV_BYTES_MIN);
    uint64_t part = config->window_bytes / WINDOW_PARTS;
    load->piece_bytes = part > 0 ? (size_t)smaller(part, io_bytes) : 1;
}

/* ---- begin ---- */

static const struct w2e_session_ops load_ops = {.next = load_next,
                                                .done = load_done,
                                                .undo = load_undo,
                                                .abort = load_abort,
                                                .buffer_wanted = load_buffer_wanted,
                                                .buffer_swap = load_buffer_swap};

void w2e_session_load_init(struct w2e_session_load *load, const struct w2e_load_config *config, const struct w2e_load_sink *sink,
                           uint32_t connection, uint64_t phase_us) {
    *load = (struct w2e_session_load){.session.ops = &load_ops, .config = config, .sink = sink, .connection = connection};
    w2e_load_plan_init(&load->plan, config, connection, phase_us, 1);
    w2e_pattern_init(&load->pattern, config->seed, connection);
    load->messages_max = most_messages(load);
    load->offered = config->sends ? 0 : config->bytes; /* by the peer */
    size_spans(load);
}
