#include "io/connection.h"

#include "io/socket.h"
#include "win/extension.h"
#include "win/system.h"

#include <limits.h>
#include <string.h>

/* ---- buffers ---- */

static struct w2e_buffer *spare_of(struct w2e_buffer_pool *pool, size_t bytes) {
    return &pool->spare[bytes <= W2E_POOL_SMALL ? 0 : bytes <= W2E_POOL_MEDIUM ? 1 : 2];
}

/* A buffer that holds so many bytes, or none if there is no memory. */
static struct w2e_buffer take_buffer(struct w2e_buffer_pool *pool, size_t wanted) {
    struct w2e_buffer *spare = pool != NULL ? spare_of(pool, wanted) : NULL;
    if (spare != NULL && spare->bytes >= wanted) {
        struct w2e_buffer taken = *spare;
        *spare = (struct w2e_buffer){0};
        return taken;
    }
    return (struct w2e_buffer){.data = w2e_sys_alloc_buffer(wanted), .bytes = wanted};
}

/* The pool keeps the largest of a kind. */
static void give_buffer(struct w2e_buffer_pool *pool, struct w2e_buffer buffer) {
    struct w2e_buffer *spare = pool != NULL ? spare_of(pool, buffer.bytes) : NULL;
    if (spare != NULL && buffer.bytes > spare->bytes) {
        struct w2e_buffer smaller = *spare;
        *spare = buffer;
        buffer = smaller;
    }
    w2e_sys_free(buffer.data);
}

void w2e_buffer_pool_fini(struct w2e_buffer_pool *pool) {
    for (unsigned i = 0; i < sizeof pool->spare / sizeof pool->spare[0]; i++) {
        w2e_sys_free(pool->spare[i].data);
    }
    *pool = (struct w2e_buffer_pool){0};
}

static void swap_buffer(struct w2e_connection *connection, struct w2e_buffer buffer, size_t used_bytes) {
    struct w2e_buffer old = {.bytes = connection->buffer_bytes};
    old.data = w2e_session_buffer_swap(connection->session, buffer.data, used_bytes);
    connection->buffer_bytes = buffer.bytes;
    give_buffer(connection->pool, old);
}

/* ---- session ---- */

void w2e_connection_fit_buffer(struct w2e_connection *connection) {
    struct w2e_session *session = connection->session;
    size_t wanted = w2e_session_buffer_wanted(session);
    if (wanted == session->buffer_size) {
        return;
    }
    struct w2e_buffer buffer = take_buffer(connection->pool, wanted);
    if (buffer.data != NULL) {
        swap_buffer(connection, buffer, wanted);
    } else if (session->buffer_size == 0) {
        w2e_session_abort(session, WS2ECHO_REASON_ERROR, WSAENOBUFS);
    }
}

void w2e_connection_pass_buffer_on(struct w2e_connection *connection) {
    if (connection->buffer_bytes > 0 && w2e_session_buffer_idle(connection->session)) {
        swap_buffer(connection, (struct w2e_buffer){0}, 0);
    }
}

void w2e_connection_free_buffer(struct w2e_connection *connection) {
    swap_buffer(connection, (struct w2e_buffer){0}, 0);
    connection->pool = NULL;
}

struct w2e_op w2e_connection_next(struct w2e_connection *connection, uint64_t now_us) {
    w2e_connection_fit_buffer(connection);
    return w2e_session_next(connection->session, now_us);
}

static void add_up(struct w2e_counter *sum, struct w2e_counter *part) {
    sum->value += (LONG64)w2e_counter_get(part);
}

void w2e_traffic_sum(struct w2e_traffic *parts, struct w2e_traffic *sum) {
    *sum = (struct w2e_traffic){0};
    for (unsigned i = 0; i < W2E_TRAFFIC_PARTS; i++) {
        add_up(&sum->bytes_sent, &parts[i].bytes_sent);
        add_up(&sum->datagrams_sent, &parts[i].datagrams_sent);
    }
    for (unsigned i = 0; i < W2E_TRAFFIC_PARTS; i++) {
        add_up(&sum->bytes_received, &parts[i].bytes_received);
        add_up(&sum->datagrams_received, &parts[i].datagrams_received);
        add_up(&sum->datagrams_oversize, &parts[i].datagrams_oversize);
        add_up(&sum->datagrams_unreachable, &parts[i].datagrams_unreachable);
        add_up(&sum->datagrams_failed, &parts[i].datagrams_failed);
    }
}

