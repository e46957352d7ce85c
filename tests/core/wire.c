#include "wire.h"

#include "check.h"
#include "codes.h"
#include "fit_buffer.h"

#include <string.h>

/* More calls of next than any run needs that does not go round in circles. */
enum { ASKED_MAX = 4000000 };

uint64_t wire_random(struct wire *wire, uint64_t limit) {
    wire->random = wire->random * 6364136223846793005u + 1442695040888963407u;
    return (wire->random >> 33) % limit;
}

unsigned char wire_said[SAID];

static void fill_said(void) {
    for (unsigned i = 0; i < SAID && wire_said[SAID - 1] == 0; i++) {
        wire_said[i] = (unsigned char)(i * 31 + i / 256);
    }
}

static void touched(void *owner, const struct w2e_fault_verdict *verdict) {
    struct wire *wire = owner;
    CHECK(wire->verdict_count < WIRE_VERDICTS_MAX);
    wire->verdicts[wire->verdict_count++] = *verdict;
}

struct wire *wire_new(enum wire_family family, const unsigned char *said, size_t size) {
    struct wire *wire = calloc(1, sizeof *wire);
    fill_said();
    wire->family = family;
    wire->said = said;
    wire->random = 1;
    wire->now_us = WIRE_START_US;
    wire->fin_us = W2E_NEVER;
    wire->heard = calloc(size + 1, 1);
    wire->heard_us = calloc(size + 1, sizeof *wire->heard_us);
    wire->piece_of = calloc(size + 1, sizeof *wire->piece_of);
    w2e_faults_init(&wire->rules, 0);
    return wire;
}

void wire_free(struct wire *wire) {
    if (!wire->closed) {
        w2e_session_abort(wire->session, WS2ECHO_REASON_STOPPED, 0);
        wire_run(wire, wire->now_us + 1000);
    }
    CHECK(wire->closed);
    free(w2e_session_buffer_swap(wire->session, NULL, 0));
    free(wire->heard);
    free(wire->heard_us);
    free(wire->piece_of);
    free(wire);
}

void wire_rule(struct wire *wire, const char *text) {
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    if (!w2e_fault_parse(&rule, text, &error)) {
        fprintf(stderr, "%s: %s\n", text, error.text);
        exit(1);
    }
    CHECK(w2e_faults_add(&wire->rules, &rule, 0) != 0);
}

void wire_open(struct wire *wire, uint64_t seed, uint64_t number, const struct w2e_echo_config *config) {
    static const struct w2e_echo_config no_limits = {
        .buffer_bytes_max = 256 * 1024, .idle_timeout_us = W2E_NEVER, .send_timeout_us = W2E_NEVER};
    struct w2e_fault_connection connection = {.target = {.number = number, .peer = {.family = 4, .bytes = {127, 0, 0, 1}}},
                                              .opened_us = wire->now_us,
                                              .observer = {.owner = wire, .touched = touched}};
    wire->rules.seed = seed;
    wire->session = &wire->echo.session;
    w2e_session_echo_init(&wire->echo, config != NULL ? config : &no_limits, wire->now_us);
    w2e_session_faults_attach(&wire->faults, &wire->echo, &connection, &wire->rules, wire->now_us);
}

void wire_say(struct wire *wire, uint64_t time_us, size_t end) {
    CHECK(wire->arrival_count < WIRE_ARRIVALS_MAX);
    wire->arrivals[wire->arrival_count++] = (struct wire_arrival){.time_us = time_us, .end = end};
}

/* ---- the client ---- */

static size_t arrived(const struct wire *wire) {
    size_t end = 0;
    for (unsigned i = 0; i < wire->arrival_count && wire->arrivals[i].time_us <= wire->now_us; i++) {
        end = wire->arrivals[i].end;
    }
    return end;
}

static uint64_t next_arrival_us(const struct wire *wire) {
    for (unsigned i = 0; i < wire->arrival_count; i++) {
        if (wire->arrivals[i].time_us > wire->now_us) {
            return wire->arrivals[i].time_us;
        }
    }
    return wire->fin_us > wire->now_us ? wire->fin_us : W2E_NEVER;
}

static bool readable(const struct wire *wire) {
    return arrived(wire) > wire->taken || wire->fin_us <= wire->now_us;
}

