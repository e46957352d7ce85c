/* The gates of a connection by hand, without a session: what each question is answered by several, and by those that are gone. */
#include "check.h"
#include "fault_chain.h"
#include "faults_parse.h"
#include "session.h"

#include <string.h>

enum { MS = 1000, START_US = 1000000, BYTES = 1000 };

static struct w2e_chain chain;
static struct w2e_fault_rules rules;

static void set(uint64_t received, uint64_t now_us) {
    w2e_chain_set(&chain, &rules, received, now_us);
}

static void add(const char *text) {
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    CHECK(w2e_fault_parse(&rule, text, &error) && w2e_faults_add(&rules, &rule, 0) != 0);
}

static void change(uint32_t id, const char *text) {
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    CHECK(w2e_fault_parse(&rule, text, &error) && w2e_faults_change(&rules, id, &rule, 0));
}

/* A chain of up to two rules, of a connection that was just opened. */
static void begin(const char *first, const char *second) {
    memset(&chain, 0, sizeof chain);
    chain.connection.number = 1;
    chain.opened_us = START_US;
    w2e_faults_init(&rules, 1);
    add(first);
    if (second != NULL) {
        add(second);
    }
    set(0, START_US);
}

static void advance(uint64_t received, uint64_t now_us) {
    w2e_chain_advance(&chain, received, now_us, false);
}

static bool first_end(uint64_t sent, struct w2e_chain_end *end) {
    uint32_t next = 0;
    return w2e_chain_next_end(&chain, sent, &next, end);
}

static bool ends(uint64_t sent) {
    struct w2e_chain_end end;
    return first_end(sent, &end);
}

/* ---- without rules ---- */

/* The bytes pass as they are, and nothing is told. */
static void expect_open(uint64_t received, uint64_t now_us) {
    unsigned char data[BYTES];
    uint64_t told = chain.summary.count;
    memset(data, 7, sizeof data);
    advance(received, now_us);
    CHECK(chain.count == 0 && w2e_chain_passed(&chain, received) == received);
    CHECK(w2e_chain_swallowed_from(&chain) == UINT64_MAX && w2e_chain_receive_limit(&chain) == UINT64_MAX);
    CHECK(w2e_chain_ask_again_us(&chain, false) == W2E_NEVER && w2e_chain_ask_again_us(&chain, true) == W2E_NEVER);
    CHECK(w2e_chain_prepare(&chain, data, 0, BYTES) == BYTES && !ends(received));
    for (size_t i = 0; i < BYTES; i++) {
        CHECK(data[i] == 7);
    }
    CHECK(w2e_chain_finish_us(&chain, 0, now_us, received) == now_us);
    w2e_chain_tell(&chain, received, false);
    CHECK(chain.summary.count == told);
}

/* The place of a gate that is gone still holds what it was. */
static void a_rule_that_was_removed_has_no_say(void) {
    static const char *const texts[] = {"latency:latency=50",
                                        "latency:latency=50@after_ms=20",
                                        "bandwidth:rate=1",
                                        "slow_close:delay=70",
                                        "slicer:average_size=10,delay=1000",
                                        "limit_data:bytes=10",
                                        "down",
                                        "corrupt",
                                        "reset:at=10",
                                        "fin:at=10",
                                        "refuse",
                                        "never_read",
                                        "never_read@after_ms=20",
                                        "trickle",
                                        "stall:at=10",
                                        "reset_peer:timeout=30@after_ms=20"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        begin(texts[i], NULL);
        advance(0, START_US);
        CHECK(chain.count == 1 && w2e_faults_remove(&rules, 1));
        set(0, START_US + 1);
        expect_open(BYTES, START_US + 1);
        set(BYTES, START_US + 2);
        expect_open(2 * BYTES, START_US + 100 * MS);
    }
}

static void what_a_removed_rule_held_is_free(void) {
    static const char *const texts[] = {"latency:latency=50", "bandwidth:rate=1", "slicer:average_size=10,delay=1000", "trickle",
                                        "stall:at=10"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        begin(texts[i], NULL);
        advance(BYTES, START_US + 1);
        CHECK(w2e_chain_passed(&chain, BYTES) < BYTES && w2e_faults_remove(&rules, 1));
        set(BYTES, START_US + 2);
        expect_open(BYTES, START_US + 3);
    }
}

