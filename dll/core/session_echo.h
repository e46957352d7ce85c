/* The server's side of an echo connection over TCP (RFC 862): what comes in goes out, FIN is answered with FIN after every byte. */
#ifndef W2E_SESSION_ECHO_H
#define W2E_SESSION_ECHO_H

#include "session.h"

#include <stdbool.h>

struct w2e_echo_config {
    size_t buffer_bytes_max;  /* most bytes held between reception and echo */
    uint64_t idle_timeout_us; /* W2E_NEVER, or how long no byte may move */
    uint64_t send_timeout_us; /* W2E_NEVER, or how long the peer may take no byte that is ready for it */
    bool finish_by_reset;     /* answer even FIN with a reset */
};

struct w2e_session_faults;

struct w2e_session_echo {
    struct w2e_session session;        /* first: the two convert into each other */
    struct w2e_session_faults *faults; /* what makes it misbehave (session_faults.h), or NULL */
    struct w2e_echo_config config;

    /* A ring: `held` bytes from `begin` on wait to be sent. */
    unsigned char *buffer;
    size_t begin;
    size_t held;
    size_t wanted;        /* buffer size that suits the traffic */
    unsigned small_reads; /* receives in a row that a smaller buffer would have done for */

    size_t recv_out; /* size of the span lent for RECV, 0 if none is */
    size_t send_out;
    bool peer_finished; /* FIN came */
    bool own_finished;  /* SHUTDOWN was lent */
    bool reset_due;     /* wind down by RESET */
    bool cancel_lent;   /* for what is out now */
    /* A refused peer may have sent something. Closing over unread bytes would reset the connection, and the peer might never see the
     * FIN: so what comes is discarded until the peer's own FIN, or this time. */
    uint64_t discard_until_us;
    bool half_open; /* … and is as long again with whatever comes: it is the time of an idle peer, which is still served */
    bool stopped;   /* by abort, while it or half of it was open */
    bool close_lent;
    uint64_t moved_us;   /* when a byte last moved, either way */
    uint64_t waiting_us; /* since when a byte waits for the peer to take it */
};

/* Begins a session for a connection that is open since now_us. */
void w2e_session_echo_init(struct w2e_session_echo *echo, const struct w2e_echo_config *config, uint64_t now_us);

/* Makes a new session send FIN at once and echo nothing, because the server has too many connections. */
void w2e_session_echo_refuse(struct w2e_session_echo *echo, uint64_t now_us);

/*
 * Ends an open session early, of which no SEND is out: what is held is not echoed, FIN is sent, and what comes is discarded until the
 * peer's own FIN, or the time given; then the connection is closed.
 */
void w2e_session_echo_finish(struct w2e_session_echo *echo, enum ws2echo_reason reason, uint64_t discard_until_us);

/* When the session will time out; `sending` is whether the peer is to be blamed for what it has not taken. */
uint64_t w2e_session_echo_deadline_us(const struct w2e_session_echo *echo, bool sending);

#endif
