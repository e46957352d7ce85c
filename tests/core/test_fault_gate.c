/* One gate by hand: what it lets pass at which time, exactly. */
#include "check.h"
#include "fault_gate.h"
#include "faults_parse.h"
#include "session.h"

#include <string.h>

enum { MS = 1000, START_US = 1000000, BYTES = 1000, KEY = 5 };

static struct w2e_gate gate;

static struct w2e_fault_rule rule_of(const char *text) {
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    CHECK(w2e_fault_parse(&rule, text, &error));
    return rule;
}

static void begin_with_key(const char *text, uint64_t key) {
    struct w2e_fault_rule rule = rule_of(text);
    w2e_gate_init(&gate, &rule, key, START_US, 0, START_US);
}

static void begin(const char *text) {
    begin_with_key(text, KEY);
}

static void change(const char *text, uint64_t now_us) {
    struct w2e_fault_rule rule = rule_of(text);
    w2e_gate_change(&gate, &rule, START_US, now_us);
}

/* So many bytes have come: how many passed. */
static uint64_t passed_at(uint64_t now_us, uint64_t entered) {
    w2e_gate_advance(&gate, entered, now_us, false);
    return gate.passed;
}

/* ---- when it begins ---- */

/* A driver may ask late: the time counts from when the conditions were met, as far as that is known. */
static void a_time_begins_when_the_last_condition_is_met(void) {
    begin("reset_peer:timeout=30@after_ms=50,after_bytes=100");
    passed_at(START_US, 100);
    CHECK(!gate.active && gate.event_us == START_US + 50 * MS);
    passed_at(START_US + 70 * MS, 100);
    CHECK(gate.active && gate.event_us == START_US + 80 * MS);
    begin("reset_peer:timeout=30@after_ms=50,after_bytes=100");
    passed_at(START_US + 60 * MS, 99);
    CHECK(!gate.active && gate.event_us == W2E_NEVER);
    passed_at(START_US + 70 * MS, 100);
    CHECK(gate.active && gate.event_us == START_US + 100 * MS && gate.begin == 100);
}

static void a_rule_that_is_added_late_begins_then(void) {
    struct w2e_fault_rule rule = rule_of("reset_peer:timeout=30@after_ms=50");
    w2e_gate_init(&gate, &rule, KEY, START_US, BYTES, START_US + 500 * MS);
    CHECK(passed_at(START_US + 500 * MS, BYTES) == BYTES && gate.active && gate.begin == BYTES);
    CHECK(gate.event_us == START_US + 530 * MS);
}

static void an_equal_rule_changes_nothing(void) {
    begin("reset_peer:timeout=30@after_ms=50");
    change("reset_peer:timeout=30@after_ms=50", START_US + 60 * MS);
    passed_at(START_US + 60 * MS, 0);
    CHECK(gate.event_us == START_US + 80 * MS);
    begin("reset_peer:timeout=30@after_ms=50");
    change("reset_peer:timeout=40@after_ms=50", START_US + 60 * MS);
    passed_at(START_US + 60 * MS, 0);
    CHECK(gate.event_us == START_US + 100 * MS); /* another one is set anew */
}

static void what_is_never_read_is_limited_in_time(void) {
    begin("never_read@after_bytes=100");
    CHECK(w2e_gate_receive_limit(&gate) == 100);
    passed_at(START_US, 100);
    CHECK(w2e_gate_receive_limit(&gate) == 100);
    begin("never_read@after_ms=50");
    passed_at(START_US + 49 * MS, 300);
    CHECK(w2e_gate_receive_limit(&gate) == UINT64_MAX);
    passed_at(START_US + 50 * MS, 300);
    CHECK(w2e_gate_receive_limit(&gate) == 300);
}

/* ---- latency ---- */

