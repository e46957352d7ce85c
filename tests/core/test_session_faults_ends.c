/* How faults stop or end a connection of TCP, and what happens when rules change on a live one; under drivers of all families. */
#include "check.h"
#include "wire.h"

#include <string.h>

/* ---- what stops ---- */

static void a_stall_lets_its_bytes_pass_and_nothing_more(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin_with_fin(family, "stall:at=100", 1000);
        wire_run(wire, START + 3600 * (uint64_t)SECOND);
        wire_expect_heard(wire, 100);
        CHECK(wire->taken == 1000 && wire->end == WIRE_OPEN && !wire->closed);
        wire_expect_verdict(wire, W2E_FAULT_stall, 100);
        wire_free(wire);
    }
}

static void a_stall_keeps_fin_to_itself(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin_with_fin(family, "stall:at=100", 100);
        wire_run(wire, START + 3600 * (uint64_t)SECOND);
        wire_expect_heard(wire, 100);
        CHECK(wire->end == WIRE_OPEN && !wire->closed);
        wire_expect_verdict(wire, W2E_FAULT_stall, 100);
        wire_free(wire);
        wire = wire_begin_with_fin(family, "stall:at=100", 99); /* it did not come so far */
        wire_run(wire, START + SECOND);
        CHECK(wire->end == WIRE_FIN && wire->verdict_count == 0);
        wire_free(wire);
    }
}

static void a_timeout_of_0_swallows_everything_but_fin(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "timeout", SAID);
        wire_run(wire, START + 3600 * (uint64_t)SECOND);
        CHECK(wire->taken == SAID && wire->heard_size == 0 && wire->end == WIRE_OPEN);
        wire_expect_verdict(wire, W2E_FAULT_timeout, 0);
        wire->fin_us = wire->now_us;
        wire_run(wire, wire->now_us + SECOND);
        CHECK(wire->end == WIRE_FIN && wire->closed && wire->heard_size == 0);
        wire_free(wire);
    }
}

static void a_timeout_ends_the_connection_in_time(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "timeout:timeout=40,stream=upstream", 1000);
        wire_run(wire, START + 10 * SECOND);
        CHECK(wire->heard_size == 0 && wire->end == WIRE_FIN && wire->end_us == START + 40 * MS);
        CHECK(wire->closed && wire->closed_us == START + 40 * MS + SECOND);
        wire_expect_ended_by(wire, 1);
        wire_free(wire);
    }
}

static void what_is_never_read_stays_with_the_peer(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin_with_fin(family, "never_read@after_bytes=100", 1000);
        wire_run(wire, START + 3600 * (uint64_t)SECOND);
        wire_expect_heard(wire, 100);
        CHECK(wire->taken == 100 && wire->end == WIRE_OPEN);
        wire_expect_verdict(wire, W2E_FAULT_never_read, 100);
        wire_free(wire);
        wire = wire_begin_with_fin(family, "never_read", 1000);
        wire_run(wire, START + SECOND);
        CHECK(wire->taken == 0 && wire->end == WIRE_OPEN);
        wire_free(wire);
    }
}

static void a_receive_that_is_out_is_called_back(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "never_read@after_ms=20", 0);
        wire_say(wire, START + 19 * MS, 10);
        wire_say(wire, START + 21 * MS, 20);
        wire_run(wire, START + SECOND);
        CHECK(wire->taken == 10 && wire->end == WIRE_OPEN && wire->recv.kind == W2E_OP_NONE);
        wire_expect_heard(wire, 10);
        wire_free(wire);
    }
}

/* ---- how it ends ---- */

static void limited_data_ends_with_fin(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "limit_data:bytes=100", 1000);
        wire_run(wire, START + 10 * SECOND);
        wire_expect_heard(wire, 100);
        CHECK(wire->end == WIRE_FIN && wire->end_us == START && wire->closed_us == START + SECOND);
        wire_expect_verdict(wire, W2E_FAULT_limit_data, 100);
        wire_expect_ended_by(wire, 1);
        wire_free(wire);
    }
}

