/* Faults of TCP, each by itself and in order, under drivers of all families, both ends in memory: which bytes arrive, and when. */
#include "check.h"
#include "wire.h"

#include <string.h>

/* ---- without faults ---- */

static void without_rules_it_is_an_echo(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin_with_fin(family, NULL, SAID);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, SAID);
        CHECK(wire->closed && wire->end == WIRE_FIN && wire->session->reason == WS2ECHO_REASON_FIN);
        CHECK(wire->verdict_count == 0);
        wire_free(wire);
    }
}

static void a_connection_that_no_rule_selects_is_not_touched(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin_with_fin(family, "reset_peer@every=2", SAID);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, SAID);
        CHECK(wire->end == WIRE_FIN && wire->verdict_count == 0);
        wire_free(wire);
    }
}

/* ---- latency ---- */

static void latency_is_exact_and_keeps_order(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "latency:latency=50", 0);
        for (unsigned i = 0; i < 20; i++) {
            wire_say(wire, START + i * 7 * MS, 100 * (i + 1));
        }
        wire->fin_us = START + 500 * MS;
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 2000);
        for (unsigned i = 0; i < 2000; i++) {
            CHECK(wire->heard_us[i] == START + (i / 100) * 7 * MS + 50 * MS);
        }
        CHECK(wire->end == WIRE_FIN && wire->end_us == START + 500 * MS);
        wire_expect_verdict(wire, W2E_FAULT_latency, 0);
        wire_free(wire);
    }
}

static void jitter_stays_within_its_bounds_and_is_the_same_everywhere(void) {
    uint64_t first[100] = {0};
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "latency:latency=50,jitter=10,stream=upstream", 0);
        unsigned others = 0;
        uint64_t first_us = START + family * 12345; /* the time has no part in what is drawn */
        for (unsigned i = 0; i < 100; i++) {
            wire_say(wire, first_us + i * 100 * MS, 14 * (i + 1));
        }
        wire_run(wire, START + 100 * SECOND);
        wire_expect_heard(wire, 1400);
        for (unsigned i = 0; i < 100; i++) {
            uint64_t delay_us = wire->heard_us[14 * i] - first_us - i * 100 * MS;
            CHECK(delay_us >= 40 * MS && delay_us <= 60 * MS);
            CHECK(wire->heard_us[14 * i + 13] == wire->heard_us[14 * i]);
            CHECK(family == 0 || delay_us == first[i]);
            others += delay_us != first[0];
            first[i] = delay_us;
        }
        CHECK(others > 90);
        wire_free(wire);
    }
}

static void two_seeds_have_two_jitters(void) {
    uint64_t first_us = 0;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct wire *wire = wire_with(WIRE_READINESS, "latency:latency=50,jitter=10");
        wire_open(wire, seed, 1, NULL);
        wire_say(wire, START, 10);
        wire_run(wire, START + SECOND);
        CHECK(wire->heard_us[0] != first_us);
        first_us = wire->heard_us[0];
        wire_free(wire);
    }
}

static void arrivals_that_are_too_many_to_remember_are_late_but_never_early(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "latency:latency=1000", 0);
        for (unsigned i = 0; i < 2000; i++) {
            wire_say(wire, START + i * MS, i + 1);
        }
        wire_run(wire, START + 10 * SECOND);
        wire_expect_heard(wire, 2000);
        for (unsigned i = 0; i < 2000; i++) {
            uint64_t delay_us = wire->heard_us[i] - START - i * MS;
            CHECK(delay_us >= 1000 * MS && delay_us <= 1100 * MS);
        }
        wire_free(wire);
    }
}

static void a_full_buffer_presses_back(void) {
    struct w2e_echo_config config = {.buffer_bytes_max = 4096, .idle_timeout_us = W2E_NEVER, .send_timeout_us = W2E_NEVER};
    EACH_FAMILY(family) {
        struct wire *wire = wire_with(family, "latency:latency=100");
        wire_open(wire, 1, 1, &config);
        wire_say(wire, START, SAID);
        wire_run(wire, START + 99 * MS);
        CHECK(wire->taken == 4096 && wire->heard_size == 0);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, SAID);
        CHECK(wire->heard_us[SAID - 1] == START + 500 * MS); /* 4096 bytes are under way at a time */
        wire_free(wire);
    }
}

