/* Faults of UDP at their ends: what is drawn first, and what is out when all ends. */
#include "check.h"
#include "codes.h"
#include "net.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is drawn ---- */

/* How many of twenty a rule touched, for a seed. */
static unsigned touched_of_twenty(const char *rule, uint64_t seed) {
    struct net *net = net_begin(READINESS, NULL, 65536);
    net->rules.seed = seed;
    net_rule(net, rule);
    net_update(net);
    net_say_many(net, 20, MS, 64);
    net_run(net, START + SECOND);
    unsigned count = net->verdict_count;
    net_end(net);
    return count;
}

/* Where each is as the one before, the first decides: at the rate. */
static void the_first_is_drawn_at_the_rate_too(void) {
    static const char *const rules[] = {"drop:rate=0.3,correlation=1",     "duplicate:rate=0.3,correlation=1",
                                        "reorder:rate=0.3,correlation=1",  "corrupt:rate=0.3,correlation=1",
                                        "truncate:rate=0.3,correlation=1", "delay:delay=5,rate=0.3,correlation=1"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        unsigned all = 0;
        for (uint64_t seed = 1; seed <= 200; seed++) {
            unsigned count = touched_of_twenty(rules[i], seed);
            CHECK(count == 0 || count == 20);
            all += count == 20;
        }
        CHECK(all > 35 && all < 85);
    }
}

/* ---- who waits ---- */

/* A rule added to an open socket counts its time from when the socket was opened, and no earlier than it came. */
static void a_rule_waits_for_its_time(void) {
    struct net *net = net_begin(READINESS, "drop@after_ms=5,first=2", 4096);
    net_say_many(net, 20, MS, 64);
    net_run(net, START + 9 * MS + 1);
    CHECK(net->answered == 10); /* by then those that counted had come */
    net_rule(net, "drop@after_ms=12");
    net_update(net);
    net_run(net, START + SECOND);
    CHECK(net->answered == 12 && net->verdicts[0].place == 13 && net->verdicts[0].rule_id == 2);
    net_end(net);
}

/* Also one that was late itself. */
static void one_that_goes_lets_go_who_waited_for_it(void) {
    EACH_FAMILY(family) {
        struct net *net = net_begin(family, "reorder@first=1", 4096);
        net_rule(net, "delay:delay=10@every=2");
        net_update(net);
        net_say_many(net, 2, MS, 64);
        net_run(net, START + SECOND);
        CHECK(net->answered == 2 && net->answers[0].index == 1 && net->answers[1].index == 0);
        CHECK(net->answers[0].time_us == START + 11 * MS && net->answers[1].time_us == START + 11 * MS);
        net_end(net);
    }
}

/* ---- memory ---- */

static void memory_for_faults_may_hold_anything(void) {
    static const struct w2e_fault_observer nobody = {0};
    struct net *net = net_begin(READINESS, NULL, 4096);
    struct w2e_session_datagram plain;
    struct w2e_session *session = &plain.session;
    struct w2e_datagram_socket socket = {.number = 1, .opened_us = START, .peer_of = net_peer_of, .observer = nobody};
    net_rule(net, "latency:latency=5");
    struct w2e_session_datagram_faults *faults = malloc(sizeof *faults);
    memset(faults, 0xA5, sizeof *faults);
    w2e_session_datagram_init(&plain, 100);
    free(w2e_session_buffer_swap(session, malloc(200), 200));
    w2e_session_datagram_faults_attach(faults, &plain, &socket, net->store, 4096, &net->rules, START);
    CHECK(w2e_session_next(session, START).kind == W2E_OP_RECV);
    w2e_session_done(session, W2E_OP_RECV, 0, 5, START);
    CHECK(w2e_session_next(session, START).kind == W2E_OP_RECV);
    w2e_session_undo(session, W2E_OP_RECV);
    CHECK(w2e_session_next(session, START + 5 * MS).size == 5);
    w2e_session_done(session, W2E_OP_SEND, 0, 5, START + 5 * MS);
    CHECK(w2e_session_datagram_faults_summary(faults)->count == 1 && session->bytes_sent == 5);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    CHECK(w2e_session_next(session, START + 5 * MS).kind == W2E_OP_CLOSE);
    free(w2e_session_buffer_swap(session, NULL, 0));
    free(faults);
    net_end(net);
}

