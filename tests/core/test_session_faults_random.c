/*
 * Random rules on random traffic, thousands of times: the driver's family, the slicing, and the order and time of reports change nothing of
 * what arrives, how it ends, and which verdicts there are; and nothing is lost, repeated or altered but by a fault that does so.
 */
#include "check.h"
#include "wire.h"

#include <string.h>

enum { SIZE = 3000, RULES = 4, RUNS = 1000 };

static uint64_t random_state;

static unsigned random_below(unsigned limit) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((random_state >> 33) % limit);
}

/* What the client and the rules do in a run. */
struct play {
    uint64_t seed;
    char rules[RULES][128];
    unsigned rule_count;
    size_t size;
    unsigned messages;
    bool fin;
    bool takes;  /* some rule takes bytes, or stops them, or ends the connection */
    bool alters; /* some rule alters bytes */
    size_t buffer_bytes;
};

/* Those whose doing depends on bytes alone; %u is an offset. */
static const char *const kinds[] = {
    "latency:latency=20,jitter=15",
    "latency:latency=3",
    "bandwidth:rate=7",
    "slicer:average_size=50,size_variation=20,delay=300",
    "slicer:average_size=3,size_variation=2",
    "slow_close:delay=40",
    "trickle:interval=1",
    "corrupt:rate=0.05,correlation=0.5", /* from here on bytes do not arrive as they were sent */
    "corrupt:at=%u",
    "timeout@after_bytes=%u", /* … or not all of them arrive */
    "reset_peer@after_bytes=%u",
    "limit_data:bytes=%u",
    "reset:at=%u",
    "fin:at=%u",
    "never_read@after_bytes=%u",
    "stall:at=%u",
    "refuse:toxicity=0.3",
};

enum { KINDS = sizeof kinds / sizeof kinds[0], ALTERING = 7, TAKING = 9 };

/* Half of them are of a few only, so that several rules meet at one byte. */
static unsigned choose_offset(void) {
    return random_below(2) == 0 ? random_below(3) * 100 : random_below(20) * 25;
}

static void choose_rule(struct play *play) {
    unsigned kind = random_below(KINDS);
    char *rule = play->rules[play->rule_count++];
    char text[64];
    const char *number = strstr(kinds[kind], "%u");
    if (number != NULL) {
        snprintf(text, sizeof text, "%.*s%u", (int)(number - kinds[kind]), kinds[kind], choose_offset());
    } else {
        snprintf(text, sizeof text, "%s", kinds[kind]);
    }
    bool conditions = strchr(text, '@') == NULL && kind != KINDS - 1 && random_below(3) == 0;
    bool upstream = strchr(text, '@') == NULL && strchr(text, ':') != NULL && kind != KINDS - 1 && random_below(3) == 0;
    snprintf(rule, sizeof play->rules[0], "%s%s", text, upstream ? ",stream=upstream" : "");
    if (conditions) {
        snprintf(rule + strlen(rule), sizeof play->rules[0] - strlen(rule), "@after_bytes=%u", choose_offset());
    }
    play->alters |= kind >= ALTERING && kind < TAKING;
    play->takes |= kind >= TAKING;
}

static void choose(struct play *play, uint64_t seed) {
    random_state = seed;
    *play = (struct play){.seed = seed};
    unsigned count = random_below(RULES + 1);
    while (play->rule_count < count) {
        choose_rule(play);
    }
    play->size = random_below(2) == 0 ? random_below(20) * 25 : random_below(SIZE);
    play->messages = 1 + random_below(20);
    play->fin = random_below(3) > 0;
    play->buffer_bytes = (size_t)1 << random_below(13);
}

static struct wire *perform(const struct play *play, unsigned family, bool rough, uint64_t seed) {
    struct wire *wire = wire_new((enum wire_family)family, wire_said, SIZE);
    struct w2e_echo_config config = {
        .buffer_bytes_max = play->buffer_bytes, .idle_timeout_us = W2E_NEVER, .send_timeout_us = W2E_NEVER};
    wire->rough = rough;
    wire->random = seed;
    for (unsigned i = 0; i < play->rule_count; i++) {
        wire_rule(wire, play->rules[i]);
    }
    wire_open(wire, play->seed, 1, &config);
    for (unsigned i = 1; i <= play->messages; i++) {
        wire_say(wire, START + i * 10 * MS, play->size * i / play->messages);
    }
    wire->fin_us = play->fin ? START + 300 * MS : W2E_NEVER;
    wire->answers_fin = true;
    wire_run(wire, START + 3600 * (uint64_t)SECOND);
    return wire;
}

