/* Each fault of UDP, under drivers of all families, in memory: what becomes of each datagram, exactly, and when. */
#include "check.h"
#include "codes.h"
#include "net.h"

#include <string.h>

static void without_rules_each_is_answered(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, NULL, 4096);
        net_say_many(net, 100, 10, 64);
        net_run(net, START + SECOND);
        net_expect_unaltered(net);
        CHECK(net->answered == 100 && net->verdict_count == 0);
        CHECK(net->session->bytes_sent == 6400 && net->session->bytes_received == 6400);
        net_end(net);
    }
}

static void dropped_ones_are_lost_and_no_other(void) {
    unsigned first[SENT_MAX] = {0};
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "drop:rate=0.2", 4096);
        unsigned counts[SENT_MAX];
        net_say_many(net, 1000, 100, 64);
        net_run(net, START + SECOND);
        net_expect_unaltered(net);
        net_count_answers(net, counts);
        CHECK(net->answered > 750 && net->answered < 850 && net->verdict_count == 1000 - net->answered);
        for (unsigned i = 0; i < net->verdict_count; i++) {
            CHECK(net->verdicts[i].kind == W2E_FAULT_drop && counts[net->verdicts[i].place - 1] == 0);
        }
        CHECK(family == 0 || memcmp(counts, first, sizeof first) == 0);
        memcpy(first, counts, sizeof first);
        net_end(net);
    }
}

static void correlated_losses_come_in_runs(void) {
    struct net *net = net_begin(READINESS, "drop:rate=0.2,correlation=0.9", 4096);
    unsigned counts[SENT_MAX];
    net_say_many(net, 2000, 100, 10);
    net_run(net, START + SECOND);
    net_count_answers(net, counts);
    unsigned lost = 0;
    unsigned runs = 0;
    for (unsigned i = 0; i < 2000; i++) {
        lost += counts[i] == 0;
        runs += counts[i] == 0 && (i == 0 || counts[i - 1] == 1);
    }
    CHECK(lost > 150 && lost > 6 * runs);
    net_end(net);
}

static void duplicates_come_twice(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "duplicate:rate=0.3", 4096);
        unsigned counts[SENT_MAX];
        net_say_many(net, 1000, 100, 64);
        net_run(net, START + SECOND);
        net_expect_unaltered(net);
        net_count_answers(net, counts);
        unsigned twice = 0;
        for (unsigned i = 0; i < 1000; i++) {
            CHECK(counts[i] == 1 || counts[i] == 2);
            twice += counts[i] == 2;
        }
        CHECK(twice > 250 && twice < 350 && net->verdict_count == twice);
        CHECK(net->session->bytes_sent == 64 * (uint64_t)net->answered);
        net_end(net);
    }
}

static void delays_are_exact(void) {
    static const char *const rules[] = {"latency:latency=50", "delay:delay=50"};
    EACH_FAMILY(family) {
        for (unsigned i = 0; i < 2; i++) {
            struct net *net = net_begin(family, rules[i], 65536);
            net_say_many(net, 100, 7 * MS, 64);
            net_run(net, START + 10 * SECOND);
            net_expect_unaltered(net);
            CHECK(net->answered == 100);
            for (unsigned j = 0; j < 100; j++) {
                CHECK(net->answers[j].index == j && net->answers[j].time_us == net->sent_us[j] + 50 * MS);
            }
            net_end(net);
        }
    }
}

static void jitter_delays_each_by_itself(void) {
    uint64_t delays[300] = {0};
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "latency:latency=50,jitter=30", 65536);
        net_say_many(net, 300, 5 * MS, 64);
        net_run(net, START + 10 * SECOND);
        net_expect_unaltered(net);
        unsigned overtaken = 0;
        for (unsigned i = 0; i < 300; i++) {
            const struct answer *answer = &net->answers[i];
            uint64_t delay_us = answer->time_us - net->sent_us[answer->index];
            CHECK(delay_us >= 20 * MS && delay_us <= 80 * MS);
            CHECK(family == 0 || delays[answer->index] == delay_us);
            delays[answer->index] = delay_us;
            overtaken += i > 0 && answer->index < net->answers[i - 1].index;
        }
        CHECK(net->answered == 300 && overtaken > 20);
        net_end(net);
    }
}

