/* Faults of TCP that change while something is out, or waits: what was lost stays lost, and what is out is called back once. */
#include "check.h"
#include "codes.h"
#include "wire.h"

#include <string.h>

/* ---- by hand ---- */

static struct w2e_session_echo echo;
static struct w2e_session_faults faults;
static struct w2e_fault_rules rules;
static struct w2e_session *const session = &echo.session;

static void add(const char *text) {
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    CHECK(w2e_fault_parse(&rule, text, &error) && w2e_faults_add(&rules, &rule, 0) != 0);
    w2e_session_faults_update(&faults, &rules, START);
}

/* An open session, whose RECV is out. */
static void begin(void) {
    static const struct w2e_echo_config config = {
        .buffer_bytes_max = 4096, .idle_timeout_us = W2E_NEVER, .send_timeout_us = W2E_NEVER};
    struct w2e_fault_connection connection = {.target.number = 1, .opened_us = START};
    w2e_faults_init(&rules, 1);
    w2e_session_echo_init(&echo, &config, START);
    free(w2e_session_buffer_swap(session, malloc(4096), 4096));
    w2e_session_faults_attach(&faults, &echo, &connection, &rules, START);
    CHECK(w2e_session_next(session, START).kind == W2E_OP_RECV);
}

static void expect(enum w2e_op_kind kind) {
    CHECK(w2e_session_next(session, START).kind == kind);
}

static void end_by_reset(void) {
    expect(W2E_OP_RESET);
    w2e_session_done(session, W2E_OP_RESET, 0, 0, START);
    expect(W2E_OP_CLOSE);
    free(w2e_session_buffer_swap(session, NULL, 0));
}

static void a_receive_is_called_back_once(void) {
    begin();
    add("never_read");
    expect(W2E_OP_CANCEL);
    expect(W2E_OP_NONE);
    w2e_session_done(session, W2E_OP_RECV, W2E_OPERATION_ABORTED, 0, START);
    CHECK(session->reason == WS2ECHO_REASON_NONE);
    expect(W2E_OP_NONE);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    end_by_reset();
}

static void what_fails_while_it_is_called_back_has_failed(void) {
    begin();
    add("never_read");
    expect(W2E_OP_CANCEL);
    w2e_session_done(session, W2E_OP_RECV, W2E_ECONNRESET, 0, START);
    CHECK(session->reason == WS2ECHO_REASON_RESET && session->error == W2E_ECONNRESET);
    end_by_reset();
}

static void what_is_called_back_when_all_ends_ends(void) {
    begin();
    add("never_read");
    expect(W2E_OP_CANCEL);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    w2e_session_done(session, W2E_OP_RECV, W2E_OPERATION_ABORTED, 0, START);
    CHECK(session->reason == WS2ECHO_REASON_STOPPED);
    end_by_reset();
}

/* Says so much, into whatever RECV is lent. */
static void say(size_t bytes) {
    struct w2e_op op = w2e_session_next(session, START);
    CHECK(op.kind == W2E_OP_RECV && op.size >= bytes);
    memset(op.data, 1, bytes);
    w2e_session_done(session, W2E_OP_RECV, 0, bytes, START);
}

/* Also what was sent since the session was last asked is told. */
static void an_abort_tells_what_has_happened(void) {
    for (int fails = 0; fails < 2; fails++) {
        begin();
        add("corrupt:at=2");
        w2e_session_undo(session, W2E_OP_RECV);
        say(3);
        expect(W2E_OP_SEND);
        w2e_session_done(session, W2E_OP_SEND, 0, fails ? 2 : 3, START);
        w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
        CHECK(w2e_session_faults_summary(&faults)->count == (fails ? 0 : 1));
        w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
        CHECK(w2e_session_faults_summary(&faults)->count == (fails ? 0 : 1));
        end_by_reset();
    }
}

