/* Datagrams: what sending, receiving and echoing are over UDP. */
#include "client.h"
#include "win/system.h"

#include <string.h>

/* The longest that the length field of UDP allows for; how much IP leaves of it the system knows. */
enum { DATAGRAM_BYTES_MAX = 65535 };

/* What had come before an echo is dropped up to here, so that a peer that never stops does not hold the echo up. */
enum { DROPPED_MAX = 100000 };

bool w2e_datagram_unreachable(int error) {
    return error == WSAECONNRESET || error == WSAENETRESET;
}

/* Wine 8 gives what Linux says of a closed port. And its server no longer looks at a socket once it saw that: nothing that is out
 * on it ends any more, only what can be had at once is had. */
static int as_on_windows(struct w2e_client *client, int error) {
    if (error != WSAECONNREFUSED) {
        return error;
    }
    w2e_flag_set(&client->deaf);
    SetEvent(client->receive_event); /* who waits for a receive that is out begins to try */
    return WSAECONNRESET;
}

/* Wine 8 takes SIO_UDP_CONNRESET, and tells of closed ports nevertheless. */
static bool not_to_be_told(const struct w2e_client *client, int error) {
    return w2e_datagram_unreachable(error) && !client->options.udp_connreset;
}

static int told(struct w2e_client *client, int error) {
    if (w2e_datagram_unreachable(error)) {
        w2e_counter_add(&client->datagrams_unreachable, 1);
    }
    return error;
}

/* ---- send ---- */

int w2e_datagram_try_send(struct w2e_client *client, const unsigned char *data, uint64_t size, uint64_t *sent) {
    static const unsigned char nothing[1] = {0};
    *sent = 0;
    if (size > DATAGRAM_BYTES_MAX) {
        return WSAEMSGSIZE;
    }
    int error;
    do {
        if (w2e_flag_is_set(&client->send_shut)) {
            return WSAESHUTDOWN;
        }
        error = as_on_windows(client, w2e_client_send_some(client, size > 0 ? data : nothing, size, sent));
    } while (not_to_be_told(client, error));
    if (error == 0) {
        w2e_counter_add(&client->datagrams_sent, 1);
    }
    return error;
}

int w2e_datagram_send(struct w2e_client *client, const unsigned char *data, uint64_t size, uint64_t deadline_us, uint64_t *sent) {
    for (;;) {
        int error = w2e_datagram_try_send(client, data, size, sent);
        if (error != WSAEWOULDBLOCK) {
            return told(client, error);
        }
        error = w2e_client_wait(client, &client->send_event, 1, deadline_us);
        if (error != 0) {
            return error;
        }
    }
}

/* ---- receive from a socket that is deaf ---- */

static DWORD WINAPI nudge(void *argument) {
    enum { NUDGE_MS = 10 };
    struct w2e_client *client = argument;
    while (w2e_sys_wait_any(&client->closing_event, 1, NUDGE_MS) == WAIT_TIMEOUT) {
        SetEvent(client->receive_event);
    }
    return 0;
}

/* Collects the receive that is out, which may have been done before it could be cancelled. */
static int cancel_receive(struct w2e_client *client, size_t *size) {
    DWORD bytes = 0;
    w2e_sys_cancel(client->socket, &client->receive);
    int error = w2e_sys_overlapped_result(client->socket, &client->receive, &bytes, TRUE);
    client->receive_out = false;
    *size = bytes;
    return error;
}

static int receive_deaf(struct w2e_client *client, size_t *size) {
    if (client->nudger == NULL && w2e_thread_start(&client->nudger, nudge, client) != 0) {
        return WSAENOBUFS;
    }
    if (client->receive_out) {
        int error = cancel_receive(client, size);
        if (error != WSA_OPERATION_ABORTED) {
            return error;
        }
    }
    ResetEvent(client->receive_event);
    int count = w2e_sys_recv(client->socket, (char *)client->arrived, (int)client->arrived_capacity);
    *size = count < 0 ? 0 : (size_t)count;
    return count < 0 ? WSAGetLastError() : 0;
}

/* ---- recv ---- */

void w2e_datagram_receive_ahead(struct w2e_client *client) {
    if (!client->receive_out && client->receive_error == 0 && !w2e_flag_is_set(&client->deaf)) {
        client->receive_error = w2e_client_start_receive(client);
    }
}

