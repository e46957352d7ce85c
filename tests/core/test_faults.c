/* The rules: their set, whom they select, what is drawn, ranges of addresses, and what becomes of listening sockets. */
#include "check.h"
#include "faults.h"
#include "ws2echo.h"

#include <string.h>

static struct w2e_fault_rule rule_of(enum w2e_fault_kind kind) {
    struct w2e_fault_rule rule;
    w2e_fault_rule_init(&rule, kind);
    return rule;
}

static struct w2e_fault_target connection(uint64_t number) {
    return (struct w2e_fault_target){.number = number, .peer = {.family = WS2ECHO_FAMILY_IPV4, .bytes = {127, 0, 0, 1}}};
}

/* Of the first `of` connections, how many rule touches. */
static unsigned touched(const struct w2e_fault_rules *rules, unsigned of) {
    unsigned count = 0;
    for (unsigned i = 1; i <= of; i++) {
        struct w2e_fault_target target = connection(i);
        count += w2e_faults_touch(rules, &target);
    }
    return count;
}

/* ---- the list ---- */

static void the_list_is_sound(void) {
    for (unsigned kind = 0; kind < W2E_FAULT_KINDS; kind++) {
        struct w2e_fault_rule rule = rule_of((enum w2e_fault_kind)kind);
        const struct w2e_fault_parameter *parameter;
        unsigned slots = 0;
        for (unsigned i = 0; (parameter = w2e_fault_parameter_at((enum w2e_fault_kind)kind, i)) != NULL; i++) {
            bool open = parameter->standard == W2E_FAULT_REQUIRED || parameter->standard == W2E_FAULT_NOT_GIVEN;
            CHECK(parameter->slot < W2E_FAULT_VALUES && (slots & 1u << parameter->slot) == 0);
            CHECK(open || (parameter->standard >= parameter->least && parameter->standard <= parameter->most));
            slots |= 1u << parameter->slot;
            if (parameter->standard == W2E_FAULT_REQUIRED) {
                CHECK(w2e_fault_rule_check(&rule) == parameter);
                rule.values[parameter->slot] = parameter->least;
            }
        }
        CHECK(w2e_fault_rule_check(&rule) == NULL);
        CHECK(w2e_fault_info((enum w2e_fault_kind)kind)->summary[0] != '\0');
    }
}

static void what_is_out_of_range_is_named(void) {
    struct w2e_fault_rule rule = rule_of(W2E_FAULT_slicer);
    rule.values[W2E_FAULT_slicer_average_size] = 10;
    rule.values[W2E_FAULT_slicer_size_variation] = 10;
    CHECK(strcmp(w2e_fault_rule_check(&rule)->name, "size_variation") == 0);
    rule.values[W2E_FAULT_slicer_size_variation] = 9;
    CHECK(w2e_fault_rule_check(&rule) == NULL);
    rule.when[W2E_WHEN_every] = 0;
    CHECK(strcmp(w2e_fault_rule_check(&rule)->name, "every") == 0);
    rule = rule_of(W2E_FAULT_refuse);
    rule.when[W2E_WHEN_after_ms] = 1; /* there is nothing after it */
    CHECK(strcmp(w2e_fault_rule_check(&rule)->name, "after_ms") == 0);
}

static void what_is_not_given_has_no_default_to_stand_for(void) {
    struct w2e_fault_rule rule = rule_of(W2E_FAULT_latency);
    rule.values[W2E_FAULT_latency_jitter] = W2E_FAULT_NOT_GIVEN;
    CHECK(strcmp(w2e_fault_rule_check(&rule)->name, "jitter") == 0);
    rule = rule_of(W2E_FAULT_corrupt);
    CHECK(rule.values[W2E_FAULT_corrupt_at] == W2E_FAULT_NOT_GIVEN && w2e_fault_rule_check(&rule) == NULL);
}