static void a_buffer_that_grew_stays_large(void) {
    begin();
    w2e_session_undo(session, W2E_OP_RECV);
    free(w2e_session_buffer_swap(session, malloc(2048), 2048));
    add("latency:latency=5");
    say(2000);
    say(48);
    CHECK(w2e_session_buffer_wanted(session) == 4096); /* no more than it may have */
    free(w2e_session_buffer_swap(session, malloc(4096), 4096));
    expect(W2E_OP_RECV);
    CHECK(w2e_session_next(session, START + 5 * MS).size == 2048);
    w2e_session_done(session, W2E_OP_SEND, 0, 2048, START + 5 * MS);
    w2e_session_undo(session, W2E_OP_RECV);
    CHECK(w2e_session_buffer_wanted(session) == 4096);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    end_by_reset();
}

static void memory_for_faults_may_hold_anything(void) {
    memset(&faults, 0xA5, sizeof faults);
    begin();
    add("latency:latency=5");
    w2e_session_undo(session, W2E_OP_RECV);
    say(10);
    expect(W2E_OP_RECV);
    CHECK(w2e_session_next(session, START + 5 * MS).size == 10);
    w2e_session_done(session, W2E_OP_SEND, 0, 10, START + 5 * MS);
    CHECK(w2e_session_faults_summary(&faults)->count == 1 && w2e_session_faults_summary(&faults)->ended_by == 0);
    w2e_session_undo(session, W2E_OP_RECV);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    end_by_reset();
}

/* ---- on a wire ---- */

static void change(struct wire *wire, uint32_t id, const char *text) {
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    CHECK(w2e_fault_parse(&rule, text, &error) && w2e_faults_change(&wire->rules, id, &rule, 0));
    wire_update(wire);
}

static void who_is_down_waits_for_the_send_that_is_out(void) {
    struct wire *wire = wire_begin(WIRE_COMPLETION, NULL, 1000);
    wire_take(wire, false);
    wire_run(wire, START + 10 * MS);
    wire_rule(wire, "down");
    wire_update(wire);
    wire_run(wire, START + 20 * MS);
    CHECK(wire->end == WIRE_OPEN && wire->send.kind == W2E_OP_SEND);
    wire_take(wire, true);
    wire_run(wire, START + 30 * MS);
    wire_expect_heard(wire, 1000);
    CHECK(wire->end == WIRE_FIN && wire->end_us == START + 20 * MS);
    wire_free(wire);
}

/* A rule that becomes another kind, or touches the connection no longer, has gone; the id is no place to stay. */
static void a_rule_that_becomes_another_is_another(void) {
    static const char *const others[] = {"slow_close:delay=1", "latency:latency=5000,toxicity=0"};
    EACH_FAMILY(family) {
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            struct wire *wire = wire_begin(family, "latency:latency=5000", 1000);
            wire_run(wire, START + 30 * MS);
            CHECK(wire->heard_size == 0);
            change(wire, 1, others[i]);
            wire_run(wire, START + 40 * MS);
            wire_expect_heard(wire, 1000);
            wire_free(wire);
        }
    }
}

/* Conditions that a change adds are in force at once, for what the rule has not taken. */
static void a_rule_whose_conditions_hold_no_longer_rests(void) {
    static const char *const others[] = {"latency:latency=50@after_bytes=1000", "latency:latency=50@after_ms=100"};
    EACH_FAMILY(family) {
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            struct wire *wire = wire_begin(family, "latency:latency=50", 100);
            wire_run(wire, START + 10 * MS);
            change(wire, 1, others[i]);
            wire_say(wire, START + 20 * MS, 200);
            wire_say(wire, START + 80 * MS, 300);
            wire_say(wire, START + 120 * MS, 1100);
            wire_run(wire, START + SECOND);
            wire_expect_heard(wire, 1100);
            CHECK(wire->heard_us[0] == START + 50 * MS && wire->heard_us[199] == START + 50 * MS);
            CHECK(wire->heard_us[299] == START + 80 * MS && wire->heard_us[1099] == START + 170 * MS);
            CHECK(wire->heard_us[999] == START + (i == 0 ? 120u : 170u) * MS);
            wire_expect_verdict(wire, W2E_FAULT_latency, 0);
            wire_free(wire);
        }
    }
}

