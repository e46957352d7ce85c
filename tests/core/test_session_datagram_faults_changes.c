/* Rules of UDP that change while datagrams come: those that stay go on, and those that go let go of what they hold. */
#include "check.h"
#include "codes.h"
#include "net.h"

#include <string.h>

static void change(struct net *net, uint32_t id, const char *text) {
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    CHECK(w2e_fault_parse(&rule, text, &error) && w2e_faults_change(&net->rules, id, &rule, 0));
    net_update(net);
}

static void remove_rule(struct net *net, uint32_t id) {
    CHECK(w2e_faults_remove(&net->rules, id));
    net_update(net);
}

/* ---- who goes on ---- */

static void a_changed_rule_counts_on_and_an_unchanged_one_goes_on(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "drop@first=5", 4096);
        struct w2e_fault_rule rule;
        struct w2e_fault_error error;
        net_say_many(net, 10, MS, 64);
        net_run(net, START + 2 * MS + 1);
        CHECK(net->answered == 0 && net->taken == 3);
        net_rule(net, "drop@first=1"); /* the first from now on */
        CHECK(w2e_fault_parse(&rule, "drop@first=4", &error) && w2e_faults_change(&net->rules, 1, &rule, 0));
        net_update(net);
        net_run(net, START + SECOND);
        CHECK(net->answered == 6 && net->verdict_count == 4 && net->verdicts[3].rule_id == 1);
        CHECK(w2e_session_datagram_faults_summary(&net->faults)->count == 4);
        net_end(net);
    }
}

/* A rule that is added, or removed, leaves the others as they are. */
static void rules_go_on_beside_those_that_change(void) {
    struct net *net = net_begin(READINESS, "latency:latency=0", 4096);
    unsigned counts[SENT_MAX];
    net_rule(net, "latency:latency=0");
    net_rule(net, "drop@first=2");
    net_update(net);
    net_say_many(net, 10, 1000, 64);
    net_run(net, START + 4500);
    net_rule(net, "latency:latency=0");
    CHECK(w2e_faults_remove(&net->rules, 1));
    net_update(net);
    net_run(net, START + SECOND);
    net_count_answers(net, counts);
    for (unsigned i = 0; i < 10; i++) {
        CHECK(counts[i] == (i < 2 ? 0 : 1));
    }
    net_end(net);
}

/* One that comes to stand before them moves them, and they count on. */
static void rules_go_on_behind_one_that_is_added(void) {
    struct net *net = net_begin(READINESS, "drop@first=1", 4096);
    unsigned counts[SENT_MAX];
    net_rule(net, "drop@first=2");
    net_update(net);
    net_say_many(net, 10, 1000, 64);
    net_run(net, START + 4500);
    net_rule(net, "latency:latency=0,stream=upstream");
    net_update(net);
    net_run(net, START + SECOND);
    net_count_answers(net, counts);
    for (unsigned i = 0; i < 10; i++) {
        CHECK(counts[i] == (i < 2 ? 0 : 1));
    }
    net_end(net);
}

static void a_rule_that_moves_leaves_those_behind_it_as_they_are(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "latency:latency=0,stream=upstream", 4096);
        net_rule(net, "latency:latency=0");
        net_rule(net, "latency:latency=0");
        net_rule(net, "drop@first=4");
        net_update(net);
        net_say_many(net, 10, MS, 64);
        net_run(net, START + MS + 1);
        CHECK(net->taken == 2 && net->answered == 0);
        change(net, 3, "latency:latency=0,stream=upstream");
        net_run(net, START + SECOND);
        CHECK(net->answered == 6);
        net_end(net);
    }
}

static void all_rules_may_be_replaced_at_once(void) {
    struct net *net = net_begin(READINESS, NULL, 4096);
    for (unsigned i = 0; i < W2E_FAULT_RULES_MAX; i++) {
        net_rule(net, "latency:latency=0");
    }
    net_update(net);
    net_say_many(net, 10, MS, 64);
    net_run(net, START + 4 * MS + 1);
    CHECK(net->answered == 5 && net->verdict_count == 5 * W2E_FAULT_RULES_MAX);
    for (uint32_t id = 1; id <= W2E_FAULT_RULES_MAX; id++) {
        CHECK(w2e_faults_remove(&net->rules, id));
    }
    for (unsigned i = 0; i < W2E_FAULT_RULES_MAX; i++) {
        net_rule(net, "latency:latency=0@first=2");
    }
    net_update(net);
    net_run(net, START + SECOND);
    net_expect_unaltered(net);
    CHECK(net->answered == 10 && net->verdict_count == 7 * W2E_FAULT_RULES_MAX);
    CHECK(net->verdicts[5 * W2E_FAULT_RULES_MAX].place == 6 && net->faults.came == 10);
    net_end(net);
}