/* Whatever is drawn for them: bytes that come later are not heard before. */
static void jitter_keeps_the_order_of_bytes(void) {
    enum { MANY = 500 };
    static uint64_t due_us[MANY];
    static uint64_t heard_us[MANY];
    begin("latency:latency=50,jitter=45");
    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t at_us = START_US + i * 5 * MS + w2e_fault_delay_us(KEY, i, 50, 45);
        due_us[i] = i > 0 && due_us[i - 1] > at_us ? due_us[i - 1] : at_us;
    }
    uint64_t heard = 0;
    for (uint64_t now_us = START_US; heard < MANY;) {
        uint64_t come = (now_us - START_US) / (5 * MS) + 1;
        for (uint64_t passed = passed_at(now_us, come < MANY ? come : MANY); heard < passed; heard++) {
            heard_us[heard] = now_us;
        }
        uint64_t next_us = START_US + come * 5 * MS;
        now_us = gate.release_us < next_us || come >= MANY ? gate.release_us : next_us;
    }
    CHECK(memcmp(heard_us, due_us, sizeof due_us) == 0 && gate.release_us == W2E_NEVER);
}

/* Bytes that come within a millisecond of those before share what was drawn, however they were read. */
static void a_burst_is_delayed_as_one(void) {
    static const uint64_t at_us[] = {0, 999, 1998, 2997, 4000, 100 * MS, 100 * MS + 1};
    static const uint64_t drawn_for[] = {0, 0, 2, 2, 4, 5, 5}; /* by the first of a millisecond */
    for (uint64_t key = 0; key < 50; key++) {
        begin_with_key("latency:latency=50,jitter=10", key);
        uint64_t due_us = 0;
        for (uint64_t i = 0; i < 7; i++) {
            uint64_t its_due_us = START_US + at_us[i] + w2e_fault_delay_us(key, drawn_for[i], 50, 10);
            passed_at(START_US + at_us[i], i + 1);
            due_us = due_us > its_due_us ? due_us : its_due_us;
            CHECK(gate.latency.marks[(gate.latency.first + gate.latency.count - 1) % W2E_GATE_MARKS].due_us == due_us);
        }
    }
}

/* Of too many to remember those become one that are close: one that stands alone is in time. */
static void who_comes_alone_is_in_time_beside_a_crowd(void) {
    begin("latency:latency=1000");
    passed_at(START_US, 1);
    for (uint64_t i = 0; i < 60; i++) {
        passed_at(START_US + 500 * MS + i * 2 * MS, 2 + i);
    }
    passed_at(START_US + 900 * MS, 62);
    CHECK(passed_at(START_US + 1000 * MS - 1, 62) == 0 && gate.release_us == START_US + 1000 * MS);
    CHECK(passed_at(START_US + 1000 * MS, 62) == 1);
    for (uint64_t i = 0; i < 60; i++) {
        uint64_t due_us = START_US + 1500 * MS + i * 2 * MS;
        CHECK(passed_at(due_us - 1, 62) <= 1 + i);
        CHECK(passed_at(due_us, 62) + 2 >= 2 + i); /* a neighbour or two are waited for */
    }
    CHECK(passed_at(START_US + 1900 * MS - 1, 62) == 61 && passed_at(START_US + 1900 * MS, 62) == 62);
}

/* ---- bandwidth ---- */

static void a_line_is_exact_however_often_it_is_asked(void) {
    static const unsigned rates[] = {1, 3, 10, 777};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "bandwidth:rate=%u", rates[i]);
        begin(text);
        CHECK(passed_at(START_US, 1000000000) == 0 && gate.release_us > START_US);
        for (uint64_t us = 1; us < 300 * MS; us += 1 + us * 7919 % 1777) {
            CHECK(passed_at(START_US + us, 1000000000) == us * rates[i] / 1000);
        }
    }
}

static void a_line_is_asked_when_the_last_byte_is_due(void) {
    begin("bandwidth:rate=1");
    CHECK(passed_at(START_US, 3) == 0 && gate.release_us == START_US + 3 * MS);
    CHECK(passed_at(START_US + 3 * MS - 1, 3) == 2 && gate.release_us == START_US + 3 * MS);
    CHECK(passed_at(START_US + 3 * MS, 3) == 3 && gate.release_us == W2E_NEVER);
    CHECK(passed_at(START_US + 50 * MS, 5) == 3 && gate.release_us == START_US + 52 * MS); /* it was idle until then */
}

/* ---- slices ---- */

