/* The rules of a run of peers.h: drawn, or those of a text; they come and go. */
#ifndef PEERS_RULES_H
#define PEERS_RULES_H

#include "choice.h"
#include "faults_parse.h"

struct peers_rules {
    struct w2e_fault_rules rules;
    bool given;     /* by a text: any delay may be among them */
    uint32_t kinds; /* a bit for each kind that ever was among them */
};

/* Draws some rules, or none, of those that work on streams or datagrams; or takes those of the text that can be read. */
void peers_rules_begin(struct peers_rules *rules, struct choice *choice, const char *text, bool datagrams);

/* A rule comes, goes, or changes. */
void peers_rules_change(struct peers_rules *rules, struct choice *choice, bool datagrams);

/* Whether any rule ever was one of these kinds. */
static inline bool peers_rules_had(const struct peers_rules *rules, uint32_t kinds) {
    return (rules->kinds & kinds) != 0;
}

#define KIND_BIT(name) (1u << W2E_FAULT_##name)
/* Bytes arrive altered; not all arrive, or not the end; a datagram is lost; … is answered more than once. */
#define ALTERING (KIND_BIT(corrupt) | KIND_BIT(truncate))
#define TAKING                                                                                                                   \
    (KIND_BIT(timeout) | KIND_BIT(reset_peer) | KIND_BIT(limit_data) | KIND_BIT(reset) | KIND_BIT(fin) | KIND_BIT(refuse) |      \
     KIND_BIT(never_read) | KIND_BIT(stall) | KIND_BIT(down) | KIND_BIT(drop))

#endif