/* All but what w2e_faults_add and _change set. */
static void rules_are_equal_if_they_say_the_same(void) {
    struct w2e_fault_rule rule = rule_of(W2E_FAULT_latency);
    struct w2e_fault_rule others[8];
    for (unsigned i = 0; i < 8; i++) {
        others[i] = rule;
    }
    others[0].kind = W2E_FAULT_bandwidth;
    others[1].stream = W2E_FAULT_UPSTREAM;
    others[2].toxicity--;
    others[3].values[W2E_FAULT_VALUES - 1]++;
    others[4].when[W2E_WHENS - 1]--;
    others[5].peers.family = 4;
    others[6].peers.prefix = 1;
    others[7].peers.bytes[W2E_ADDRESS_BYTES - 1] = 1;
    for (unsigned i = 0; i < 8; i++) {
        CHECK(!w2e_fault_rule_equal(&rule, &others[i]) && !w2e_fault_rule_equal(&others[i], &rule));
    }
    others[0] = rule;
    others[0].id = 5;
    others[0].since_connections = 6;
    others[0].changed_connections = 7;
    CHECK(w2e_fault_rule_equal(&rule, &others[0]));
}

/* ---- the set ---- */

static void rules_have_ids_for_life(void) {
    struct w2e_fault_rules rules;
    struct w2e_fault_rule reset = rule_of(W2E_FAULT_reset);
    struct w2e_fault_rule stall = rule_of(W2E_FAULT_stall);
    w2e_faults_init(&rules, 5);
    CHECK(w2e_faults_add(&rules, &reset, 0) == 1);
    CHECK(w2e_faults_add(&rules, &reset, 7) == 2);
    CHECK(w2e_faults_add(&rules, &reset, 7) == 3);
    CHECK(w2e_faults_remove(&rules, 1) && !w2e_faults_remove(&rules, 1));
    CHECK(rules.count == 2 && rules.rules[0].id == 2 && rules.rules[1].id == 3);
    CHECK(w2e_faults_change(&rules, 2, &stall, 9) && !w2e_faults_change(&rules, 1, &stall, 9));
    CHECK(rules.rules[0].kind == W2E_FAULT_stall && rules.rules[0].id == 2 && rules.rules[0].since_connections == 7);
    CHECK(rules.rules[0].changed_connections == 9 && rules.rules[1].changed_connections == 7);
    CHECK(w2e_faults_find(&rules, 3) == &rules.rules[1] && w2e_faults_find(&rules, 1) == NULL);
    CHECK(w2e_faults_remove(&rules, 3) && w2e_faults_add(&rules, &reset, 0) == 4);
}

/* Where it stood there may still be what it was: nobody looks there. */
static void a_rule_that_was_removed_does_nothing_more(void) {
    for (unsigned kind = 0; kind < W2E_FAULT_KINDS; kind++) {
        struct w2e_fault_rules rules;
        struct w2e_fault_rule rule = rule_of((enum w2e_fault_kind)kind);
        const struct w2e_fault_rule *found;
        struct w2e_fault_target target = connection(1);
        w2e_faults_init(&rules, 1);
        CHECK(w2e_faults_add(&rules, &rule, 0) == 1 && w2e_faults_remove(&rules, 1));
        CHECK(rules.count == 0 && w2e_faults_find(&rules, 1) == NULL);
        CHECK(!w2e_faults_remove(&rules, 1) && !w2e_faults_change(&rules, 1, &rule, 0) && rules.count == 0);
        CHECK(!w2e_faults_touch(&rules, &target) && !w2e_faults_touch_datagrams(&rules));
        CHECK(w2e_faults_refuse(&rules, &target) == NULL);
        CHECK(w2e_faults_listening(&rules, W2E_FAULT_BOTH, &found) == W2E_LISTENS && found == NULL);
    }
}

static void a_set_is_bounded(void) {
    struct w2e_fault_rules rules;
    struct w2e_fault_rule reset = rule_of(W2E_FAULT_reset);
    w2e_faults_init(&rules, 5);
    for (unsigned i = 0; i < W2E_FAULT_RULES_MAX; i++) {
        CHECK(w2e_faults_add(&rules, &reset, 0) == i + 1);
    }
    CHECK(w2e_faults_add(&rules, &reset, 0) == 0);
    CHECK(w2e_faults_remove(&rules, 10) && w2e_faults_add(&rules, &reset, 0) == W2E_FAULT_RULES_MAX + 1);
}

/* ---- whom they touch ---- */