static void nothing_passes_beside_a_send(void) {
    static const char *const texts[] = {"bandwidth:rate=1", "slicer:average_size=1,delay=1000", "trickle:interval=1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        begin(texts[i]);
        passed_at(START_US, BYTES);
        uint64_t passed = gate.passed;
        w2e_gate_advance(&gate, BYTES, START_US + 5 * MS, true);
        CHECK(gate.passed == passed);
        CHECK(passed_at(START_US + 5 * MS, BYTES) > passed);
    }
}

static void a_slicer_makes_up_for_a_clock_that_is_not_fine(void) {
    begin("slicer:average_size=1,delay=100");
    for (uint64_t ms = 0; ms < 50; ms++) {
        CHECK(passed_at(START_US + ms * MS, BYTES + ms) == 1 + 10 * ms); /* more comes all the time */
        CHECK(gate.release_us == START_US + ms * MS + 100);
    }
}

static void a_trickle_makes_up_for_nothing(void) {
    begin("trickle:interval=5");
    CHECK(passed_at(START_US, BYTES) == 1 && gate.release_us == START_US + 5 * MS);
    CHECK(passed_at(START_US + 5 * MS - 1, BYTES) == 1);
    CHECK(passed_at(START_US + 23 * MS, BYTES) == 2 && gate.release_us == START_US + 28 * MS);
    CHECK(passed_at(START_US + 28 * MS, BYTES) == 3 && gate.release_us == START_US + 33 * MS);
}

static void a_pause_goes_on_while_nothing_comes(void) {
    begin("trickle:interval=5");
    CHECK(passed_at(START_US, 1) == 1 && gate.release_us == W2E_NEVER);
    CHECK(passed_at(START_US + 2 * MS, 2) == 1 && gate.release_us == START_US + 5 * MS);
    CHECK(passed_at(START_US + 5 * MS, 2) == 2 && passed_at(START_US + 50 * MS, 3) == 3);
    CHECK(passed_at(START_US + 50 * MS, 4) == 3 && gate.release_us == START_US + 55 * MS);
}

/* Each piece has a size of its own, and is sent as it passes. */
static void pieces_are_drawn_one_by_one(void) {
    unsigned alike = 0;
    for (uint64_t key = 0; key < 200; key++) {
        begin_with_key("slicer:average_size=100,size_variation=50,delay=1000", key);
        uint64_t ends[3];
        for (uint64_t i = 0; i < 3; i++) {
            ends[i] = passed_at(START_US + i * MS, 10000);
            uint64_t size = ends[i] - (i > 0 ? ends[i - 1] : 0);
            CHECK(size >= 50 && size <= 150);
        }
        for (uint64_t i = 0; i < 3; i++) {
            CHECK(w2e_gate_cut(&gate, ends[i] - 1) == ends[i]);
        }
        alike += ends[1] - ends[0] == ends[0];
        alike += ends[2] - ends[1] == ends[1] - ends[0];
    }
    CHECK(alike < 20);
}

static void a_cut_begins_with_the_rule(void) {
    begin("slicer:average_size=10@after_bytes=25");
    CHECK(w2e_gate_cut(&gate, 0) == UINT64_MAX);
    passed_at(START_US, 100);
    CHECK(w2e_gate_cut(&gate, 0) == 25 && w2e_gate_cut(&gate, 24) == 25);
    CHECK(w2e_gate_cut(&gate, 25) == 35 && w2e_gate_cut(&gate, 34) == 35 && w2e_gate_cut(&gate, 35) == 45);
    begin("stall:at=10");
    passed_at(START_US, 100);
    CHECK(w2e_gate_cut(&gate, 0) == UINT64_MAX);
}

/* ---- ends ---- */

/* Who is to see the end now waits for no byte, and for no slow_close. */
static void some_ends_come_at_once(void) {
    static const char *const texts[] = {"down", "refuse", "reset_peer:timeout=1"};
    static const char *const others[] = {"reset_peer", "reset", "fin", "limit_data:bytes=0", "timeout:timeout=1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        begin(texts[i]);
        passed_at(START_US, BYTES);
        passed_at(START_US + MS, BYTES);
        CHECK(gate.at_once && gate.end != W2E_GATE_GOES_ON);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        begin(others[i]);
        passed_at(START_US, BYTES);
        passed_at(START_US + MS, BYTES);
        CHECK(!gate.at_once && gate.end != W2E_GATE_GOES_ON);
    }
}