/* ---- bandwidth ---- */

static void bandwidth_is_never_above_its_rate_and_hardly_below(void) {
    static const unsigned rates[] = {1, 3, 10, 777};
    EACH_FAMILY(family) {
        for (unsigned i = 0; i < sizeof rates / sizeof rates[0]; i++) {
            char rule[64];
            snprintf(rule, sizeof rule, "bandwidth:rate=%u", rates[i]);
            struct wire *wire = wire_begin(family, rule, SAID);
            wire_run(wire, START + 30 * SECOND);
            wire_expect_heard(wire, SAID);
            for (unsigned j = 0; j < SAID; j++) {
                uint64_t due_us = START + ((uint64_t)(j + 1) * 1000 + rates[i] - 1) / rates[i];
                CHECK(wire->heard_us[j] >= due_us && wire->heard_us[j] <= due_us + 10 * MS);
            }
            wire_expect_verdict(wire, W2E_FAULT_bandwidth, 0);
            wire_free(wire);
        }
    }
}

static void a_line_that_was_idle_has_saved_nothing_up(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "bandwidth:rate=10", 100);
        wire_say(wire, START + SECOND, 200);
        wire_run(wire, START + 3 * SECOND);
        wire_expect_heard(wire, 200);
        CHECK(wire->heard_us[99] == START + 10 * MS);
        CHECK(wire->heard_us[199] == START + SECOND + 10 * MS);
        wire_free(wire);
    }
}

/* Everything is said slowly, so that the session has something to do beside the SEND that is out. */
static struct wire *begin_talkative(unsigned family, const char *rule, size_t end) {
    struct wire *wire = wire_begin(family, rule, 0);
    for (unsigned i = 1; i <= 100; i++) {
        wire_say(wire, START + i * 10 * MS, end * i / 100);
    }
    return wire;
}

static void a_line_that_was_blocked_makes_up_for_a_little(void) {
    EACH_FAMILY(family) {
        struct wire *wire = begin_talkative(family, "bandwidth:rate=1", 2000);
        wire_run(wire, START + 100 * MS);
        wire_take(wire, false);
        wire_run(wire, START + 1000 * MS);
        size_t before = wire->heard_size;
        CHECK(before > 50);
        wire_take(wire, true);
        wire_run(wire, START + 1001 * MS);
        CHECK(wire->heard_size > before && wire->heard_size <= before + 125);
        wire_run(wire, START + 10 * SECOND);
        wire_expect_heard(wire, 2000);
        wire_free(wire);
    }
}

static void bandwidth_holds_on_a_rough_wire(void) {
    EACH_FAMILY(family) {
        for (uint64_t seed = 1; seed < 30; seed++) {
            struct wire *wire = wire_begin(family, "bandwidth:rate=100", SAID);
            wire->rough = true;
            wire->random = seed;
            wire_run(wire, START + 10 * SECOND);
            wire_expect_heard(wire, SAID);
            for (unsigned i = 0, j = 0; j < SAID; j++) {
                i = wire->heard_us[j] > wire->heard_us[i] + 50 * MS ? i + 1 : i;
                uint64_t most = (wire->heard_us[j] - wire->heard_us[i]) / 10 + 10000;
                CHECK(j - i <= most);
            }
            wire_free(wire);
        }
    }
}

/* ---- slicer, trickle ---- */

static void slices_begin_where_the_rule_does(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "slicer:average_size=10,delay=1000@after_bytes=25", 100);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 100);
        for (size_t i = 25; i < 100; i++) {
            CHECK((wire->piece_of[i] != wire->piece_of[i - 1]) == ((i - 25) % 10 == 0));
        }
        wire_expect_verdict(wire, W2E_FAULT_slicer, 25);
        wire_free(wire);
    }
}