static void only_those_that_are_drawn_are_delayed(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "delay:delay=10,rate=0.5", 65536);
        unsigned late = 0;
        net_say_many(net, 1000, MS, 64);
        net_run(net, START + 10 * SECOND);
        net_expect_unaltered(net);
        for (unsigned i = 0; i < 1000; i++) {
            uint64_t delay_us = net->answers[i].time_us - net->sent_us[net->answers[i].index];
            CHECK(delay_us == 0 || delay_us == 10 * MS);
            late += delay_us > 0;
        }
        CHECK(net->answered == 1000 && late > 450 && late < 550 && net->verdict_count == late);
        net_end(net);
    }
}

static void a_reordered_one_comes_behind_the_next(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "reorder@every=4", 65536);
        net_say_many(net, 12, MS, 64);
        net_run(net, START + 10 * SECOND);
        static const unsigned expected[] = {0, 1, 2, 4, 3, 5, 6, 8, 7, 9, 10, 11};
        net_expect_unaltered(net);
        CHECK(net->answered == 12);
        for (unsigned i = 0; i < 12; i++) {
            CHECK(net->answers[i].index == expected[i]);
        }
        CHECK(net->answers[4].time_us == START + 4 * MS);
        CHECK(net->answers[11].time_us == START + 11 * MS + 100 * MS); /* none came that could go before */
        net_end(net);
    }
}

static void a_gap_is_as_wide_as_asked_for(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "reorder:gap=3,delay=50@first=1", 65536);
        net_say_many(net, 6, MS, 64);
        net_run(net, START + 10 * SECOND);
        CHECK(net->answered == 6 && net->answers[3].index == 0 && net->answers[2].index == 3 && net->answers[4].index == 4);
        net_end(net);
    }
}

static void corruption_alters_one_byte(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "corrupt:rate=0.3", 4096);
        unsigned altered = 0;
        net_say_many(net, 1000, 100, 64);
        net_say(net, START + 200 * MS, 0); /* it has no byte to alter */
        net_run(net, START + SECOND);
        for (unsigned i = 0; i < net->answered; i++) {
            CHECK(net->answers[i].altered <= 1);
            altered += (unsigned)net->answers[i].altered;
        }
        CHECK(net->answered == 1001 && altered > 250 && altered < 350 && net->verdict_count == altered);
        net_end(net);
        net = net_begin(family, "corrupt:at=9", 4096);
        net_say_many(net, 2, 100, 9);
        net_say_many(net, 2, 100, 10);
        net_run(net, START + SECOND);
        CHECK(net->answered == 4 && net->answers[0].altered == 0 && net->answers[2].altered == 1);
        CHECK(net->answers[3].altered_at == 9 && net->verdict_count == 2);
        net_end(net);
    }
}

static void truncation_leaves_the_beginning(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "truncate:bytes=10", 4096);
        net_say(net, START, 64);
        net_say(net, START, 10);
        net_say(net, START, 0);
        net_run(net, START + SECOND);
        CHECK(net->answered == 3 && net->answers[0].size == 10 && net->answers[1].size == 10 && net->answers[2].size == 0);
        CHECK(net->answers[0].altered == 0 && net->verdict_count == 1);
        net_end(net);
        net = net_begin(family, "truncate", 4096);
        net_say_many(net, 100, 100, 64);
        net_run(net, START + SECOND);
        for (unsigned i = 0; i < 100; i++) {
            CHECK(net->answers[i].size < 64 && net->answers[i].altered == 0);
        }
        CHECK(net->answered == 100 && net->verdict_count == 100);
        net_end(net);
    }
}

static void nobody_answers_while_down(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "down", 4096);
        net_say_many(net, 10, 100, 64);
        net_run(net, START + 10 * MS);
        CHECK(net->answered == 0 && net->taken == 10);
        CHECK(w2e_faults_remove(&net->rules, 1));
        net_update(net);
        net_say(net, START + 20 * MS, 64);
        net_run(net, START + SECOND);
        CHECK(net->answered == 1);
        net_end(net);
    }
}

