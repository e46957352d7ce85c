/*
 * The client's side of an echo over UDP under load, on a socket that is connected already: datagrams by a plan, and an account of what
 * became of each (ping.h).
 *
 * Nothing that happens to a datagram ends it: a loss, a wrong or unreachable one is counted, in ping.progress. It ends, with reason FIN,
 * when by the plan no datagram is to follow and each was answered or is lost. An answer that comes after reply_timeout_us counts as late,
 * and its latency is not told. A datagram is 16 bytes at least; the last one may exceed the limit of bytes by as much.
 *
 * Of the configuration, `sends`, `finish` and the timeouts of connecting and finishing say nothing here; without a reply_timeout_us an
 * answer is waited for for ever. The window is depth, and as many of the largest datagrams as window_bytes holds; 1024 at most.
 */
#ifndef W2E_SESSION_LOAD_DATAGRAM_H
#define W2E_SESSION_LOAD_DATAGRAM_H

#include "ping.h"
#include "session_load.h"

struct w2e_session_load_datagram {
    struct w2e_session session; /* first: the two convert into each other */
    const struct w2e_load_config *config;
    const struct w2e_load_sink *sink;
    uint32_t connection;
    struct w2e_load_plan plan;
    struct w2e_ping ping;

    /* The buffer: ping's list of what waits, the datagram that comes, and the one that goes. */
    unsigned char *buffer;
    unsigned char *incoming;
    unsigned char *outgoing;
    size_t datagram_bytes; /* the largest */
    size_t unsent;         /* size of the one that goes; 0: it has gone */

    bool opened; /* it was asked once */
    bool recv_out;
    bool send_out;
    bool draining; /* W2E_RECEIVES_AFTER_SENT: it is the answers' turn */
    bool cancel_lent;
    bool close_lent;
    uint64_t receive_us; /* nothing is received before this */
    uint64_t pause_us;   /* something failed for want of resources: nothing is done before this */
    uint64_t byte_us;    /* a datagram was sent, or answered, last */
};

void w2e_session_load_datagram_init(struct w2e_session_load_datagram *load, const struct w2e_load_config *config,
                                    const struct w2e_load_sink *sink, uint32_t connection, uint64_t phase_us);

#endif