static void toxicity_is_exact_at_its_ends(void) {
    struct w2e_fault_rules rules;
    struct w2e_fault_rule reset = rule_of(W2E_FAULT_reset);
    for (uint64_t seed = 0; seed < 50; seed++) {
        w2e_faults_init(&rules, seed);
        reset.toxicity = 0;
        w2e_faults_add(&rules, &reset, 0);
        CHECK(touched(&rules, 200) == 0);
        reset.toxicity = W2E_FAULT_ONE;
        w2e_faults_change(&rules, 1, &reset, 0);
        CHECK(touched(&rules, 200) == 200);
    }
}

static void toxicity_is_about_right_between(void) {
    struct w2e_fault_rules rules;
    struct w2e_fault_rule reset = rule_of(W2E_FAULT_reset);
    for (uint64_t seed = 0; seed < 20; seed++) {
        w2e_faults_init(&rules, seed);
        reset.toxicity = W2E_FAULT_ONE / 4;
        w2e_faults_add(&rules, &reset, 0);
        unsigned count = touched(&rules, 10000);
        CHECK(count > 2300 && count < 2700);
        reset.when[W2E_WHEN_probability] = W2E_FAULT_ONE / 2;
        w2e_faults_change(&rules, 1, &reset, 0);
        count = touched(&rules, 10000);
        CHECK(count > 1100 && count < 1400); /* the two are drawn apart */
        reset.when[W2E_WHEN_probability] = W2E_FAULT_ONE;
    }
}

static void a_seed_and_an_id_make_the_selection(void) {
    struct w2e_fault_rules rules[2];
    struct w2e_fault_rule reset = rule_of(W2E_FAULT_reset);
    reset.toxicity = W2E_FAULT_ONE / 2;
    for (unsigned i = 0; i < 2; i++) {
        w2e_faults_init(&rules[i], 17);
        w2e_faults_add(&rules[i], &reset, 0);
    }
    w2e_faults_add(&rules[1], &reset, 0); /* … which another rule does not change */
    unsigned differing_seed = 0;
    unsigned differing_id = 0;
    for (unsigned i = 1; i <= 1000; i++) {
        struct w2e_fault_target target = connection(i);
        bool touches = w2e_fault_touches(&rules[0], &rules[0].rules[0], &target);
        CHECK(touches == w2e_fault_touches(&rules[1], &rules[1].rules[0], &target));
        differing_id += touches != w2e_fault_touches(&rules[1], &rules[1].rules[1], &target);
        rules[1].seed = 18;
        differing_seed += touches != w2e_fault_touches(&rules[1], &rules[1].rules[0], &target);
        rules[1].seed = 17;
    }
    CHECK(differing_seed > 400 && differing_seed < 600);
    CHECK(differing_id > 400 && differing_id < 600);
}

static void connections_are_counted_from_the_rule_on(void) {
    struct w2e_fault_rules rules;
    struct w2e_fault_rule reset = rule_of(W2E_FAULT_reset);
    reset.when[W2E_WHEN_first] = 2;
    w2e_faults_init(&rules, 1);
    w2e_faults_add(&rules, &reset, 10);
    CHECK(touched(&rules, 10) == 0 && touched(&rules, 11) == 1 && touched(&rules, 100) == 2);
    reset.when[W2E_WHEN_first] = W2E_FAULT_NOT_GIVEN;
    reset.when[W2E_WHEN_every] = 3;
    w2e_faults_change(&rules, 1, &reset, 0);
    CHECK(touched(&rules, 12) == 0 && touched(&rules, 13) == 1 && touched(&rules, 16) == 2);
    reset.when[W2E_WHEN_first] = 6;
    w2e_faults_change(&rules, 1, &reset, 0);
    CHECK(touched(&rules, 100) == 2);
}

static void rules_of_udp_touch_no_connection(void) {
    struct w2e_fault_rules rules;
    for (unsigned kind = 0; kind < W2E_FAULT_KINDS; kind++) {
        struct w2e_fault_rule rule = rule_of((enum w2e_fault_kind)kind);
        unsigned protocols = w2e_fault_info((enum w2e_fault_kind)kind)->protocols;
        w2e_faults_init(&rules, 1);
        w2e_faults_add(&rules, &rule, 0);
        CHECK(w2e_faults_touch_datagrams(&rules) == ((protocols & W2E_FAULT_UDP) != 0));
        CHECK((touched(&rules, 10) == 10) == ((protocols & W2E_FAULT_TCP) != 0 && kind != W2E_FAULT_never_accept));
    }
}