static void conditions_select_datagrams(void) {
    struct {
        const char *rule;
        unsigned lost[5]; /* the first of them, counted from 1 */
        unsigned count;
    } cases[] = {
        {"drop@first=2", {1, 2}, 2},
        {"drop@every=4", {4, 8, 12, 16, 20}, 5},
        {"drop@every=4,first=8", {4, 8}, 2},
        {"drop@after_bytes=640", {11, 12, 13, 14, 15}, 10},
        {"drop@after_ms=15", {16, 17, 18, 19, 20}, 5},
        {"drop@peers=10.0.0.3", {4, 9, 14, 19}, 4},
        {"drop@peers=10.0.0.2/31", {3, 4, 8, 9, 13}, 8},
        {"drop:toxicity=0", {0}, 0},
        {"drop:toxicity=1@probability=0", {0}, 0},
        {"drop:rate=0", {0}, 0},
        {"drop:correlation=1", {1, 2, 3, 4, 5}, 20},
    };
    EACH_FAMILY(family) {
        for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct net *net = net_begin(family, cases[i].rule, 4096);
            net_say_many(net, 20, MS, 64);
            net_run(net, START + SECOND);
            CHECK(net->answered == 20 - cases[i].count && net->verdict_count == cases[i].count);
            for (unsigned j = 0; j < cases[i].count && j < 5; j++) {
                CHECK(net->verdicts[j].place == cases[i].lost[j]);
            }
            net_end(net);
        }
    }
}

static void rules_work_in_their_order(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "truncate:bytes=5", 4096);
        net_rule(net, "corrupt:at=7,stream=upstream"); /* upstream comes first: there is still a byte 7 */
        net_rule(net, "duplicate");
        net_rule(net, "latency:latency=20");
        net_update(net);
        net_say(net, START, 10);
        net_run(net, START + SECOND);
        CHECK(net->answered == 2 && net->answers[1].size == 5 && net->answers[1].time_us == START + 20 * MS);
        CHECK(net->verdict_count == 4 && net->verdicts[0].rule_id == 2 && net->verdicts[1].rule_id == 1);
        net_end(net);
    }
}

static void a_full_store_presses_back_and_loses_nothing(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "latency:latency=10,jitter=5", 2500); /* of which each takes up to a third */
        net->rough = true;
        for (unsigned i = 0; i < 500; i++) {
            net_say(net, START + i * 100, i * 37 % 801);
        }
        net_run(net, START + 60 * SECOND);
        net_expect_unaltered(net);
        unsigned counts[SENT_MAX];
        net_count_answers(net, counts);
        for (unsigned i = 0; i < 500; i++) {
            CHECK(counts[i] == 1);
        }
        net_end(net);
    }
}

static void one_for_which_there_is_no_room_is_in_time_nevertheless(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "delay:delay=100@first=1", 1000);
        net_rule(net, "latency:latency=10");
        net_update(net);
        net_say_many(net, 2, 0, 900);
        net_run(net, START + SECOND);
        CHECK(net->answered == 2 && net->answers[0].index == 1 && net->answers[0].time_us == START + 10 * MS);
        CHECK(net->answers[1].time_us == START + 110 * MS);
        net_end(net);
    }
}

/* Nor does it wait for later ones that cannot come. */
static void one_for_which_there_is_no_room_is_patient_no_longer_than_others(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "delay:delay=500@first=1", 1000);
        net_rule(net, "reorder:gap=2,delay=50@every=2");
        net_update(net);
        net_say_many(net, 2, 0, 900);
        net_run(net, START + SECOND);
        CHECK(net->answered == 2 && net->answers[0].index == 1 && net->answers[0].time_us == START + 50 * MS);
        CHECK(net->answers[1].time_us == START + 500 * MS);
        net_end(net);
    }
}

static void where_one_leaves_there_is_room_for_the_next(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "delay:delay=50@first=1", 1000);
        net_rule(net, "delay:delay=200@every=2");
        net_update(net);
        net_say_many(net, 3, MS, 900);
        net_run(net, START + SECOND);
        CHECK(net->answered == 3 && net->answers[0].index == 0 && net->answers[1].index == 2);
        CHECK(net->answers[1].time_us == START + 50 * MS && net->answers[2].time_us == START + 201 * MS);
        net_end(net);
    }
}

static void earlier_ones_do_not_count_for_a_gap(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "delay:delay=10@first=1", 4096);
        net_rule(net, "reorder@every=2");
        net_update(net);
        net_say_many(net, 2, MS, 64);
        net_say(net, START + 20 * MS, 64);
        net_run(net, START + SECOND);
        CHECK(net->answered == 3 && net->answers[0].index == 0 && net->answers[1].index == 2);
        CHECK(net->answers[2].time_us == START + 20 * MS);
        net_end(net);
    }
}

