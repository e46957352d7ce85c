#include "fault_chain.h"

#include "session.h"

#include <string.h>

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* ---- the gates and the rules ---- */

/* Who is refused stays so, though the rule be changed before anybody asks his session. */
static bool still_works(const struct w2e_chain *chain, const struct w2e_fault_rules *rules, const struct w2e_gate *gate) {
    const struct w2e_fault_rule *rule = w2e_faults_find(rules, gate->rule.id);
    if (rule == NULL || rule->kind != gate->rule.kind) {
        return false;
    }
    return rule->kind == W2E_FAULT_refuse || w2e_fault_touches(rules, rule, &chain->connection);
}

/* What waits at the gates before is lost, too: it lies behind what was swallowed, and was taken off the end with it. */
static void sever(struct w2e_chain *chain, const struct w2e_gate *gate, uint64_t received) {
    bool lost = gate->swallows && received > gate->passed;
    if (lost && (chain->severed.how == W2E_GATE_GOES_ON || gate->passed < chain->severed.offset)) {
        chain->severed = (struct w2e_chain_end){.how = W2E_GATE_FIN, .offset = gate->passed, .rule_id = gate->rule.id};
    }
}

static void remove_old(struct w2e_chain *chain, const struct w2e_fault_rules *rules, uint64_t received) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < chain->count; i++) {
        if (!still_works(chain, rules, &chain->gates[i])) {
            sever(chain, &chain->gates[i], received);
        } else if (kept++ != i) {
            chain->gates[kept - 1] = chain->gates[i];
        }
    }
    chain->count = kept;
}

static uint32_t find(const struct w2e_chain *chain, uint32_t rule_id) {
    uint32_t i = 0;
    while (i < chain->count && chain->gates[i].rule.id != rule_id) {
        i++;
    }
    return i;
}

/* Moves the gate at index `from` to `to`, which is not behind it. */
static void move_forward(struct w2e_chain *chain, uint32_t from, uint32_t to) {
    struct w2e_gate moved = chain->gates[from];
    memmove(&chain->gates[to + 1], &chain->gates[to], (from - to) * sizeof moved);
    chain->gates[to] = moved;
}

/* What has left the gate before was past the new one already. */
static void insert(struct w2e_chain *chain, const struct w2e_fault_rules *rules, const struct w2e_fault_rule *rule, uint32_t to,
                   uint64_t received, uint64_t now_us) {
    uint64_t entered = to > 0 ? chain->gates[to - 1].passed : received;
    uint64_t key = w2e_fault_key(rules->seed, chain->connection.number, rule);
    w2e_gate_init(&chain->gates[chain->count], rule, key, chain->opened_us, entered, now_us);
    move_forward(chain, chain->count++, to);
}

static void change(struct w2e_chain *chain, struct w2e_gate *gate, const struct w2e_fault_rule *rule, uint64_t received,
                   uint64_t now_us) {
    if (w2e_gate_rests_by(gate, rule, chain->opened_us, now_us)) {
        sever(chain, gate, received);
    }
    w2e_gate_change(gate, rule, chain->opened_us, now_us);
}

static void set_stream(struct w2e_chain *chain, const struct w2e_fault_rules *rules, enum w2e_fault_stream stream,
                       uint64_t received, uint64_t now_us, uint32_t *to) {
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct w2e_fault_rule *rule = &rules->rules[i];
        if (rule->stream != stream || !w2e_fault_touches(rules, rule, &chain->connection)) {
            continue;
        }
        uint32_t from = find(chain, rule->id);
        if (from == chain->count) {
            insert(chain, rules, rule, *to, received, now_us);
        } else {
            change(chain, &chain->gates[from], rule, received, now_us);
            move_forward(chain, from, *to);
        }
        (*to)++;
    }
}

void w2e_chain_set(struct w2e_chain *chain, const struct w2e_fault_rules *rules, uint64_t received, uint64_t now_us) {
    uint32_t to = 0;
    remove_old(chain, rules, received);
    set_stream(chain, rules, W2E_FAULT_UPSTREAM, received, now_us, &to);
    set_stream(chain, rules, W2E_FAULT_DOWNSTREAM, received, now_us, &to);
}

/* ---- what they let pass ---- */

void w2e_chain_advance(struct w2e_chain *chain, uint64_t received, uint64_t now_us, bool send_out) {
    for (uint32_t i = 0; i < chain->count; i++) {
        w2e_gate_advance(&chain->gates[i], received, now_us, send_out);
        received = smaller(received, chain->gates[i].passed);
    }
}

uint64_t w2e_chain_passed(const struct w2e_chain *chain, uint64_t received) {
    uint64_t passed = chain->severed.how == W2E_GATE_GOES_ON ? received : smaller(received, chain->severed.offset);
    for (uint32_t i = 0; i < chain->count; i++) {
        passed = smaller(passed, chain->gates[i].passed);
    }
    return passed;
}

uint64_t w2e_chain_swallowed_from(const struct w2e_chain *chain) {
    uint64_t from = chain->severed.how == W2E_GATE_GOES_ON ? UINT64_MAX : chain->severed.offset;
    for (uint32_t i = 0; i < chain->count; i++) {
        if (chain->gates[i].swallows) {
            from = smaller(from, chain->gates[i].passed);
        }
    }
    return from;
}