static void slices_are_as_large_and_as_far_apart_as_asked_for(void) {
    size_t ends[200] = {0};
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "slicer:average_size=100,size_variation=30,delay=2000", 8000);
        wire_run(wire, START + 10 * SECOND);
        wire_expect_heard(wire, 8000);
        size_t begun = 0;
        bool sizes[61] = {0};
        for (size_t i = 1; i < 8000; i++) {
            if (wire->piece_of[i] != wire->piece_of[i - 1]) {
                size_t size = i - begun;
                CHECK(size >= 70 && size <= 130);
                CHECK(wire->heard_us[i] == wire->heard_us[i - 1] + 2 * MS);
                CHECK(family == 0 || ends[wire->piece_of[i]] == i);
                ends[wire->piece_of[i]] = i;
                sizes[size - 70] = true;
                begun = i;
            }
        }
        CHECK(sizes[0] || sizes[1] || sizes[2] || sizes[3] || sizes[4] || sizes[5]);
        CHECK(sizes[60] || sizes[59] || sizes[58] || sizes[57] || sizes[56] || sizes[55]);
        wire_expect_verdict(wire, W2E_FAULT_slicer, 0);
        wire_free(wire);
    }
}

static void slices_without_delay_are_cut_but_not_held(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "slicer:average_size=10", 1000);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 1000);
        CHECK(wire->heard_us[999] == START && wire->pieces == 100);
        wire_free(wire);
    }
}

static void a_trickle_is_one_byte_each_interval(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "trickle:interval=5", 300);
        wire_run(wire, START + 10 * SECOND);
        wire_expect_heard(wire, 300);
        for (unsigned i = 0; i < 300; i++) {
            CHECK(wire->heard_us[i] == START + i * 5 * MS && wire->piece_of[i] == i);
        }
        wire_free(wire);
    }
}

static void a_blocked_trickle_saves_nothing_up(void) {
    EACH_FAMILY(family) {
        struct wire *wire = begin_talkative(family, "trickle:interval=5", 400);
        wire_run(wire, START + 20 * MS);
        wire_take(wire, false);
        wire_run(wire, START + SECOND);
        size_t before = wire->heard_size;
        wire_take(wire, true);
        wire_run(wire, START + 10 * SECOND);
        wire_expect_heard(wire, 400);
        for (size_t i = before + 2; i < 400; i++) { /* one was waiting to be taken */
            CHECK(wire->heard_us[i] == wire->heard_us[i - 1] + 5 * MS);
        }
        wire_free(wire);
    }
}

static void a_rough_trickle_is_never_faster(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "trickle:interval=5", 300);
        wire->rough = true;
        wire_run(wire, START + 10 * SECOND);
        wire_expect_heard(wire, 300);
        for (unsigned i = 1; i < 300; i++) {
            CHECK(wire->heard_us[i] + 400 >= wire->heard_us[i - 1] + 5 * MS && wire->piece_of[i] == i);
        }
        wire_free(wire);
    }
}

/* ---- corrupt ---- */

static void one_byte_is_corrupted_and_no_other(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin_with_fin(family, "corrupt:at=7", 1000);
        wire->rough = true;
        wire_run(wire, START + 10 * SECOND);
        CHECK(wire->heard_size == 1000 && wire->heard[7] != wire_said[7]);
        wire->heard[7] = wire_said[7];
        wire_expect_heard(wire, 1000);
        wire_expect_verdict(wire, W2E_FAULT_corrupt, 7);
        wire_free(wire);
    }
}

static void corruption_has_its_rate_and_is_the_same_however_it_is_sliced(void) {
    static unsigned char before[SAID];
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin_with_fin(family, "corrupt:rate=0.1", SAID);
        wire->rough = family > 0;
        wire_run(wire, START + 60 * SECOND);
        CHECK(wire->heard_size == SAID && (family == 0 || memcmp(wire->heard, before, SAID) == 0));
        memcpy(before, wire->heard, SAID);
        unsigned altered = 0;
        for (unsigned i = 0; i < SAID; i++) {
            altered += wire->heard[i] != wire_said[i];
        }
        CHECK(altered > SAID / 12 && altered < SAID / 8);
        wire_free(wire);
    }
}