static void faults_are_attached_while_operations_are_out(void) {
    struct net *net = net_begin(COMPLETION, NULL, 4096);
    struct w2e_session_datagram plain;
    struct w2e_session *session = &plain.session;
    struct w2e_datagram_socket socket = {.number = 1, .opened_us = START, .peer_of = net_peer_of};
    w2e_session_datagram_init(&plain, 100);
    free(w2e_session_buffer_swap(session, malloc(200), 200));
    struct w2e_op recv = w2e_session_next(session, START);
    w2e_session_done(session, W2E_OP_RECV, 0, 5, START);
    CHECK(w2e_session_next(session, START).kind == W2E_OP_SEND);
    recv = w2e_session_next(session, START);
    net_rule(net, "drop");
    w2e_session_datagram_faults_attach(&net->faults, &plain, &socket, net->store, 4096, &net->rules, START);
    CHECK(recv.kind == W2E_OP_RECV);
    w2e_session_done(session, W2E_OP_RECV, 0, 6, START);
    CHECK(w2e_session_next(session, START).kind == W2E_OP_NONE);
    w2e_session_done(session, W2E_OP_SEND, 0, 5, START);
    CHECK(w2e_session_next(session, START).kind == W2E_OP_RECV); /* the second is dropped, the first was on its way */
    CHECK(session->bytes_sent == 5 && session->bytes_received == 11);
    w2e_session_undo(session, W2E_OP_RECV);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    CHECK(w2e_session_next(session, START).kind == W2E_OP_CLOSE);
    free(w2e_session_buffer_swap(session, NULL, 0));
    free(w2e_session_buffer_swap(net->session, NULL, 0));
    free(net->store);
    free(net);
}

static void what_was_out_when_they_came_may_be_undone(void) {
    struct net *net = net_begin(COMPLETION, NULL, 4096);
    struct w2e_session_datagram plain;
    struct w2e_session *session = &plain.session;
    struct w2e_datagram_socket socket = {.number = 1, .opened_us = START, .peer_of = net_peer_of};
    w2e_session_datagram_init(&plain, 100);
    free(w2e_session_buffer_swap(session, malloc(200), 200));
    CHECK(w2e_session_next(session, START).kind == W2E_OP_RECV);
    w2e_session_done(session, W2E_OP_RECV, 0, 5, START);
    CHECK(w2e_session_next(session, START).kind == W2E_OP_SEND);
    w2e_session_datagram_faults_attach(&net->faults, &plain, &socket, net->store, 4096, &net->rules, START);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    CHECK(w2e_session_next(session, START).kind == W2E_OP_CANCEL);
    w2e_session_undo(session, W2E_OP_SEND);
    CHECK(w2e_session_next(session, START).kind == W2E_OP_CLOSE);
    free(w2e_session_buffer_swap(session, NULL, 0));
    free(w2e_session_buffer_swap(net->session, NULL, 0));
    free(net->store);
    free(net);
}

/* ---- random rules ---- */

static const char *const kinds[] = {"drop:rate=0.2,correlation=0.3",
                                    "duplicate:rate=0.3",
                                    "reorder:rate=0.3,gap=2",
                                    "latency:latency=20,jitter=15",
                                    "delay:delay=9,rate=0.5",
                                    "corrupt:rate=0.3",
                                    "truncate:rate=0.2",
                                    "drop@every=7",
                                    "corrupt:at=3@first=20",
                                    "duplicate:toxicity=0.5,stream=upstream"};

static struct net *play(unsigned family, bool rough, uint64_t seed) {
    struct net *net = net_begin(family, NULL, 16384);
    net->random = seed;
    net->rules.seed = seed;
    unsigned count = (unsigned)net_random(net, 5);
    for (unsigned i = 0; i < count; i++) {
        net_rule(net, kinds[net_random(net, sizeof kinds / sizeof kinds[0])]);
    }
    net_update(net);
    for (unsigned i = 0; i < 60; i++) {
        net_say(net, START + i * net_random(net, 2) * 10 * MS, net_random(net, BYTES_MAX + 1));
    }
    for (unsigned i = 1; i < net->sent; i++) { /* in the order of time */
        net->sent_us[i] = net->sent_us[i] < net->sent_us[i - 1] ? net->sent_us[i - 1] : net->sent_us[i];
    }
    net->rough = rough;
    net->random = seed + family;
    net_run(net, START + 60 * SECOND);
    return net;
}

