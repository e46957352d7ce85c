/*
 * The client's side of a connection under load, over TCP: it connects, sends messages by its plan, checks every byte that comes back,
 * tells how long each answer took, and finishes.
 *
 * Bytes count as in flight from when their SEND is offered, not from when it is completed: a driver that starts operations asks on before
 * the SEND is completed, and has to be given a RECV then, without which the SEND might never be.
 *
 * A time to ask again is given only where the configuration has a time limit, a pace or a delay that matters now: to a driver that blocks
 * each costs a call more. Without any, a peer that hangs is left to the owner, who aborts what has not ended when the load is over.
 *
 * How it ended, `reason` and `error` tell: FIN and 0, or RESET and 0 if it was to finish so: all is well, whatever was begun has come back.
 * ERROR and 0: a fault, which the sink was told of. Anything else is a failure, with its Winsock code.
 */
#ifndef W2E_SESSION_LOAD_H
#define W2E_SESSION_LOAD_H

#include "load_plan.h"
#include "pattern.h"
#include "session.h"

enum w2e_load_fault_kind {
    W2E_LOAD_CORRUPT,   /* the wrong byte and those after it are not known from elsewhere … */
    W2E_LOAD_MISSING,   /* … are of this connection, from further on: what is between was left out */
    W2E_LOAD_REPEATED,  /* … from further back */
    W2E_LOAD_FOREIGN,   /* … of another connection */
    W2E_LOAD_EXCESS,    /* there should be none: more came than was sent */
    W2E_LOAD_EARLY_END, /* FIN came though the load was not over */
    W2E_LOAD_FAULT_KINDS
};

struct w2e_load_fault {
    uint32_t connection;
    enum w2e_load_fault_kind kind;
    uint64_t offset; /* in the stream, of the first wrong byte, or where it ended; of a datagram, its number if it bears one */
    uint64_t missing_bytes;    /* of EARLY_END: what was in flight, or is left of what a peer was to send */
    uint32_t found_connection; /* where the bytes belong, as far as that is known; or else where they were expected */
    uint64_t found_offset;
    unsigned char expected; /* the first wrong byte, and what should have been there; of EXCESS, what had come next */
    unsigned char actual;
};

/* Who is told. It is called by the session, from the thread that its driver calls it from. */
struct w2e_load_sink {
    void *owner;
    void (*connected)(void *owner, uint64_t connect_us);
    /* A message of so many bytes has come back. */
    void (*echoed)(void *owner, uint64_t latency_us, uint64_t bytes, bool measured);
    /* A fault ends a stream, but not datagrams. */
    void (*wrong)(void *owner, const struct w2e_load_fault *fault);
    /* Of datagrams: some are lost, or unreachable, since it was told last. */
    void (*counted)(void *owner);
};

/* A message that was begun and has not come back. */
struct w2e_load_message {
    uint64_t end; /* in the stream */
    uint64_t intended_us;
};

enum w2e_load_stage { W2E_LOAD_CONNECTING, W2E_LOAD_RUNNING, W2E_LOAD_FINISHING };

struct w2e_session_load {
    struct w2e_session session; /* first: the two convert into each other */
    const struct w2e_load_config *config;
    const struct w2e_load_sink *sink;
    enum w2e_load_stage stage;
    uint32_t connection;
    struct w2e_load_plan plan;
    struct w2e_pattern pattern;

    /* The buffer: the ring of messages in flight, then a span to receive into, then one to send from. */
    struct w2e_load_message *messages;
    unsigned char *recv_span;
    unsigned char *send_span;
    uint32_t messages_max; /* 0: they are not told apart, for no answers are received */
    size_t recv_bytes;
    size_t send_bytes;

    uint32_t first;        /* of the messages in flight */
    uint32_t waiting;      /* how many they are */
    uint64_t offered;      /* bytes of the stream that were lent for SEND; or that the peer is to send, if this end sends none */
    uint64_t received;     /* … that came back, and were right; or were offered, if nothing is received */
    uint64_t answered;     /* … up to the end of a message */
    uint64_t message_left; /* of the last message, not yet offered */
    size_t unsent_begin;   /* the part of send_span that was offered and not yet sent */
    size_t unsent_end;
    size_t piece_bytes; /* of a message that is longer than the window, no less is sent at once */
    size_t evidence;    /* wrong bytes, from the start of recv_span on: 0 if all was right */

    bool connect_out;
    bool recv_out;
    bool send_out;
    bool draining;  /* W2E_RECEIVES_AFTER_SENT: it is the answers' turn */
    bool fin_due;   /* wind down by SHUTDOWN */
    bool reset_due; /* … by RESET */
    bool cancel_lent;
    bool close_lent;
    bool untimed;         /* no time limit matters now: a short way round them */
    uint64_t connect_us;  /* since when it connects */
    uint64_t receive_us;  /* nothing is received before this */
    uint64_t moved_us;    /* since when no byte has moved though one should */
    uint64_t byte_us;     /* when a byte moved last */
    uint64_t evidence_us; /* when evidence has to do */
    uint64_t finish_us;   /* when FIN is waited for no longer */
};

/* Begins the session of a connection that is not open yet. What is pointed to outlives it. A buffer has to be aligned as malloc's are. */
void w2e_session_load_init(struct w2e_session_load *load, const struct w2e_load_config *config, const struct w2e_load_sink *sink,
                           uint32_t connection, uint64_t phase_us);

#endif
