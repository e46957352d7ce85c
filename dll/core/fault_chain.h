/* The gates of a connection, in the order in which its bytes pass them: those of upstream, then those of downstream. */
#ifndef W2E_FAULT_CHAIN_H
#define W2E_FAULT_CHAIN_H

#include "fault_gate.h"

/* How the faults end a connection. */
struct w2e_chain_end {
    enum w2e_gate_end how;
    bool at_once;     /* no slow_close applies */
    uint64_t offset;  /* bytes before are sent */
    uint32_t rule_id; /* whose doing it is */
};

struct w2e_chain {
    struct w2e_fault_target connection;
    uint64_t opened_us;
    uint32_t count;
    struct w2e_fault_observer observer;
    struct w2e_fault_summary summary;
    struct w2e_chain_end severed; /* a rule that had swallowed bytes works no more: nothing can follow them */
    struct w2e_gate gates[W2E_FAULT_RULES_MAX];
};

/*
 * Makes the gates those of the rules that work on the connection, of which so many bytes were received. Gates whose rules are still there
 * go on; bytes that waited at one that is gone, wait for the others only; a new gate works on what comes to it from now on.
 */
void w2e_chain_set(struct w2e_chain *chain, const struct w2e_fault_rules *rules, uint64_t received, uint64_t now_us);

/* It is now_us, and so many bytes were received. */
void w2e_chain_advance(struct w2e_chain *chain, uint64_t received, uint64_t now_us, bool send_out);

/* Up to which offset may be sent. */
uint64_t w2e_chain_passed(const struct w2e_chain *chain, uint64_t received);

/* From which offset on the bytes are lost; UINT64_MAX if none is. */
uint64_t w2e_chain_swallowed_from(const struct w2e_chain *chain);

/* When the answers of advance will change by time alone; while a SEND is out, those that matter beside it. */
uint64_t w2e_chain_ask_again_us(const struct w2e_chain *chain, bool send_out);

/* Whether a fault ends the connection, of which so many bytes were sent: the first that does from *next on, which is 0 at first. */
bool w2e_chain_next_end(const struct w2e_chain *chain, uint64_t sent, uint32_t *next, struct w2e_chain_end *end);

uint64_t w2e_chain_receive_limit(const struct w2e_chain *chain);

/*
 * When FIN may be sent, which is due since since_us: the peer's was to be answered, or rule behind_id says so, and then only those behind it
 * have a say. Reports the verdicts of those that hold it back.
 */
uint64_t w2e_chain_finish_us(struct w2e_chain *chain, uint32_t behind_id, uint64_t since_us, uint64_t sent);

/* How much of a SEND may go as one, the bytes altered as they are to be. */
size_t w2e_chain_prepare(struct w2e_chain *chain, unsigned char *data, uint64_t offset, size_t size);

/*
 * Reports the verdicts that are due when so many bytes are sent, in the order of their offsets. That order, and which verdicts an end cuts
 * off, is the same however the bytes are sliced. If the connection ends here and now, what only the byte behind the last one sent would
 * have met is left out, for it depends on whether that was received.
 */
void w2e_chain_tell(struct w2e_chain *chain, uint64_t sent, bool ends);

/* Reports the verdict of the rule that ends the connection, unless it is reported already. */
void w2e_chain_tell_end(struct w2e_chain *chain, const struct w2e_chain_end *end);

#endif
