/*
 * The client's side of the session contract, under the driver of any model:
 *
 *   driver_clients MODEL ADDRESS PORT CONNECTIONS MESSAGES CONNECT_TIMEOUT_MS STOP_AFTER_MS
 *
 * Each connection connects, sends so many messages, each after the answer to the one before, compares every byte, and ends with FIN.
 * The driver is stopped when all are finished, or after STOP_AFTER_MS if that is not negative. Prints a line for each outcome with
 * how many connections had it, then how many handles the second of two equal runs left behind.
 */
#include "io/driver.h"
#include "io/socket.h"
#include "win/system.h"
#include "win/winsock.h"

#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_BYTES_MAX = 8000, CONNECTIONS_MAX = 1000, WSADESCRIPTION = 10000, TRIES_TO_COUNT = 100 };

enum progress { TO_CONNECT, ECHOING, ENDING, ENDED };

struct run {
    SRWLOCK lock;
    CONDITION_VARIABLE changed;
    unsigned finished;
    unsigned connections;
    unsigned messages;
    uint64_t connect_timeout_us;
    int outcomes[CONNECTIONS_MAX]; /* 0, a Winsock code, or -1: a wrong byte */
};

struct client {
    struct w2e_connection connection; /* first */
    struct w2e_session session;
    struct run *run;
    unsigned number;
    enum progress progress;
    bool connect_out, recv_out, send_out, cancel_lent, reset_due, close_lent;
    uint64_t connect_until_us;
    unsigned message;
    size_t sent, received; /* of this message */
    unsigned char outgoing[MESSAGE_BYTES_MAX];
    unsigned char incoming[MESSAGE_BYTES_MAX];
};

static struct client *client_of(struct w2e_session *session) {
    return (struct client *)((char *)session - offsetof(struct client, session));
}

/* ---- the session ---- */

static size_t message_bytes(const struct client *client) {
    return 1 + (client->message * 977u + client->number * 131u) % MESSAGE_BYTES_MAX;
}

static void fill(struct client *client) {
    for (size_t i = 0; i < message_bytes(client); i++) {
        client->outgoing[i] = (unsigned char)(client->number * 7 + client->message * 13 + i + (i >> 8));
    }
    client->sent = 0;
    client->received = 0;
}

static void end(struct client *client, enum ws2echo_reason reason, int error) {
    if (client->session.reason == WS2ECHO_REASON_NONE) {
        client->session.reason = reason;
        client->session.error = error;
    }
}

static struct w2e_op op(enum w2e_op_kind kind) {
    return (struct w2e_op){.kind = kind, .ask_again_us = W2E_NEVER};
}

static struct w2e_op next_of_connected(struct client *client) {
    if (client->progress == ENDING) {
        client->progress = ENDED;
        return op(W2E_OP_SHUTDOWN);
    }
    struct w2e_op lent = op(W2E_OP_NONE);
    if (client->progress == ECHOING && !client->send_out && client->sent < message_bytes(client)) {
        client->send_out = true;
        lent.kind = W2E_OP_SEND;
        lent.data = client->outgoing + client->sent;
        lent.size = message_bytes(client) - client->sent;
    } else if (!client->recv_out) {
        client->recv_out = true;
        lent.kind = W2E_OP_RECV;
        lent.data = client->incoming + client->received;
        lent.size = client->progress == ECHOING ? message_bytes(client) - client->received : 1;
    }
    return lent;
}

static struct w2e_op client_next(struct w2e_session *session, uint64_t now_us) {
    struct client *client = client_of(session);
    bool out = client->connect_out || client->recv_out || client->send_out;
    if (session->reason == WS2ECHO_REASON_NONE && client->progress == TO_CONNECT && !client->connect_out) {
        client->connect_out = true;
        client->connect_until_us = client->run->connect_timeout_us + now_us;
        return (struct w2e_op){.kind = W2E_OP_CONNECT, .ask_again_us = client->connect_until_us};
    }
    if (client->connect_out && now_us >= client->connect_until_us) {
        end(client, WS2ECHO_REASON_ERROR, WSAETIMEDOUT);
    }
    if (session->reason != WS2ECHO_REASON_NONE && out) {
        bool first = !client->cancel_lent;
        client->cancel_lent = true;
        return op(first ? W2E_OP_CANCEL : W2E_OP_NONE);
    }
    if (client->reset_due) {
        client->reset_due = false;
        return op(W2E_OP_RESET);
    }
    if (session->reason != WS2ECHO_REASON_NONE) {
        return op(client->close_lent ? W2E_OP_NONE : (client->close_lent = true, W2E_OP_CLOSE));
    }
    if (client->connect_out) {
        return (struct w2e_op){.kind = W2E_OP_NONE, .ask_again_us = client->connect_until_us};
    }
    return next_of_connected(client);
}