/* ---- by hand ---- */

/* Takes a datagram of so many bytes. */
static void take(struct net *net, size_t size, uint64_t now_us) {
    struct w2e_op recv = w2e_session_next(net->session, now_us);
    CHECK(recv.kind == W2E_OP_RECV);
    memset(recv.data, 1, size);
    memset(recv.ends, 0, sizeof *recv.ends);
    w2e_session_done(net->session, W2E_OP_RECV, 0, size, now_us);
}

/* Also one that is sent from the store. */
static void what_was_sent_late_counts(void) {
    for (int fails = 0; fails < 2; fails++) {
        struct net *net = net_begin(COMPLETION, "latency:latency=5", 4096);
        take(net, 64, START);
        CHECK(w2e_session_next(net->session, START).kind == W2E_OP_RECV);
        struct w2e_op op = w2e_session_next(net->session, START + 5 * MS);
        CHECK(op.kind == W2E_OP_SEND && op.size == 64);
        w2e_session_done(net->session, W2E_OP_SEND, fails ? W2E_ENOBUFS : 0, 64, START + 5 * MS);
        CHECK(net->session->bytes_sent == (fails ? 0 : 64) && net->session->bytes_received == 64);
        w2e_session_undo(net->session, W2E_OP_RECV);
        net_end(net);
    }
}

static void what_is_out_is_called_back_once(void) {
    static const char *const rules[] = {NULL, "latency:latency=5", "duplicate"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct net *net = net_begin(COMPLETION, rules[i], 4096);
        uint64_t now_us = START + (i == 1 ? 5 * MS : 0);
        take(net, 64, START);
        enum w2e_op_kind first = w2e_session_next(net->session, START).kind;
        enum w2e_op_kind second = w2e_session_next(net->session, now_us).kind;
        CHECK((first == W2E_OP_SEND && second == W2E_OP_RECV) || (first == W2E_OP_RECV && second == W2E_OP_SEND));
        w2e_session_abort(net->session, WS2ECHO_REASON_STOPPED, 0);
        CHECK(w2e_session_next(net->session, now_us).kind == W2E_OP_CANCEL);
        CHECK(w2e_session_next(net->session, now_us).kind == W2E_OP_NONE);
        w2e_session_undo(net->session, i == 1 ? W2E_OP_RECV : W2E_OP_SEND);
        CHECK(w2e_session_next(net->session, now_us).kind == W2E_OP_NONE);
        w2e_session_undo(net->session, i == 1 ? W2E_OP_SEND : W2E_OP_RECV);
        net_end(net);
    }
}

/* What has ended sends nothing more, and asks for no time. */
static void what_waits_when_all_ends_is_lost(void) {
    struct net *net = net_begin(COMPLETION, "latency:latency=5", 4096);
    take(net, 64, START);
    CHECK(w2e_session_next(net->session, START).kind == W2E_OP_RECV);
    CHECK(w2e_session_next(net->session, START).ask_again_us == START + 5 * MS);
    w2e_session_abort(net->session, WS2ECHO_REASON_STOPPED, 0);
    struct w2e_op op = w2e_session_next(net->session, START + 5 * MS);
    CHECK(op.kind == W2E_OP_CANCEL && op.ask_again_us == W2E_NEVER);
    w2e_session_undo(net->session, W2E_OP_RECV);
    net_end(net);
}

