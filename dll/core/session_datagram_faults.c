#include "session_datagram_faults.h"

#include <string.h>

static struct w2e_session_datagram_faults *faults_of(const struct w2e_session *session) {
    return ((const struct w2e_session_datagram *)(const void *)session)->faults;
}

static struct w2e_session *base_of(struct w2e_session_datagram_faults *faults) {
    return &faults->datagrams->session;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static bool ended(const struct w2e_session_datagram_faults *faults) {
    return faults->datagrams->session.reason != WS2ECHO_REASON_NONE;
}

/* ---- what the rules do to a datagram ---- */

static bool selects(const struct w2e_session_datagram_faults *faults, const struct w2e_datagram_rule *rule,
                    const struct w2e_fault_target *target, uint64_t now_us) {
    return now_us >= rule->start_us && faults->came_bytes >= rule->rule.when[W2E_WHEN_after_bytes] &&
           w2e_fault_selects(&rule->rule, rule->key, target, rule->counted_from);
}

static void tell(struct w2e_session_datagram_faults *faults, const struct w2e_datagram_rule *rule, uint64_t number) {
    struct w2e_fault_verdict verdict = {
        .rule_id = rule->rule.id, .kind = rule->rule.kind, .connection = faults->socket.number, .place = number};
    w2e_fault_summary_add(&faults->summary, &faults->socket.observer, &verdict);
}

/* Decides what becomes of the datagram that came, altering it on the way. */
static void decide(struct w2e_session_datagram_faults *faults, uint64_t now_us) {
    struct w2e_fault_target target = {.number = ++faults->came};
    struct w2e_datagram_fate *fate = &faults->fate;
    *fate = (struct w2e_datagram_fate){.number = target.number, .size = faults->lent.size, .copies = 1, .due_us = now_us};
    faults->socket.peer_of(faults->lent.ends, &target.peer);
    for (uint32_t i = 0; i < faults->count && fate->copies > 0; i++) {
        struct w2e_datagram_rule *rule = &faults->rules[i];
        if (selects(faults, rule, &target, now_us) && w2e_datagram_rule_strikes(rule, fate, faults->lent.data)) {
            tell(faults, rule, target.number);
        }
    }
    faults->came_bytes += faults->lent.size;
}

/* ---- datagrams on their way ---- */

/* The session of datagrams is done with the one that it lent. */
static void release(struct w2e_session_datagram_faults *faults, int error, size_t bytes, uint64_t now_us) {
    faults->parked = false;
    faults->datagram_ops->done(base_of(faults), W2E_OP_SEND, error, bytes, now_us);
}

static bool store(struct w2e_session_datagram_faults *faults) {
    struct w2e_stored_datagram *stored = w2e_datagram_store_add(&faults->store, faults->lent.data, &faults->fate);
    if (stored != NULL) {
        stored->ends = *faults->lent.ends;
    }
    return stored != NULL;
}

static bool waits(const struct w2e_session_datagram_faults *faults, uint64_t now_us) {
    return w2e_datagram_leaves_us(&faults->fate) > now_us;
}

/* Disposes of the parked one, unless it is to be sent from where it is, or there is no room for it. One that is out waits for nothing. */
static void dispose(struct w2e_session_datagram_faults *faults, uint64_t now_us) {
    if (faults->fate.copies == 0 || (waits(faults, now_us) && store(faults))) {
        release(faults, 0, 0, now_us);
    }
}

/* Takes what came, as far as it need not stay where it is. */
static void take(struct w2e_session_datagram_faults *faults, uint64_t now_us) {
    if (faults->parked) {
        dispose(faults, now_us); /* there may be room by now */
    }
    while (!faults->parked && faults->datagrams->held > 0 && !faults->datagrams->send_out) {
        faults->lent = faults->datagram_ops->next(base_of(faults), now_us);
        faults->parked = true;
        decide(faults, now_us);
        dispose(faults, now_us);
    }
}

/* When something will be due by time alone, and can be sent then. */
static uint64_t due_us(const struct w2e_session_datagram_faults *faults) {
    if (faults->send_out) {
        return W2E_NEVER;
    }
    uint64_t parked_us = faults->parked ? w2e_datagram_leaves_us(&faults->fate) : W2E_NEVER;
    return smaller(w2e_datagram_store_due_us(&faults->store), parked_us);
}

static struct w2e_op lend_parked(struct w2e_session_datagram_faults *faults) {
    struct w2e_op lent = faults->lent;
    lent.size = faults->fate.size;
    faults->send_out = true;
    faults->sending = NULL;
    return lent;
}

static struct w2e_op lend_stored(struct w2e_session_datagram_faults *faults, struct w2e_stored_datagram *stored) {
    faults->send_out = true;
    faults->sending = stored;
    stored->lent = true;
    return (struct w2e_op){.kind = W2E_OP_SEND,
                           .data = faults->store.bytes + stored->offset,
                           .size = stored->fate.size,
                           .ends = &stored->ends,
                           .ask_again_us = W2E_NEVER};
}

static struct w2e_op cancel(bool *lent) {
    bool again = *lent;
    *lent = true;
    return (struct w2e_op){.kind = again ? W2E_OP_NONE : W2E_OP_CANCEL, .ask_again_us = W2E_NEVER};
}

/* The session of datagrams knows nothing of one that is sent from the store. */
static struct w2e_op wind_down(struct w2e_session_datagram_faults *faults, uint64_t now_us) {
    if (faults->send_out && faults->sending != NULL) {
        return cancel(&faults->cancel_lent);
    }
    if (faults->parked && !faults->send_out) {
        faults->parked = false;
        faults->datagram_ops->undo(base_of(faults), W2E_OP_SEND);
    }
    return faults->datagram_ops->next(base_of(faults), now_us);
}

/* ---- the session ---- */

static struct w2e_op faults_next(struct w2e_session *session, uint64_t now_us) {
    struct w2e_session_datagram_faults *faults = faults_of(session);
    if (ended(faults)) {
        return wind_down(faults, now_us);
    }
    take(faults, now_us);
    if (!faults->send_out) {
        struct w2e_stored_datagram *stored = w2e_datagram_store_due(&faults->store, now_us);
        if (stored != NULL) {
            return lend_stored(faults, stored);
        }
        if (faults->parked && !waits(faults, now_us)) {
            return lend_parked(faults);
        }
    }
    struct w2e_op lent = faults->datagram_ops->next(session, now_us);
    lent.ask_again_us = smaller(lent.ask_again_us, due_us(faults));
    return lent;
}

/* The driver gives a SEND back: the stored one that it was, or NULL. */
static struct w2e_stored_datagram *take_back(struct w2e_session_datagram_faults *faults) {
    struct w2e_stored_datagram *stored = faults->sending;
    faults->send_out = false;
    faults->sending = NULL;
    if (stored != NULL) {
        stored->lent = false;
    }
    return stored;
}

static void sent_stored(struct w2e_session_datagram_faults *faults, struct w2e_stored_datagram *stored, int error, size_t bytes) {
    base_of(faults)->bytes_sent += error == 0 ? bytes : 0;
    if (--stored->fate.copies == 0) {
        w2e_datagram_store_passed(&faults->store, stored->fate.number);
        w2e_datagram_store_remove(&faults->store, stored);
    }
}

static void sent_parked(struct w2e_session_datagram_faults *faults, int error, size_t bytes, uint64_t now_us) {
    if (--faults->fate.copies == 0) {
        w2e_datagram_store_passed(&faults->store, faults->fate.number);
        release(faults, error, bytes, now_us);
    } else {
        base_of(faults)->bytes_sent += error == 0 ? bytes : 0;
    }
}

static void faults_done(struct w2e_session *session, enum w2e_op_kind kind, int error, size_t bytes, uint64_t now_us) {
    struct w2e_session_datagram_faults *faults = faults_of(session);
    if (kind == W2E_OP_SEND) {
        struct w2e_stored_datagram *stored = take_back(faults);
        if (stored != NULL) {
            sent_stored(faults, stored, error, bytes);
        } else if (faults->parked) {
            sent_parked(faults, error, bytes, now_us);
        } else { /* it was out when the faults were attached */
            faults->datagram_ops->done(session, kind, error, bytes, now_us);
        }
        return;
    }
    faults->datagram_ops->done(session, kind, error, bytes, now_us);
}

static void faults_undo(struct w2e_session *session, enum w2e_op_kind kind) {
    struct w2e_session_datagram_faults *faults = faults_of(session);
    bool mine = false;
    if (kind == W2E_OP_SEND) {
        mine = take_back(faults) != NULL || faults->parked;
    }
    if (!mine) {
        faults->datagram_ops->undo(session, kind);
    }
}

static void faults_abort(struct w2e_session *session, enum ws2echo_reason reason, int error) {
    faults_of(session)->datagram_ops->abort(session, reason, error);
}

static size_t faults_buffer_wanted(const struct w2e_session *session) {
    return faults_of(session)->datagram_ops->buffer_wanted(session);
}

static unsigned char *faults_buffer_swap(struct w2e_session *session, unsigned char *buffer, size_t size) {
    return faults_of(session)->datagram_ops->buffer_swap(session, buffer, size);
}

static const struct w2e_session_ops faults_ops = {.next = faults_next,
                                                  .done = faults_done,
                                                  .undo = faults_undo,
                                                  .abort = faults_abort,
                                                  .buffer_wanted = faults_buffer_wanted,
                                                  .buffer_swap = faults_buffer_swap};

/* Datagrams are counted from the socket's beginning, without those that will come to the rules yet. */
static void count_before(struct w2e_session_datagram_faults *faults) {
    const struct w2e_session_datagram *datagrams = faults->datagrams;
    faults->came = datagrams->came;
    faults->came_bytes = datagrams->session.bytes_received;
    for (unsigned i = datagrams->send_out ? 1 : 0; i < datagrams->held; i++) {
        faults->came--;
        faults->came_bytes -= datagrams->slots[(datagrams->first + i) % W2E_DATAGRAM_SLOTS].size;
    }
}

void w2e_session_datagram_faults_attach(struct w2e_session_datagram_faults *faults, struct w2e_session_datagram *datagrams,
                                        const struct w2e_datagram_socket *socket, unsigned char *store_bytes, size_t store_size,
                                        const struct w2e_fault_rules *rules, uint64_t now_us) {
    memset(faults, 0, sizeof *faults); /* no literal: that might be as large on the stack */
    faults->datagrams = datagrams;
    faults->datagram_ops = datagrams->session.ops;
    faults->socket = *socket;
    faults->send_out = datagrams->send_out;
    count_before(faults);
    w2e_datagram_store_init(&faults->store, store_bytes, store_size);
    datagrams->faults = faults;
    datagrams->session.ops = &faults_ops;
    w2e_session_datagram_faults_update(faults, rules, now_us);
}

/* ---- the rules ---- */

static uint64_t rate_of(const struct w2e_fault_rule *rule) {
    const struct w2e_fault_parameter *parameter;
    for (unsigned i = 0; (parameter = w2e_fault_parameter_at(rule->kind, i)) != NULL; i++) {
        if (strcmp(parameter->name, "rate") == 0) {
            return rule->values[parameter->slot];
        }
    }
    return 0;
}

static struct w2e_datagram_rule begin_rule(const struct w2e_session_datagram_faults *faults, const struct w2e_fault_rules *rules,
                                           const struct w2e_fault_rule *rule, uint64_t now_us) {
    uint64_t key = w2e_fault_key(rules->seed, faults->socket.number, rule);
    uint64_t after_us = faults->socket.opened_us + rule->when[W2E_WHEN_after_ms] * 1000;
    return (struct w2e_datagram_rule){.rule = *rule,
                                      .key = key,
                                      .start_us = after_us > now_us ? after_us : now_us,
                                      .counted_from = faults->came,
                                      .previous = w2e_fault_happens_first(key, rate_of(rule))};
}

static uint32_t find(const struct w2e_session_datagram_faults *faults, uint32_t from, uint32_t rule_id) {
    while (from < faults->count && faults->rules[from].rule.id != rule_id) {
        from++;
    }
    return from;
}

/* What the rule was before, if it was there: an unchanged one goes on, a changed one begins anew but counts from where it did. */
static struct w2e_datagram_rule go_on(const struct w2e_session_datagram_faults *faults, const struct w2e_fault_rules *rules,
                                      const struct w2e_fault_rule *rule, uint32_t before, uint64_t now_us) {
    if (before < faults->count && w2e_fault_rule_equal(&faults->rules[before].rule, rule)) {
        return faults->rules[before];
    }
    struct w2e_datagram_rule begun = begin_rule(faults, rules, rule, now_us);
    if (before < faults->count) {
        begun.counted_from = faults->rules[before].counted_from;
    }
    return begun;
}

/* As over TCP, a rule that changes its kind is another one; it lets go, but keeps its place and its count. */
static void let_go_of_old(struct w2e_session_datagram_faults *faults, const struct w2e_datagram_rule *old,
                          const struct w2e_fault_rule *rule) {
    if (rule == NULL || rule->kind != old->rule.kind) {
        w2e_datagram_let_go(&faults->fate, old->rule.id); /* that of the parked one, if one is */
        w2e_datagram_store_let_go(&faults->store, old->rule.id);
    }
}

static void remove_old(struct w2e_session_datagram_faults *faults, const struct w2e_fault_rules *rules) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < faults->count; i++) {
        const struct w2e_fault_rule *rule = w2e_faults_find(rules, faults->rules[i].rule.id);
        let_go_of_old(faults, &faults->rules[i], rule);
        if (rule != NULL) {
            faults->rules[kept++] = faults->rules[i];
        }
    }
    faults->count = kept;
}

