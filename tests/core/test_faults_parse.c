/* Rules as text: what is read, how it is printed, and what is said of what is none. */
#include "check.h"
#include "faults_parse.h"

#include <string.h>

static struct w2e_fault_rule parse(const char *text) {
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    if (!w2e_fault_parse(&rule, text, &error)) {
        fprintf(stderr, "%s: %s\n", text, error.text);
        exit(1);
    }
    return rule;
}

static void expect_printed(const struct w2e_fault_rule *rule, const char *expected) {
    char text[W2E_FAULT_TEXT_SIZE];
    size_t size = w2e_fault_print(rule, text, sizeof text);
    CHECK(size < sizeof text && size == strlen(text));
    if (strcmp(text, expected) != 0) {
        fprintf(stderr, "%s, not %s\n", text, expected);
        exit(1);
    }
}

/* ---- reading ---- */

static void parameters_land_where_they_belong(void) {
    struct w2e_fault_rule rule = parse("latency:latency=50,jitter=10");
    CHECK(rule.kind == W2E_FAULT_latency && rule.stream == W2E_FAULT_DOWNSTREAM && rule.toxicity == W2E_FAULT_ONE);
    CHECK(rule.values[W2E_FAULT_latency_latency] == 50 && rule.values[W2E_FAULT_latency_jitter] == 10);
    rule = parse("corrupt:rate=0.01,stream=upstream,toxicity=0.5");
    CHECK(rule.values[W2E_FAULT_corrupt_rate] == W2E_FAULT_ONE / 100 && rule.values[W2E_FAULT_corrupt_at] == W2E_FAULT_NOT_GIVEN);
    CHECK(rule.stream == W2E_FAULT_UPSTREAM && rule.toxicity == W2E_FAULT_ONE / 2);
    rule = parse("reset:at=100@every=3,after_ms=20,peers=10.0.0.0/8");
    CHECK(rule.values[W2E_FAULT_reset_at] == 100 && rule.when[W2E_WHEN_every] == 3 && rule.when[W2E_WHEN_after_ms] == 20);
    CHECK(rule.when[W2E_WHEN_first] == W2E_FAULT_NOT_GIVEN && rule.when[W2E_WHEN_after_bytes] == 0);
    CHECK(rule.peers.family == 4 && rule.peers.prefix == 8);
    rule = parse("reset_peer@first=2,peers=::1/128");
    CHECK(rule.when[W2E_WHEN_first] == 2 && rule.peers.family == 6 && rule.peers.bytes[15] == 1);
    rule = parse("down");
    CHECK(rule.kind == W2E_FAULT_down);
}

static void a_rule_has_one_canonical_text(void) {
    static const char *const pairs[][2] = {
        {"latency", "latency"},
        {"latency:jitter=10,latency=50", "latency:latency=50,jitter=10"},
        {"latency:latency=0", "latency"},
        {"corrupt:rate=1.000,toxicity=1", "corrupt"},
        {"corrupt:rate=0.010,at=5,stream=downstream", "corrupt:at=5,rate=0.01"},
        {"corrupt:rate=0.000000001", "corrupt:rate=0.000000001"},
        {"corrupt:rate=0.999999999,toxicity=0", "corrupt:rate=0.999999999,toxicity=0"},
        {"drop:correlation=0.25,rate=0.1@peers=::1,every=2", "drop:rate=0.1,correlation=0.25@every=2,peers=::1/128"},
        {"refuse:toxicity=0.5@first=2,probability=0.75", "refuse:toxicity=0.5@first=2,probability=0.75"},
        {"never_read@after_bytes=007", "never_read@after_bytes=7"},
        {"slicer:average_size=10,stream=upstream", "slicer:average_size=10,stream=upstream"},
        {"stall:at=9007199254740992", "stall:at=9007199254740992"},
    };
    for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct w2e_fault_rule rule = parse(pairs[i][0]);
        expect_printed(&rule, pairs[i][1]);
    }
}

/* ---- what is said ---- */

struct error_case {
    const char *text;
    size_t position;
    const char *says; /* a part of it */
};