static void expect_same(const struct wire *a, const struct wire *b) {
    CHECK(a->end == b->end && a->closed == b->closed);
    CHECK(a->heard_size == b->heard_size && memcmp(a->heard, b->heard, a->heard_size) == 0);
    CHECK(a->session->reason == b->session->reason && a->session->bytes_sent == b->session->bytes_sent);
    CHECK(a->verdict_count == b->verdict_count);
    for (unsigned i = 0; i < a->verdict_count; i++) {
        CHECK(a->verdicts[i].rule_id == b->verdicts[i].rule_id && a->verdicts[i].place == b->verdicts[i].place);
        CHECK(a->verdicts[i].kind == b->verdicts[i].kind);
    }
    CHECK(w2e_session_faults_summary(&a->faults)->ended_by == w2e_session_faults_summary(&b->faults)->ended_by);
}

static void expect_right(const struct play *play, const struct wire *wire) {
    CHECK(wire->heard_size <= play->size);
    CHECK(play->alters || memcmp(wire->heard, wire->said, wire->heard_size) == 0);
    if (!play->takes) {
        CHECK(wire->heard_size == play->size && wire->end == (play->fin ? WIRE_FIN : WIRE_OPEN));
        CHECK(!play->fin || (wire->closed && wire->session->reason == WS2ECHO_REASON_FIN));
    }
}

static void nothing_depends_on_the_driver(void) {
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct play play;
        choose(&play, seed);
        struct wire *first = perform(&play, WIRE_BLOCKING, false, 1);
        expect_right(&play, first);
        for (unsigned i = 0; i < 2 * WIRE_FAMILIES; i++) {
            struct wire *other = perform(&play, i % WIRE_FAMILIES, i >= WIRE_FAMILIES || i == 0, seed + i);
            expect_same(first, other);
            wire_free(other);
        }
        wire_free(first);
    }
}

/* Rules whose verdicts fall on one byte, or next to it, and data that comes at once, or in two parts that meet there. */
static void verdicts_that_meet_have_one_order(void) {
    static const char *const rules[][3] = {
        {"corrupt:at=100", "latency:latency=5@after_bytes=100"},
        {"latency:latency=5@after_bytes=100", "corrupt:at=100"},
        {"corrupt:at=99", "latency:latency=5@after_bytes=100"},
        {"corrupt:at=99", "reset:at=100"},
        {"corrupt:at=100", "reset:at=100"},
        {"stall:at=100", "timeout@after_bytes=100"},
        {"timeout@after_bytes=100", "stall:at=100"},
        {"stall:at=100", "fin:at=100"},
        {"fin:at=100", "stall:at=100"},
        {"limit_data:bytes=100", "reset:at=100"},
        {"never_read@after_bytes=100", "stall:at=100"},
        {"latency:latency=5@after_bytes=100", "limit_data:bytes=100"},
        {"latency:latency=5@after_bytes=100", "reset:at=100"},
        {"stall:at=100", "reset:at=100"},
        {"reset_peer@after_bytes=100", "stall:at=100"},
        {"bandwidth:rate=100@after_bytes=100", "corrupt:at=100"},
        {"corrupt:at=100", "bandwidth:rate=100@after_bytes=100"},
        {"corrupt:at=100", "bandwidth:rate=100@after_bytes=100", "stall:at=100"},
        {"bandwidth:rate=100,stream=upstream@after_bytes=100", "corrupt:at=100", "latency:latency=5"},
    };
    for (unsigned i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct wire *first = NULL;
        for (unsigned j = 0; j < 5 * WIRE_FAMILIES; j++) {
            static const size_t parts[] = {300, 99, 100, 101, 50};
            struct wire *wire = wire_with(j % WIRE_FAMILIES, rules[i][0]);
            for (unsigned k = 1; k < 3 && rules[i][k] != NULL; k++) {
                wire_rule(wire, rules[i][k]);
            }
            wire_open(wire, 1, 1, NULL);
            wire_say(wire, START, parts[j / WIRE_FAMILIES]);
            wire_say(wire, START + 20 * MS, 300);
            wire->fin_us = START + 200 * MS;
            wire_take(wire, j < 4 * WIRE_FAMILIES); /* once, the second part is sent with one SEND */
            wire_run(wire, START + 100 * MS);
            wire_take(wire, true);
            wire_run(wire, START + 10 * SECOND);
            if (first == NULL) {
                first = wire;
            } else {
                expect_same(first, wire);
                wire_free(wire);
            }
        }
        CHECK(first->verdict_count > 0);
        wire_free(first);
    }
}