static void received(struct client *client, size_t bytes) {
    if (client->progress != ECHOING || bytes == 0) {
        bool due = client->progress == ENDED && bytes == 0;
        end(client, due ? WS2ECHO_REASON_FIN : WS2ECHO_REASON_ERROR, due ? 0 : WSAECONNABORTED);
        return;
    }
    for (size_t i = client->received; i < client->received + bytes; i++) {
        if (client->incoming[i] != client->outgoing[i]) {
            end(client, WS2ECHO_REASON_ERROR, -1);
        }
    }
    client->received += bytes;
    if (client->received == message_bytes(client)) {
        client->message++;
        fill(client);
        client->progress = client->message == client->run->messages ? ENDING : ECHOING;
    }
}

static void client_done(struct w2e_session *session, enum w2e_op_kind kind, int error, size_t bytes, uint64_t now_us) {
    struct client *client = client_of(session);
    (void)now_us;
    client->connect_out = client->connect_out && kind != W2E_OP_CONNECT;
    client->recv_out = client->recv_out && kind != W2E_OP_RECV;
    client->send_out = client->send_out && kind != W2E_OP_SEND;
    if (error != 0) {
        end(client, WS2ECHO_REASON_ERROR, error);
    } else if (kind == W2E_OP_CONNECT) {
        client->progress = ECHOING;
    } else if (kind == W2E_OP_SEND) {
        client->sent += bytes;
    } else if (kind == W2E_OP_RECV) {
        received(client, bytes);
    }
}

static void client_undo(struct w2e_session *session, enum w2e_op_kind kind) {
    struct client *client = client_of(session);
    client->recv_out = client->recv_out && kind != W2E_OP_RECV;
    client->send_out = client->send_out && kind != W2E_OP_SEND;
}

static void client_abort(struct w2e_session *session, enum ws2echo_reason reason, int error) {
    struct client *client = client_of(session);
    if (session->reason == WS2ECHO_REASON_NONE) {
        client->reset_due = client->progress != TO_CONNECT;
        end(client, reason, error != 0 ? error : WSA_OPERATION_ABORTED);
    }
}

static size_t client_buffer_wanted(const struct w2e_session *session) {
    (void)session;
    return 0; /* it has its own */
}

static unsigned char *client_buffer_swap(struct w2e_session *session, unsigned char *buffer, size_t size) {
    (void)session;
    (void)buffer;
    (void)size;
    return NULL;
}

static const struct w2e_session_ops client_ops = {.next = client_next,
                                                  .done = client_done,
                                                  .undo = client_undo,
                                                  .abort = client_abort,
                                                  .buffer_wanted = client_buffer_wanted,
                                                  .buffer_swap = client_buffer_swap};

/* ---- the owner of the driver ---- */

static struct w2e_connection *never_accepted(void *owner, SOCKET socket, const SOCKADDR_STORAGE *peer) {
    (void)owner;
    (void)socket;
    (void)peer;
    return NULL;
}

static void never_failed(void *owner) {
    (void)owner;
}

static void ending(void *owner, struct w2e_connection *connection) {
    (void)owner;
    (void)connection;
}

static void finished(void *owner, struct w2e_connection *connection) {
    struct run *run = owner;
    struct client *client = (struct client *)connection;
    AcquireSRWLockExclusive(&run->lock);
    run->outcomes[client->number] = client->session.error;
    run->finished++;
    WakeAllConditionVariable(&run->changed);
    ReleaseSRWLockExclusive(&run->lock);
    free(client);
}

