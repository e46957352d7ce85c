/*
 * A socket of UDP in memory: a session of datagrams with faults, a driver of one of the three families, and five peers that take turns to
 * send. The clock is moved from event to event, so times are exact; a rough net is slow to send, fails to, and reports in any order.
 */
#ifndef NET_H
#define NET_H

#include "faults_parse.h"
#include "session_datagram_faults.h"

enum { MS = 1000, SECOND = 1000 * 1000, START = 1000000, BYTES_MAX = 1000, SENT_MAX = 2000, ANSWERS_MAX = 5000 };

enum family { BLOCKING, READINESS, COMPLETION, FAMILIES };

struct answer {
    uint64_t time_us;
    uint64_t peer;
    unsigned index; /* of what it answers */
    size_t size;
    size_t altered; /* bytes that are not as they were sent */
    size_t altered_at;
};

struct net {
    struct w2e_session_datagram datagrams;
    struct w2e_session_datagram_faults faults;
    struct w2e_fault_rules rules;
    struct w2e_session *session;
    unsigned char *store;
    enum family family;
    bool rough;
    uint64_t random;
    uint64_t now_us;
    bool closed;

    uint64_t sent_us[SENT_MAX]; /* when each comes */
    size_t sent_size[SENT_MAX];
    unsigned sent;
    unsigned taken;
    struct answer answers[ANSWERS_MAX];
    unsigned answered;

    struct w2e_op recv; /* kind NONE: not out */
    struct w2e_op send;
    uint64_t send_ready_us;
    uint64_t ask_us;

    struct w2e_fault_verdict verdicts[ANSWERS_MAX];
    unsigned verdict_count;
};

#define EACH_FAMILY(family) for (unsigned family = 0; family < FAMILIES; family++)

/* A socket with a rule, or NULL; others can be added before an update. It is heap memory, to be freed with net_end. */
struct net *net_begin(unsigned family, const char *rule, size_t store_bytes);

/* Aborts the session, and checks that it closes. */
void net_end(struct net *net);

void net_rule(struct net *net, const char *text);

/* The rules have changed. */
void net_update(struct net *net);

/* The whereabouts of the peer, as the session asks for it. */
void net_peer_of(const struct w2e_ends *ends, struct w2e_fault_address *peer);

/* A datagram comes at a time; many come, the first one at START. */
void net_say(struct net *net, uint64_t time_us, size_t size);
void net_say_many(struct net *net, unsigned count, uint64_t interval_us, size_t size);

void net_run(struct net *net, uint64_t until_us);

/* Each answer is byte for byte what was sent, and went to where that came from. */
void net_expect_unaltered(const struct net *net);

/* How often each was answered: SENT_MAX numbers. */
void net_count_answers(const struct net *net, unsigned *counts);

uint64_t net_random(struct net *net, uint64_t limit);

#endif