static void data_limited_to_nothing_ends_at_the_first_byte(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "limit_data:bytes=0", 0);
        wire_say(wire, START + 30 * MS, 1);
        wire_run(wire, START + 10 * SECOND);
        CHECK(wire->heard_size == 0 && wire->end == WIRE_FIN && wire->end_us == START + 30 * MS);
        wire_free(wire);
    }
}

static void a_reset_comes_at_its_byte(void) {
    static const size_t at[] = {0, 1, 100, 5000};
    EACH_FAMILY(family) {
        for (unsigned i = 0; i < 4; i++) {
            char rule[64];
            snprintf(rule, sizeof rule, "reset:at=%u", (unsigned)at[i]);
            struct wire *wire = wire_begin(family, rule, 6000);
            wire_run(wire, START + SECOND);
            wire_expect_heard(wire, at[i]);
            CHECK(wire->closed && wire->end == WIRE_RESET && wire->end_us == START);
            CHECK(wire->session->reason == WS2ECHO_REASON_FAULT);
            wire_expect_verdict(wire, W2E_FAULT_reset, at[i]);
            wire_expect_ended_by(wire, 1);
            wire_free(wire);
        }
    }
}

static void a_reset_that_is_not_reached_does_not_come(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin_with_fin(family, "reset:at=1001", 1000);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 1000);
        CHECK(wire->end == WIRE_FIN && wire->verdict_count == 0);
        wire_expect_ended_by(wire, 0);
        wire_free(wire);
    }
}

static void an_early_fin_leaves_the_other_half_open(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "fin:at=100", 1000);
        wire_say(wire, START + 20 * SECOND, 5000);
        wire_run(wire, START + 3600 * (uint64_t)SECOND);
        wire_expect_heard(wire, 100);
        CHECK(wire->end == WIRE_FIN && wire->end_us == START && !wire->closed && wire->taken == 5000);
        wire->fin_us = wire->now_us + 1;
        wire_run(wire, wire->now_us + SECOND);
        CHECK(wire->closed && wire->heard_size == 100);
        wire_expect_verdict(wire, W2E_FAULT_fin, 100);
        wire_free(wire);
    }
}

static void a_peer_is_reset_also_if_it_is_idle(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "reset_peer:timeout=30", 0);
        wire_run(wire, START + SECOND);
        CHECK(wire->closed && wire->end == WIRE_RESET && wire->end_us == START + 30 * MS);
        wire_expect_verdict(wire, W2E_FAULT_reset_peer, 0);
        wire_free(wire);
        wire = wire_begin_with_fin(family, "reset_peer:timeout=30", 500); /* what it says is swallowed, FIN too */
        wire_run(wire, START + SECOND);
        CHECK(wire->heard_size == 0 && wire->end == WIRE_RESET && wire->end_us == START + 30 * MS);
        wire_free(wire);
        wire = wire_begin(family, "reset_peer", 500);
        wire_run(wire, START + SECOND);
        CHECK(wire->heard_size == 0 && wire->end == WIRE_RESET && wire->end_us == START);
        wire_free(wire);
    }
}

static void a_timeout_begins_when_the_rule_does(void) {
    static const char *const rules[] = {"reset_peer:timeout=30@after_bytes=100", "reset_peer:timeout=30@after_ms=50",
                                        "reset_peer:timeout=30@after_ms=20,after_bytes=100"};
    EACH_FAMILY(family) {
        for (unsigned i = 0; i < 3; i++) {
            struct wire *wire = wire_begin(family, rules[i], 0);
            wire_say(wire, START + 10 * MS, 99);
            wire_say(wire, START + 50 * MS, 500);
            wire_run(wire, START + SECOND);
            CHECK(wire->end == WIRE_RESET && wire->end_us == START + 80 * MS);
            wire_expect_heard(wire, i == 1 ? 99 : 100);
            wire_free(wire);
        }
    }
}