static void what_is_lost_and_what_waits(void) {
    static const char *const lose[] = {"limit_data:bytes=10", "timeout", "timeout:timeout=5", "reset_peer:timeout=5"};
    static const char *const keep[] = {"stall:at=10", "reset:at=10", "fin:at=10", "latency:latency=5", "bandwidth:rate=1"};
    for (size_t i = 0; i < sizeof lose / sizeof lose[0]; i++) {
        begin(lose[i]);
        CHECK(passed_at(START_US, BYTES) == (i == 0 ? 10 : 0) && gate.swallows);
    }
    for (size_t i = 0; i < sizeof keep / sizeof keep[0]; i++) {
        begin(keep[i]);
        CHECK(passed_at(START_US, BYTES) == (i < 3 ? 10 : 0) && !gate.swallows);
    }
}

/* ---- FIN ---- */

static void a_millisecond_of_slow_close_holds_fin(void) {
    bool holds;
    begin("slow_close:delay=1");
    CHECK(w2e_gate_finish_us(&gate, START_US, &holds) == START_US && !holds); /* it has not begun */
    passed_at(START_US, 0);
    CHECK(w2e_gate_finish_us(&gate, START_US, &holds) == START_US + MS && holds);
    CHECK(w2e_gate_finish_us(&gate, W2E_NEVER, &holds) == W2E_NEVER && !holds);
}

static void a_stall_holds_fin_from_its_byte_on(void) {
    bool holds;
    begin("stall:at=10");
    passed_at(START_US, 9);
    CHECK(w2e_gate_finish_us(&gate, START_US, &holds) == START_US && !holds && !gate.touched);
    passed_at(START_US, 10);
    CHECK(w2e_gate_finish_us(&gate, START_US, &holds) == W2E_NEVER && holds && !gate.touched);
    CHECK(passed_at(START_US, 11) == 10 && gate.touched && gate.touched_at == 10);
}

/* ---- corrupt ---- */

static unsigned altered_of(const unsigned char *data, size_t size) {
    unsigned altered = 0;
    for (size_t i = 0; i < size; i++) {
        altered += data[i] != 0;
    }
    return altered;
}

/* Where each is as the one before, the first decides: at the rate. */
static void the_first_is_drawn_at_the_rate_too(void) {
    unsigned all = 0;
    for (uint64_t key = 0; key < 1000; key++) {
        unsigned char data[50] = {0};
        begin_with_key("corrupt:rate=0.3,correlation=1", key);
        passed_at(START_US, sizeof data);
        w2e_gate_corrupt(&gate, data, 0, sizeof data);
        unsigned altered = altered_of(data, sizeof data);
        CHECK(altered == 0 || altered == sizeof data);
        all += altered > 0;
    }
    CHECK(all > 250 && all < 350);
}

static void a_byte_is_altered_once(void) {
    unsigned char data[BYTES] = {0};
    unsigned char before[BYTES];
    begin("corrupt@after_bytes=100");
    passed_at(START_US, BYTES);
    w2e_gate_corrupt(&gate, data, 0, 300);
    CHECK(altered_of(data, 100) == 0 && altered_of(data + 100, 200) == 200 && altered_of(data + 300, BYTES - 300) == 0);
    CHECK(gate.touched_at == 100);
    memcpy(before, data, sizeof data);
    w2e_gate_corrupt(&gate, data, 0, 200); /* sent again */
    CHECK(memcmp(data, before, sizeof data) == 0);
    w2e_gate_corrupt(&gate, data + 150, 150, BYTES - 150);
    CHECK(memcmp(data, before, 300) == 0 && altered_of(data + 300, BYTES - 300) == BYTES - 300);
}