static void correlated_corruption_comes_in_runs(void) {
    struct wire *wire = wire_begin_with_fin(WIRE_COMPLETION, "corrupt:rate=0.2,correlation=0.9", SAID);
    wire_run(wire, START + SECOND);
    unsigned altered = 0;
    unsigned runs = 0;
    for (unsigned i = 0; i < SAID; i++) {
        bool this_one = wire->heard[i] != wire_said[i];
        altered += this_one;
        runs += this_one && (i == 0 || wire->heard[i - 1] == wire_said[i - 1]);
    }
    CHECK(altered > SAID / 8 && altered < SAID * 3 / 10);
    CHECK(altered > 6 * runs); /* 12.5 on average: 1 / (1 - 0.2 - 0.9 * 0.8) */
    wire_free(wire);
}

/* ---- conditions ---- */

static void a_rule_waits_for_its_byte(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "latency:latency=50@after_bytes=300", 1000);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 1000);
        CHECK(wire->heard_us[299] == START && wire->heard_us[300] == START + 50 * MS);
        wire_expect_verdict(wire, W2E_FAULT_latency, 300);
        wire_free(wire);
    }
}

static void a_rule_waits_for_its_time(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_begin(family, "latency:latency=50@after_ms=20", 100);
        wire_say(wire, START + 19 * MS, 200);
        wire_say(wire, START + 21 * MS, 300);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 300);
        CHECK(wire->heard_us[199] == START + 19 * MS && wire->heard_us[200] == START + 71 * MS);
        wire_free(wire);
        wire = wire_begin(family, "reset@after_ms=20", 100);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 100);
        CHECK(wire->end == WIRE_RESET && wire->end_us == START + 20 * MS);
        wire_free(wire);
    }
}

/* ---- rules in order ---- */

static void delays_add_up(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_with(family, "latency:latency=50");
        wire_rule(wire, "latency:latency=20,stream=upstream");
        wire_rule(wire, "bandwidth:rate=10");
        wire_open(wire, 1, 1, NULL);
        wire_say(wire, START, 100);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 100);
        CHECK(wire->heard_us[99] == START + 80 * MS);
        CHECK(wire->verdict_count == 3 && wire->verdicts[0].rule_id == 2); /* upstream comes first */
        wire_free(wire);
    }
}

static void the_earlier_of_two_ends_comes(void) {
    EACH_FAMILY(family) {
        struct wire *wire = wire_with(family, "limit_data:bytes=200,stream=upstream");
        wire_rule(wire, "reset:at=100");
        wire_rule(wire, "latency:latency=10");
        wire_open(wire, 1, 1, NULL);
        wire_say(wire, START, 1000);
        wire_run(wire, START + SECOND);
        wire_expect_heard(wire, 100);
        CHECK(wire->end == WIRE_RESET && wire->end_us == START + 10 * MS);
        CHECK(wire->verdict_count == 2 && wire->verdicts[0].rule_id == 3 && wire->verdicts[1].rule_id == 2);
        wire_expect_ended_by(wire, 2);
        wire_free(wire);
    }
}

int main(void) {
    slices_begin_where_the_rule_does();
    without_rules_it_is_an_echo();
    a_connection_that_no_rule_selects_is_not_touched();
    latency_is_exact_and_keeps_order();
    jitter_stays_within_its_bounds_and_is_the_same_everywhere();
    two_seeds_have_two_jitters();
    arrivals_that_are_too_many_to_remember_are_late_but_never_early();
    a_full_buffer_presses_back();
    bandwidth_is_never_above_its_rate_and_hardly_below();
    a_line_that_was_idle_has_saved_nothing_up();
    a_line_that_was_blocked_makes_up_for_a_little();
    bandwidth_holds_on_a_rough_wire();
    slices_are_as_large_and_as_far_apart_as_asked_for();
    slices_without_delay_are_cut_but_not_held();
    a_trickle_is_one_byte_each_interval();
    a_blocked_trickle_saves_nothing_up();
    a_rough_trickle_is_never_faster();
    one_byte_is_corrupted_and_no_other();
    corruption_has_its_rate_and_is_the_same_however_it_is_sliced();
    correlated_corruption_comes_in_runs();
    a_rule_waits_for_its_byte();
    a_rule_waits_for_its_time();
    delays_add_up();
    the_earlier_of_two_ends_comes();
    return 0;
}