/* Where several rules leave a hole, the connection ends at the first; in whatever order they are removed. */
static void the_first_hole_ends_it(void) {
    static const char *const orders[][2] = {{"timeout@after_bytes=100", "timeout@after_bytes=200"},
                                            {"timeout@after_bytes=200", "timeout@after_bytes=100"}};
    EACH_FAMILY(family) {
        for (size_t i = 0; i < 2; i++) {
            struct wire *wire = wire_with(family, orders[i][0]);
            wire_rule(wire, orders[i][1]);
            wire_open(wire, 7, 1, NULL);
            wire_say(wire, START, 1000);
            wire_run(wire, START + 30 * MS);
            CHECK(w2e_faults_remove(&wire->rules, 1) && w2e_faults_remove(&wire->rules, 2));
            wire_update(wire);
            wire_run(wire, START + 40 * MS);
            wire_expect_heard(wire, 100);
            CHECK(wire->end == WIRE_FIN);
            wire_expect_ended_by(wire, i == 0 ? 1 : 2);
            wire_free(wire);
        }
    }
}

/* One that is removed later, and lies behind, changes nothing. */
static void the_first_hole_stays_the_first(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_with(family, "timeout@after_bytes=200");
        wire_rule(wire, "timeout@after_bytes=100");
        wire_rule(wire, "latency:latency=50");
        wire_open(wire, 7, 1, NULL);
        wire_say(wire, START, 1000);
        for (uint32_t id = 2; id >= 1; id--) {
            wire_run(wire, wire->now_us + 10 * MS);
            CHECK(wire->heard_size == 0 && w2e_faults_remove(&wire->rules, id));
            wire_update(wire);
        }
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 100);
        wire_expect_ended_by(wire, 2);
        wire_free(wire);
    }
}

/* What lies before a hole is sent first, however late. */
static void what_lies_before_a_hole_is_sent(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_with(family, "timeout@after_bytes=100");
        wire_rule(wire, "latency:latency=50");
        wire_open(wire, 7, 1, NULL);
        wire_say(wire, START, 1000);
        wire_run(wire, START + 10 * MS);
        CHECK(wire->heard_size == 0 && w2e_faults_remove(&wire->rules, 1));
        wire_update(wire);
        wire_run(wire, START + 20 * MS);
        CHECK(wire->heard_size == 0 && wire->end == WIRE_OPEN);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 100);
        CHECK(wire->end == WIRE_FIN && wire->end_us == START + 50 * MS);
        wire_free(wire);
    }
}

/* A changed rate is that of the bytes that come then. */
static void corruption_may_change_its_rate(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "corrupt:rate=0", 1000);
        wire_run(wire, START + 10 * MS);
        wire_expect_heard(wire, 1000);
        change(wire, 1, "corrupt:rate=1");
        wire_say(wire, START + 20 * MS, 6000); /* so many that each way to alter a byte is met */
        wire_run(wire, START + 30 * MS);
        CHECK(wire->heard_size == 6000 && memcmp(wire->heard, wire->said, 1000) == 0);
        for (size_t i = 1000; i < 6000; i++) {
            CHECK(wire->heard[i] != wire->said[i]);
        }
        wire_free(wire);
    }
}

/* … and not on what is past it, even if it stands behind others. */
static void a_rule_that_is_added_begins_with_what_has_not_passed(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "latency:latency=1", 500);
        wire_run(wire, START + 10 * MS);
        wire_expect_heard(wire, 500);
        wire_rule(wire, "stall");
        wire_update(wire);
        wire_say(wire, START + 20 * MS, 1000);
        wire_run(wire, START + 30 * MS);
        wire_expect_heard(wire, 500);
        CHECK(wire->verdict_count == 2 && wire->verdicts[1].rule_id == 2 && wire->verdicts[1].place == 500);
        wire_free(wire);
    }
}

