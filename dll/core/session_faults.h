/*
 * Faults on a connection of TCP: a session that lets an echo session work, and stands between it and the driver.
 *
 * It lends the driver less, or later, than the echo session would (receiving or sending is held back, or done in smaller pieces), alters
 * bytes just before they are sent, and ends the connection in another way or at another time. Held bytes stay in the buffer of the echo
 * session. When that is full, and may not grow, the peer is pressed back, as by a real network that is full.
 *
 * The state is apart from the echo session and attached only to a connection that a rule works on: at acceptance, or later at any
 * moment between two calls of its session, also while operations are out. Nothing else of the connection changes: its driver and its
 * owner see the session that they saw before. A connection without faults has nothing attached, and runs none of this.
 *
 * The idle timeout counts what moves on the socket, whatever held it up; the send timeout only what was offered to the peer.
 * FIN is not delayed by a latency, but comes behind the data that is (as with Toxiproxy); slow_close delays it.
 */
#ifndef W2E_SESSION_FAULTS_H
#define W2E_SESSION_FAULTS_H

#include "fault_chain.h"
#include "session_echo.h"

struct w2e_session_faults {
    struct w2e_session_echo *echo;
    const struct w2e_session_ops *echo_ops;
    struct w2e_chain chain;
    size_t recv_out; /* what the driver has: the size of the span, 0 if it has none */
    bool send_out;
    bool send_offered;      /* the peer may take it, though a driver that waited in vain has undone it */
    bool send_parked;       /* the echo session has lent a SEND that the driver does not have yet */
    bool cancel_lent;       /* for the RECV that is out, and came too late */
    uint64_t finish_due_us; /* since when FIN is due; W2E_NEVER while it is not */
};

/* What a session of faults has to know of a connection. */
struct w2e_fault_connection {
    struct w2e_fault_target target;
    uint64_t opened_us;
    struct w2e_fault_observer observer;
};

/* Attaches faults to an echo session, which must stay where it is. The driver has to ask the session again, if it waits for something. */
void w2e_session_faults_attach(struct w2e_session_faults *faults, struct w2e_session_echo *echo,
                               const struct w2e_fault_connection *connection, const struct w2e_fault_rules *rules,
                               uint64_t now_us);

/* The rules have changed. What was decided stays; the driver has to ask again here, too. */
void w2e_session_faults_update(struct w2e_session_faults *faults, const struct w2e_fault_rules *rules, uint64_t now_us);

/* Which rules have touched the connection. */
const struct w2e_fault_summary *w2e_session_faults_summary(const struct w2e_session_faults *faults);

#endif