static void two_seeds_differ(void) {
    struct play play = {.rules = {"corrupt:rate=0.05"}, .rule_count = 1, .size = SIZE, .messages = 3, .buffer_bytes = 4096};
    play.seed = 1;
    struct wire *a = perform(&play, WIRE_READINESS, false, 1);
    play.seed = 2;
    struct wire *b = perform(&play, WIRE_READINESS, false, 1);
    CHECK(a->heard_size == SIZE && b->heard_size == SIZE && memcmp(a->heard, b->heard, SIZE) != 0);
    wire_free(a);
    wire_free(b);
}

/* ---- rules that come and go ---- */

static const char *const passing[] = {"latency:latency=20,jitter=15",
                                      "bandwidth:rate=7",
                                      "slicer:average_size=50,size_variation=20,delay=300",
                                      "trickle:interval=1,stream=upstream",
                                      "latency:latency=5@after_bytes=100",
                                      "slow_close:delay=40",
                                      "never_read",
                                      "stall:at=100"};

/* A change, drawn: a rule is added, removed, or made another. */
static void change_rules(struct wire *wire) {
    struct w2e_fault_rules *rules = &wire->rules;
    unsigned what = random_below(3);
    if (rules->count > 0 && what == 0) {
        CHECK(w2e_faults_remove(rules, rules->rules[random_below(rules->count)].id));
    } else if (rules->count > 0 && what == 1) {
        struct w2e_fault_rule rule = rules->rules[random_below(rules->count)];
        rule.stream = random_below(2) == 0 ? W2E_FAULT_UPSTREAM : W2E_FAULT_DOWNSTREAM;
        rule.when[W2E_WHEN_after_bytes] = random_below(2) * random_below(SIZE);
        CHECK(w2e_faults_change(rules, rule.id, &rule, 0));
    } else if (rules->count < 5) {
        wire_rule(wire, passing[random_below(sizeof passing / sizeof passing[0])]);
    }
}

static void clear_rules(struct wire *wire) {
    while (wire->rules.count > 0) {
        CHECK(w2e_faults_remove(&wire->rules, wire->rules.rules[0].id));
    }
    wire_update(wire);
}

static void nothing_is_lost_while_rules_come_and_go(void) {
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        random_state = seed;
        struct wire *wire = wire_new((enum wire_family)random_below(WIRE_FAMILIES), wire_said, SIZE);
        wire->rough = random_below(2) == 0;
        wire->random = seed;
        wire_open(wire, seed, 1, NULL);
        for (unsigned i = 1; i <= 20; i++) {
            wire_say(wire, START + i * 10 * MS, SIZE * i / 20);
        }
        wire->fin_us = START + 250 * MS;
        for (unsigned i = 0; i < 40 && !wire->closed; i++) {
            wire_run(wire, wire->now_us + 1 + random_below(15 * MS));
            change_rules(wire);
            wire_update(wire);
        }
        if (!wire->closed) {
            clear_rules(wire);
            wire_run(wire, wire->now_us + SECOND);
        }
        CHECK(wire->closed && wire->end == WIRE_FIN && wire->session->reason == WS2ECHO_REASON_FIN);
        CHECK(wire->heard_size == SIZE && memcmp(wire->heard, wire->said, SIZE) == 0);
        wire_free(wire);
    }
}

/* ---- any moment is good enough to be aborted ---- */

static void every_session_can_be_aborted_at_any_time(void) {
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct play play;
        choose(&play, seed);
        struct wire *wire = wire_new((enum wire_family)random_below(WIRE_FAMILIES), wire_said, SIZE);
        wire->rough = true;
        wire->random = seed;
        wire->takes_nothing = random_below(4) == 0;
        for (unsigned i = 0; i < play.rule_count; i++) {
            wire_rule(wire, play.rules[i]);
        }
        wire_open(wire, seed, 1, NULL);
        wire_say(wire, START, play.size);
        wire_run(wire, START + random_below(100 * MS));
        w2e_session_abort(wire->session, WS2ECHO_REASON_STOPPED, 0);
        uint64_t aborted_us = wire->now_us;
        wire_run(wire, wire->now_us + SECOND);
        CHECK(wire->closed && wire->closed_us <= aborted_us + 400); /* what was out on a rough wire takes so long */
        wire_free(wire);
    }
}

int main(void) {
    nothing_depends_on_the_driver();
    verdicts_that_meet_have_one_order();
    two_seeds_differ();
    nothing_is_lost_while_rules_come_and_go();
    every_session_can_be_aborted_at_any_time();
    return 0;
}