static int start_client(struct run *run, struct w2e_driver *driver, unsigned number, const SOCKADDR_STORAGE *peer, int size) {
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return WSAENOBUFS;
    }
    static struct w2e_traffic traffic;
    client->session.ops = &client_ops;
    client->run = run;
    client->number = number;
    client->connection = (struct w2e_connection){.socket = w2e_sys_socket(peer->ss_family, SOCK_STREAM, IPPROTO_TCP),
                                                 .session = &client->session,
                                                 .traffic = &traffic,
                                                 .peer = *peer,
                                                 .peer_size = size};
    fill(client);
    int error = client->connection.socket == INVALID_SOCKET ? WSAGetLastError() : driver->ops->add(driver, &client->connection);
    if (error != 0) {
        w2e_sys_close_socket(client->connection.socket);
        free(client);
    }
    return error;
}

static void await_finished(struct run *run, unsigned count, int timeout_ms) {
    uint64_t until_us = timeout_ms < 0 ? W2E_NEVER : w2e_deadline_us(w2e_sys_now_us(), (uint32_t)timeout_ms);
    AcquireSRWLockExclusive(&run->lock);
    while (run->finished < count && w2e_condition_wait(&run->changed, &run->lock, until_us)) {
    }
    ReleaseSRWLockExclusive(&run->lock);
}

static int run_once(struct run *run, uint32_t model, const SOCKADDR_STORAGE *peer, int size, int stop_after_ms) {
    struct w2e_service service = {
        .owner = run, .accepted = never_accepted, .ending = ending, .finished = finished, .accept_failed = never_failed};
    struct w2e_driver_config config = {.workers = 2, .accept = WS2ECHO_ACCEPT_WSAACCEPT};
    struct w2e_listeners none = {0};
    struct w2e_driver *driver;
    int error = w2e_driver_open(&driver, model, &config, &none, &service);
    if (error != 0) {
        return error;
    }
    unsigned started = 0;
    while (started < run->connections && error == 0) {
        error = start_client(run, driver, started, peer, size);
        started += error == 0;
    }
    await_finished(run, started, stop_after_ms);
    driver->ops->stop(driver);
    driver->ops->free(driver);
    return run->finished == started ? error : WSADESCRIPTION;
}

/* Asked for one by one, since GetProcessHandleCount is always 0 under Wine 8: handles are multiples of 4, low ones are given out first. */
static DWORD handles(void) {
    enum { UNUSED_MAX = 4096 };
    DWORD count = 0;
    for (uintptr_t handle = 4, unused = 0; unused < UNUSED_MAX; handle += 4) {
        DWORD flags;
        bool used = GetHandleInformation((HANDLE)handle, &flags);
        count += used;
        unused = used ? 0 : unused + 1;
    }
    return count;
}

static void print_outcomes(const struct run *run) {
    for (unsigned i = 0; i < run->connections; i++) {
        unsigned before = 0;
        unsigned same = 0;
        for (unsigned k = 0; k < run->connections; k++) {
            bool equal = run->outcomes[k] == run->outcomes[i];
            same += equal;
            before += equal && k < i;
        }
        if (before == 0) {
            printf("%u x %d\n", same, run->outcomes[i]);
        }
    }
}

int main(int count, char **arguments) {
    if (count != 8) {
        return 2;
    }
    int numbers[8];
    for (int i = 1; i < 8; i++) {
        numbers[i] = atoi(arguments[i]);
    }
    SOCKADDR_STORAGE peer = {0};
    ADDRINFOW *found;
    int error = w2e_winsock_start();
    if (error != 0 || w2e_resolve(arguments[2], WS2ECHO_FAMILY_ANY, (uint32_t)numbers[3], SOCK_STREAM, &found) != 0) {
        return 2;
    }
    int size = (int)found->ai_addrlen;
    memcpy(&peer, found->ai_addr, found->ai_addrlen);
    FreeAddrInfoW(found);
    static struct run run;
    DWORD before = 0;
    for (int round = 0; round < 2 && error == 0; round++) {
        before = handles();
        run = (struct run){.connections = (unsigned)numbers[4],
                           .messages = (unsigned)numbers[5],
                           .connect_timeout_us = (uint64_t)numbers[6] * 1000};
        error = run_once(&run, (uint32_t)numbers[1], &peer, size, numbers[7]);
        printf("round %d\n", round);
        print_outcomes(&run);
    }
    long left = 1;
    for (int i = 0; i < TRIES_TO_COUNT && left > 0; i++) { /* Wine's own threads close theirs a little later */
        left = (long)handles() - (long)before;
        Sleep(left > 0 ? 20 : 0);
    }
    printf("%ld handles left\n", left > 0 ? left : 0);
    w2e_winsock_stop();
    return error == 0 ? 0 : 1;
}