static void a_peer_that_takes_nothing_is_reset_too(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "reset_peer:timeout=30@after_bytes=100", 500);
        wire->takes_nothing = true;
        wire_run(wire, START + SECOND);
        CHECK(wire->heard_size == 0 && wire->end == WIRE_RESET && wire->end_us == START + 30 * MS);
        wire_free(wire);
    }
}

static void a_refused_peer_is_reset_at_once(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "refuse", 500);
        wire_run(wire, START + SECOND);
        CHECK(wire->taken == 0 && wire->end == WIRE_RESET && wire->end_us == START);
        wire_expect_verdict(wire, W2E_FAULT_refuse, 0);
        wire_free(wire);
    }
}

static void who_is_connected_to_what_is_down_sees_the_end(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, NULL, 500);
        wire_run(wire, START + 10 * MS);
        wire_rule(wire, "down");
        wire_update(wire);
        wire_run(wire, START + 10 * SECOND);
        wire_expect_heard(wire, 500);
        CHECK(wire->end == WIRE_FIN && wire->end_us == START + 10 * MS);
        CHECK(wire->closed_us == START + 10 * MS + SECOND);
        wire_expect_ended_by(wire, 1);
        wire_free(wire);
    }
}

static void a_slow_close_delays_fin(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "slow_close:delay=70", 500);
        wire->fin_us = START + 5 * MS;
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 500);
        CHECK(wire->heard_us[499] == START && wire->end == WIRE_FIN && wire->end_us == START + 75 * MS);
        wire_expect_verdict(wire, W2E_FAULT_slow_close, 500);
        wire_free(wire);
    }
}

static void a_slow_close_delays_the_fin_of_other_faults(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_with(family, "slow_close:delay=1000,stream=upstream"); /* stands before it */
        wire_rule(wire, "limit_data:bytes=100");
        wire_rule(wire, "slow_close:delay=70");
        wire_open(wire, 1, 1, NULL);
        wire_say(wire, START, 500);
        wire_run(wire, START + 10 * SECOND);
        wire_expect_heard(wire, 100);
        CHECK(wire->end == WIRE_FIN && wire->end_us == START + 70 * MS);
        CHECK(wire->verdict_count == 2 && wire->verdicts[0].rule_id == 2 && wire->verdicts[1].rule_id == 3);
        wire_expect_ended_by(wire, 2);
        wire_free(wire);
    }
}

/* ---- changes on a live connection ---- */

static void a_rule_that_is_removed_lets_go_of_what_it_held(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "latency:latency=5000", 1000);
        wire_run(wire, START + 30 * MS);
        CHECK(wire->heard_size == 0);
        CHECK(w2e_faults_remove(&wire->rules, 1));
        wire_update(wire);
        wire_run(wire, START + 40 * MS);
        wire_expect_heard(wire, 1000);
        CHECK(wire->heard_us[999] == START + 30 * MS);
        wire_free(wire);
    }
}

static void a_rule_that_is_added_works_on_what_comes_then(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "latency:latency=50", 1000);
        wire_run(wire, START + 30 * MS);
        wire_rule(wire, "latency:latency=100,stream=upstream");
        wire_update(wire);
        wire_say(wire, START + 40 * MS, 1500);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 1500);
        CHECK(wire->heard_us[999] == START + 50 * MS && wire->heard_us[1000] == START + 190 * MS);
        wire_free(wire);
    }
}

static void what_waits_before_a_rule_that_is_added_comes_to_it(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "latency:latency=50,stream=upstream", 1000);
        wire_run(wire, START + 30 * MS);
        wire_rule(wire, "latency:latency=100");
        wire_update(wire);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 1000);
        CHECK(wire->heard_us[0] == START + 150 * MS);
        wire_free(wire);
    }
}

static void an_idle_connection_is_reset_by_a_rule_that_is_added(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, NULL, 100);
        wire_run(wire, START + 30 * MS);
        wire_rule(wire, "reset_peer:timeout=20");
        wire_update(wire);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 100);
        CHECK(wire->end == WIRE_RESET && wire->end_us == START + 50 * MS);
        wire_free(wire);
    }
}