uint64_t w2e_chain_ask_again_us(const struct w2e_chain *chain, bool send_out) {
    uint64_t ask_us = W2E_NEVER;
    for (uint32_t i = 0; i < chain->count; i++) {
        ask_us = smaller(ask_us, chain->gates[i].event_us);
        if (!send_out) {
            ask_us = smaller(ask_us, chain->gates[i].release_us);
        }
    }
    return ask_us;
}

uint64_t w2e_chain_receive_limit(const struct w2e_chain *chain) {
    uint64_t limit = UINT64_MAX;
    for (uint32_t i = 0; i < chain->count; i++) {
        limit = smaller(limit, w2e_gate_receive_limit(&chain->gates[i]));
    }
    return limit;
}

size_t w2e_chain_prepare(struct w2e_chain *chain, unsigned char *data, uint64_t offset, size_t size) {
    for (uint32_t i = 0; i < chain->count; i++) {
        size = (size_t)smaller(size, w2e_gate_cut(&chain->gates[i], offset) - offset);
    }
    for (uint32_t i = 0; i < chain->count; i++) {
        w2e_gate_corrupt(&chain->gates[i], data, offset, size);
    }
    return size;
}

/* ---- how they end ---- */

bool w2e_chain_next_end(const struct w2e_chain *chain, uint64_t sent, uint32_t *next, struct w2e_chain_end *end) {
    while (*next < chain->count) {
        const struct w2e_gate *gate = &chain->gates[(*next)++];
        if (gate->end != W2E_GATE_GOES_ON && (gate->at_once || sent >= gate->passed)) {
            *end = (struct w2e_chain_end){
                .how = gate->end, .at_once = gate->at_once, .offset = gate->passed, .rule_id = gate->rule.id};
            return true;
        }
    }
    *end = chain->severed;
    return (*next)++ == chain->count && end->how != W2E_GATE_GOES_ON && sent >= end->offset;
}

/* ---- verdicts ---- */

static void tell(struct w2e_chain *chain, struct w2e_gate *gate) {
    struct w2e_fault_verdict verdict = {
        .rule_id = gate->rule.id, .kind = gate->rule.kind, .connection = chain->connection.number, .place = gate->touched_at};
    gate->told = true;
    w2e_fault_summary_add(&chain->summary, &chain->observer, &verdict);
}

/* How many bytes are sent when the verdict is due: an altered byte has to be gone. */
static uint64_t due_at(const struct w2e_gate *gate) {
    return gate->touched_at + (gate->rule.kind == W2E_FAULT_corrupt ? 1 : 0);
}

/* Kinds that touch a connection when the byte at the offset comes to them. The others have done so by the time that those before are sent. */
static bool needs_byte(const struct w2e_gate *gate) {
    const enum w2e_fault_kind kind = gate->rule.kind;
    return kind != W2E_FAULT_corrupt && kind != W2E_FAULT_timeout && kind != W2E_FAULT_reset_peer && kind != W2E_FAULT_never_read;
}

static bool due_before(const struct w2e_gate *gate, const struct w2e_gate *other) {
    uint64_t a = due_at(gate);
    uint64_t b = due_at(other);
    return a < b || (a == b && !needs_byte(gate) && needs_byte(other));
}

static struct w2e_gate *first_untold(struct w2e_chain *chain, uint64_t sent, bool ends) {
    struct w2e_gate *first = NULL;
    for (uint32_t i = 0; i < chain->count; i++) {
        struct w2e_gate *gate = &chain->gates[i];
        uint64_t limit = ends && needs_byte(gate) ? sent : sent + 1;
        bool due = gate->touched && !gate->told && due_at(gate) < limit;
        if (due && (first == NULL || due_before(gate, first))) {
            first = gate;
        }
    }
    return first;
}

void w2e_chain_tell(struct w2e_chain *chain, uint64_t sent, bool ends) {
    struct w2e_gate *gate;
    while ((gate = first_untold(chain, sent, ends)) != NULL) {
        tell(chain, gate);
    }
}

static void tell_gate(struct w2e_chain *chain, struct w2e_gate *gate, uint64_t offset) {
    if (!gate->told) {
        w2e_gate_touch(gate, offset);
        tell(chain, gate);
    }
}

void w2e_chain_tell_end(struct w2e_chain *chain, const struct w2e_chain_end *end) {
    uint32_t i = find(chain, end->rule_id);
    if (i < chain->count) {
        tell_gate(chain, &chain->gates[i], end->offset);
    }
}

uint64_t w2e_chain_finish_us(struct w2e_chain *chain, uint32_t behind_id, uint64_t since_us, uint64_t sent) {
    uint32_t i = find(chain, behind_id);
    for (i = i < chain->count ? i + 1 : 0; i < chain->count; i++) {
        bool holds;
        since_us = w2e_gate_finish_us(&chain->gates[i], since_us, &holds);
        if (holds) {
            tell_gate(chain, &chain->gates[i], sent);
        }
    }
    return since_us;
}