static void sees_end(struct wire *wire, enum wire_end end) {
    if (wire->end == WIRE_OPEN) {
        wire->end = end;
        wire->end_us = wire->now_us;
    }
    if (wire->answers_fin && end == WIRE_FIN && wire->fin_us > wire->now_us) {
        while (wire->arrival_count > 0 && wire->arrivals[wire->arrival_count - 1].time_us > wire->now_us) {
            wire->arrival_count--;
        }
        wire->fin_us = wire->now_us;
    }
}

/* ---- moving bytes ---- */

static size_t portion(struct wire *wire, size_t most) {
    return wire->rough && wire_random(wire, 2) == 0 ? 1 + (size_t)wire_random(wire, most) : most;
}

static void do_recv(struct wire *wire, const struct w2e_op *op) {
    size_t left = arrived(wire) - wire->taken;
    size_t count = left > 0 ? portion(wire, left < op->size ? left : op->size) : 0;
    if (count > 0) {
        memcpy(op->data, wire->said + wire->taken, count);
    }
    wire->taken += count;
    wire->recv.kind = W2E_OP_NONE;
    w2e_session_done(wire->session, W2E_OP_RECV, 0, count, wire->now_us);
}

static void do_send(struct wire *wire, const struct w2e_op *op) {
    size_t count = portion(wire, op->size);
    CHECK(wire->end == WIRE_OPEN);
    CHECK(wire->heard_size + count <= wire->taken);
    memcpy(wire->heard + wire->heard_size, op->data, count);
    for (size_t i = 0; i < count; i++) {
        wire->heard_us[wire->heard_size + i] = wire->now_us;
        wire->piece_of[wire->heard_size + i] = wire->pieces;
    }
    wire->heard_size += count;
    wire->pieces++;
    wire->send.kind = W2E_OP_NONE;
    w2e_session_done(wire->session, W2E_OP_SEND, 0, count, wire->now_us);
}

static uint64_t delay_us(struct wire *wire) {
    return wire->rough && wire_random(wire, 3) == 0 ? wire_random(wire, 400) : 0;
}

static uint64_t ready_us(struct wire *wire) {
    return wire->takes_nothing ? W2E_NEVER : wire->now_us + delay_us(wire);
}

/* ---- what all drivers do ---- */

static struct w2e_op next(struct wire *wire) {
    fit_buffer(wire->session);
    CHECK(++wire->asked < ASKED_MAX);
    struct w2e_op op = w2e_session_next(wire->session, wire->now_us);
    bool moves = op.kind == W2E_OP_RECV || op.kind == W2E_OP_SEND;
    CHECK(!moves || (op.size > 0 && op.ends == NULL));
    CHECK(op.kind != W2E_OP_RECV || wire->recv.kind == W2E_OP_NONE);
    CHECK(op.kind != W2E_OP_SEND || wire->send.kind == W2E_OP_NONE);
    CHECK(op.kind != W2E_OP_CANCEL || wire->recv.kind != W2E_OP_NONE || wire->send.kind != W2E_OP_NONE);
    wire->ask_us = op.ask_again_us;
    return op;
}

static void wind_down(struct wire *wire, const struct w2e_op *op) {
    if (op->kind == W2E_OP_CLOSE) {
        CHECK(wire->recv.kind == W2E_OP_NONE && wire->send.kind == W2E_OP_NONE);
        wire->closed = true;
        wire->closed_us = wire->now_us;
    } else {
        CHECK(op->kind == W2E_OP_SHUTDOWN || op->kind == W2E_OP_RESET);
        CHECK(wire->send.kind == W2E_OP_NONE);
        sees_end(wire, op->kind == W2E_OP_RESET ? WIRE_RESET : WIRE_FIN);
        w2e_session_done(wire->session, op->kind, 0, 0, wire->now_us);
    }
}