static void a_rule_that_is_changed_goes_on_from_where_it_was(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "bandwidth:rate=1", 1000);
        struct w2e_fault_rule faster;
        struct w2e_fault_error error;
        wire_run(wire, START + 100 * MS);
        CHECK(wire->heard_size == 100);
        CHECK(w2e_fault_parse(&faster, "bandwidth:rate=9", &error));
        CHECK(w2e_faults_change(&wire->rules, 1, &faster, 0));
        wire_update(wire);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 1000);
        CHECK(wire->heard_us[999] == START + 200 * MS);
        wire_expect_verdict(wire, W2E_FAULT_bandwidth, 0); /* told once */
        wire_free(wire);
    }
}

static void after_a_hole_nothing_follows(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "timeout@after_bytes=100", 1000);
        wire_run(wire, START + 30 * MS);
        wire_expect_heard(wire, 100);
        CHECK(w2e_faults_remove(&wire->rules, 1));
        wire_update(wire);
        wire_run(wire, START + 40 * MS);
        wire_expect_heard(wire, 100);
        CHECK(wire->end == WIRE_FIN && wire->end_us == START + 30 * MS);
        wire_expect_ended_by(wire, 1);
        wire_free(wire);
    }
}

/* What waited at a rule before the one that swallows is gone with it. */
static void a_hole_is_one_also_before_it_is_reached(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_with(family, "latency:latency=20,stream=upstream");
        wire_rule(wire, "timeout");
        wire_open(wire, 7, 1, NULL);
        wire_say(wire, START, 1000);
        wire_say(wire, START + 50 * MS, 2000);
        wire_run(wire, START + 5 * MS);
        CHECK(w2e_faults_remove(&wire->rules, 2));
        wire_update(wire);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 0);
        CHECK(wire->end == WIRE_FIN);
        wire_expect_ended_by(wire, 2);
        wire_free(wire);
    }
}

static void a_timeout_that_swallowed_nothing_is_removed_without_a_trace(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "timeout", 0);
        wire_run(wire, START + 30 * MS);
        CHECK(w2e_faults_remove(&wire->rules, 1));
        wire_update(wire);
        wire_say(wire, START + 40 * MS, 1000);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 1000);
        CHECK(wire->end == WIRE_OPEN);
        wire_free(wire);
    }
}

static void faults_are_attached_while_operations_are_out(void) {
    struct w2e_echo_config config = {.buffer_bytes_max = 4096, .idle_timeout_us = W2E_NEVER, .send_timeout_us = W2E_NEVER};
    struct w2e_session_echo echo;
    struct w2e_session *session = &echo.session;
    static struct w2e_session_faults faults;
    struct w2e_fault_connection connection = {.target.number = 1};
    struct w2e_fault_rules rules;
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    w2e_faults_init(&rules, 1);
    CHECK(w2e_fault_parse(&rule, "reset:at=4", &error) && w2e_faults_add(&rules, &rule, 0) == 1);
    w2e_session_echo_init(&echo, &config, START);
    free(w2e_session_buffer_swap(session, malloc(4096), 4096));
    struct w2e_op op = w2e_session_next(session, START);
    memcpy(op.data, "abc", 3);
    w2e_session_done(session, W2E_OP_RECV, 0, 3, START);
    CHECK(w2e_session_next(session, START).kind == W2E_OP_SEND);
    w2e_session_faults_attach(&faults, &echo, &connection, &rules, START);
    op = w2e_session_next(session, START);
    CHECK(op.kind == W2E_OP_RECV);
    memcpy(op.data, "de", 2);
    w2e_session_done(session, W2E_OP_RECV, 0, 2, START);
    w2e_session_done(session, W2E_OP_SEND, 0, 3, START);
    op = w2e_session_next(session, START);
    CHECK(op.kind == W2E_OP_SEND && op.size == 1 && op.data[0] == 'd');
    w2e_session_done(session, W2E_OP_SEND, 0, 1, START);
    CHECK(w2e_session_next(session, START).kind == W2E_OP_RESET);
    w2e_session_done(session, W2E_OP_RESET, 0, 0, START);
    CHECK(w2e_session_next(session, START).kind == W2E_OP_CLOSE);
    free(w2e_session_buffer_swap(session, NULL, 0));
}