static void errors_say_what_is_wrong_and_where(void) {
    static const struct error_case cases[] = {
        {"", 0, "no fault is called \"\": latency, bandwidth, slow_close"},
        {"latncy:latency=50", 0, "no fault is called \"latncy\": latency, bandwidth, "},
        {"Latency", 0, "no fault is called \"Latency\""},
        {"latency:delay=50", 8, "latency has no parameter \"delay\": latency, jitter, stream, toxicity"},
        {"refuse:stream=upstream", 7, "refuse has no parameter \"stream\": toxicity"},
        {"down:toxicity=1", 5, "down has no parameter \"toxicity\" nor any other"},
        {"latency:latency=5o", 16, "latency is a whole number of milliseconds, 0 to 4294967295, not \"5o\""},
        {"latency:latency=-1", 16, "not \"-1\""},
        {"latency:latency=", 16, "not \"\""},
        {"latency:latency=4294967296", 16, "0 to 4294967295"},
        {"latency:latency=99999999999999999999999999", 16, "0 to 4294967295"},
        {"latency:latency=1,jitter=2,latency=3", 27, "latency is given twice"},
        {"latency:", 8, "here stands name=value, not \"\""},
        {"latency:latency", 8, "here stands name=value, not \"latency\""},
        {"latency:latency=1,", 18, "here stands name=value, not \"\""},
        {"latency:latency=1@", 18, "here stands name=value, not \"\""},
        {"latency@latency=1", 8, "latency has no condition \"latency\": first, every, after_bytes, after_ms, probability, peers"},
        {"refuse@after_ms=1", 7, "refuse has no condition \"after_ms\": first, every, probability, peers"},
        {"never_accept@first=2", 13, "never_accept has no condition \"first\" nor any other: it concerns the whole server"},
        {"latency:latency=1@first=0", 24, "first is a whole number, 1 to "},
        {"latency:latency=1@peers=10.0.0.1/8", 24, "but \"10.0.0.1/8\" has bits set behind its prefix"},
        {"latency:latency=1@peers=localhost", 24, "but \"localhost\" is no numeric address"},
        {"latency:latency=1@peers=::1@first=2", 24, "\"::1@first=2\" is no numeric address"},
        {"latency:toxicity=1.1", 17, "toxicity is a number from 0 to 1, with at most 9 decimals, not \"1.1\""},
        {"latency:toxicity=0.1234567890", 17, "at most 9 decimals"},
        {"latency:toxicity=.5", 17, "not \".5\""},
        {"latency:toxicity=1.", 17, "not \"1.\""},
        {"latency:toxicity=2", 17, "not \"2\""},
        {"latency:toxicity=0.5.5", 17, "not \"0.5.5\""},
        {"latency:stream=both", 15, "stream is upstream or downstream, not \"both\""},
        {"bandwidth", 9, "bandwidth needs rate, a whole number of kilobytes per second, 1 to 1000000000"},
        {"bandwidth:toxicity=0.5@first=2", 22, "bandwidth needs rate"},
        {"slicer:average_size=5,size_variation=5", 38, "size_variation is less than average_size"},
        {"latency: latency=5", 8, "has no parameter \" latency\""},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct w2e_fault_rule rule;
        struct w2e_fault_error error;
        bool parsed = w2e_fault_parse(&rule, cases[i].text, &error);
        if (parsed || error.position != cases[i].position || strstr(error.text, cases[i].says) == NULL) {
            fprintf(stderr, "%s: at %u: %s\n", cases[i].text, (unsigned)error.position, error.text);
            exit(1);
        }
    }
}

static void the_longest_messages_fit(void) {
    char text[300];
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CHECK(!w2e_fault_parse(&rule, text, &error));
    CHECK(strstr(error.text, ", delay") != NULL); /* the last of the list */
    for (unsigned i = 0; i + 2 < sizeof text; i += 2) {
        memcpy(text + i, "ü", 2); /* no half of it is quoted */
    }
    memmove(text + 1, text, 200);
    text[0] = 'x';
    CHECK(!w2e_fault_parse(&rule, text, &error));
    const char *end = strstr(error.text, "…");
    CHECK(end != NULL && (unsigned char)end[-1] == 0xBC);
}

/* ---- there and back ---- */

static uint64_t random_state = 1;

static uint64_t random_below(uint64_t limit) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 33) % limit;
}

static uint64_t random_value(const struct w2e_fault_parameter *parameter) {
    switch (random_below(4)) {
    case 0:
        return parameter->least;
    case 1:
        return parameter->most;
    case 2:
        return parameter->standard == W2E_FAULT_REQUIRED ? parameter->most : parameter->standard;
    default:
        return parameter->least + random_below(parameter->most - parameter->least + 1);
    }
}