static void an_end_by_a_fault_is_no_error(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "reset:at=100", 1000);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 100);
        CHECK(wire->closed && wire->session->reason == WS2ECHO_REASON_FAULT && wire->session->error == 0);
        wire_free(wire);
    }
}

/* … exactly: no byte more is waited for. */
static void a_limit_is_reached_by_its_last_byte(void) {
    static const char *const rules_of[] = {"limit_data:bytes=100", "fin:at=100", "reset:at=100"};
    EACH_FAMILY(family) {
        for (size_t i = 0; i < sizeof rules_of / sizeof rules_of[0]; i++) {
            struct wire *wire = wire_begin(family, rules_of[i], 99);
            wire_say(wire, START + 10 * MS, 100);
            wire_run(wire, START + 5 * MS);
            CHECK(wire->heard_size == 99 && wire->end == WIRE_OPEN);
            wire_run(wire, START + 20 * MS);
            wire_expect_heard(wire, 100);
            CHECK(wire->end == (i < 2 ? WIRE_FIN : WIRE_RESET) && wire->end_us == START + 10 * MS);
            wire_free(wire);
        }
    }
}

static void a_delay_of_nothing_is_not_told(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin_with_fin(family, "slow_close:delay=0", 10);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 10);
        CHECK(wire->closed && wire->end_us == START + 1 && wire->verdict_count == 0);
        wire_free(wire);
    }
}

/* The peer is not to blame for what it is not sent after FIN: it may go on for as long as it is not idle. */
static void half_a_connection_has_no_send_timeout(void) {
    struct w2e_echo_config config = {.buffer_bytes_max = 65536, .idle_timeout_us = 10 * SECOND, .send_timeout_us = 100 * MS};
    EACH_FAMILY(family) {
        struct wire *wire = wire_with(family, "fin:at=100");
        wire_open(wire, 1, 1, &config);
        wire_say(wire, START, 1000);
        wire_run(wire, START + 5 * SECOND);
        CHECK(wire->end == WIRE_FIN && !wire->closed);
        wire_run(wire, START + 11 * SECOND);
        CHECK(wire->closed);
        wire_free(wire);
    }
}

/* What keeps FIN for ever, or for long, does not keep off what comes later. */
static void a_fin_that_is_held_hides_no_other_end(void) {
    static const char *const first[] = {"limit_data:bytes=0", "fin:at=0", "timeout:timeout=100"};
    EACH_FAMILY(family) {
        for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
            struct wire *wire = wire_with(family, first[i]);
            wire_rule(wire, "reset_peer:timeout=1000");
            wire_open(wire, 7, 1, NULL);
            wire_say(wire, START + 10 * MS, 1);
            wire_run(wire, START + 10 * SECOND);
            CHECK(wire->end == WIRE_RESET && wire->end_us == START + SECOND);
            wire_expect_ended_by(wire, 2);
            wire_free(wire);
        }
        struct wire *wire = wire_with(family, "limit_data:bytes=3");
        wire_rule(wire, "slow_close:delay=3600000");
        wire_open(wire, 7, 1, NULL);
        wire_say(wire, START, 5);
        wire_run(wire, START + SECOND);
        CHECK(wire->end == WIRE_OPEN);
        wire_rule(wire, "down");
        wire_update(wire);
        wire_run(wire, START + 2 * SECOND);
        CHECK(wire->end == WIRE_FIN && wire->end_us == START + SECOND);
        wire_expect_ended_by(wire, 3);
        wire_free(wire);
    }
}