/* A timeout that had swallowed nothing when it went has no hole left behind, whatever comes then. */
static void no_hole_comes_of_what_has_gone(void) {
    begin("timeout", NULL);
    advance(0, START_US);
    CHECK(w2e_chain_swallowed_from(&chain) == 0 && w2e_faults_remove(&rules, 1));
    set(0, START_US);
    expect_open(BYTES, START_US + 1);
    set(BYTES, START_US + 2);
    expect_open(BYTES, START_US + 3);
}

static void a_hole_is_where_the_first_byte_was_swallowed(void) {
    struct w2e_chain_end end;
    begin("timeout@after_bytes=100", NULL);
    advance(101, START_US);
    CHECK(w2e_chain_swallowed_from(&chain) == 100 && w2e_faults_remove(&rules, 1));
    set(101, START_US);
    advance(BYTES, START_US + 1);
    CHECK(w2e_chain_swallowed_from(&chain) == 100 && w2e_chain_passed(&chain, BYTES) == 100 && !ends(99));
    uint32_t next = 0;
    CHECK(w2e_chain_next_end(&chain, 100, &next, &end));
    CHECK(end.how == W2E_GATE_FIN && end.offset == 100 && end.rule_id == 1 && !end.at_once);
    struct w2e_chain_end another;
    CHECK(!w2e_chain_next_end(&chain, 100, &next, &another));
    uint64_t told = chain.summary.count;
    w2e_chain_tell_end(&chain, &end); /* its rule is no more */
    CHECK(chain.summary.count == told);
}

/* … also if the rule stays, and only its conditions do not hold any more. */
static void conditions_that_are_added_leave_a_hole(void) {
    struct w2e_chain_end end;
    begin("timeout", NULL);
    advance(100, START_US);
    change(1, "timeout@after_ms=60000");
    set(100, START_US + 1);
    advance(BYTES, START_US + 1);
    CHECK(chain.count == 1 && w2e_chain_swallowed_from(&chain) == 0 && w2e_chain_passed(&chain, BYTES) == 0);
    CHECK(first_end(0, &end) && end.how == W2E_GATE_FIN && end.rule_id == 1);
    begin("timeout", NULL);
    advance(0, START_US);
    change(1, "timeout@after_ms=60000");
    set(0, START_US + 1);
    advance(BYTES, START_US + 1);
    CHECK(w2e_chain_swallowed_from(&chain) == UINT64_MAX && w2e_chain_passed(&chain, BYTES) == BYTES && !ends(BYTES));
}

/* ---- two rules ---- */

/* In either order. */
static void each_of_two_has_its_say(const char *one, const char *other, void (*check)(void)) {
    begin(one, other);
    check();
    begin(other, one);
    check();
}

static void the_sooner_is_asked_for(void) {
    advance(0, START_US);
    CHECK(w2e_chain_ask_again_us(&chain, false) == START_US + 20 * MS);
    CHECK(w2e_chain_ask_again_us(&chain, true) == START_US + 20 * MS); /* it ends the connection, whatever is out */
}

static void the_sooner_is_released(void) {
    advance(BYTES, START_US);
    CHECK(w2e_chain_ask_again_us(&chain, false) == START_US + 20 * MS);
    CHECK(w2e_chain_ask_again_us(&chain, true) == W2E_NEVER);
}

static void the_lower_is_received(void) {
    CHECK(w2e_chain_receive_limit(&chain) == 300);
}

static void the_least_passes(void) {
    advance(BYTES, START_US);
    CHECK(w2e_chain_passed(&chain, BYTES) == 100 && w2e_chain_passed(&chain, 50) == 50);
}

static void the_first_swallows(void) {
    advance(BYTES, START_US);
    CHECK(w2e_chain_swallowed_from(&chain) == 100);
}

static void the_shorter_piece_is_cut(void) {
    unsigned char data[BYTES] = {0};
    advance(BYTES, START_US);
    CHECK(w2e_chain_prepare(&chain, data, 0, BYTES) == 10);
    CHECK(w2e_chain_prepare(&chain, data, 10, BYTES) == 10);
    CHECK(w2e_chain_prepare(&chain, data, 25, BYTES) == 5);
}

static void what_is_cut_off_is_not_altered_yet(void) {
    unsigned char data[BYTES] = {0};
    advance(BYTES, START_US);
    CHECK(w2e_chain_prepare(&chain, data, 0, BYTES) == 10);
    for (size_t i = 0; i < BYTES; i++) {
        CHECK((data[i] != 0) == (i < 10));
    }
}

