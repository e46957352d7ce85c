/* An echo server's socket for datagrams (RFC 862 over UDP): each one is answered by its equal, and no failure ends it. */
#ifndef W2E_SESSION_DATAGRAM_H
#define W2E_SESSION_DATAGRAM_H

#include "session.h"

#include <stdbool.h>

/* One is received while the other is sent. */
enum { W2E_DATAGRAM_SLOTS = 2 };

struct w2e_datagram {
    size_t size;
    struct w2e_ends ends;
};

struct w2e_session_datagram_faults;

struct w2e_session_datagram {
    struct w2e_session session;                 /* first: the two convert into each other */
    struct w2e_session_datagram_faults *faults; /* what makes it misbehave (session_datagram_faults.h), or NULL */
    size_t datagram_bytes_max;
    unsigned char *buffer; /* the slots' bytes, one after the other */

    /* A ring: `held` datagrams from `first` on wait for their answer. */
    struct w2e_datagram slots[W2E_DATAGRAM_SLOTS];
    unsigned first;
    unsigned held;
    uint64_t came; /* datagrams, since the beginning */

    bool recv_out;
    bool send_out;
    bool cancel_lent;
    bool close_lent;
    uint64_t recv_after_us; /* a receive failed: not before this */
};

/* Begins a session on a bound socket. Longer datagrams than datagram_bytes_max are not answered. */
void w2e_session_datagram_init(struct w2e_session_datagram *datagrams, size_t datagram_bytes_max);

#endif