/* Nothing follows behind the hole, and the end still comes. */
static void an_end_that_is_decided_stands(void) {
    static const char *const both[][2] = {{"limit_data:bytes=100", "limit_data:bytes=1000"}, {"fin:at=100", "fin:at=1000"}};
    EACH_FAMILY(family) {
        for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
            struct wire *wire = wire_with(family, both[i][0]);
            wire_rule(wire, "slow_close:delay=5000");
            wire_open(wire, 7, 1, NULL);
            wire_say(wire, START, 300);
            wire_run(wire, START + SECOND);
            change(wire, 1, both[i][1]);
            wire_say(wire, START + 2 * SECOND, 350);
            wire_run(wire, START + 20 * SECOND);
            wire_expect_heard(wire, 100);
            CHECK(wire->end == WIRE_FIN && wire->end_us == START + 5 * SECOND);
            wire_free(wire);
        }
        struct wire *wire = wire_with(family, "latency:latency=50,stream=upstream");
        wire_rule(wire, "reset:at=100");
        wire_rule(wire, "latency:latency=5000");
        wire_open(wire, 7, 1, NULL);
        wire_say(wire, START, 300);
        wire_run(wire, START + SECOND);
        change(wire, 2, "reset:at=1000");
        wire_run(wire, START + 20 * SECOND);
        wire_expect_heard(wire, 100);
        CHECK(wire->end == WIRE_RESET);
        wire_free(wire);
    }
}

/* The other half is the peer's for as long as it uses it; what comes is counted, and echoed no more. */
static void a_half_that_is_used_stays_open(void) {
    struct w2e_echo_config config = {.buffer_bytes_max = 65536, .idle_timeout_us = 100 * MS, .send_timeout_us = W2E_NEVER};
    EACH_FAMILY(family) {
        struct wire *wire = wire_with(family, "fin:at=3");
        wire_open(wire, 1, 1, &config);
        for (unsigned i = 0; i < 20; i++) {
            wire_say(wire, START + i * 60 * MS, 3 + i);
        }
        wire_run(wire, START + 19 * 60 * MS + 99 * MS);
        wire_expect_heard(wire, 3);
        CHECK(wire->end == WIRE_FIN && wire->end_us == START && !wire->closed);
        CHECK(wire->taken == 22 && wire->session->bytes_received == 22);
        wire_run(wire, wire->now_us + SECOND);
        CHECK(wire->closed && wire->closed_us == START + 19 * 60 * MS + 100 * MS);
        wire_free(wire);
    }
}

static void a_slow_close_counts_from_the_fin_that_it_holds(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_with(family, "fin:at=10");
        wire_rule(wire, "slow_close:delay=5000");
        wire_open(wire, 1, 1, NULL);
        wire_say(wire, START, 10);
        wire_run(wire, START + SECOND);
        CHECK(wire->end == WIRE_OPEN && w2e_faults_remove(&wire->rules, 1));
        wire_update(wire);
        wire->fin_us = START + 60 * SECOND;
        wire_run(wire, START + 100 * SECOND);
        CHECK(wire->end == WIRE_FIN && wire->end_us == START + 65 * SECOND);
        wire_free(wire);
    }
}

/* ---- half a connection that is stopped ---- */

/* A session that has sent FIN for a fault, whose RECV is out. */
static void begin_half(const char *text) {
    begin();
    add(text);
    w2e_session_done(session, W2E_OP_RECV, 0, 3, START);
    expect(W2E_OP_SHUTDOWN);
    w2e_session_done(session, W2E_OP_SHUTDOWN, 0, 0, START);
    expect(W2E_OP_RECV);
    CHECK(session->reason == WS2ECHO_REASON_FAULT && !echo.stopped);
}

static void half_a_connection_is_reset_when_it_is_stopped(void) {
    begin_half("fin:at=0");
    CHECK(echo.half_open);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    expect(W2E_OP_CANCEL);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    w2e_session_done(session, W2E_OP_RECV, W2E_OPERATION_ABORTED, 0, START);
    CHECK(session->reason == WS2ECHO_REASON_FAULT && echo.stopped && !echo.half_open);
    end_by_reset();
}