static void a_refusal_names_its_rule(void) {
    struct w2e_fault_rules rules;
    struct w2e_fault_rule reset = rule_of(W2E_FAULT_reset);
    struct w2e_fault_rule refuse = rule_of(W2E_FAULT_refuse);
    struct w2e_fault_target target = connection(2);
    refuse.when[W2E_WHEN_first] = 2;
    w2e_faults_init(&rules, 1);
    w2e_faults_add(&rules, &reset, 0);
    CHECK(w2e_faults_refuse(&rules, &target) == NULL);
    w2e_faults_add(&rules, &refuse, 0);
    CHECK(w2e_faults_refuse(&rules, &target)->id == 2);
    target.number = 3;
    CHECK(w2e_faults_refuse(&rules, &target) == NULL);
}

/* … but `first` goes on counting from its addition. */
static void a_changed_rule_refuses_who_comes_then(void) {
    struct w2e_fault_rules rules;
    struct w2e_fault_rule latency = rule_of(W2E_FAULT_latency);
    struct w2e_fault_rule refuse = rule_of(W2E_FAULT_refuse);
    refuse.when[W2E_WHEN_first] = 5;
    w2e_faults_init(&rules, 1);
    w2e_faults_add(&rules, &latency, 1);
    w2e_faults_change(&rules, 1, &refuse, 4);
    for (uint64_t number = 1; number <= 10; number++) {
        struct w2e_fault_target target = connection(number);
        CHECK((w2e_faults_refuse(&rules, &target) != NULL) == (number == 5 || number == 6));
    }
    w2e_faults_change(&rules, 1, &latency, 8); /* others work on who is there, too */
    struct w2e_fault_target target = connection(2);
    CHECK(w2e_faults_touch(&rules, &target));
}

static void listening_is_decided_by_the_first_rule_that_is_about_it(void) {
    struct w2e_fault_rules rules;
    struct w2e_fault_rule down = rule_of(W2E_FAULT_down);
    struct w2e_fault_rule never_accept = rule_of(W2E_FAULT_never_accept);
    const struct w2e_fault_rule *rule;
    w2e_faults_init(&rules, 1);
    CHECK(w2e_faults_listening(&rules, W2E_FAULT_BOTH, &rule) == W2E_LISTENS && rule == NULL);
    w2e_faults_add(&rules, &never_accept, 0);
    w2e_faults_add(&rules, &down, 0);
    CHECK(w2e_faults_listening(&rules, W2E_FAULT_TCP, &rule) == W2E_LISTENS_WITHOUT_ACCEPTING && rule->id == 1);
    CHECK(w2e_faults_listening(&rules, W2E_FAULT_UDP, &rule) == W2E_DOES_NOT_LISTEN && rule->id == 2);
}

/* ---- draws ---- */

static void correlation_keeps_the_rate(void) {
    static const double correlations[] = {0, 0.25, 0.5, 0.9};
    for (unsigned i = 0; i < 4; i++) {
        uint64_t correlation = (uint64_t)(correlations[i] * W2E_FAULT_ONE);
        bool previous = w2e_fault_happens_first(1, W2E_FAULT_ONE / 5);
        unsigned count = 0;
        unsigned again = 0;
        for (unsigned j = 0; j < 100000; j++) {
            bool before = previous;
            bool happens = w2e_fault_happens_again(1, j, W2E_FAULT_ONE / 5, correlation, &previous);
            count += happens;
            again += happens && before;
        }
        CHECK(count > 18000 && count < 22000);
        double expected = 0.2 + correlations[i] * 0.8;
        CHECK(again > count * (expected - 0.05) && again < count * (expected + 0.05));
    }
}

