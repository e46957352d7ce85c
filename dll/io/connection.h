/* A connection: a socket, and the session that decides what to do with it. A socket of datagrams counts as one, too. */
#ifndef W2E_CONNECTION_H
#define W2E_CONNECTION_H

#include "win/win.h"

#include "session.h"
#include "win/thread.h"

/* What went over connections, as statistics tell it. It is counted in several parts, so that processors seldom meet in one place: a
 * connection counts in one of them. */
enum { W2E_TRAFFIC_PARTS = 8 };

/* Who waits for traffic. */
struct w2e_traffic_watch {
    void *owner;
    void (*moved)(void *owner); /* on a driver's thread, after it was counted */
};

struct w2e_traffic {
    struct w2e_counter bytes_received;
    struct w2e_counter bytes_sent;
    struct w2e_counter datagrams_received;
    struct w2e_counter datagrams_sent;
    struct w2e_counter datagrams_oversize;
    struct w2e_counter datagrams_unreachable;
    struct w2e_counter datagrams_failed;
    struct w2e_traffic_watch *volatile watch; /* NULL, unless somebody waits. With it a part is a cache line */
};

/* Adds the parts up. Whatever was sent had been received before: so it is never more. */
void w2e_traffic_sum(struct w2e_traffic *parts, struct w2e_traffic *sum);

/* Has `moved` called for what is counted from now on, or with NULL no more; a call may be under way still. */
void w2e_traffic_set_watch(struct w2e_traffic *parts, struct w2e_traffic_watch *watch);

/* A buffer, and how much it holds. */
struct w2e_buffer {
    unsigned char *data;
    size_t bytes;
};

/* What connections of one thread pass on to each other, as most of them hold nothing: a buffer, or none, of each kind of size. So who wants
 * little gets little, and keeps no more while its peer does not read. */
enum { W2E_POOL_SMALL = 1024, W2E_POOL_MEDIUM = 8 * W2E_POOL_SMALL };
struct w2e_buffer_pool {
    struct w2e_buffer spare[3];
};

struct w2e_connection {
    SOCKET socket;
    struct w2e_session *session;
    struct w2e_traffic *traffic;
    bool lingers;                 /* closing may block, for SO_LINGER */
    bool datagram;                /* of UDP */
    bool shut;                    /* SHUTDOWN was done */
    bool interruptible;           /* not even a SEND may keep a thread: its owner wants to be heard at any time */
    size_t sending;               /* bytes of the SEND that is out: they are counted already */
    size_t receiving;             /* bytes that the RECV of a datagram that was started has room for */
    struct w2e_buffer_pool *pool; /* of its thread, or NULL */
    size_t buffer_bytes;          /* of the buffer that the session has, which may use less of it */
    /* Whom CONNECT is for. */
    SOCKADDR_STORAGE peer;
    int peer_size;
    /* WSARecvMsg, where a datagram must tell which address it was sent to; else NULL. */
    LPFN_WSARECVMSG receive_message;
};

/* What the session wants next, with the buffer that it wants. */
struct w2e_op w2e_connection_next(struct w2e_connection *connection, uint64_t now_us);

/* Counts what an operation moved, and reports it to the session. */
void w2e_connection_done(struct w2e_connection *connection, enum w2e_op_kind kind, int error, size_t bytes, uint64_t now_us);

/* Gives the session the buffer that it wants. If there is no memory the session is aborted, or goes on with what it has. */
void w2e_connection_fit_buffer(struct w2e_connection *connection);

/* Lets others have the session's buffer if there is nothing in it. */
void w2e_connection_pass_buffer_on(struct w2e_connection *connection);

/* Frees what is in a pool, once no connection has it. */
void w2e_buffer_pool_fini(struct w2e_buffer_pool *pool);

/* Takes the buffer back, once CLOSE was lent. */
void w2e_connection_free_buffer(struct w2e_connection *connection);

/* Where a datagram came from. */
void w2e_ends_peer(const struct w2e_ends *ends, SOCKADDR_STORAGE *peer);

/* ---- CONNECT ---- */

/* Connects by a plain call: 0, WSAEWOULDBLOCK if the socket does not block, or an error. */
int w2e_connection_connect(struct w2e_connection *connection);

/* Starts to connect: 0 if that is done already, WSA_IO_PENDING, or an error. */
int w2e_connection_start_connect(struct w2e_connection *connection, OVERLAPPED *overlapped);

/* What became of a CONNECT that did not block, once the socket is writable or has failed: 0 or an error. */
int w2e_connection_connected(struct w2e_connection *connection);

/* ---- RECV and SEND ---- */

/* Moves bytes by a plain call, which blocks if the socket does: 0 or an error. */
int w2e_connection_transfer(struct w2e_connection *connection, const struct w2e_op *op, size_t *bytes);

/*
 * Starts to move bytes: 0 if that is done already, WSA_IO_PENDING, or an error. What of the operation Windows needs until the end lies in
 * what the session has lent. Use w2e_connection_result even if it was done at once.
 */
int w2e_connection_start(struct w2e_connection *connection, const struct w2e_op *op, OVERLAPPED *overlapped,
                         LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);

/* What became of an operation that is not pending: 0 or an error. */
int w2e_connection_result(struct w2e_connection *connection, enum w2e_op_kind kind, OVERLAPPED *overlapped, size_t *bytes);

#endif