static void either_ends_it(void) {
    struct w2e_chain_end end;
    advance(BYTES, START_US);
    CHECK(!ends(99) && first_end(100, &end) && end.how == W2E_GATE_RESET && end.offset == 100);
}

static void the_delays_of_fin_add_up(void) {
    advance(0, START_US);
    CHECK(w2e_chain_finish_us(&chain, 0, START_US, 0) == START_US + 70 * MS);
    CHECK(chain.summary.count == 2 && chain.summary.first.rule_id == 1 && chain.summary.last.rule_id == 2);
    CHECK(w2e_chain_finish_us(&chain, 1, START_US, 0) > START_US && w2e_chain_finish_us(&chain, 2, START_US, 0) == START_US);
    CHECK(chain.summary.count == 2); /* told once */
}

static void of_two_rules_each_has_its_say(void) {
    each_of_two_has_its_say("reset_peer:timeout=20", "reset_peer:timeout=90", the_sooner_is_asked_for);
    each_of_two_has_its_say("latency:latency=50@after_ms=20", "latency:latency=50@after_ms=90", the_sooner_is_asked_for);
    each_of_two_has_its_say("never_read@after_bytes=300", "never_read@after_bytes=400", the_lower_is_received);
    each_of_two_has_its_say("stall:at=100", "stall:at=200", the_least_passes);
    each_of_two_has_its_say("timeout@after_bytes=100", "limit_data:bytes=200", the_first_swallows);
    each_of_two_has_its_say("slicer:average_size=10", "slicer:average_size=100", the_shorter_piece_is_cut);
    each_of_two_has_its_say("slicer:average_size=10", "corrupt", what_is_cut_off_is_not_altered_yet);
    each_of_two_has_its_say("reset:at=100", "fin:at=200", either_ends_it);
    each_of_two_has_its_say("slow_close:delay=50", "slow_close:delay=20", the_delays_of_fin_add_up);
    begin("latency:latency=20", "bandwidth:rate=1");
    the_sooner_is_released();
}

/* ---- order ---- */

static void order_is(uint32_t first, uint32_t second, uint32_t third) {
    CHECK(chain.count == 3);
    CHECK(chain.gates[0].rule.id == first && chain.gates[1].rule.id == second && chain.gates[2].rule.id == third);
}

/* A rule that moves keeps what it has seen, and so do those that make room. */
static void gates_follow_their_rules(void) {
    begin("latency:latency=10", "latency:latency=20");
    add("latency:latency=30");
    set(0, START_US);
    order_is(1, 2, 3);
    advance(BYTES, START_US);
    change(3, "latency:latency=30,stream=upstream");
    set(BYTES, START_US + 1);
    order_is(3, 1, 2);
    CHECK(chain.gates[0].entered == 0 && chain.gates[1].entered == BYTES && chain.gates[2].entered == 0);
    CHECK(!chain.gates[0].touched && chain.gates[1].touched && !chain.gates[2].touched);
    add("latency:latency=40,stream=upstream");
    CHECK(w2e_faults_remove(&rules, 1));
    set(BYTES, START_US + 2);
    order_is(3, 4, 2);
    CHECK(w2e_faults_remove(&rules, 3) && w2e_faults_remove(&rules, 4) && w2e_faults_remove(&rules, 2));
    set(BYTES, START_US + 3);
    expect_open(BYTES, START_US + 3);
}

/* A connection that was accepted before the rule was changed, but whose gate nobody has asked yet. */
static void who_was_refused_stays_refused(void) {
    static const char *const texts[] = {"refuse", "refuse@first=9", "refuse@every=2"};
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        begin("refuse@first=1", NULL);
        CHECK(w2e_fault_parse(&rule, texts[i], &error) && w2e_faults_change(&rules, 1, &rule, 1));
        add("stall");
        set(0, START_US);
        advance(0, START_US);
        CHECK(chain.count == 2 && ends(0));
    }
    begin("stall", NULL);
    CHECK(w2e_fault_parse(&rule, "refuse", &error) && w2e_faults_change(&rules, 1, &rule, 1));
    set(0, START_US);
    expect_open(BYTES, START_US); /* who was not is not */
}

/* ---- verdicts ---- */