/* Moves the clock to the next event: false if that is the end of the run. */
static bool sleep_until(struct wire *wire, uint64_t event_us, uint64_t until_us) {
    if (event_us > until_us) {
        wire->now_us = until_us;
        return false;
    }
    CHECK(event_us > wire->now_us); /* else the driver would go round in circles */
    wire->now_us = event_us;
    return true;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t later_than_now(const struct wire *wire, uint64_t time_us) {
    return time_us > wire->now_us ? time_us : W2E_NEVER;
}

/* ---- blocking ---- */

/* Waits for the peer, as select does: false when it is time to ask again, or the run ends. */
static bool block(struct wire *wire, const struct w2e_op *op, uint64_t until_us, bool *going_on) {
    uint64_t send_us = op->kind == W2E_OP_SEND ? ready_us(wire) : 0;
    while (op->kind == W2E_OP_SEND ? send_us > wire->now_us : !readable(wire)) {
        uint64_t peer_us = op->kind == W2E_OP_SEND ? send_us : next_arrival_us(wire);
        *going_on = sleep_until(wire, smaller(peer_us, op->ask_again_us), until_us);
        if (!*going_on || wire->now_us >= op->ask_again_us) {
            return false;
        }
    }
    return true;
}

static void transfer(struct wire *wire, const struct w2e_op *op, uint64_t until_us, bool *going_on) {
    if (!block(wire, op, until_us, going_on)) {
        w2e_session_undo(wire->session, op->kind);
    } else if (op->kind == W2E_OP_RECV) {
        do_recv(wire, op);
    } else {
        do_send(wire, op);
    }
}

static bool step_blocking(struct wire *wire, uint64_t until_us) {
    bool going_on = true;
    struct w2e_op op = next(wire);
    if (op.kind == W2E_OP_NONE) {
        return sleep_until(wire, op.ask_again_us, until_us);
    }
    if (op.kind == W2E_OP_RECV || op.kind == W2E_OP_SEND) {
        transfer(wire, &op, until_us, &going_on);
    } else {
        wind_down(wire, &op);
    }
    return going_on;
}

/* ---- readiness ---- */

static void try_send(struct wire *wire, const struct w2e_op *op) {
    if (wire->send.kind == W2E_OP_NONE) {
        wire->send_ready_us = ready_us(wire);
    }
    wire->send = *op;
    if (wire->send_ready_us <= wire->now_us) {
        do_send(wire, op);
    }
}

static bool serve_readiness(struct wire *wire, const struct w2e_op *op) {
    switch (op->kind) {
    case W2E_OP_RECV:
        if (readable(wire)) {
            do_recv(wire, op);
            return true;
        }
        w2e_session_undo(wire->session, W2E_OP_RECV);
        return false;
    case W2E_OP_SEND:
        try_send(wire, op);
        return true;
    case W2E_OP_CANCEL:
        if (wire->send.kind == W2E_OP_SEND) {
            wire->send.kind = W2E_OP_NONE;
            w2e_session_undo(wire->session, W2E_OP_SEND);
        }
        return true;
    case W2E_OP_NONE:
        return false;
    case W2E_OP_CONNECT:
    case W2E_OP_SHUTDOWN:
    case W2E_OP_RESET:
    case W2E_OP_CLOSE:
        break;
    }
    wind_down(wire, op);
    return true;
}

static bool step_readiness(struct wire *wire, uint64_t until_us) {
    if (wire->send.kind == W2E_OP_SEND && wire->send_ready_us <= wire->now_us) {
        struct w2e_op pending = wire->send;
        do_send(wire, &pending);
    }
    struct w2e_op op = next(wire);
    if (serve_readiness(wire, &op)) {
        return true;
    }
    uint64_t send_us = wire->send.kind == W2E_OP_SEND ? wire->send_ready_us : W2E_NEVER;
    uint64_t peer_us = op.kind == W2E_OP_RECV ? next_arrival_us(wire) : W2E_NEVER;
    return sleep_until(wire, smaller(smaller(send_us, peer_us), wire->ask_us), until_us);
}

/* ---- completion ---- */

static void cancel_all(struct wire *wire) {
    if (wire->recv.kind == W2E_OP_RECV) {
        wire->recv.kind = W2E_OP_NONE;
        w2e_session_done(wire->session, W2E_OP_RECV, W2E_OPERATION_ABORTED, 0, wire->now_us);
    }
    if (wire->send.kind == W2E_OP_SEND) {
        wire->send.kind = W2E_OP_NONE;
        w2e_session_done(wire->session, W2E_OP_SEND, W2E_OPERATION_ABORTED, 0, wire->now_us);
    }
}

static bool recv_completed(const struct wire *wire) {
    return wire->recv.kind == W2E_OP_RECV && wire->recv_ready_us <= wire->now_us && readable(wire);
}

static bool send_completed(const struct wire *wire) {
    return wire->send.kind == W2E_OP_SEND && wire->send_ready_us <= wire->now_us;
}

static bool collect(struct wire *wire) {
    bool send_first = wire->rough && wire_random(wire, 2) == 0;
    struct w2e_op op;
    if (send_completed(wire) && (send_first || !recv_completed(wire))) {
        op = wire->send;
        do_send(wire, &op);
    } else if (recv_completed(wire)) {
        op = wire->recv;
        do_recv(wire, &op);
    } else {
        return false;
    }
    return true;
}

static void start(struct wire *wire, const struct w2e_op *op) {
    if (op->kind == W2E_OP_RECV) {
        wire->recv = *op;
        wire->recv_ready_us = wire->now_us + delay_us(wire);
    } else {
        wire->send = *op;
        wire->send_ready_us = ready_us(wire);
    }
}

/* Asks until the session has to wait. */
static void serve_completion(struct wire *wire) {
    while (!wire->closed) {
        struct w2e_op op = next(wire);
        if (op.kind == W2E_OP_NONE) {
            return;
        }
        if (op.kind == W2E_OP_RECV || op.kind == W2E_OP_SEND) {
            start(wire, &op);
        } else if (op.kind == W2E_OP_CANCEL) {
            cancel_all(wire);
        } else {
            wind_down(wire, &op);
        }
    }
}

static bool step_completion(struct wire *wire, uint64_t until_us) {
    serve_completion(wire);
    if (wire->closed || collect(wire)) {
        return true;
    }
    uint64_t event_us = wire->ask_us;
    if (wire->recv.kind == W2E_OP_RECV) {
        uint64_t ready = readable(wire) ? wire->recv_ready_us : next_arrival_us(wire);
        event_us = smaller(event_us, later_than_now(wire, ready));
    }
    if (wire->send.kind == W2E_OP_SEND) {
        event_us = smaller(event_us, wire->send_ready_us);
    }
    return sleep_until(wire, event_us, until_us);
}

void wire_run(struct wire *wire, uint64_t until_us) {
    static bool (*const steps[WIRE_FAMILIES])(struct wire *, uint64_t) = {step_blocking, step_readiness, step_completion};
    bool going_on = true;
    while (going_on && !wire->closed) {
        going_on = steps[wire->family](wire, until_us);
    }
}

/* ---- to write tests briefly ---- */

struct wire *wire_with(unsigned family, const char *rule) {
    struct wire *wire = wire_new((enum wire_family)family, wire_said, SAID);
    if (rule != NULL) {
        wire_rule(wire, rule);
    }
    return wire;
}

struct wire *wire_begin(unsigned family, const char *rule, size_t end) {
    struct wire *wire = wire_with(family, rule);
    wire_open(wire, 7, 1, NULL);
    if (end > 0) {
        wire_say(wire, START, end);
    }
    return wire;
}

struct wire *wire_begin_with_fin(unsigned family, const char *rule, size_t end) {
    struct wire *wire = wire_begin(family, rule, end);
    wire->fin_us = START + 1;
    return wire;
}

void wire_update(struct wire *wire) {
    w2e_session_faults_update(&wire->faults, &wire->rules, wire->now_us);
}

void wire_take(struct wire *wire, bool takes) {
    wire->takes_nothing = !takes;
    wire->send_ready_us = takes ? wire->now_us : W2E_NEVER;
}

void wire_expect_heard(const struct wire *wire, size_t size) {
    CHECK(wire->heard_size == size);
    CHECK(memcmp(wire->heard, wire->said, size) == 0);
}

void wire_expect_verdict(const struct wire *wire, enum w2e_fault_kind kind, uint64_t place) {
    const struct w2e_fault_summary *summary = w2e_session_faults_summary(&wire->faults);
    CHECK(wire->verdict_count == 1);
    CHECK(wire->verdicts[0].kind == kind && wire->verdicts[0].place == place);
    CHECK(wire->verdicts[0].rule_id == 1 && wire->verdicts[0].connection == 1);
    CHECK(summary->count == 1 && summary->kinds == 1u << kind);
}

void wire_expect_ended_by(const struct wire *wire, uint32_t rule_id) {
    CHECK(w2e_session_faults_summary(&wire->faults)->ended_by == rule_id);
}
