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

enum { W2E_CLIENT_ARRIVED_BYTES = 16 * 1024 };

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
    struct w2e_counter bytes_sent;
    struct w2e_counter bytes_received;

    SRWLOCK lock;
    CONDITION_VARIABLE turn_ended;

    /* Guarded by lock. */
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

    /* Whoever has the turn to receive has these. */
    OVERLAPPED receive;
    bool receive_out;     /* the overlapped WSARecv has not been collected */
    bool receive_flows;   /* the last receive left more behind: try recv before WSARecv */
    bool peer_finished;   /* FIN came */
    int receive_error;    /* what ended receiving for good */
    size_t arrived_begin; /* bytes of `arrived` that were given on */
    size_t arrived_end;
    unsigned char arrived[W2E_CLIENT_ARRIVED_BYTES];
};

/* As the exported functions of the same names, with every argument checked and the client acquired. */
int w2e_client_begin(const ws2echo_client_options *options, struct w2e_client **client);
int w2e_client_connect(struct w2e_client *client, uint32_t timeout_ms);
int w2e_client_options_get(struct w2e_client *client, ws2echo_client_options *options);
int w2e_client_address(struct w2e_client *client, uint32_t end, ws2echo_address *address);
void w2e_client_stats_get(struct w2e_client *client, ws2echo_client_stats *stats);
int w2e_client_send(struct w2e_client *client, const unsigned char *data, uint64_t size, uint32_t timeout_ms, uint64_t *sent);
int w2e_client_recv(struct w2e_client *client, unsigned char *buffer, uint64_t size, uint32_t timeout_ms, uint64_t *received);
int w2e_client_shutdown(struct w2e_client *client, uint32_t half);
int w2e_client_echo(struct w2e_client *client, const unsigned char *data, uint64_t size, unsigned char *reply,
                    uint32_t timeout_ms, ws2echo_echo_progress *progress);
int w2e_client_wait_handle(struct w2e_client *client, uint32_t half, HANDLE *handle);

/* Closes a client that the registry has retired, or that never came to it. */
void w2e_client_close(struct w2e_client *client);

/* ---- between client.c and client_connect.c ---- */

/* Takes the turn to use a half: 0, WSAETIMEDOUT or WSA_OPERATION_ABORTED. */
int w2e_client_take_turn(struct w2e_client *client, enum ws2echo_half half, uint64_t deadline_us);
void w2e_client_end_turn(struct w2e_client *client, enum ws2echo_half half);

/* Waits for one of the events (at most 2): 0, WSAETIMEDOUT or WSA_OPERATION_ABORTED. */
int w2e_client_wait(struct w2e_client *client, const HANDLE *events, DWORD count, uint64_t deadline_us);

#endif