static void what_was_undone_is_lent_again(void) {
    static const char *const rules[] = {NULL, "latency:latency=5", "truncate:bytes=64"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct net *net = net_begin(READINESS, rules[i], 4096);
        uint64_t now_us = START + 5 * MS;
        take(net, 64, START);
        w2e_session_next(net->session, START);
        w2e_session_undo(net->session, i == 1 ? W2E_OP_RECV : W2E_OP_SEND);
        struct w2e_op op = w2e_session_next(net->session, now_us);
        CHECK(op.kind == W2E_OP_SEND && op.size == 64);
        w2e_session_undo(net->session, W2E_OP_SEND);
        struct w2e_op again = w2e_session_next(net->session, now_us);
        CHECK(again.kind == W2E_OP_SEND && again.data == op.data && again.size == 64);
        w2e_session_done(net->session, W2E_OP_SEND, 0, 64, now_us);
        CHECK(net->session->bytes_sent == 64 && w2e_session_next(net->session, now_us).kind == W2E_OP_RECV);
        w2e_session_undo(net->session, W2E_OP_RECV);
        net_end(net);
    }
}

/* ---- rules that come later ---- */

static void noted(void *owner, const struct w2e_fault_verdict *verdict) {
    *(uint64_t *)owner = verdict->place;
}

static void nobody(const struct w2e_ends *ends, struct w2e_fault_address *peer) {
    (void)ends;
    *peer = (struct w2e_fault_address){0};
}

static void take_one(struct w2e_session *session, size_t bytes) {
    struct w2e_op lent = w2e_session_next(session, START);
    CHECK(lent.kind == W2E_OP_RECV);
    w2e_session_done(session, W2E_OP_RECV, 0, bytes, START);
}

/* Datagrams are counted from the socket's first, and so are bytes; one that is held comes to the rules, one that is out does not. */
static void what_came_before_the_rules_counts(void) {
    for (int out = 0; out < 2; out++) {
        static struct w2e_session_datagram_faults faults;
        struct w2e_session_datagram datagrams;
        struct w2e_session *session = &datagrams.session;
        struct w2e_datagram_socket socket = {.number = 1, .opened_us = START, .peer_of = nobody};
        struct w2e_fault_rules rules;
        struct w2e_fault_rule rule;
        struct w2e_fault_error error;
        uint64_t place = 0;
        socket.observer.owner = &place;
        socket.observer.touched = noted;
        w2e_faults_init(&rules, 1);
        CHECK(w2e_fault_parse(&rule, out ? "drop@after_bytes=200" : "drop@after_bytes=100", &error));
        CHECK(w2e_faults_add(&rules, &rule, 0) == 1);
        w2e_session_datagram_init(&datagrams, 1000);
        free(w2e_session_buffer_swap(session, malloc(2000), 2000));
        take_one(session, 100);
        CHECK(w2e_session_next(session, START).kind == W2E_OP_SEND);
        if (!out) {
            w2e_session_done(session, W2E_OP_SEND, 0, 100, START);
        }
        take_one(session, 100);
        w2e_session_datagram_faults_attach(&faults, &datagrams, &socket, NULL, 0, &rules, START);
        if (out) {
            w2e_session_done(session, W2E_OP_SEND, 0, 100, START);
            CHECK(w2e_session_next(session, START).kind == W2E_OP_SEND); /* the second is answered */
            w2e_session_done(session, W2E_OP_SEND, 0, 100, START);
            CHECK(place == 0);
            take_one(session, 100);
        }
        CHECK(w2e_session_next(session, START).kind == W2E_OP_RECV);
        CHECK(place == (out ? 3 : 2) && session->bytes_sent == (out ? 200 : 100));
        w2e_session_undo(session, W2E_OP_RECV);
        w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
        CHECK(w2e_session_next(session, START).kind == W2E_OP_CLOSE);
        free(w2e_session_buffer_swap(session, NULL, 0));
    }
}

int main(void) {
    the_first_is_drawn_at_the_rate_too();
    what_came_before_the_rules_counts();
    a_rule_waits_for_its_time();
    one_that_goes_lets_go_who_waited_for_it();
    memory_for_faults_may_hold_anything();
    what_was_sent_late_counts();
    what_is_out_is_called_back_once();
    what_waits_when_all_ends_is_lost();
    what_was_undone_is_lent_again();
    return 0;
}