/* A rule that is removed leaves nothing behind, and one that comes then begins anew. */
static void a_rule_that_was_removed_does_nothing_more(void) {
    struct net *net = net_begin(READINESS, "drop", 4096);
    net_rule(net, "corrupt");
    net_update(net);
    net_say_many(net, 10, MS, 64);
    net_run(net, START + 4 * MS + 1);
    CHECK(net->answered == 0 && w2e_faults_remove(&net->rules, 1) && w2e_faults_remove(&net->rules, 2));
    net_update(net);
    net_run(net, START + SECOND);
    net_expect_unaltered(net);
    CHECK(net->answered == 5 && net->verdict_count == 5);
    net_end(net);
}

/* ---- what is let go ---- */

static const char *const holding[] = {"delay:delay=5000", "latency:latency=5000", "reorder:gap=5,delay=5000"};

enum { HOLDING = sizeof holding / sizeof holding[0] };

/* They were answered in their order, all at this time. */
static void were_answered_at(const struct net *net, unsigned count, uint64_t time_us) {
    net_expect_unaltered(net);
    CHECK(net->answered == count);
    for (unsigned i = 0; i < count; i++) {
        CHECK(net->answers[i].index == i && net->answers[i].time_us == time_us);
    }
}

static void what_a_rule_held_goes_on_when_it_is_removed(void) {
    EACH_FAMILY(family) {
        for (unsigned i = 0; i < HOLDING; i++) {
            struct net *net = net_begin(family, holding[i], 4096);
            net_say_many(net, 3, MS, 64);
            net_run(net, START + 10 * MS);
            CHECK(net->answered == 0 && net->taken == 3);
            remove_rule(net, 1);
            net_run(net, START + SECOND);
            were_answered_at(net, 3, START + 10 * MS);
            net_end(net);
        }
    }
}

/* Of the second of these the store has no room for the copy, and the third has not come to the rules. */
static void one_for_which_there_was_no_room_goes_on_too(void) {
    EACH_FAMILY(family) {
        for (unsigned i = 0; i < HOLDING; i++) {
            struct net *net = net_begin(family, holding[i], 1000);
            net_say_many(net, 4, MS, 900);
            net_run(net, START + 10 * MS);
            CHECK(net->answered == 0 && net->taken < 4 && net->faults.parked);
            remove_rule(net, 1);
            net_run(net, START + SECOND);
            were_answered_at(net, 4, START + 10 * MS);
            net_end(net);
        }
    }
}

static void one_for_which_there_was_no_room_goes_on_alone(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "delay:delay=5000@first=1", 1000);
        net_rule(net, "delay:delay=5000@every=2");
        net_update(net);
        net_say_many(net, 2, MS, 900);
        net_run(net, START + 10 * MS);
        CHECK(net->answered == 0 && net->faults.parked);
        remove_rule(net, 2);
        net_run(net, START + 10 * SECOND);
        CHECK(net->answered == 2 && net->answers[0].index == 1 && net->answers[0].time_us == START + 10 * MS);
        CHECK(net->answers[1].time_us == START + 5000 * MS);
        net_end(net);
    }
}

/* What another rule has added stays, and so does what was taken by one that only changed. */
static void each_rule_lets_go_of_its_own(void) {
    static const struct {
        const char *rules[2]; /* of which the first goes */
        uint64_t time_us;     /* when the only one is answered, then */
    } cases[] = {
        {{"delay:delay=5000", "latency:latency=50"}, 50 * MS},
        {{"latency:latency=50", "delay:delay=5000"}, 5000 * MS},
        {{"delay:delay=5000", "reorder:gap=1,delay=70"}, 70 * MS},
        {{"reorder:gap=1,delay=5000", "delay:delay=70"}, 70 * MS},
        {{"reorder:gap=1,delay=5000", "reorder:gap=1,delay=70"}, 70 * MS},
        {{"reorder:gap=1,delay=5000@first=1", "delay:delay=1,rate=0"}, 10 * MS},
    };
    EACH_FAMILY(family) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct net *net = net_begin(family, cases[i].rules[0], 4096);
            net_rule(net, cases[i].rules[1]);
            net_update(net);
            net_say(net, START, 64);
            net_run(net, START + 10 * MS);
            CHECK(net->answered == 0);
            remove_rule(net, 1);
            net_run(net, START + 20 * SECOND);
            were_answered_at(net, 1, START + cases[i].time_us);
            net_end(net);
        }
    }
}

/* Later ones that have gone before count for the rule that stays. */
static void a_gap_is_only_that_of_the_rules_that_stay(void) {
    EACH_FAMILY(family) {
        for (unsigned before = 1; before <= 4; before++) {
            struct net *net = net_begin(family, "reorder:gap=3,delay=5000@first=1", 4096);
            net_rule(net, "reorder:gap=2,delay=5000@first=1");
            net_update(net);
            net_say_many(net, 7, 10 * MS, 64);
            net_run(net, START + before * 10 * MS + MS);
            CHECK(net->answered == before);
            remove_rule(net, 1);
            net_run(net, START + SECOND);
            unsigned place = before < 2 ? 2 : before;
            CHECK(net->answered == 7 && net->answers[place].index == 0);
            CHECK(net->answers[place].time_us == START + (before < 2 ? 20 : before * 10 + 1) * MS);
            net_end(net);
        }
    }
}