static void the_byte_at_an_offset_is_altered_wherever_data_begins(void) {
    for (uint64_t offset = 5; offset <= 8; offset++) {
        unsigned char data[3] = {0};
        begin("corrupt:at=7");
        passed_at(START_US, BYTES);
        w2e_gate_corrupt(&gate, data, offset, sizeof data);
        for (uint64_t i = 0; i < sizeof data; i++) {
            CHECK((data[i] != 0) == (offset + i == 7));
        }
        CHECK(gate.touched == (offset <= 7));
    }
}

/* ---- conditions that a change adds ---- */

static void a_gate_rests_until_new_conditions_hold(void) {
    begin("stall:at=10");
    CHECK(passed_at(START_US, 100) == 10);
    change("stall:at=10@after_bytes=5000", START_US + MS);
    CHECK(passed_at(START_US + MS, 100) == 100 && !gate.active);
    CHECK(passed_at(START_US + 2 * MS, 6000) == 5000 && gate.active && gate.begin == 5000);
    begin("stall:at=10");
    passed_at(START_US, 100);
    change("stall:at=10@after_bytes=50", START_US + MS); /* 50 of those that wait are before it */
    CHECK(passed_at(START_US + MS, 100) == 50 && gate.active);
    begin("bandwidth:rate=1");
    CHECK(passed_at(START_US, 100) == 0 && gate.release_us < W2E_NEVER);
    change("bandwidth:rate=1@after_ms=60", START_US + MS);
    CHECK(passed_at(START_US + MS, 100) == 100 && gate.release_us == W2E_NEVER && gate.event_us == START_US + 60 * MS);
    CHECK(passed_at(START_US + 60 * MS, 101) == 100 && gate.active && gate.event_us == W2E_NEVER);
    CHECK(passed_at(START_US + 61 * MS, 101) == 101);
}

static void what_does_not_work_any_more_alters_and_holds_nothing(void) {
    unsigned char data[BYTES] = {0};
    bool holds;
    begin("corrupt");
    passed_at(START_US, 100);
    w2e_gate_corrupt(&gate, data, 0, 100);
    change("corrupt@after_bytes=300", START_US + MS);
    passed_at(START_US + MS, 200);
    w2e_gate_corrupt(&gate, data + 100, 100, 100);
    passed_at(START_US + MS, BYTES);
    w2e_gate_corrupt(&gate, data + 200, 200, BYTES - 200);
    CHECK(altered_of(data, 100) == 100 && altered_of(data + 100, 200) == 0 && altered_of(data + 300, BYTES - 300) == BYTES - 300);
    begin("slow_close:delay=5");
    passed_at(START_US, 100);
    change("slow_close:delay=5@after_ms=60", START_US + MS);
    passed_at(START_US + MS, 100);
    CHECK(w2e_gate_finish_us(&gate, START_US + MS, &holds) == START_US + MS && !holds);
    begin("never_read");
    passed_at(START_US, 0);
    CHECK(w2e_gate_receive_limit(&gate) == 0);
    change("never_read@after_bytes=300", START_US + MS);
    passed_at(START_US + MS, 0);
    CHECK(w2e_gate_receive_limit(&gate) == 300);
}

/* … and what comes behind it does not go before it. */
static void data_that_is_late_stays_as_late(void) {
    begin("latency:latency=50");
    passed_at(START_US, 100);
    change("latency:latency=50@after_bytes=1000", START_US + 10 * MS);
    CHECK(passed_at(START_US + 10 * MS, 100) == 0 && !gate.active && gate.release_us == START_US + 50 * MS);
    CHECK(passed_at(START_US + 20 * MS, 300) == 0 && passed_at(START_US + 50 * MS - 1, 300) == 0);
    CHECK(passed_at(START_US + 50 * MS, 300) == 300 && gate.release_us == W2E_NEVER);
    CHECK(passed_at(START_US + 51 * MS, 400) == 400);
    CHECK(passed_at(START_US + 52 * MS, 1100) == 1000 && gate.active && gate.release_us == START_US + 102 * MS);
    begin("latency:latency=50");
    passed_at(START_US, 100);
    change("latency:latency=50@after_bytes=1000", START_US + 10 * MS);
    CHECK(passed_at(START_US + 20 * MS, 1200) == 0 && gate.active && gate.begin == 1000);
    CHECK(passed_at(START_US + 50 * MS, 1200) == 1000 && gate.release_us == START_US + 70 * MS);
    CHECK(passed_at(START_US + 70 * MS, 1200) == 1200);
    begin("latency:latency=50");
    passed_at(START_US, 100);
    change("latency:latency=10@after_bytes=50", START_US + 10 * MS); /* so much has come */
    CHECK(gate.active && passed_at(START_US + 49 * MS, 100) == 0 && passed_at(START_US + 50 * MS, 100) == 100);
}