/* ---- time limits ---- */

static void a_fault_is_not_the_peers_fault(void) {
    struct w2e_echo_config config = {.buffer_bytes_max = 65536, .idle_timeout_us = W2E_NEVER, .send_timeout_us = 100 * MS};
    EACH_FAMILY(family) {
        struct wire *wire = wire_with(family, "latency:latency=900");
        wire_open(wire, 1, 1, &config);
        wire_say(wire, START, 1000);
        wire_run(wire, START + 10 * SECOND);
        wire_expect_heard(wire, 1000);
        CHECK(wire->end == WIRE_OPEN);
        wire->takes_nothing = true; /* now it is */
        wire_say(wire, wire->now_us, 2000);
        uint64_t said_us = wire->now_us;
        wire_run(wire, wire->now_us + 10 * SECOND);
        CHECK(wire->end == WIRE_RESET && wire->session->reason == WS2ECHO_REASON_TIMEOUT);
        CHECK(wire->end_us == said_us + 1000 * MS);
        wire_free(wire);
    }
}

static void the_idle_timeout_counts_whatever_the_reason(void) {
    struct w2e_echo_config config = {.buffer_bytes_max = 65536, .idle_timeout_us = 100 * MS, .send_timeout_us = W2E_NEVER};
    static const char *const rules[] = {"latency:latency=900", "never_read", "stall:at=10", "slow_close:delay=500"};
    EACH_FAMILY(family) {
        for (unsigned i = 0; i < sizeof rules / sizeof rules[0]; i++) {
            struct wire *wire = wire_with(family, rules[i]);
            wire_open(wire, 1, 1, &config);
            wire_say(wire, START, 1000);
            wire->fin_us = START + 1;
            wire_run(wire, START + 10 * SECOND);
            CHECK(wire->end == WIRE_RESET && wire->session->reason == WS2ECHO_REASON_TIMEOUT);
            CHECK(wire->end_us == START + 100 * MS);
            wire_free(wire);
        }
    }
}

int main(void) {
    a_stall_lets_its_bytes_pass_and_nothing_more();
    a_stall_keeps_fin_to_itself();
    a_timeout_of_0_swallows_everything_but_fin();
    a_timeout_ends_the_connection_in_time();
    what_is_never_read_stays_with_the_peer();
    a_receive_that_is_out_is_called_back();
    limited_data_ends_with_fin();
    data_limited_to_nothing_ends_at_the_first_byte();
    a_reset_comes_at_its_byte();
    a_reset_that_is_not_reached_does_not_come();
    an_early_fin_leaves_the_other_half_open();
    a_peer_is_reset_also_if_it_is_idle();
    a_timeout_begins_when_the_rule_does();
    a_peer_that_takes_nothing_is_reset_too();
    a_refused_peer_is_reset_at_once();
    who_is_connected_to_what_is_down_sees_the_end();
    a_slow_close_delays_fin();
    a_slow_close_delays_the_fin_of_other_faults();
    a_rule_that_is_removed_lets_go_of_what_it_held();
    a_rule_that_is_added_works_on_what_comes_then();
    what_waits_before_a_rule_that_is_added_comes_to_it();
    an_idle_connection_is_reset_by_a_rule_that_is_added();
    a_rule_that_is_changed_goes_on_from_where_it_was();
    after_a_hole_nothing_follows();
    a_hole_is_one_also_before_it_is_reached();
    a_timeout_that_swallowed_nothing_is_removed_without_a_trace();
    faults_are_attached_while_operations_are_out();
    a_fault_is_not_the_peers_fault();
    the_idle_timeout_counts_whatever_the_reason();
    return 0;
}
