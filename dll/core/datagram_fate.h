/* What the rules make of a datagram, in the order in which they strike it: whether it is answered, how often, with what, and when. */
#ifndef W2E_DATAGRAM_FATE_H
#define W2E_DATAGRAM_FATE_H

#include "faults.h"

/* A rule at work on the socket. */
struct w2e_datagram_rule {
    struct w2e_fault_rule rule;
    uint64_t key;
    uint64_t start_us;     /* after_ms is over */
    uint64_t counted_from; /* the datagrams that had come when the rule was added */
    bool previous;         /* how the last draw at its rate went */
};

/* What a rule has added to the time of a datagram: it waits for so many later ones, but no longer than that; or if that is 0, just so long. */
struct w2e_datagram_hold {
    uint32_t rule_id;
    uint32_t gap;
    uint64_t us;
};

/* What becomes of a datagram that came. */
struct w2e_datagram_fate {
    uint64_t number;
    size_t size;
    unsigned copies;     /* 0: it is lost */
    uint64_t due_us;     /* answered not before */
    uint64_t behind;     /* … and not before so many later ones */
    uint64_t patient_us; /* … unless it has waited so long for them */

    /* How these three came about, a rule at a time. */
    uint32_t hold_count;
    struct w2e_datagram_hold holds[W2E_FAULT_RULES_MAX];
};

/* A rule, whose kind is one of UDP, selects the datagram: whether it did anything to its fate or its bytes. */
bool w2e_datagram_rule_strikes(struct w2e_datagram_rule *rule, struct w2e_datagram_fate *fate, unsigned char *data);

/* A rule is gone: what it has added to the time of a datagram is taken away. */
void w2e_datagram_let_go(struct w2e_datagram_fate *fate, uint32_t rule_id);

/* When it leaves, if no later one leaves before. */
uint64_t w2e_datagram_leaves_us(const struct w2e_datagram_fate *fate);

#endif