static struct w2e_fault_verdict verdicts[8];
static unsigned verdict_count;

static void note(void *owner, const struct w2e_fault_verdict *verdict) {
    CHECK(owner == &chain && verdict_count < 8);
    verdicts[verdict_count++] = *verdict;
}

static void begin_noting(const char *first, const char *second) {
    begin(first, second);
    verdict_count = 0;
    chain.observer = (struct w2e_fault_observer){.owner = &chain, .touched = note};
}

static void told_are(unsigned count, uint32_t first, uint32_t second) {
    CHECK(verdict_count == count && chain.summary.count == count);
    CHECK(count < 1 || verdicts[0].rule_id == first);
    CHECK(count < 2 || verdicts[1].rule_id == second);
}

/* In the order of their bytes, not of the rules; each when what was before it is sent. */
static void verdicts_come_in_the_order_of_bytes(void) {
    begin_noting("latency:latency=0@after_bytes=200", "latency:latency=0@after_bytes=100");
    advance(BYTES, START_US);
    w2e_chain_tell(&chain, 99, false);
    told_are(0, 0, 0);
    w2e_chain_tell(&chain, 100, false);
    told_are(1, 2, 0);
    w2e_chain_tell(&chain, 199, false);
    told_are(1, 2, 0);
    w2e_chain_tell(&chain, BYTES, false);
    told_are(2, 2, 1);
    CHECK(verdicts[0].place == 100 && verdicts[1].place == 200 && verdicts[1].kind == W2E_FAULT_latency);
    CHECK(verdicts[0].connection == 1);
}

/* At an end, what only the byte behind it would have met is left out; what has happened by then is not. */
static void an_end_cuts_off_what_it_has_not_met(void) {
    begin_noting("latency:latency=0@after_bytes=100", "timeout@after_bytes=100");
    advance(BYTES, START_US);
    w2e_chain_tell(&chain, 100, true);
    told_are(1, 2, 0);
    begin_noting("latency:latency=0@after_bytes=100", "timeout@after_bytes=100");
    advance(BYTES, START_US);
    w2e_chain_tell(&chain, 100, false);
    told_are(2, 2, 1);
}

/* An altered byte has to be gone. */
static void an_altered_byte_is_told_when_it_is_sent(void) {
    unsigned char data[BYTES] = {0};
    begin_noting("corrupt:at=10", NULL);
    advance(BYTES, START_US);
    CHECK(w2e_chain_prepare(&chain, data, 0, BYTES) == BYTES && data[10] != 0);
    w2e_chain_tell(&chain, 10, false);
    told_are(0, 0, 0);
    w2e_chain_tell(&chain, 11, false);
    told_are(1, 1, 0);
    CHECK(verdicts[0].place == 10);
}

static void the_rule_that_ends_it_is_told_once(void) {
    struct w2e_chain_end end;
    begin_noting("latency:latency=0", "reset:at=100");
    advance(BYTES, START_US);
    CHECK(first_end(100, &end));
    w2e_chain_tell_end(&chain, &end);
    told_are(1, 2, 0);
    w2e_chain_tell_end(&chain, &end);
    w2e_chain_tell(&chain, BYTES, false);
    told_are(2, 2, 1);
    CHECK(verdicts[0].place == 100);
}

/* A rule that works again tells nothing new. */
static void who_rests_is_told_once(void) {
    begin_noting("latency:latency=0", NULL);
    advance(100, START_US);
    w2e_chain_tell(&chain, 100, false);
    told_are(1, 1, 0);
    change(1, "latency:latency=0@after_bytes=200");
    set(100, START_US + MS);
    advance(BYTES, START_US + MS);
    w2e_chain_tell(&chain, BYTES, false);
    told_are(1, 1, 0);
}

int main(void) {
    a_rule_that_was_removed_has_no_say();
    what_a_removed_rule_held_is_free();
    no_hole_comes_of_what_has_gone();
    a_hole_is_where_the_first_byte_was_swallowed();
    conditions_that_are_added_leave_a_hole();
    of_two_rules_each_has_its_say();
    gates_follow_their_rules();
    who_was_refused_stays_refused();
    verdicts_come_in_the_order_of_bytes();
    an_end_cuts_off_what_it_has_not_met();
    an_altered_byte_is_told_when_it_is_sent();
    the_rule_that_ends_it_is_told_once();
    who_rests_is_told_once();
    return 0;
}