void w2e_traffic_set_watch(struct w2e_traffic *parts, struct w2e_traffic_watch *watch) {
    for (unsigned i = 0; i < W2E_TRAFFIC_PARTS; i++) {
        InterlockedExchangePointer((void *volatile *)&parts[i].watch, watch);
    }
}

/* Counting came before: so either the watch is seen here, or who set it sees the count. */
static void tell_watch(struct w2e_traffic *traffic) {
    struct w2e_traffic_watch *watch = traffic->watch;
    if (watch != NULL) {
        watch->moved(watch->owner);
    }
}

/* What is sent counts before the call: the peer may have it, and look at the statistics, before the call returns. What did not go after
 * all is taken back. */
static void count_sending(struct w2e_connection *connection, const struct w2e_op *op) {
    if (op->kind == W2E_OP_SEND) {
        connection->sending = op->size;
        w2e_counter_add(&connection->traffic->bytes_sent, op->size);
        w2e_counter_add(&connection->traffic->datagrams_sent, connection->datagram);
        tell_watch(connection->traffic); /* the operation may be out for as long as the peer does not read */
    }
}

static void count_sent(struct w2e_connection *connection, enum w2e_op_kind kind, int error, size_t bytes) {
    if (kind == W2E_OP_SEND) {
        w2e_counter_add(&connection->traffic->bytes_sent, (uint64_t)0 - (connection->sending - bytes));
        w2e_counter_add(&connection->traffic->datagrams_sent, (uint64_t)0 - (connection->datagram && error != 0));
    }
}

static void count_datagram(struct w2e_traffic *traffic, enum w2e_op_kind kind, int error) {
    bool received = kind == W2E_OP_RECV;
    switch (error) {
    case WSAEMSGSIZE:
        w2e_counter_add(received ? &traffic->datagrams_oversize : &traffic->datagrams_failed, 1);
        w2e_counter_add(&traffic->datagrams_received, received);
        break;
    case 0:
        w2e_counter_add(&traffic->datagrams_received, received);
        break;
    case WSAECONNRESET:
    case WSAENETRESET:
        w2e_counter_add(received ? &traffic->datagrams_unreachable : &traffic->datagrams_failed, 1);
        break;
    case WSA_OPERATION_ABORTED:
        w2e_counter_add(&traffic->datagrams_failed, !received);
        break;
    default:
        w2e_counter_add(&traffic->datagrams_failed, 1);
        break;
    }
}

void w2e_connection_done(struct w2e_connection *connection, enum w2e_op_kind kind, int error, size_t bytes, uint64_t now_us) {
    if (kind == W2E_OP_RECV) {
        w2e_counter_add(&connection->traffic->bytes_received, bytes);
    }
    if (connection->datagram && (kind == W2E_OP_RECV || kind == W2E_OP_SEND)) {
        count_datagram(connection->traffic, kind, error);
    }
    tell_watch(connection->traffic);
    w2e_session_done(connection->session, kind, error, bytes, now_us);
}

/* ---- connect ---- */

int w2e_connection_connect(struct w2e_connection *connection) {
    const struct sockaddr *peer = (const struct sockaddr *)&connection->peer;
    return w2e_sys_connect(connection->socket, peer, connection->peer_size) == 0 ? 0 : WSAGetLastError();
}

/* ConnectEx wants a socket that is bound. */
static int bind_to_any(struct w2e_connection *connection) {
    SOCKADDR_STORAGE any = {.ss_family = connection->peer.ss_family}; /* address and port 0 in either family */
    return w2e_sys_bind(connection->socket, (const struct sockaddr *)&any, connection->peer_size) == 0 ? 0 : WSAGetLastError();
}

int w2e_connection_start_connect(struct w2e_connection *connection, OVERLAPPED *overlapped) {
    LPFN_CONNECTEX connect_ex;
    int error = w2e_extension_connect(connection->socket, &connect_ex);
    if (error == 0) {
        error = bind_to_any(connection);
    }
    if (error == 0 && !w2e_sys_connect_ex(connect_ex, connection->socket, (const struct sockaddr *)&connection->peer,
                                          connection->peer_size, overlapped)) {
        error = WSAGetLastError();
    }
    return error;
}