static void a_changed_rule_keeps_what_it_has_taken(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "delay:delay=5000", 4096);
        net_say_many(net, 2, 20 * MS, 64);
        net_run(net, START + 10 * MS);
        change(net, 1, "delay:delay=1");
        net_run(net, START + 30 * MS);
        CHECK(net->answered == 1 && net->answers[0].index == 1 && net->answers[0].time_us == START + 21 * MS);
        net_run(net, START + 10 * SECOND);
        CHECK(net->answered == 2 && net->answers[1].time_us == START + 5000 * MS);
        net_end(net);
        net = net_begin(family, "delay:delay=5000", 4096);
        net_say(net, START, 64);
        net_run(net, START + 10 * MS);
        change(net, 1, "delay:delay=4000");
        net_run(net, START + 20 * MS);
        remove_rule(net, 1);
        net_run(net, START + 10 * SECOND);
        were_answered_at(net, 1, START + 20 * MS);
        net_end(net);
    }
}

/* The last of these is no fault of UDP. */
static void a_rule_that_becomes_another_kind_lets_go(void) {
    static const char *const others[] = {"latency:latency=5000", "reorder:delay=5000", "drop", "duplicate", "reset:at=1"};
    EACH_FAMILY(family) {
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            struct net *net = net_begin(family, "delay:delay=5000", 4096);
            net_say(net, START, 64);
            net_run(net, START + 10 * MS);
            change(net, 1, others[i]);
            net_run(net, START + 10 * SECOND);
            were_answered_at(net, 1, START + 10 * MS);
            net_end(net);
        }
    }
}

/* A driver has it: it goes once, and no other stays behind. */
static void what_is_out_when_its_rule_goes_goes_once(void) {
    struct net *net = net_begin(COMPLETION, "latency:latency=5", 4096);
    net_say_many(net, 2, MS, 64);
    net_run(net, START + 2 * MS);
    struct w2e_op sent = w2e_session_next(net->session, START + 5 * MS);
    CHECK(sent.kind == W2E_OP_SEND && sent.ends->opaque[1] == 0);
    remove_rule(net, 1);
    CHECK(w2e_session_next(net->session, START + 5 * MS).kind == W2E_OP_NONE);
    w2e_session_done(net->session, W2E_OP_SEND, 0, 64, START + 5 * MS);
    sent = w2e_session_next(net->session, START + 5 * MS);
    CHECK(sent.kind == W2E_OP_SEND && sent.ends->opaque[1] == 1);
    w2e_session_done(net->session, W2E_OP_SEND, 0, 64, START + 5 * MS);
    CHECK(w2e_session_next(net->session, START + 5 * MS).kind == W2E_OP_NONE && net->session->bytes_sent == 128);
    net_end(net);
}

/* Whatever the rules, and whenever they go. */
static void nothing_is_held_back_without_a_rule(void) {
    static const char *const some[] = {
        "delay:delay=9,jitter=9,rate=0.5", "latency:latency=20,jitter=15", "reorder:rate=0.3,gap=2",
        "reorder:gap=4,delay=30,rate=0.5", "duplicate:rate=0.3",           "drop:rate=0.2"};
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct net *net = net_begin((unsigned)(seed % FAMILIES), NULL, seed % 2 == 0 ? 16384 : 1500);
        net->random = seed;
        net->rules.seed = seed;
        for (unsigned i = 0; i < 4; i++) {
            net_rule(net, some[net_random(net, sizeof some / sizeof some[0])]);
        }
        net_update(net);
        for (unsigned i = 0; i < 60; i++) {
            net_say(net, START + i * MS, net_random(net, BYTES_MAX + 1));
        }
        net_run(net, START + net_random(net, 60) * MS + 1);
        for (uint32_t id = 1; id <= 4; id++) {
            remove_rule(net, id);
        }
        net_run(net, net->now_us);
        CHECK(net->faults.store.count == 0 && !net->faults.parked);
        net_run(net, START + SECOND);
        net_expect_unaltered(net);
        CHECK(net->taken == 60 && net->answers[net->answered - 1].time_us <= START + 60 * MS);
        net_end(net);
    }
}

int main(void) {
    a_changed_rule_counts_on_and_an_unchanged_one_goes_on();
    rules_go_on_beside_those_that_change();
    rules_go_on_behind_one_that_is_added();
    a_rule_that_moves_leaves_those_behind_it_as_they_are();
    all_rules_may_be_replaced_at_once();
    a_rule_that_was_removed_does_nothing_more();
    what_a_rule_held_goes_on_when_it_is_removed();
    one_for_which_there_was_no_room_goes_on_too();
    one_for_which_there_was_no_room_goes_on_alone();
    each_rule_lets_go_of_its_own();
    a_gap_is_only_that_of_the_rules_that_stay();
    a_changed_rule_keeps_what_it_has_taken();
    a_rule_that_becomes_another_kind_lets_go();
    what_is_out_when_its_rule_goes_goes_once();
    nothing_is_held_back_without_a_rule();
    return 0;
}