static void randomize(struct w2e_fault_rule *rule, enum w2e_fault_kind kind) {
    const struct w2e_fault_info *info = w2e_fault_info(kind);
    const struct w2e_fault_parameter *parameter;
    w2e_fault_rule_init(rule, kind);
    for (unsigned i = 0; (parameter = w2e_fault_parameter_at(kind, i)) != NULL; i++) {
        rule->values[parameter->slot] = random_value(parameter);
    }
    for (unsigned i = 0; (parameter = w2e_fault_when_at(kind, i)) != NULL; i++) {
        rule->when[parameter->slot] = random_value(parameter);
    }
    rule->stream = info->directed && random_below(2) == 0 ? W2E_FAULT_UPSTREAM : W2E_FAULT_DOWNSTREAM;
    if (info->scope == W2E_FAULT_LISTENER) {
        return;
    }
    rule->toxicity = random_below(3) == 0 ? W2E_FAULT_ONE : random_below(W2E_FAULT_ONE);
    if (random_below(2) == 0) {
        bool longer = random_below(2) == 0;
        rule->peers = (struct w2e_fault_range){.family = longer ? 6 : 4, .prefix = longer ? 128 : 32};
        for (unsigned i = 0; i < (longer ? 16 : 4); i++) {
            rule->peers.bytes[i] = (uint8_t)(random_below(2) == 0 ? 0 : random_below(256));
        }
    }
}

static void what_was_printed_is_parsed_to_the_same(void) {
    for (unsigned i = 0; i < 20000; i++) {
        struct w2e_fault_rule rule;
        char text[W2E_FAULT_TEXT_SIZE];
        randomize(&rule, (enum w2e_fault_kind)(i % W2E_FAULT_KINDS));
        if (w2e_fault_rule_check(&rule) != NULL) {
            continue; /* a slicer's variation */
        }
        CHECK(w2e_fault_print(&rule, text, sizeof text) < sizeof text);
        struct w2e_fault_rule again = parse(text);
        CHECK(w2e_fault_rule_equal(&rule, &again));
        expect_printed(&again, text);
    }
}

static void any_bytes_are_either_a_rule_or_an_error(void) {
    static const char alphabet[] = "latency:=,@.0159/first_bytes peers\xC3\xBC";
    for (unsigned i = 0; i < 50000; i++) {
        char text[64];
        size_t size = random_below(sizeof text);
        struct w2e_fault_rule rule;
        struct w2e_fault_error error = {.text = "", .position = 1000};
        size_t begin = random_below(2) == 0 ? (size_t)snprintf(text, sizeof text, "latency:latency=5@") : 0;
        for (size_t j = begin; j < size; j++) {
            text[j] = alphabet[random_below(sizeof alphabet - 1)];
        }
        text[begin > size ? begin : size] = '\0';
        bool parsed = w2e_fault_parse(&rule, text, &error);
        CHECK(parsed ? w2e_fault_rule_check(&rule) == NULL : error.position <= strlen(text) && error.text[0] != '\0');
    }
}

static void a_text_that_does_not_fit_is_cut(void) {
    struct w2e_fault_rule rule = parse("latency:latency=50");
    char text[10];
    CHECK(w2e_fault_print(&rule, text, sizeof text) == 18);
    CHECK(strcmp(text, "latency:l") == 0);
}

static bool parse_all(const char *text, struct w2e_fault_rules *rules, struct w2e_fault_error *error) {
    w2e_faults_init(rules, 1);
    return w2e_faults_parse(rules, text, error);
}

static void several_rules_are_separated_by_blanks(void) {
    struct w2e_fault_rules rules;
    struct w2e_fault_error error;
    CHECK(parse_all("", &rules, &error) && rules.count == 0);
    CHECK(parse_all(" \t\r\n", &rules, &error) && rules.count == 0);
    CHECK(parse_all("\nlatency:latency=5  reset@first=2\r\ndown ", &rules, &error) && rules.count == 3);
    CHECK(rules.rules[0].id == 1 && rules.rules[1].kind == W2E_FAULT_reset && rules.rules[2].kind == W2E_FAULT_down);
    CHECK(!parse_all("latency:latency=5 down:x=1", &rules, &error) && error.position == 23);
    CHECK(!parse_all("latency\nbandwidth", &rules, &error) && error.position == 17);
}

