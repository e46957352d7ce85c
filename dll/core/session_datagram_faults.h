/*
 * Faults on a socket of UDP: what session_faults.h is to a connection of TCP. Each datagram that comes has its fate decided by the
 * rules, in their order; then it is answered at once, later, twice, altered or not at all. One that is answered later is copied into a
 * store; when that is full nothing more is received until one has left.
 *
 * Attached, like those of TCP, at any moment between two calls of the session, also while operations are out.
 */
#ifndef W2E_SESSION_DATAGRAM_FAULTS_H
#define W2E_SESSION_DATAGRAM_FAULTS_H

#include "datagram_store.h"
#include "session_datagram.h"

/* A good size for the store's memory, and more than the longest datagram, which is the least. */
enum { W2E_DATAGRAM_STORE_BYTES = 1 << 20 };

struct w2e_datagram_socket {
    uint64_t number; /* in the order of the server's sockets: 1, 2, … */
    uint64_t opened_us;
    void (*peer_of)(const struct w2e_ends *ends, struct w2e_fault_address *peer); /* only drivers look inside of ends */
    struct w2e_fault_observer observer;
};

struct w2e_session_datagram_faults {
    struct w2e_session_datagram *datagrams;
    const struct w2e_session_ops *datagram_ops;
    struct w2e_datagram_socket socket;
    struct w2e_fault_summary summary;
    uint32_t count;
    struct w2e_datagram_rule rules[W2E_FAULT_RULES_MAX];
    uint64_t came;       /* datagrams */
    uint64_t came_bytes; /* … */

    /* The SEND that the session of datagrams has lent, and that is not done with: its datagram is answered without a copy, or waits for room. */
    bool parked;
    struct w2e_op lent;
    struct w2e_datagram_fate fate;

    bool send_out;                       /* the driver has a SEND: */
    struct w2e_stored_datagram *sending; /* … this one, or the parked one if NULL */
    bool cancel_lent;
    struct w2e_datagram_store store;
};

/* Attaches faults to a session, which must stay where it is. The driver has to ask the session again, if it waits for something. */
void w2e_session_datagram_faults_attach(struct w2e_session_datagram_faults *faults, struct w2e_session_datagram *datagrams,
                                        const struct w2e_datagram_socket *socket, unsigned char *store_bytes, size_t store_size,
                                        const struct w2e_fault_rules *rules, uint64_t now_us);

/* The rules have changed: the fates that are decided stay, but that rules which are gone let go. The driver has to ask again here, too. */
void w2e_session_datagram_faults_update(struct w2e_session_datagram_faults *faults, const struct w2e_fault_rules *rules,
                                        uint64_t now_us);

/* Which rules have touched datagrams of the socket. */
const struct w2e_fault_summary *w2e_session_datagram_faults_summary(const struct w2e_session_datagram_faults *faults);

#endif