static int receive_once(struct w2e_client *client, size_t *size) {
    if (client->receive_error != 0) {
        int error = client->receive_error;
        client->receive_error = 0;
        return error;
    }
    bool started; /* no error ends receiving, of whatever it is */
    return w2e_flag_is_set(&client->deaf) ? receive_deaf(client, size) : w2e_client_receive_overlapped(client, &started, size);
}

int w2e_datagram_try_receive(struct w2e_client *client, size_t *size) {
    int error;
    do {
        if (w2e_flag_is_set(&client->receive_shut)) {
            return WSAESHUTDOWN;
        }
        error = as_on_windows(client, receive_once(client, size));
    } while (not_to_be_told(client, error));
    /* Looked at again: a shutdown that came before the receive was begun could not cancel it. */
    return w2e_flag_is_set(&client->receive_shut) ? WSAESHUTDOWN : error;
}

static int receive(struct w2e_client *client, uint64_t deadline_us, size_t *size) {
    for (;;) {
        int error = w2e_datagram_try_receive(client, size);
        if (error != WSAEWOULDBLOCK) {
            return told(client, error);
        }
        error = w2e_client_wait(client, &client->receive_event, 1, deadline_us);
        if (error != 0) {
            return error;
        }
    }
}

/* Gives the datagram in `arrived` to the caller, as much of it as there is room for. */
static uint64_t give(const struct w2e_client *client, size_t came, unsigned char *buffer, uint64_t room) {
    size_t count = came < room ? came : (size_t)room;
    if (buffer != NULL) {
        memcpy(buffer, client->arrived, count);
    }
    return count;
}

static void count_received(struct w2e_client *client, uint64_t bytes) {
    w2e_counter_add(&client->datagrams_received, 1);
    w2e_counter_add(&client->bytes_received, bytes);
}

int w2e_datagram_recv(struct w2e_client *client, unsigned char *buffer, uint64_t size, uint64_t deadline_us, uint64_t *received) {
    size_t came;
    int error = receive(client, deadline_us, &came);
    if (error != 0) {
        return error;
    }
    *received = give(client, came, buffer, size);
    count_received(client, *received);
    w2e_datagram_receive_ahead(client);
    return came > size ? WSAEMSGSIZE : 0;
}

/* ---- echo ---- */

/* Drops what had come before, the tidings of a closed port as well; afterwards a receive is out. */
static int drop_arrived(struct w2e_client *client) {
    int error = 0;
    for (int dropped = 0; dropped < DROPPED_MAX && (error == 0 || w2e_datagram_unreachable(error)); dropped++) {
        size_t size;
        error = w2e_flag_is_set(&client->closing) ? WSA_OPERATION_ABORTED : w2e_datagram_try_receive(client, &size);
    }
    return error == WSAEWOULDBLOCK || w2e_datagram_unreachable(error) ? 0 : error;
}

static int echo_send(struct w2e_client *client, struct w2e_client_echo *echo, uint64_t deadline_us) {
    int error = drop_arrived(client);
    if (error == 0) {
        error = w2e_datagram_send(client, echo->data, echo->size, deadline_us, &echo->progress->bytes_sent);
    }
    if (error == 0) {
        echo->progress->datagram_sent = 1;
    }
    return error;
}

static int echo_receive(struct w2e_client *client, struct w2e_client_echo *echo, uint64_t deadline_us) {
    ws2echo_echo_progress *progress = echo->progress;
    size_t came;
    int error = receive(client, deadline_us, &came);
    if (error != 0) {
        return error;
    }
    uint64_t common = give(client, came, echo->reply, echo->size);
    count_received(client, came);
    w2e_client_compare(echo, client->arrived, common);
    if (came != echo->size && progress->mismatch_offset == WS2ECHO_NO_MISMATCH) {
        progress->mismatch_offset = common;
    }
    progress->bytes_received = came;
    progress->datagram_received = 1;
    w2e_datagram_receive_ahead(client);
    return 0;
}

int w2e_datagram_echo(struct w2e_client *client, struct w2e_client_echo *echo, uint32_t timeout_ms) {
    int error = 0;
    if (!echo->progress->datagram_sent) {
        error = echo_send(client, echo, w2e_deadline_us(w2e_sys_now_us(), timeout_ms));
    }
    if (error == 0 && !echo->progress->datagram_received) {
        error = echo_receive(client, echo, w2e_deadline_us(w2e_sys_now_us(), timeout_ms));
    }
    return error;
}