int w2e_connection_connected(struct w2e_connection *connection) {
    int error = 0;
    int size = sizeof error;
    if (w2e_sys_getsockopt(connection->socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        return WSAGetLastError();
    }
    return error;
}

/* Until SO_UPDATE_CONNECT_CONTEXT the socket is no full one: getpeername and shutdown would fail on it. */
static int finish_connect(struct w2e_connection *connection) {
    int outcome = w2e_sys_setsockopt(connection->socket, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0);
    return outcome == 0 ? 0 : WSAGetLastError();
}

/* ---- datagrams ---- */

/* What a session keeps of a datagram without looking inside; Windows writes into it until the receive is over. IPv6 has the larger address;
 * the control message tells at which of our addresses the datagram arrived. */
struct datagram_ends {
    SOCKADDR_IN6 peer;
    INT peer_size;
    WSAMSG message;
    WSABUF buffers[2];
    uint64_t control[8]; /* a WSACMSGHDR and an IN6_PKTINFO or IN_PKTINFO */
};

_Static_assert(sizeof(struct datagram_ends) <= sizeof(struct w2e_ends), "room for the ends of a datagram");

/*
 * Where the rest goes of a datagram that is longer than its buffer; nobody reads it. For Winsock would tell WSAEMSGSIZE, and then it is anybody's
 * guess whether a completion comes as well: status codes of that kind (STATUS_BUFFER_OVERFLOW) are neither success nor failure. Wine 8 does call the
 * completion routine, of an operation that was not started by all that WSARecvFrom tells.
 */
static unsigned char rest_of_datagrams[65536];

/* The buffers of an operation: 1, or 2 if a datagram is received by an operation that is started. */
static DWORD buffers_of(const struct w2e_connection *connection, const struct w2e_op *op, const OVERLAPPED *overlapped,
                        WSABUF buffers[2]) {
    buffers[0] = (WSABUF){.len = op->size > INT_MAX ? INT_MAX : (ULONG)op->size, .buf = (char *)op->data};
    buffers[1] = (WSABUF){.len = sizeof rest_of_datagrams, .buf = (char *)rest_of_datagrams};
    return connection->datagram && op->kind == W2E_OP_RECV && overlapped != NULL ? 2 : 1;
}

static struct datagram_ends *ends_of(const struct w2e_op *op) {
    return (struct datagram_ends *)(void *)op->ends;
}

void w2e_ends_peer(const struct w2e_ends *ends, SOCKADDR_STORAGE *peer) {
    const struct datagram_ends *known = (const struct datagram_ends *)(const void *)ends;
    *peer = (SOCKADDR_STORAGE){0};
    memcpy(peer, &known->peer, sizeof known->peer);
}

static WSAMSG *message_of(const struct w2e_connection *connection, const struct w2e_op *op, const OVERLAPPED *overlapped) {
    struct datagram_ends *ends = ends_of(op);
    ends->message.name = (struct sockaddr *)&ends->peer;
    ends->message.lpBuffers = ends->buffers;
    ends->message.dwBufferCount = buffers_of(connection, op, overlapped, ends->buffers);
    ends->message.dwFlags = 0;
    return &ends->message;
}

/* The control message that came with a datagram goes back with its answer, which makes that leave from the address that was asked. */
static int exchange_message(struct w2e_connection *connection, const struct w2e_op *op, DWORD *bytes, OVERLAPPED *overlapped,
                            LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    struct datagram_ends *ends = ends_of(op);
    WSAMSG *message = message_of(connection, op, overlapped);
    if (op->kind == W2E_OP_SEND) { /* a fault may have copied the ends: their pointer is still to where they were received */
        message->Control.buf = message->Control.len > 0 ? (char *)ends->control : NULL;
        return w2e_sys_send_message(connection->socket, message, bytes, overlapped, routine);
    }
    message->namelen = sizeof ends->peer;
    message->Control = (WSABUF){.len = sizeof ends->control, .buf = (char *)ends->control};
    return w2e_sys_receive_message(connection->receive_message, connection->socket, message, bytes, overlapped, routine);
}

static int exchange_datagram(struct w2e_connection *connection, const struct w2e_op *op, DWORD *bytes, OVERLAPPED *overlapped,
                             LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    struct datagram_ends *ends = ends_of(op);
    WSABUF buffers[2];
    DWORD count = buffers_of(connection, op, overlapped, buffers);
    if (connection->receive_message != NULL) {
        return exchange_message(connection, op, bytes, overlapped, routine);
    }
    if (op->kind == W2E_OP_SEND) {
        return w2e_sys_wsa_send_to(connection->socket, buffers, bytes, (const struct sockaddr *)&ends->peer, ends->peer_size,
                                   overlapped, routine);
    }
    ends->peer_size = sizeof ends->peer;
    return w2e_sys_wsa_recv_from(connection->socket, buffers, count, bytes, (struct sockaddr *)&ends->peer, &ends->peer_size,
                                 overlapped, routine);
}

/* ---- RECV and SEND ---- */

/* A datagram whose ends nobody asks for belongs to a connected socket, which is sent to and received from like a stream. */
static bool has_ends(const struct w2e_connection *connection, const struct w2e_op *op) {
    return connection->datagram && op->ends != NULL;
}

static int transfer_plain(struct w2e_connection *connection, const struct w2e_op *op, size_t *bytes) {
    int size = op->size > INT_MAX ? INT_MAX : (int)op->size;
    int moved = op->kind == W2E_OP_RECV ? w2e_sys_recv(connection->socket, (char *)op->data, size)
                                        : w2e_sys_send(connection->socket, (const char *)op->data, size);
    if (moved < 0) {
        return WSAGetLastError();
    }
    *bytes = (size_t)moved;
    return moved == 0 && op->kind == W2E_OP_RECV && !connection->datagram
               ? w2e_socket_end_error(connection->socket, connection->shut)
               : 0;
}

static int transfer_datagram(struct w2e_connection *connection, const struct w2e_op *op, size_t *bytes) {
    DWORD moved = 0;
    int error = exchange_datagram(connection, op, &moved, NULL, NULL) == 0 ? 0 : WSAGetLastError();
    *bytes = error == 0 ? moved : 0;
    return error;
}

int w2e_connection_transfer(struct w2e_connection *connection, const struct w2e_op *op, size_t *bytes) {
    *bytes = 0;
    count_sending(connection, op);
    int error = has_ends(connection, op) ? transfer_datagram(connection, op, bytes) : transfer_plain(connection, op, bytes);
    count_sent(connection, op->kind, error, *bytes);
    return error;
}

int w2e_connection_start(struct w2e_connection *connection, const struct w2e_op *op, OVERLAPPED *overlapped,
                         LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    WSABUF buffers[2];
    DWORD count = buffers_of(connection, op, overlapped, buffers);
    int outcome;
    count_sending(connection, op);
    if (op->kind == W2E_OP_RECV) {
        connection->receiving = op->size;
    }
    if (has_ends(connection, op)) {
        outcome = exchange_datagram(connection, op, NULL, overlapped, routine);
    } else if (op->kind == W2E_OP_RECV) {
        outcome = w2e_sys_wsa_recv(connection->socket, buffers, count, overlapped, routine);
    } else {
        outcome = w2e_sys_wsa_send(connection->socket, buffers, overlapped, routine);
    }
    int error = outcome == 0 ? 0 : WSAGetLastError();
    if (error != 0 && error != WSA_IO_PENDING) {
        count_sent(connection, op->kind, error, 0);
    }
    return error;
}

int w2e_connection_result(struct w2e_connection *connection, enum w2e_op_kind kind, OVERLAPPED *overlapped, size_t *bytes) {
    DWORD moved = 0;
    int error = w2e_sys_overlapped_result(connection->socket, overlapped, &moved, FALSE);
    if (error == 0 && connection->datagram && kind == W2E_OP_RECV && moved > connection->receiving) {
        error = WSAEMSGSIZE;
    }
    *bytes = error == 0 ? moved : 0;
    count_sent(connection, kind, error, *bytes);
    if (error == 0 && kind == W2E_OP_CONNECT) {
        return finish_connect(connection);
    }
    if (error == 0 && moved == 0 && kind == W2E_OP_RECV && !connection->datagram) {
        error = w2e_socket_end_error(connection->socket, connection->shut);
    }
    return error;
}
