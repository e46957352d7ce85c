/*
 * The client: one connection, used by the caller's threads.
 *
 * Each half is used by one thread at a time, which takes its turn. Waiting never holds the lock, and always includes closing_event.
 *
 *   Sending    on a socket that does not block. send_event is Winsock's own report that it may be tried again (WSAEventSelect: FD_WRITE,
 *              FD_CONNECT, FD_CLOSE). It is reset only together with a try that would block, so while it is unset a report is due.
 *   Receiving  what cannot be had at once is asked for by one overlapped WSARecv into `arrived`, whose event is receive_event; it stays out
 *              over timeouts, so that a timeout loses nothing. A second event is why it is not WSAEventSelect's FD_READ: a socket
 *              has but one event there, and a report taken by the sender would be lost to the receiver.
 *
 * Over UDP (client_datagram.c) it is the same calls, each for one datagram: `arrived` holds the longest, and no error ends receiving.
 */
#ifndef W2E_CLIENT_H
#define W2E_CLIENT_H

#include "io/socket.h"
#include "win/error.h"
#include "win/registry.h"
#include "win/thread.h"
#include "ws2echo.h"

#include <stdbool.h>
#include <stddef.h>

/* Room for what arrives: over UDP, for the longest datagram that there is. */
enum { W2E_CLIENT_ARRIVED_BYTES_TCP = 16 * 1024, W2E_CLIENT_ARRIVED_BYTES_UDP = 64 * 1024 };

enum w2e_client_stage { W2E_CLIENT_CONNECTING, W2E_CLIENT_CONNECTED, W2E_CLIENT_FAILED };

struct w2e_client {
    struct w2e_object object; /* first: what the registry knows of it */
    ws2echo_client_options options;
    char host[1024]; /* for failure texts */
    uint64_t begun_us;
    HANDLE closing_event;
    HANDLE send_event;
    HANDLE receive_event;
    SOCKET socket;
    struct w2e_flag connected;
    struct w2e_flag closing; /* set with lock held */
    struct w2e_flag receive_shut;
    struct w2e_flag send_shut; /* over TCP the system knows, and tells */
    struct w2e_counter bytes_sent;
    struct w2e_counter bytes_received;
    struct w2e_counter datagrams_sent;
    struct w2e_counter datagrams_received;
    struct w2e_counter datagrams_unreachable;
    struct w2e_flag deaf; /* over UDP, under Wine: see client_datagram.c */

    SRWLOCK lock;
    CONDITION_VARIABLE turn_ended;

    /* Guarded by lock. */
    bool resets;         /* closing is to reset */
    bool half_in_use[2]; /* by WS2ECHO_HALF_RECEIVE, WS2ECHO_HALF_SEND */

    /* Whoever has the turn to send has these. */
    enum w2e_client_stage stage;
    ADDRINFOW *addresses; /* to be freed */
    ADDRINFOW *next_address;
    uint64_t trying_until_us; /* then the next address has its turn */
    ws2echo_address trying;
    int connect_error; /* once stage is FAILED */
    char connect_failure[W2E_FAILURE_TEXT_SIZE];

    /* Written before `connected` is set. */
    uint64_t connected_us;
    ws2echo_address local;
    ws2echo_address peer;

    /* Whoever has both turns has this. */
    struct w2e_client_ping *ping; /* the last ping, finished or not; NULL before the first */

    /* Whoever has the turn to receive has these. */
    OVERLAPPED receive;
    bool receive_out;     /* the overlapped WSARecv has not been collected */
    bool receive_flows;   /* the last receive left more behind: try recv before WSARecv */
    bool peer_finished;   /* FIN came */
    int receive_error;    /* what ended receiving for good; over UDP, what the next receive tells */
    HANDLE nudger;        /* the thread for a deaf client, or NULL */
    size_t arrived_begin; /* bytes of `arrived` that were given on */
    size_t arrived_end;
    size_t arrived_capacity;
    unsigned char arrived[]; /* arrived_capacity of them */
};

static inline bool w2e_client_is_udp(const struct w2e_client *client) {
    return client->options.protocol == WS2ECHO_PROTOCOL_UDP;
}

