#include "peers_rules.h"

#include "check.h"

#include <inttypes.h>
#include <string.h>

/* % stands for an offset, or a number. The first half of each list only delays. */
static const char *const of_streams[] = {"latency:latency=20,jitter=15",
                                         "latency:latency=3",
                                         "bandwidth:rate=7",
                                         "slicer:average_size=50,size_variation=20,delay=300",
                                         "slicer:average_size=3,size_variation=2",
                                         "slow_close:delay=40",
                                         "trickle:interval=1",
                                         "latency:latency=2,toxicity=0.5",
                                         "corrupt:rate=0.05,correlation=0.5",
                                         "corrupt:at=%",
                                         "timeout:timeout=5@after_bytes=%",
                                         "reset_peer:timeout=2@after_bytes=%",
                                         "limit_data:bytes=%",
                                         "reset:at=%",
                                         "fin:at=%",
                                         "stall:at=%"};
static const char *const of_datagrams[] = {"latency:latency=20,jitter=15",
                                           "delay:delay=5,rate=0.5",
                                           "reorder:rate=0.5,gap=2,delay=10",
                                           "delay:delay=30,jitter=30",
                                           "duplicate:rate=0.3,correlation=0.3",
                                           "drop:rate=0.2,correlation=0.5",
                                           "corrupt:rate=0.2",
                                           "truncate:bytes=%,rate=0.5"};

enum { STREAMS = sizeof of_streams / sizeof of_streams[0], DATAGRAMS = sizeof of_datagrams / sizeof of_datagrams[0] };

static void note_kinds(struct peers_rules *rules) {
    for (uint32_t i = 0; i < rules->rules.count; i++) {
        rules->kinds |= 1u << rules->rules.rules[i].kind;
    }
}

static void draw_text(struct choice *choice, bool datagrams, char *text, size_t size) {
    unsigned many = datagrams ? DATAGRAMS : STREAMS;
    const char *form = (datagrams ? of_datagrams : of_streams)[choose(choice, choose_one_in(choice, 2) ? many / 2 : many)];
    const char *number = strchr(form, '%');
    bool conditions = strchr(form, '@') == NULL && choose_one_in(choice, 3);
    int head = number != NULL ? (int)(number - form) : (int)strlen(form);
    int length = snprintf(text, size, "%.*s", head, form);
    if (number != NULL) {
        length += snprintf(text + length, size - (size_t)length, "%" PRIu64, choose(choice, 20) * 25);
    }
    if (strchr(form, '@') == NULL && strchr(form, ':') != NULL && choose_one_in(choice, 3)) {
        length += snprintf(text + length, size - (size_t)length, ",stream=upstream");
    }
    if (conditions) {
        snprintf(text + length, size - (size_t)length, "@after_bytes=%" PRIu64, choose(choice, 20) * 25);
    }
}

static void add_drawn(struct peers_rules *rules, struct choice *choice, bool datagrams) {
    char text[128];
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    draw_text(choice, datagrams, text, sizeof text);
    CHECK(w2e_fault_parse(&rule, text, &error));
    w2e_faults_add(&rules->rules, &rule, 0);
}

void peers_rules_begin(struct peers_rules *rules, struct choice *choice, const char *text, bool datagrams) {
    struct w2e_fault_error error;
    *rules = (struct peers_rules){.given = text != NULL};
    w2e_faults_init(&rules->rules, choose(choice, 1000));
    if (text != NULL) {
        w2e_faults_parse(&rules->rules, text, &error); /* those before an error stay */
    } else {
        for (uint64_t count = choose(choice, 2) * choose(choice, 4); count > 0; count--) {
            add_drawn(rules, choice, datagrams);
        }
    }
    note_kinds(rules);
}

void peers_rules_change(struct peers_rules *rules, struct choice *choice, bool datagrams) {
    struct w2e_fault_rules *all = &rules->rules;
    uint64_t what = choose(choice, 3);
    struct w2e_fault_rule rule = all->rules[all->count > 0 ? choose(choice, all->count) : 0];
    if (all->count > 0 && what == 0) {
        CHECK(w2e_faults_remove(all, rule.id));
    } else if (all->count > 0 && what == 1 && w2e_fault_info(rule.kind)->directed) {
        rule.stream = rule.stream == W2E_FAULT_UPSTREAM ? W2E_FAULT_DOWNSTREAM : W2E_FAULT_UPSTREAM;
        CHECK(w2e_faults_change(all, rule.id, &rule, 0));
    } else if (all->count < 4) {
        add_drawn(rules, choice, datagrams);
    }
    note_kinds(rules);
}
