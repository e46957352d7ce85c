#include "faults.h"

#include <string.h>

/* ---- the list ---- */

#define INFO(name, protocols, scope, directed, summary) {#name, W2E_FAULT_##protocols, W2E_FAULT_##scope, directed, summary},
static const struct w2e_fault_info infos[] = {W2E_FAULTS(INFO)};
#undef INFO

#define OWNER(kind, ...) W2E_FAULT_##kind,
static const enum w2e_fault_kind owners[] = {W2E_FAULT_PARAMETERS(OWNER)};
#undef OWNER

#define PARAMETER(kind, name, slot, unit, least, most, standard, summary)                                                        \
    {#name, slot, W2E_UNIT_##unit, least, most, standard, summary},
static const struct w2e_fault_parameter parameters[] = {W2E_FAULT_PARAMETERS(PARAMETER)};
#undef PARAMETER

#define SCOPE(name, scope, ...) W2E_FAULT_##scope,
static const enum w2e_fault_scope when_scopes[] = {W2E_FAULT_WHENS(SCOPE)};
#undef SCOPE

#define WHEN(name, scope, unit, least, most, standard, summary)                                                                  \
    {#name, W2E_WHEN_##name, W2E_UNIT_##unit, least, most, standard, summary},
static const struct w2e_fault_parameter whens[] = {W2E_FAULT_WHENS(WHEN)};
#undef WHEN

enum { PARAMETERS = sizeof parameters / sizeof parameters[0] };

const struct w2e_fault_info *w2e_fault_info(enum w2e_fault_kind kind) {
    return &infos[kind];
}

const struct w2e_fault_parameter *w2e_fault_parameter_at(enum w2e_fault_kind kind, unsigned index) {
    for (unsigned i = 0; i < PARAMETERS; i++) {
        if (owners[i] == kind && index-- == 0) {
            return &parameters[i];
        }
    }
    return NULL;
}

const struct w2e_fault_parameter *w2e_fault_when_at(enum w2e_fault_kind kind, unsigned index) {
    for (unsigned i = 0; i < W2E_WHENS; i++) {
        if (when_scopes[i] <= infos[kind].scope && index-- == 0) {
            return &whens[i];
        }
    }
    return NULL;
}

/* ---- rules ---- */

void w2e_fault_rule_init(struct w2e_fault_rule *rule, enum w2e_fault_kind kind) {
    *rule = (struct w2e_fault_rule){.kind = kind, .toxicity = W2E_FAULT_ONE};
    const struct w2e_fault_parameter *parameter;
    for (unsigned i = 0; (parameter = w2e_fault_parameter_at(kind, i)) != NULL; i++) {
        rule->values[parameter->slot] = parameter->standard;
    }
    for (unsigned i = 0; i < W2E_WHENS; i++) {
        rule->when[i] = whens[i].standard;
    }
}

static bool in_range(const struct w2e_fault_parameter *parameter, uint64_t value) {
    bool left_out = value == W2E_FAULT_NOT_GIVEN && parameter->standard == W2E_FAULT_NOT_GIVEN;
    return left_out || (value >= parameter->least && value <= parameter->most);
}

/* What a kind cannot have is at its default, too. */
static const struct w2e_fault_parameter *check_whens(const struct w2e_fault_rule *rule) {
    for (unsigned i = 0; i < W2E_WHENS; i++) {
        bool applies = when_scopes[i] <= infos[rule->kind].scope;
        if (applies ? !in_range(&whens[i], rule->when[i]) : rule->when[i] != whens[i].standard) {
            return &whens[i];
        }
    }
    return NULL;
}

const struct w2e_fault_parameter *w2e_fault_rule_check(const struct w2e_fault_rule *rule) {
    const struct w2e_fault_parameter *parameter;
    for (unsigned i = 0; (parameter = w2e_fault_parameter_at(rule->kind, i)) != NULL; i++) {
        if (!in_range(parameter, rule->values[parameter->slot])) {
            return parameter;
        }
    }
    if (rule->kind == W2E_FAULT_slicer &&
        rule->values[W2E_FAULT_slicer_size_variation] >= rule->values[W2E_FAULT_slicer_average_size]) {
        return w2e_fault_parameter_at(rule->kind, W2E_FAULT_slicer_size_variation);
    }
    return check_whens(rule);
}

bool w2e_fault_rule_equal(const struct w2e_fault_rule *a, const struct w2e_fault_rule *b) {
    return a->kind == b->kind && a->stream == b->stream && a->toxicity == b->toxicity &&
           memcmp(a->values, b->values, sizeof a->values) == 0 && memcmp(a->when, b->when, sizeof a->when) == 0 &&
           a->peers.family == b->peers.family && a->peers.prefix == b->peers.prefix &&
           memcmp(a->peers.bytes, b->peers.bytes, sizeof a->peers.bytes) == 0;
}

void w2e_faults_init(struct w2e_fault_rules *rules, uint64_t seed) {
    *rules = (struct w2e_fault_rules){.seed = seed};
}

static struct w2e_fault_rule *find(struct w2e_fault_rules *rules, uint32_t id) {
    for (uint32_t i = 0; i < rules->count; i++) {
        if (rules->rules[i].id == id) {
            return &rules->rules[i];
        }
    }
    return NULL;
}

uint32_t w2e_faults_add(struct w2e_fault_rules *rules, const struct w2e_fault_rule *rule, uint64_t connections) {
    if (rules->count == W2E_FAULT_RULES_MAX) {
        return 0;
    }
    struct w2e_fault_rule *added = &rules->rules[rules->count++];
    *added = *rule;
    added->id = ++rules->last_id;
    added->since_connections = connections;
    added->changed_connections = connections;
    return added->id;
}

bool w2e_faults_change(struct w2e_fault_rules *rules, uint32_t id, const struct w2e_fault_rule *rule, uint64_t connections) {
    struct w2e_fault_rule *changed = find(rules, id);
    if (changed == NULL) {
        return false;
    }
    uint64_t since = changed->since_connections;
    *changed = *rule;
    changed->id = id;
    changed->since_connections = since;
    changed->changed_connections = connections;
    return true;
}

bool w2e_faults_remove(struct w2e_fault_rules *rules, uint32_t id) {
    struct w2e_fault_rule *removed = find(rules, id);
    if (removed == NULL) {
        return false;
    }
    size_t behind = (size_t)(rules->rules + rules->count - (removed + 1));
    memmove(removed, removed + 1, behind * sizeof *removed);
    rules->count--;
    return true;
}

const struct w2e_fault_rule *w2e_faults_find(const struct w2e_fault_rules *rules, uint32_t id) {
    for (uint32_t i = 0; i < rules->count; i++) {
        if (rules->rules[i].id == id) {
            return &rules->rules[i];
        }
    }
    return NULL;
}

/* ---- draws ---- */

/* The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

uint64_t w2e_fault_key(uint64_t seed, uint64_t connection, const struct w2e_fault_rule *rule) {
    return mix(mix(mix(seed) ^ connection) ^ rule->id);
}

uint64_t w2e_fault_draw(uint64_t key, enum w2e_fault_purpose purpose, uint64_t counter) {
    return mix(mix(key ^ (uint64_t)purpose) ^ counter);
}

uint64_t w2e_fault_draw_below(uint64_t key, enum w2e_fault_purpose purpose, uint64_t counter, uint64_t limit) {
    return w2e_fault_draw(key, purpose, counter) % limit; /* limits are far below 2^64: the bias does not show */
}

static bool below(uint64_t draw, uint64_t rate) {
    return ((draw >> 32) * W2E_FAULT_ONE >> 32) < rate;
}

bool w2e_fault_happens(uint64_t key, enum w2e_fault_purpose purpose, uint64_t counter, uint64_t rate) {
    return below(w2e_fault_draw(key, purpose, counter), rate);
}

static uint64_t part(uint64_t fraction, uint64_t of) {
    return fraction * of / W2E_FAULT_ONE;
}

/* A chain of two states: with P(yes after yes) = rate + c (1 - rate) and P(yes after no) = rate (1 - c) the rate is that of the whole,
 * and c is the correlation of neighbours. */
bool w2e_fault_happens_again(uint64_t key, uint64_t counter, uint64_t rate, uint64_t correlation, bool *previous) {
    uint64_t now = *previous ? rate + part(correlation, W2E_FAULT_ONE - rate) : part(rate, W2E_FAULT_ONE - correlation);
    *previous = w2e_fault_happens(key, W2E_DRAW_EVENT, counter, now);
    return *previous;
}

bool w2e_fault_happens_first(uint64_t key, uint64_t rate) {
    return w2e_fault_happens(key, W2E_DRAW_EVENT, UINT64_MAX, rate);
}

uint64_t w2e_fault_delay_us(uint64_t key, uint64_t counter, uint64_t delay_ms, uint64_t jitter_ms) {
    uint64_t delay_us = delay_ms * 1000;
    uint64_t jitter_us = jitter_ms * 1000;
    uint64_t drawn_us = delay_us + w2e_fault_draw_below(key, W2E_DRAW_DELAY, counter, 2 * jitter_us + 1);
    return drawn_us > jitter_us ? drawn_us - jitter_us : 0;
}

/* ---- whom they touch ---- */

static bool counted(const struct w2e_fault_rule *rule, uint64_t number, uint64_t counted_from) {
    uint64_t first = rule->when[W2E_WHEN_first];
    uint64_t every = rule->when[W2E_WHEN_every];
    if (first == W2E_FAULT_NOT_GIVEN && every == W2E_FAULT_NOT_GIVEN) {
        return true;
    }
    if (number <= counted_from) {
        return false;
    }
    uint64_t index = number - counted_from;
    return (first == W2E_FAULT_NOT_GIVEN || index <= first) && (every == W2E_FAULT_NOT_GIVEN || index % every == 0);
}

bool w2e_fault_selects(const struct w2e_fault_rule *rule, uint64_t key, const struct w2e_fault_target *target,
                       uint64_t counted_from) {
    return counted(rule, target->number, counted_from) && w2e_fault_range_holds(&rule->peers, &target->peer) &&
           w2e_fault_happens(key, W2E_DRAW_PROBABILITY, target->number, rule->when[W2E_WHEN_probability]) &&
           w2e_fault_happens(key, W2E_DRAW_TOXICITY, target->number, rule->toxicity);
}

bool w2e_fault_touches(const struct w2e_fault_rules *rules, const struct w2e_fault_rule *rule,
                       const struct w2e_fault_target *connection) {
    bool streams = (infos[rule->kind].protocols & W2E_FAULT_TCP) != 0 && rule->kind != W2E_FAULT_never_accept;
    bool late = infos[rule->kind].scope == W2E_FAULT_ACCEPTING && connection->number <= rule->changed_connections;
    return streams && !late &&
           w2e_fault_selects(rule, w2e_fault_key(rules->seed, connection->number, rule), connection, rule->since_connections);
}

bool w2e_faults_touch(const struct w2e_fault_rules *rules, const struct w2e_fault_target *connection) {
    for (uint32_t i = 0; i < rules->count; i++) {
        if (w2e_fault_touches(rules, &rules->rules[i], connection)) {
            return true;
        }
    }
    return false;
}

bool w2e_faults_touch_datagrams(const struct w2e_fault_rules *rules) {
    for (uint32_t i = 0; i < rules->count; i++) {
        if ((infos[rules->rules[i].kind].protocols & W2E_FAULT_UDP) != 0) {
            return true;
        }
    }
    return false;
}

const struct w2e_fault_rule *w2e_faults_refuse(const struct w2e_fault_rules *rules, const struct w2e_fault_target *connection) {
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct w2e_fault_rule *rule = &rules->rules[i];
        if (rule->kind == W2E_FAULT_refuse && w2e_fault_touches(rules, rule, connection)) {
            return rule;
        }
    }
    return NULL;
}

enum w2e_fault_listening w2e_faults_listening(const struct w2e_fault_rules *rules, unsigned protocols,
                                              const struct w2e_fault_rule **rule) {
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct w2e_fault_info *info = &infos[rules->rules[i].kind];
        if (info->scope == W2E_FAULT_LISTENER && (info->protocols & protocols) != 0) {
            *rule = &rules->rules[i];
            return (*rule)->kind == W2E_FAULT_down ? W2E_DOES_NOT_LISTEN : W2E_LISTENS_WITHOUT_ACCEPTING;
        }
    }
    *rule = NULL;
    return W2E_LISTENS;
}

/* ---- verdicts ---- */

void w2e_fault_summary_add(struct w2e_fault_summary *summary, const struct w2e_fault_observer *observer,
                           const struct w2e_fault_verdict *verdict) {
    if (summary->count++ == 0) {
        summary->first = *verdict;
    }
    summary->last = *verdict;
    summary->kinds |= 1u << verdict->kind;
    if (observer->touched != NULL) {
        observer->touched(observer->owner, verdict);
    }
}