static void too_much_is_an_error(void) {
    enum { RULES = W2E_FAULT_RULES_MAX, LONG = 2000 };
    struct w2e_fault_rules rules;
    struct w2e_fault_error error;
    char text[LONG + 1] = "";
    for (unsigned i = 0; i < RULES; i++) {
        strcat(text, "down ");
    }
    CHECK(parse_all(text, &rules, &error) && rules.count == RULES);
    strcat(text, "fin");
    CHECK(!parse_all(text, &rules, &error) && error.position == (size_t)RULES * 5);
    CHECK(strcmp(error.text, "there are too many rules: at most 32") == 0);
    memset(text, '0', LONG);
    static const char cut[] = "down latency:latency="; /* one that would be a rule if it were cut */
    memcpy(text, cut, sizeof cut - 1);
    CHECK(!parse_all(text, &rules, &error) && error.position == 5);
}

static void expect_error(const char *text, size_t position, const char *begin) {
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    CHECK(!w2e_fault_parse(&rule, text, &error));
    CHECK(error.position == position && strncmp(error.text, begin, strlen(begin)) == 0);
}

static void nothing_is_given_twice(void) {
    static const char *const texts[][2] = {{"latency:jitter=1,", "jitter=2"},
                                           {"latency:toxicity=1,", "toxicity=1"},
                                           {"latency:stream=upstream,", "stream=upstream"},
                                           {"latency@first=1,", "first=2"},
                                           {"latency@peers=::1,", "peers=::1"}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s%s", texts[i][0], texts[i][1]);
        struct w2e_fault_rule rule;
        struct w2e_fault_error error;
        CHECK(!w2e_fault_parse(&rule, text, &error) && error.position == strlen(texts[i][0]));
        CHECK(strstr(error.text, "twice") != NULL);
    }
}

/* A text that is cut is not torn within a character; nor is one left that has none. */
static void what_is_quoted_is_cut_between_characters(void) {
    char text[64];
    memset(text, 0x80, sizeof text);
    text[sizeof text - 1] = 0;
    expect_error(text, 0, "no fault is called \"…\"");
    memset(text, 'x', 39);
    memcpy(text + 39, "\xC3\xA4\xC3\xA4", 5);
    expect_error(text, 0, "no fault is called \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…\"");
}

static void a_piece_has_a_longest_length(void) {
    char text[W2E_FAULT_TEXT_SIZE + 1];
    struct w2e_fault_rules rules;
    struct w2e_fault_error error;
    memset(text, 'x', sizeof text);
    w2e_faults_init(&rules, 1);
    text[W2E_FAULT_TEXT_SIZE] = 0;
    CHECK(!w2e_faults_parse(&rules, text, &error) && strncmp(error.text, "the rule is too long", 20) == 0);
    text[W2E_FAULT_TEXT_SIZE - 1] = 0;
    CHECK(!w2e_faults_parse(&rules, text, &error) && strncmp(error.text, "no fault is called", 18) == 0);
}

static void units_have_names(void) {
    CHECK(strcmp(w2e_fault_unit_text(W2E_UNIT_COUNT), "") == 0);
    CHECK(strcmp(w2e_fault_unit_text(W2E_UNIT_MS), "milliseconds") == 0);
    CHECK(strcmp(w2e_fault_unit_text(W2E_UNIT_FRACTION), "a fraction") == 0);
}

static void there_are_only_so_many(void) {
    char text[W2E_FAULT_RULES_MAX * 5 + 8] = "";
    struct w2e_fault_rules rules;
    struct w2e_fault_error error;
    for (unsigned i = 0; i < W2E_FAULT_RULES_MAX; i++) {
        strcat(text, "down ");
    }
    w2e_faults_init(&rules, 1);
    CHECK(w2e_faults_parse(&rules, text, &error) && rules.count == W2E_FAULT_RULES_MAX);
    CHECK(rules.rules[0].since_connections == 0 && rules.rules[W2E_FAULT_RULES_MAX - 1].id == W2E_FAULT_RULES_MAX);
    strcat(text, "down");
    w2e_faults_init(&rules, 1);
    CHECK(!w2e_faults_parse(&rules, text, &error) && error.position == W2E_FAULT_RULES_MAX * 5);
    CHECK(strcmp(error.text, "there are too many rules: at most 32") == 0);
}

int main(void) {
    parameters_land_where_they_belong();
    a_rule_has_one_canonical_text();
    errors_say_what_is_wrong_and_where();
    the_longest_messages_fit();
    what_was_printed_is_parsed_to_the_same();
    any_bytes_are_either_a_rule_or_an_error();
    a_text_that_does_not_fit_is_cut();
    several_rules_are_separated_by_blanks();
    too_much_is_an_error();
    nothing_is_given_twice();
    what_is_quoted_is_cut_between_characters();
    a_piece_has_a_longest_length();
    units_have_names();
    there_are_only_so_many();
    return 0;
}