/* Puts the rule at index `to`; what stood there moves to where the rule was before. */
static void put(struct w2e_session_datagram_faults *faults, const struct w2e_fault_rules *rules,
                const struct w2e_fault_rule *rule, uint32_t to, uint64_t now_us) {
    uint32_t before = find(faults, to, rule->id);
    struct w2e_datagram_rule put_rule = go_on(faults, rules, rule, before, now_us);
    faults->count += before == faults->count ? 1 : 0;
    memmove(&faults->rules[to + 1], &faults->rules[to], (before - to) * sizeof put_rule);
    faults->rules[to] = put_rule;
}

void w2e_session_datagram_faults_update(struct w2e_session_datagram_faults *faults, const struct w2e_fault_rules *rules,
                                        uint64_t now_us) {
    uint32_t to = 0;
    remove_old(faults, rules);
    for (unsigned pass = 0; pass < 2; pass++) {
        enum w2e_fault_stream stream = pass == 0 ? W2E_FAULT_UPSTREAM : W2E_FAULT_DOWNSTREAM;
        for (uint32_t i = 0; i < rules->count; i++) {
            const struct w2e_fault_rule *rule = &rules->rules[i];
            if (rule->stream == stream && (w2e_fault_info(rule->kind)->protocols & W2E_FAULT_UDP) != 0) {
                put(faults, rules, rule, to++, now_us);
            }
        }
    }
    faults->count = to;
}

const struct w2e_fault_summary *w2e_session_datagram_faults_summary(const struct w2e_session_datagram_faults *faults) {
    return &faults->summary;
}