static void correlation_changes_nothing_about_never_and_always(void) {
    for (uint64_t key = 0; key < 100; key++) {
        bool never = w2e_fault_happens_first(key, 0);
        bool always = w2e_fault_happens_first(key, W2E_FAULT_ONE);
        for (unsigned i = 0; i < 100; i++) {
            CHECK(!w2e_fault_happens_again(key, i, 0, W2E_FAULT_ONE / 100 * i, &never));
            CHECK(w2e_fault_happens_again(key, i, W2E_FAULT_ONE, W2E_FAULT_ONE / 100 * i, &always));
        }
    }
}

static void delays_are_spread_over_their_range(void) {
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t delay_us = w2e_fault_delay_us(3, i, 50, 10);
        least = delay_us < least ? delay_us : least;
        most = delay_us > most ? delay_us : most;
        CHECK(w2e_fault_delay_us(3, i, 50, 0) == 50000);
        CHECK(w2e_fault_delay_us(3, i, 5, 10) <= 15000); /* it is not negative */
    }
    CHECK(least >= 40000 && least < 40100 && most <= 60000 && most > 59900);
}

/* ---- addresses ---- */

struct range_case {
    const char *text;
    const char *printed; /* NULL: it is none */
};

static void a_protocol_listens_unless_a_rule_is_about_it(void) {
    struct w2e_fault_rules rules;
    struct w2e_fault_rule latency = rule_of(W2E_FAULT_latency);
    struct w2e_fault_rule never = rule_of(W2E_FAULT_never_accept);
    const struct w2e_fault_rule *rule;
    w2e_faults_init(&rules, 1);
    w2e_faults_add(&rules, &latency, 0);
    w2e_faults_add(&rules, &never, 0);
    CHECK(w2e_faults_listening(&rules, W2E_FAULT_UDP, &rule) == W2E_LISTENS && rule == NULL);
    CHECK(w2e_faults_listening(&rules, W2E_FAULT_TCP, &rule) == W2E_LISTENS_WITHOUT_ACCEPTING && rule->id == 2);
}

static void a_delay_is_not_below_nothing(void) {
    unsigned none = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t delay_us = w2e_fault_delay_us(5, i, 0, 10);
        CHECK(delay_us <= 10000);
        none += delay_us == 0;
    }
    CHECK(none > 400 && none < 600); /* half of what is drawn would be earlier than at once */
}

static void one_rule_of_many_is_enough(void) {
    static const struct w2e_fault_target anyone = {.number = 1};
    struct w2e_fault_rules rules;
    struct w2e_fault_rule drop = rule_of(W2E_FAULT_drop);
    struct w2e_fault_rule reset = rule_of(W2E_FAULT_reset);
    w2e_faults_init(&rules, 1);
    w2e_faults_add(&rules, &drop, 0);
    CHECK(!w2e_faults_touch(&rules, &anyone) && w2e_faults_touch_datagrams(&rules));
    w2e_faults_add(&rules, &drop, 0);
    w2e_faults_add(&rules, &reset, 0);
    CHECK(w2e_faults_touch(&rules, &anyone));
    w2e_faults_init(&rules, 1);
    w2e_faults_add(&rules, &reset, 0);
    CHECK(!w2e_faults_touch_datagrams(&rules));
    w2e_faults_add(&rules, &reset, 0);
    w2e_faults_add(&rules, &drop, 0);
    CHECK(w2e_faults_touch_datagrams(&rules));
}

static void a_summary_keeps_the_first_and_the_last(void) {
    struct w2e_fault_summary summary = {0};
    struct w2e_fault_observer nobody = {0};
    for (uint32_t i = 1; i <= 3; i++) {
        struct w2e_fault_verdict verdict = {.rule_id = i, .kind = (enum w2e_fault_kind)i, .place = 10 * i};
        w2e_fault_summary_add(&summary, &nobody, &verdict);
    }
    CHECK(summary.count == 3 && summary.kinds == (1u << 1 | 1u << 2 | 1u << 3) && summary.ended_by == 0);
    CHECK(summary.first.rule_id == 1 && summary.first.place == 10 && summary.last.rule_id == 3 && summary.last.place == 30);
}