static void a_rule_of_tcp_is_none_here(void) {
    struct net *net = net_begin(READINESS, "reset:at=1", 4096);
    net_say_many(net, 5, 10, 64);
    net_run(net, START + SECOND);
    net_expect_unaltered(net);
    CHECK(net->answered == 5 && net->verdict_count == 0);
    net_end(net);
}

static void what_does_not_happen_is_not_told(void) {
    static const char *const never[] = {"reorder:rate=0", "delay:delay=5,rate=0", "drop:rate=0",      "duplicate:rate=0",
                                        "corrupt:rate=0", "truncate:rate=0",      "truncate:bytes=64"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        struct net *net = net_begin(READINESS, never[i], 4096);
        net_say_many(net, 20, 10, 64);
        net_run(net, START + SECOND);
        net_expect_unaltered(net);
        CHECK(net->answered == 20 && net->verdict_count == 0 && net->answers[19].time_us == START + 190);
        net_end(net);
    }
}

static void one_that_goes_lets_all_go_that_waited_for_it(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "reorder:gap=1,delay=500@first=2", 4096);
        net_say_many(net, 4, 10 * MS, 64);
        net_run(net, START + SECOND);
        net_expect_unaltered(net);
        CHECK(net->answered == 4);
        for (unsigned i = 0; i < 4; i++) {
            static const unsigned order[] = {2, 0, 1, 3};
            CHECK(net->answers[i].index == order[i]);
            CHECK(net->answers[i].time_us == START + (i < 3 ? 20 : 30) * MS);
        }
        net_end(net);
    }
}

/* Of two copies one may fail: what was sent counts, and nothing else. */
static void each_copy_counts_for_itself(void) {
    for (int failing = 0; failing < 3; failing++) {
        struct net *net = net_begin(COMPLETION, "duplicate", 4096);
        struct w2e_op recv = w2e_session_next(net->session, START);
        recv.ends->opaque[0] = 1;
        memset(recv.data, 7, 64);
        w2e_session_done(net->session, W2E_OP_RECV, 0, 64, START);
        for (int copy = 0; copy < 2; copy++) {
            bool fails = copy == failing;
            CHECK(w2e_session_next(net->session, START).kind == W2E_OP_SEND);
            w2e_session_done(net->session, W2E_OP_SEND, fails ? W2E_ENOBUFS : 0, fails ? 0 : 64, START);
        }
        CHECK(net->session->bytes_sent == (failing == 2 ? 128 : 64));
        net_end(net);
    }
}

/* The store holds so many at most, however small they are. */
static void many_small_ones_fill_the_store_too(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "latency:latency=500", 1 << 20);
        net_say_many(net, W2E_DATAGRAM_STORE_MAX + 50, 10, 1);
        net_run(net, START + 10 * SECOND);
        net_expect_unaltered(net);
        CHECK(net->answered == W2E_DATAGRAM_STORE_MAX + 50);
        CHECK(net->answers[W2E_DATAGRAM_STORE_MAX - 1].time_us < START + 510 * MS);
        net_end(net);
    }
}

/* Neither among those that are counted nor among their bytes. */
static void one_that_waits_long_keeps_no_place_but_its_own(void) {
    static const struct {
        size_t store_bytes;
        size_t size;
        uint64_t interval_us;
    } cases[] = {{W2E_DATAGRAM_STORE_BYTES, 64, 100}, {3000, 900, MS}};
    EACH_FAMILY(family) {
        for (unsigned i = 0; i < 2; i++) {
            struct net *net = net_begin(family, "delay:delay=5000@first=1", cases[i].store_bytes);
            net_rule(net, "latency:latency=1");
            net_update(net);
            net_say_many(net, 600, cases[i].interval_us, cases[i].size);
            net_run(net, START + 10 * SECOND);
            net_expect_unaltered(net);
            CHECK(net->answered == 600 && net->answers[599].index == 0);
            CHECK(net->answers[599].time_us == START + 5001 * MS);
            for (unsigned j = 0; j < 599; j++) {
                CHECK(net->answers[j].index == j + 1 && net->answers[j].time_us == net->sent_us[j + 1] + MS);
            }
            net_end(net);
        }
    }
}