static void a_pause_goes_on_though_nothing_is_sliced_any_more(void) {
    begin("trickle:interval=5");
    CHECK(passed_at(START_US, 100) == 1);
    change("trickle:interval=5@after_bytes=500", START_US + MS);
    CHECK(passed_at(START_US + MS, 100) == 1 && !gate.active && gate.release_us == START_US + 5 * MS);
    CHECK(w2e_gate_cut(&gate, 1) == UINT64_MAX);
    CHECK(passed_at(START_US + 5 * MS, 100) == 100 && gate.release_us == W2E_NEVER);
    begin("trickle:interval=5");
    passed_at(START_US, 100);
    change("trickle:interval=5@after_bytes=50", START_US + MS);
    CHECK(passed_at(START_US + MS, 100) == 1 && gate.release_us == START_US + 5 * MS);
    CHECK(passed_at(START_US + 5 * MS, 100) == 51 && gate.active && gate.release_us == START_US + 10 * MS);
}

/* What was swallowed came to it, though nothing has passed; and an end that is decided stands. */
static void what_a_change_of_conditions_leaves_as_it_is(void) {
    begin("timeout");
    passed_at(START_US, 100);
    change("timeout@after_bytes=50", START_US + MS);
    CHECK(gate.active && gate.swallows && passed_at(START_US + MS, 100) == 0);
    change("timeout@after_bytes=101", START_US + 2 * MS);
    CHECK(!gate.active && !gate.swallows && passed_at(START_US + 2 * MS, 100) == 100);
    begin("reset:at=10");
    passed_at(START_US, 100);
    change("reset:at=10@after_bytes=1000,after_ms=60", START_US + MS);
    CHECK(passed_at(START_US + MS, 100) == 10 && gate.end == W2E_GATE_RESET);
    begin("reset_peer:timeout=5");
    passed_at(START_US, 100);
    change("reset_peer:timeout=5@after_ms=60", START_US + MS);
    passed_at(START_US + 10 * MS, 100);
    CHECK(gate.end == W2E_GATE_GOES_ON && gate.event_us == START_US + 60 * MS);
    passed_at(START_US + 60 * MS, 100);
    CHECK(gate.end == W2E_GATE_GOES_ON && gate.event_us == START_US + 65 * MS);
}

int main(void) {
    a_time_begins_when_the_last_condition_is_met();
    a_rule_that_is_added_late_begins_then();
    an_equal_rule_changes_nothing();
    what_is_never_read_is_limited_in_time();
    jitter_keeps_the_order_of_bytes();
    a_burst_is_delayed_as_one();
    who_comes_alone_is_in_time_beside_a_crowd();
    a_line_is_exact_however_often_it_is_asked();
    a_line_is_asked_when_the_last_byte_is_due();
    nothing_passes_beside_a_send();
    a_slicer_makes_up_for_a_clock_that_is_not_fine();
    a_trickle_makes_up_for_nothing();
    a_pause_goes_on_while_nothing_comes();
    pieces_are_drawn_one_by_one();
    a_cut_begins_with_the_rule();
    some_ends_come_at_once();
    what_is_lost_and_what_waits();
    a_millisecond_of_slow_close_holds_fin();
    a_stall_holds_fin_from_its_byte_on();
    the_first_is_drawn_at_the_rate_too();
    a_byte_is_altered_once();
    the_byte_at_an_offset_is_altered_wherever_data_begins();
    a_gate_rests_until_new_conditions_hold();
    what_does_not_work_any_more_alters_and_holds_nothing();
    data_that_is_late_stays_as_late();
    a_pause_goes_on_though_nothing_is_sliced_any_more();
    what_a_change_of_conditions_leaves_as_it_is();
    return 0;
}