static void hexadecimal_digits_are_of_either_case(void) {
    static const char *const good[] = {"::A", "::F", "::a", "::f", "::0", "::9"};
    static const char *const bad[] = {"::@", "::G", "::`", "::g", "::/", "::;"};
    struct w2e_fault_range range;
    for (size_t i = 0; i < 6; i++) {
        CHECK(w2e_fault_range_parse(&range, good[i], 3) == NULL && range.bytes[15] <= 15);
        CHECK(w2e_fault_range_parse(&range, bad[i], 3) != NULL);
    }
    CHECK(w2e_fault_range_parse(&range, "AbCd::", 6) == NULL && range.bytes[0] == 0xAB && range.bytes[1] == 0xCD);
}

static void ranges_are_read_and_printed(void) {
    static const struct range_case cases[] = {
        {"10.0.0.0/8", "10.0.0.0/8"},
        {"127.0.0.1", "127.0.0.1/32"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"255.255.255.255/32", "255.255.255.255/32"},
        {"::", "::/128"},
        {"::/0", "::/0"},
        {"::1/128", "::1/128"},
        {"fe80::/10", "fe80::/10"},
        {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1/128"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8/128"},
        {"1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8/128"},
        {"::ffff:1.2.3.4", "::ffff:102:304/128"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304/128"},
        {"1:2::", "1:2::/128"},
        {"", NULL},
        {"10.0.0/8", NULL},
        {"10.0.0.0.0/8", NULL},
        {"10.0.0.256", NULL},
        {"010.0.0.0/8", NULL},
        {"10.0.0.1/8", NULL},
        {"10.0.0.0/33", NULL},
        {"10.0.0.0/", NULL},
        {"10.0.0.0/08", NULL},
        {"10.0.0.0/8/8", NULL},
        {"0x0a.0.0.0", NULL},
        {"a.b.c.d", NULL},
        {" 10.0.0.0/8", NULL},
        {":", NULL},
        {":1", NULL},
        {"1:", NULL},
        {":::", NULL},
        {"1::2::3", NULL},
        {"1:2:3:4:5:6:7", NULL},
        {"1:2:3:4:5:6:7:8:9", NULL},
        {"1:2:3:4:5:6:7:8::", NULL},
        {"12345::", NULL},
        {"::1/129", NULL},
        {"::1.2.3.4:5", NULL},
        {"1:2:3:4:5:6:7:1.2.3.4", NULL},
        {"fe80::1%7", NULL},
        {"::1/127", NULL},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct w2e_fault_range range;
        const char *wrong = w2e_fault_range_parse(&range, cases[i].text, strlen(cases[i].text));
        CHECK((wrong == NULL) == (cases[i].printed != NULL));
        if (wrong == NULL) {
            char memory[64] = "what was there before";
            struct w2e_text text;
            w2e_text_init(&text, memory, sizeof memory);
            CHECK(memory[0] == '\0');
            w2e_fault_range_print(&text, &range);
            CHECK(strcmp(memory, cases[i].printed) == 0);
        }
    }
}

/* The text of a range may be a piece of a longer one. */
static void a_range_ends_where_its_text_does(void) {
    static const struct {
        const char *text;
        size_t size;
        const char *printed;
    } cases[] = {{"10.0.0.0/8", 8, "10.0.0.0/32"},
                 {"10.0.0.12", 8, "10.0.0.1/32"},
                 {"10.0.0.0/32", 10, NULL},
                 {"0.0.0.0/01", 9, "0.0.0.0/0"},
                 {"1.2.3.4.5", 7, "1.2.3.4/32"},
                 {"::12", 3, "::1/128"},
                 {"::1/128", 3, "::1/128"},
                 {"::12/128", 8, "::12/128"},
                 {"::/0", 2, "::/128"},
                 {"1::2", 3, "1::/128"},
                 {"1:2:3:4:5:6:7:89", 15, "1:2:3:4:5:6:7:8/128"},
                 {"1::", 2, NULL},
                 {"1:2:3:4:5:6:7:8", 14, NULL},
                 {"::1", 1, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct w2e_fault_range range;
        char memory[64];
        struct w2e_text text;
        const char *wrong = w2e_fault_range_parse(&range, cases[i].text, cases[i].size);
        CHECK((wrong == NULL) == (cases[i].printed != NULL));
        w2e_text_init(&text, memory, sizeof memory);
        w2e_fault_range_print(&text, &range);
        CHECK(wrong != NULL || strcmp(memory, cases[i].printed) == 0);
    }
}

static void what_is_wrong_with_a_range_is_told(void) {
    static const char *const cases[][2] = {{"10.0.0.256", "is no numeric address"},
                                           {"::1.2.3.4:5", "is no numeric address"},
                                           {"10.0.0.0/33", "has a prefix that is not 0 to 32"},
                                           {"::/129", "has a prefix that is not 0 to 128"},
                                           {"10.0.0.0/8/8", "has something behind the address"},
                                           {"10.0.0.1/31", "has bits set behind its prefix"},
                                           {"8000::/0", "has bits set behind its prefix"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct w2e_fault_range range;
        const char *wrong = w2e_fault_range_parse(&range, cases[i][0], strlen(cases[i][0]));
        CHECK(wrong != NULL && strcmp(wrong, cases[i][1]) == 0);
    }
}

static bool holds(const char *range_text, const char *address_text) {
    struct w2e_fault_range range = {0};
    struct w2e_fault_range single;
    CHECK(range_text == NULL || w2e_fault_range_parse(&range, range_text, strlen(range_text)) == NULL);
    CHECK(w2e_fault_range_parse(&single, address_text, strlen(address_text)) == NULL);
    struct w2e_fault_address address = {.family = single.family};
    memcpy(address.bytes, single.bytes, sizeof address.bytes);
    return w2e_fault_range_holds(&range, &address);
}

static void ranges_hold_what_begins_alike(void) {
    CHECK(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.0"));
    CHECK(holds("10.128.0.0/9", "10.128.0.1") && !holds("10.128.0.0/9", "10.127.0.1"));
    CHECK(holds("128.0.0.0/1", "128.0.0.0") && !holds("128.0.0.0/1", "127.0.0.0") && !holds("0.0.0.0/1", "128.0.0.0"));
    CHECK(holds("127.0.0.1", "127.0.0.1") && !holds("127.0.0.1", "127.0.0.2"));
    CHECK(holds("0.0.0.0/0", "1.2.3.4") && !holds("0.0.0.0/0", "::1"));
    CHECK(holds("::1/128", "::1") && !holds("::1/128", "::2") && !holds("::/0", "1.2.3.4"));
    CHECK(holds("fe80::/10", "febf::1") && !holds("fe80::/10", "fec0::1"));
    CHECK(holds("10.0.0.0/8", "::ffff:10.1.2.3") && !holds("10.0.0.0/8", "::ffff:11.1.2.3"));
    CHECK(holds("::ffff:0:0/96", "::ffff:10.1.2.3"));
    CHECK(holds(NULL, "1.2.3.4") && holds(NULL, "::1"));
    struct w2e_fault_range range;
    struct w2e_fault_address unknown = {0};
    CHECK(w2e_fault_range_parse(&range, "0.0.0.0/0", 9) == NULL && !w2e_fault_range_holds(&range, &unknown));
}

int main(void) {
    the_list_is_sound();
    what_is_out_of_range_is_named();
    what_is_not_given_has_no_default_to_stand_for();
    rules_are_equal_if_they_say_the_same();
    rules_have_ids_for_life();
    a_rule_that_was_removed_does_nothing_more();
    a_set_is_bounded();
    toxicity_is_exact_at_its_ends();
    toxicity_is_about_right_between();
    a_seed_and_an_id_make_the_selection();
    connections_are_counted_from_the_rule_on();
    rules_of_udp_touch_no_connection();
    a_refusal_names_its_rule();
    a_changed_rule_refuses_who_comes_then();
    listening_is_decided_by_the_first_rule_that_is_about_it();
    correlation_keeps_the_rate();
    correlation_changes_nothing_about_never_and_always();
    delays_are_spread_over_their_range();
    a_protocol_listens_unless_a_rule_is_about_it();
    a_delay_is_not_below_nothing();
    one_rule_of_many_is_enough();
    a_summary_keeps_the_first_and_the_last();
    hexadecimal_digits_are_of_either_case();
    ranges_are_read_and_printed();
    a_range_ends_where_its_text_does();
    what_is_wrong_with_a_range_is_told();
    ranges_hold_what_begins_alike();
    return 0;
}