/* The peer has ended its half, too; or it had been told that all is over; or nobody stopped. */
static void what_was_over_is_closed_as_it_is(void) {
    static const char *const texts[] = {"fin:at=0", "limit_data:bytes=0", "fin:at=0"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        begin_half(texts[i]);
        if (i == 0) {
            w2e_session_done(session, W2E_OP_RECV, 0, 0, START);
        }
        w2e_session_abort(session, i < 2 ? WS2ECHO_REASON_STOPPED : WS2ECHO_REASON_ERROR, 0);
        if (i > 0) {
            w2e_session_undo(session, W2E_OP_RECV);
        }
        CHECK(!echo.stopped && session->reason == WS2ECHO_REASON_FAULT);
        expect(W2E_OP_CLOSE);
        free(w2e_session_buffer_swap(session, NULL, 0));
    }
}

/* FIN that answers the peer's is the end. */
static void a_fin_that_comes_second_leaves_no_half(void) {
    begin();
    add("latency:latency=5");
    add("fin:at=3");
    w2e_session_undo(session, W2E_OP_RECV);
    say(3);
    expect(W2E_OP_RECV);
    w2e_session_done(session, W2E_OP_RECV, 0, 0, START);
    CHECK(w2e_session_next(session, START + 5 * MS).kind == W2E_OP_SEND);
    w2e_session_done(session, W2E_OP_SEND, 0, 3, START + 5 * MS);
    CHECK(w2e_session_next(session, START + 5 * MS).kind == W2E_OP_SHUTDOWN);
    CHECK(session->reason == WS2ECHO_REASON_FAULT && !echo.half_open);
    w2e_session_done(session, W2E_OP_SHUTDOWN, 0, 0, START + 5 * MS);
    CHECK(w2e_session_next(session, START + 5 * MS).kind == W2E_OP_CLOSE);
    free(w2e_session_buffer_swap(session, NULL, 0));
}

static void who_is_connected_already_is_not_refused(void) {
    struct w2e_fault_target connection = {.number = 5};
    struct w2e_fault_rules refusing;
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    w2e_faults_init(&refusing, 1);
    CHECK(w2e_fault_parse(&rule, "refuse", &error) && w2e_faults_add(&refusing, &rule, 5) == 1);
    CHECK(w2e_fault_parse(&rule, "reset", &error) && w2e_faults_add(&refusing, &rule, 5) == 2);
    CHECK(!w2e_fault_touches(&refusing, &refusing.rules[0], &connection));
    CHECK(w2e_fault_touches(&refusing, &refusing.rules[1], &connection));
    connection.number = 6;
    CHECK(w2e_fault_touches(&refusing, &refusing.rules[0], &connection));
}

int main(void) {
    a_receive_is_called_back_once();
    what_fails_while_it_is_called_back_has_failed();
    what_is_called_back_when_all_ends_ends();
    an_abort_tells_what_has_happened();
    a_buffer_that_grew_stays_large();
    memory_for_faults_may_hold_anything();
    who_is_down_waits_for_the_send_that_is_out();
    a_fin_that_is_held_hides_no_other_end();
    an_end_that_is_decided_stands();
    a_half_that_is_used_stays_open();
    a_slow_close_counts_from_the_fin_that_it_holds();
    who_is_connected_already_is_not_refused();
    a_rule_that_becomes_another_is_another();
    a_rule_whose_conditions_hold_no_longer_rests();
    the_first_hole_ends_it();
    the_first_hole_stays_the_first();
    what_lies_before_a_hole_is_sent();
    corruption_may_change_its_rate();
    a_rule_that_is_added_begins_with_what_has_not_passed();
    an_end_by_a_fault_is_no_error();
    a_limit_is_reached_by_its_last_byte();
    a_delay_of_nothing_is_not_told();
    half_a_connection_has_no_send_timeout();
    half_a_connection_is_reset_when_it_is_stopped();
    what_was_over_is_closed_as_it_is();
    a_fin_that_comes_second_leaves_no_half();
    return 0;
}
