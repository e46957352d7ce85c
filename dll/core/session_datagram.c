#include "session_datagram.h"

#include "codes.h"

/* No datagram is longer: its length is a number of 16 bits. */
enum { DATAGRAM_BYTES_MAX = 65535 };

/* After a receive that failed for a reason of this machine's: without a pause it might fail for ever, as fast as it can. */
enum { PAUSE_US = 50 * 1000 };

static struct w2e_session_datagram *datagrams_of(struct w2e_session *session) {
    return (struct w2e_session_datagram *)session;
}

static unsigned char *bytes_of(const struct w2e_session_datagram *datagrams, unsigned slot) {
    return datagrams->buffer + slot * datagrams->datagram_bytes_max;
}

static struct w2e_op op(enum w2e_op_kind kind) {
    return (struct w2e_op){.kind = kind, .ask_again_us = W2E_NEVER};
}

static struct w2e_op wind_down(struct w2e_session_datagram *datagrams) {
    if (datagrams->recv_out || datagrams->send_out) {
        bool again = datagrams->cancel_lent;
        datagrams->cancel_lent = true;
        return op(again ? W2E_OP_NONE : W2E_OP_CANCEL);
    }
    if (datagrams->close_lent) {
        return op(W2E_OP_NONE);
    }
    datagrams->close_lent = true;
    return op(W2E_OP_CLOSE);
}

static struct w2e_op lend(struct w2e_session_datagram *datagrams, enum w2e_op_kind kind, unsigned slot, size_t size) {
    struct w2e_op lent = op(kind);
    lent.data = bytes_of(datagrams, slot);
    lent.size = size;
    lent.ends = &datagrams->slots[slot].ends;
    return lent;
}

static struct w2e_op datagram_next(struct w2e_session *session, uint64_t now_us) {
    struct w2e_session_datagram *datagrams = datagrams_of(session);
    if (session->reason != WS2ECHO_REASON_NONE) {
        return wind_down(datagrams);
    }
    if (datagrams->held > 0 && !datagrams->send_out) {
        datagrams->send_out = true;
        return lend(datagrams, W2E_OP_SEND, datagrams->first, datagrams->slots[datagrams->first].size);
    }
    bool room = datagrams->held < W2E_DATAGRAM_SLOTS && !datagrams->recv_out && session->buffer_size > 0;
    if (room && now_us >= datagrams->recv_after_us) {
        datagrams->recv_out = true;
        return lend(datagrams, W2E_OP_RECV, (datagrams->first + datagrams->held) % W2E_DATAGRAM_SLOTS,
                    datagrams->datagram_bytes_max);
    }
    struct w2e_op none = op(W2E_OP_NONE);
    none.ask_again_us = room ? datagrams->recv_after_us : W2E_NEVER;
    return none;
}

static void received(struct w2e_session_datagram *datagrams, int error, size_t bytes, uint64_t now_us) {
    /* Where a RECV is out, `held` does not shrink below the slot that it was lent: answers leave from the front. */
    unsigned slot = (datagrams->first + datagrams->held) % W2E_DATAGRAM_SLOTS;
    switch (error) {
    case 0:
        datagrams->slots[slot].size = bytes;
        datagrams->held++;
        datagrams->came++;
        datagrams->session.bytes_received += bytes;
        break;
    case W2E_EMSGSIZE:   /* it was longer than the slot */
    case W2E_ECONNRESET: /* an answer met a closed port (SIO_UDP_CONNRESET) */
    case W2E_ENETRESET:  /* … or its time to live was over */
    case W2E_OPERATION_ABORTED:
        break;
    default:
        datagrams->recv_after_us = now_us + PAUSE_US;
        break;
    }
}

/* Sent or not, the datagram is done with: this is UDP. */
static void sent(struct w2e_session_datagram *datagrams, int error, size_t bytes) {
    datagrams->first = (datagrams->first + 1) % W2E_DATAGRAM_SLOTS;
    datagrams->held--;
    if (error == 0) {
        datagrams->session.bytes_sent += bytes;
    }
}

static void datagram_done(struct w2e_session *session, enum w2e_op_kind kind, int error, size_t bytes, uint64_t now_us) {
    struct w2e_session_datagram *datagrams = datagrams_of(session);
    if (kind == W2E_OP_RECV) {
        datagrams->recv_out = false;
        received(datagrams, error, bytes, now_us);
    } else {
        datagrams->send_out = false;
        sent(datagrams, error, bytes);
    }
}

static void datagram_undo(struct w2e_session *session, enum w2e_op_kind kind) {
    struct w2e_session_datagram *datagrams = datagrams_of(session);
    if (kind == W2E_OP_RECV) {
        datagrams->recv_out = false;
    } else {
        datagrams->send_out = false;
    }
}

static void datagram_abort(struct w2e_session *session, enum ws2echo_reason reason, int error) {
    if (session->reason == WS2ECHO_REASON_NONE) {
        session->reason = reason;
        session->error = error;
    }
}

static size_t datagram_buffer_wanted(const struct w2e_session *session) {
    const struct w2e_session_datagram *datagrams = (const struct w2e_session_datagram *)session;
    return datagrams->close_lent ? 0 : W2E_DATAGRAM_SLOTS * datagrams->datagram_bytes_max;
}

static unsigned char *datagram_buffer_swap(struct w2e_session *session, unsigned char *buffer, size_t size) {
    struct w2e_session_datagram *datagrams = datagrams_of(session);
    unsigned char *old = datagrams->buffer;
    datagrams->buffer = buffer;
    session->buffer_size = size;
    return old;
}

static const struct w2e_session_ops datagram_ops = {.next = datagram_next,
                                                    .done = datagram_done,
                                                    .undo = datagram_undo,
                                                    .abort = datagram_abort,
                                                    .buffer_wanted = datagram_buffer_wanted,
                                                    .buffer_swap = datagram_buffer_swap};

void w2e_session_datagram_init(struct w2e_session_datagram *datagrams, size_t datagram_bytes_max) {
    *datagrams = (struct w2e_session_datagram){
        .session.ops = &datagram_ops,
        .datagram_bytes_max = datagram_bytes_max < DATAGRAM_BYTES_MAX ? datagram_bytes_max : DATAGRAM_BYTES_MAX,
    };
}