/* As the exported functions of the same names, with every argument checked and the client acquired. */
int w2e_client_begin(const ws2echo_client_options *options, struct w2e_client **begun);
int w2e_client_connect(struct w2e_client *client, uint32_t timeout_ms);
int w2e_client_options_get(struct w2e_client *client, ws2echo_client_options *options);
int w2e_client_address(struct w2e_client *client, uint32_t end, ws2echo_address *address);
void w2e_client_stats_get(struct w2e_client *client, ws2echo_client_stats *stats);
int w2e_client_send(struct w2e_client *client, const unsigned char *data, uint64_t size, uint32_t timeout_ms, uint64_t *sent);
int w2e_client_recv(struct w2e_client *client, unsigned char *buffer, uint64_t size, uint32_t timeout_ms, uint64_t *received);
int w2e_client_shutdown(struct w2e_client *client, uint32_t half);
int w2e_client_echo(struct w2e_client *client, const unsigned char *data, uint64_t size, unsigned char *reply,
                    uint32_t timeout_ms, ws2echo_echo_progress *progress);
int w2e_client_ping(struct w2e_client *client, const ws2echo_ping_options *options, uint32_t timeout_ms,
                    ws2echo_ping_progress *progress);
int w2e_client_wait_handle(struct w2e_client *client, uint32_t half, HANDLE *handle);

/* Closes a client that the registry has retired, or that never came to it. */
void w2e_client_close(struct w2e_client *client);

/* The same, by a reset. */
void w2e_client_reset(struct w2e_client *client);

/* ---- client.c, for the other files of the client ---- */

/* Takes the turn to use a half: 0, WSAETIMEDOUT or WSA_OPERATION_ABORTED. */
int w2e_client_take_turn(struct w2e_client *client, enum ws2echo_half half, uint64_t deadline_us);
void w2e_client_end_turn(struct w2e_client *client, enum ws2echo_half half);
int w2e_client_take_both_turns(struct w2e_client *client, uint64_t deadline_us);
void w2e_client_end_both_turns(struct w2e_client *client);

/* The timeout of a call that sends and receives. */
uint32_t w2e_client_timeout_of_both(const struct w2e_client *client, uint32_t timeout_ms);

/* Notes what failed, and with which peer; gives the error back. */
int w2e_client_fail(const struct w2e_client *client, int error, const char *what);

/* Waits for one of the events (at most 2): 0, WSAETIMEDOUT or WSA_OPERATION_ABORTED. */
int w2e_client_wait(struct w2e_client *client, const HANDLE *events, DWORD count, uint64_t deadline_us);

/* Sends what goes at once: 0, WSAEWOULDBLOCK with send_event armed, or an error. */
int w2e_client_send_some(struct w2e_client *client, const unsigned char *data, uint64_t size, uint64_t *sent);

/* Starts the overlapped receive: 0 (it is out, or done at once), or an error, which is never WSAEWOULDBLOCK. */
int w2e_client_start_receive(struct w2e_client *client);

/* Asks for bytes into all of `arrived`, or collects those that were asked for before: 0, WSAEWOULDBLOCK with receive_event armed, or an
 * error; WSA_OPERATION_ABORTED only after a shutdown. *started: whether the receive was, whatever became of it. */
int w2e_client_receive_overlapped(struct w2e_client *client, bool *started, size_t *received);

/* An echo under way. */
struct w2e_client_echo {
    const unsigned char *data;
    uint64_t size;
    unsigned char *reply; /* may be NULL */
    ws2echo_echo_progress *progress;
};

/* Compares what came with the data from progress->bytes_received on. */
void w2e_client_compare(struct w2e_client_echo *echo, const unsigned char *part, uint64_t count);

/* ---- client_datagram.c: one datagram each; the caller has the turns ---- */

/* Whether the error tells that a datagram met a closed port. */
bool w2e_datagram_unreachable(int error);

/* Sends a datagram, or receives one into `arrived`, if that goes at once: as w2e_client_send_some and w2e_client_receive_overlapped. */
int w2e_datagram_try_send(struct w2e_client *client, const unsigned char *data, uint64_t size, uint64_t *sent);
int w2e_datagram_try_receive(struct w2e_client *client, size_t *size);

/* Receives the next one ahead. Between the calls of the user, a receive is always out. */
void w2e_datagram_receive_ahead(struct w2e_client *client);

/* Over UDP, what w2e_client_send, _recv and _echo do in their turn. */
int w2e_datagram_send(struct w2e_client *client, const unsigned char *data, uint64_t size, uint64_t deadline_us, uint64_t *sent);
int w2e_datagram_recv(struct w2e_client *client, unsigned char *buffer, uint64_t size, uint64_t deadline_us, uint64_t *received);
int w2e_datagram_echo(struct w2e_client *client, struct w2e_client_echo *echo, uint32_t timeout_ms);

#endif
