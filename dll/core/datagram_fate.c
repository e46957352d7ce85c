#include "datagram_fate.h"

/* One fault: whether it did anything. */
typedef bool strike_function(struct w2e_datagram_rule *rule, struct w2e_datagram_fate *fate, unsigned char *data);

static bool happens(struct w2e_datagram_rule *rule, uint64_t number, uint64_t rate, uint64_t correlation) {
    return w2e_fault_happens_again(rule->key, number, rate, correlation, &rule->previous);
}

/* A rule strikes a datagram once, so there is room for what each has added. */
static void hold_back(struct w2e_datagram_fate *fate, const struct w2e_datagram_rule *rule, uint64_t gap, uint64_t us) {
    fate->holds[fate->hold_count++] = (struct w2e_datagram_hold){.rule_id = rule->rule.id, .gap = (uint32_t)gap, .us = us};
    fate->behind += gap;
    *(gap > 0 ? &fate->patient_us : &fate->due_us) += us;
}

static bool strike_latency(struct w2e_datagram_rule *rule, struct w2e_datagram_fate *fate, unsigned char *data) {
    (void)data;
    const uint64_t *values = rule->rule.values;
    hold_back(fate, rule, 0,
              w2e_fault_delay_us(rule->key, fate->number, values[W2E_FAULT_latency_latency], values[W2E_FAULT_latency_jitter]));
    return true;
}

static bool strike_delay(struct w2e_datagram_rule *rule, struct w2e_datagram_fate *fate, unsigned char *data) {
    (void)data;
    const uint64_t *values = rule->rule.values;
    if (!happens(rule, fate->number, values[W2E_FAULT_delay_rate], values[W2E_FAULT_delay_correlation])) {
        return false;
    }
    hold_back(fate, rule, 0,
              w2e_fault_delay_us(rule->key, fate->number, values[W2E_FAULT_delay_delay], values[W2E_FAULT_delay_jitter]));
    return true;
}

static bool strike_down(struct w2e_datagram_rule *rule, struct w2e_datagram_fate *fate, unsigned char *data) {
    (void)rule;
    (void)data;
    fate->copies = 0;
    return true;
}

static bool strike_drop(struct w2e_datagram_rule *rule, struct w2e_datagram_fate *fate, unsigned char *data) {
    (void)data;
    const uint64_t *values = rule->rule.values;
    bool struck = happens(rule, fate->number, values[W2E_FAULT_drop_rate], values[W2E_FAULT_drop_correlation]);
    fate->copies = struck ? 0 : fate->copies;
    return struck;
}

static bool strike_duplicate(struct w2e_datagram_rule *rule, struct w2e_datagram_fate *fate, unsigned char *data) {
    (void)data;
    const uint64_t *values = rule->rule.values;
    bool struck = happens(rule, fate->number, values[W2E_FAULT_duplicate_rate], values[W2E_FAULT_duplicate_correlation]);
    fate->copies += struck ? 1 : 0;
    return struck;
}

static bool strike_reorder(struct w2e_datagram_rule *rule, struct w2e_datagram_fate *fate, unsigned char *data) {
    (void)data;
    const uint64_t *values = rule->rule.values;
    if (!happens(rule, fate->number, values[W2E_FAULT_reorder_rate], values[W2E_FAULT_reorder_correlation])) {
        return false;
    }
    hold_back(fate, rule, values[W2E_FAULT_reorder_gap], values[W2E_FAULT_reorder_delay] * 1000);
    return true;
}

static bool strike_truncate(struct w2e_datagram_rule *rule, struct w2e_datagram_fate *fate, unsigned char *data) {
    (void)data;
    const uint64_t *values = rule->rule.values;
    uint64_t bytes = values[W2E_FAULT_truncate_bytes];
    bool struck = happens(rule, fate->number, values[W2E_FAULT_truncate_rate], values[W2E_FAULT_truncate_correlation]);
    if (!struck || fate->size == 0 || (bytes != W2E_FAULT_NOT_GIVEN && bytes >= fate->size)) {
        return false;
    }
    if (bytes == W2E_FAULT_NOT_GIVEN) {
        bytes = w2e_fault_draw_below(rule->key, W2E_DRAW_SIZE, fate->number, fate->size);
    }
    fate->size = (size_t)bytes;
    return true;
}

static bool strike_corrupt(struct w2e_datagram_rule *rule, struct w2e_datagram_fate *fate, unsigned char *data) {
    const uint64_t *values = rule->rule.values;
    uint64_t at = values[W2E_FAULT_corrupt_at];
    bool struck = happens(rule, fate->number, values[W2E_FAULT_corrupt_rate], values[W2E_FAULT_corrupt_correlation]);
    if (!struck || fate->size == 0 || (at != W2E_FAULT_NOT_GIVEN && at >= fate->size)) {
        return false;
    }
    if (at == W2E_FAULT_NOT_GIVEN) {
        at = w2e_fault_draw_below(rule->key, W2E_DRAW_PLACE, fate->number, fate->size);
    }
    data[at] ^= (unsigned char)(1 + w2e_fault_draw_below(rule->key, W2E_DRAW_MASK, fate->number, 255));
    return true;
}

/* By kind: all of UDP. */
static strike_function *const strike[W2E_FAULT_KINDS] = {
    [W2E_FAULT_latency] = strike_latency,   [W2E_FAULT_down] = strike_down,           [W2E_FAULT_corrupt] = strike_corrupt,
    [W2E_FAULT_drop] = strike_drop,         [W2E_FAULT_duplicate] = strike_duplicate, [W2E_FAULT_reorder] = strike_reorder,
    [W2E_FAULT_truncate] = strike_truncate, [W2E_FAULT_delay] = strike_delay,
};

bool w2e_datagram_rule_strikes(struct w2e_datagram_rule *rule, struct w2e_datagram_fate *fate, unsigned char *data) {
    return strike[rule->rule.kind](rule, fate, data);
}

/* Later ones that have gone before count for the rules that stay. */
static void take_away(struct w2e_datagram_fate *fate, const struct w2e_datagram_hold *hold) {
    fate->behind -= fate->behind < hold->gap ? fate->behind : hold->gap;
    *(hold->gap > 0 ? &fate->patient_us : &fate->due_us) -= hold->us;
}

void w2e_datagram_let_go(struct w2e_datagram_fate *fate, uint32_t rule_id) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < fate->hold_count; i++) {
        if (fate->holds[i].rule_id == rule_id) {
            take_away(fate, &fate->holds[i]);
        } else {
            fate->holds[kept++] = fate->holds[i];
        }
    }
    fate->hold_count = kept;
}

uint64_t w2e_datagram_leaves_us(const struct w2e_datagram_fate *fate) {
    return fate->due_us + (fate->behind > 0 ? fate->patient_us : 0);
}