/* One that is sent from the store is called back once. */
static void a_delayed_one_that_is_out_is_called_back(void) {
    struct net *net = net_begin(COMPLETION, "latency:latency=5", 4096);
    net_say(net, START, 64);
    net_run(net, START + MS);
    CHECK(w2e_session_next(net->session, START + 5 * MS).kind == W2E_OP_SEND);
    w2e_session_abort(net->session, WS2ECHO_REASON_STOPPED, 0);
    CHECK(w2e_session_next(net->session, START + 6 * MS).kind == W2E_OP_CANCEL);
    CHECK(w2e_session_next(net->session, START + 6 * MS).kind == W2E_OP_NONE);
    w2e_session_undo(net->session, W2E_OP_SEND);
    net_end(net);
}

/* What was answered, in an order that does not depend on time. */
static uint64_t digest(const struct net *net) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < net->answered; i++) {
        const struct answer *answer = &net->answers[i];
        uint64_t one = answer->index * 1000003u + answer->size * 7919u + answer->altered * 104729u + answer->altered_at;
        sum += one * one;
    }
    return sum;
}

static void nothing_depends_on_the_driver(void) {
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct net *first = play(BLOCKING, false, seed);
        for (unsigned i = 1; i < 2 * FAMILIES; i++) {
            struct net *other = play(i % FAMILIES, i >= FAMILIES, seed);
            CHECK(digest(first) == digest(other) && first->answered == other->answered);
            CHECK(first->verdict_count == other->verdict_count);
            for (unsigned j = 0; j < first->verdict_count; j++) {
                CHECK(first->verdicts[j].rule_id == other->verdicts[j].rule_id);
                CHECK(first->verdicts[j].place == other->verdicts[j].place);
            }
            net_end(other);
        }
        net_end(first);
    }
}

static void every_session_can_be_aborted_at_any_time(void) {
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct net *net = net_begin((unsigned)(seed % FAMILIES), kinds[seed % 7], 16384);
        net->rough = true;
        net->random = seed;
        net_say_many(net, 50, 100, 64);
        net_run(net, START + net_random(net, 10 * MS));
        net_end(net);
    }
}

static void a_copy_is_not_a_later_one(void) {
    static const unsigned expected[] = {1, 1, 2, 2, 0, 0};
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "reorder:gap=2@first=1", 65536);
        net_rule(net, "duplicate");
        net_update(net);
        net_say_many(net, 3, MS, 64);
        net_run(net, START + 10 * SECOND);
        CHECK(net->answered == 6);
        for (unsigned i = 0; i < 6; i++) {
            CHECK(net->answers[i].index == expected[i]);
        }
        net_end(net);
    }
}

int main(void) {
    without_rules_each_is_answered();
    dropped_ones_are_lost_and_no_other();
    correlated_losses_come_in_runs();
    duplicates_come_twice();
    delays_are_exact();
    jitter_delays_each_by_itself();
    only_those_that_are_drawn_are_delayed();
    a_reordered_one_comes_behind_the_next();
    a_gap_is_as_wide_as_asked_for();
    a_copy_is_not_a_later_one();
    corruption_alters_one_byte();
    truncation_leaves_the_beginning();
    nobody_answers_while_down();
    conditions_select_datagrams();
    rules_work_in_their_order();
    a_full_store_presses_back_and_loses_nothing();
    one_for_which_there_is_no_room_is_in_time_nevertheless();
    one_for_which_there_is_no_room_is_patient_no_longer_than_others();
    where_one_leaves_there_is_room_for_the_next();
    earlier_ones_do_not_count_for_a_gap();
    faults_are_attached_while_operations_are_out();
    what_was_out_when_they_came_may_be_undone();
    a_rule_of_tcp_is_none_here();
    one_that_goes_lets_all_go_that_waited_for_it();
    each_copy_counts_for_itself();
    what_does_not_happen_is_not_told();
    many_small_ones_fill_the_store_too();
    one_that_waits_long_keeps_no_place_but_its_own();
    a_delayed_one_that_is_out_is_called_back();
    nothing_depends_on_the_driver();
    every_session_can_be_aborted_at_any_time();
    return 0;
}
