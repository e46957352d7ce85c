#include "client.h"

#include "session.h"
#include "win/system.h"
#include "win/winsock.h"

#include <string.h>

/* The most that is given to one call of send: without a bound Windows copies all of it into the kernel. */
enum { SEND_BYTES_MAX = 256 * 1024, RECEIVE_BYTES_MAX = 1024 * 1024 };

/* ---- turns and waits ---- */

int w2e_client_take_turn(struct w2e_client *client, enum ws2echo_half half, uint64_t deadline_us) {
    int error = 0;
    AcquireSRWLockExclusive(&client->lock);
    while (error == 0 && client->half_in_use[half]) {
        if (w2e_flag_is_set(&client->closing)) {
            error = WSA_OPERATION_ABORTED;
        } else if (!w2e_condition_wait(&client->turn_ended, &client->lock, deadline_us)) {
            error = WSAETIMEDOUT;
        }
    }
    if (error == 0) {
        client->half_in_use[half] = true;
    }
    ReleaseSRWLockExclusive(&client->lock);
    return error;
}

void w2e_client_end_turn(struct w2e_client *client, enum ws2echo_half half) {
    AcquireSRWLockExclusive(&client->lock);
    client->half_in_use[half] = false;
    WakeAllConditionVariable(&client->turn_ended);
    ReleaseSRWLockExclusive(&client->lock);
}

int w2e_client_take_both_turns(struct w2e_client *client, uint64_t deadline_us) {
    int error = w2e_client_take_turn(client, WS2ECHO_HALF_SEND, deadline_us);
    if (error != 0) {
        return error;
    }
    error = w2e_client_take_turn(client, WS2ECHO_HALF_RECEIVE, deadline_us);
    if (error != 0) {
        w2e_client_end_turn(client, WS2ECHO_HALF_SEND);
    }
    return error;
}

void w2e_client_end_both_turns(struct w2e_client *client) {
    w2e_client_end_turn(client, WS2ECHO_HALF_RECEIVE);
    w2e_client_end_turn(client, WS2ECHO_HALF_SEND);
}

int w2e_client_wait(struct w2e_client *client, const HANDLE *events, DWORD count, uint64_t deadline_us) {
    HANDLE waited[3] = {client->closing_event};
    for (DWORD i = 0; i < count; i++) {
        waited[i + 1] = events[i];
    }
    switch (w2e_sys_wait_any(waited, count + 1, w2e_left_ms(deadline_us))) {
    case WAIT_OBJECT_0:
        return WSA_OPERATION_ABORTED;
    case WAIT_TIMEOUT:
        return WSAETIMEDOUT;
    case WAIT_FAILED:
        return WSAENOBUFS; /* for want of memory: what the system calls it is no code of Winsock */
    default:
        return 0;
    }
}

static uint32_t timeout_or(uint32_t timeout_ms, uint32_t timeout_of_options_ms) {
    return timeout_ms == WS2ECHO_TIMEOUT_OF_OPTIONS ? timeout_of_options_ms : timeout_ms;
}

uint32_t w2e_client_timeout_of_both(const struct w2e_client *client, uint32_t timeout_ms) {
    const ws2echo_client_options *options = &client->options;
    bool sending_longer = options->send_timeout_ms > options->receive_timeout_ms;
    return timeout_or(timeout_ms, sending_longer ? options->send_timeout_ms : options->receive_timeout_ms);
}

int w2e_client_fail(const struct w2e_client *client, int error, const char *what) {
    if (!client->connected.value) {
        return w2e_fail(error, "%s, client of %s port %lu", what, client->host, (unsigned long)client->options.port);
    }
    struct w2e_endpoint_text endpoint = w2e_endpoint_text(&client->peer);
    return w2e_fail(error, "%s %s", what, endpoint.text);
}

/* ---- one step of each half ---- */

static int send_once(struct w2e_client *client, const unsigned char *data, uint64_t size, uint64_t *sent) {
    int chunk = size < SEND_BYTES_MAX ? (int)size : SEND_BYTES_MAX;
    int taken = w2e_sys_send(client->socket, (const char *)data, chunk);
    if (taken < 0) {
        return WSAGetLastError();
    }
    *sent = (uint64_t)taken;
    w2e_counter_add(&client->bytes_sent, *sent);
    return 0;
}

int w2e_client_send_some(struct w2e_client *client, const unsigned char *data, uint64_t size, uint64_t *sent) {
    *sent = 0;
    int error = send_once(client, data, size, sent);
    if (error != WSAEWOULDBLOCK) {
        return error;
    }
    /* Takes the report that there may be, then makes sure that it was old. */
    WSANETWORKEVENTS events;
    w2e_sys_enum_events(client->socket, client->send_event, &events);
    error = send_once(client, data, size, sent);
    if (error != WSAEWOULDBLOCK) {
        SetEvent(client->send_event);
    }
    return error;
}

static int receive_failed(struct w2e_client *client, int error) {
    client->receive_error = error;
    return error;
}

/* A receive that could not be started has lost nothing, and for want of memory only this one could not. Nothing is out that would set the
 * event: who waits for it is to call again. */
static int receive_not_started(struct w2e_client *client, int error) {
    SetEvent(client->receive_event);
    return error == WSAENOBUFS ? error : receive_failed(client, error);
}

static int receive_end(struct w2e_client *client) {
    int error = w2e_socket_end_error(client->socket, w2e_flag_is_set(&client->send_shut));
    client->peer_finished = error == 0;
    return receive_failed(client, error);
}

/* Tries recv straight into the caller's buffer. */
static int receive_direct(struct w2e_client *client, unsigned char *buffer, uint64_t size, uint64_t *received) {
    int chunk = size < RECEIVE_BYTES_MAX ? (int)size : RECEIVE_BYTES_MAX;
    int count = w2e_sys_recv(client->socket, (char *)buffer, chunk);
    if (count < 0) {
        int error = WSAGetLastError();
        client->receive_flows = false;
        return error == WSAEWOULDBLOCK ? error : receive_not_started(client, error);
    }
    client->receive_flows = count == chunk;
    *received = (uint64_t)count;
    return count > 0 ? 0 : receive_end(client);
}

int w2e_client_start_receive(struct w2e_client *client) {
    WSABUF buffer = {.len = (ULONG)client->arrived_capacity, .buf = (char *)client->arrived};
    if (w2e_sys_wsa_recv(client->socket, &buffer, 1, &client->receive, NULL) != 0) {
        int error = WSAGetLastError();
        if (error != WSA_IO_PENDING) {
            /* Too many are out already: nothing would end the wait for this one. */
            return error == WSAEWOULDBLOCK ? WSAENOBUFS : error;
        }
    }
    client->receive_out = true;
    return 0;
}

/* Collects the overlapped receive into `arrived`: 0, WSAEWOULDBLOCK while it is out, or an error. */
static int collect_receive(struct w2e_client *client, size_t *received) {
    DWORD bytes = 0;
    int error = w2e_sys_overlapped_result(client->socket, &client->receive, &bytes, FALSE);
    if (error == WSA_IO_INCOMPLETE) {
        return WSAEWOULDBLOCK;
    }
    client->receive_out = false;
    *received = bytes;
    return error;
}

int w2e_client_receive_overlapped(struct w2e_client *client, bool *started, size_t *received) {
    for (;;) {
        int error = client->receive_out ? 0 : w2e_client_start_receive(client);
        *started = error == 0;
        if (error == 0) {
            error = collect_receive(client, received);
        }
        /* The system aborts what a thread has out when that thread ends. Nothing was received then: begin again. */
        if (error != WSA_OPERATION_ABORTED || w2e_flag_is_set(&client->receive_shut)) {
            return error;
        }
    }
}

static int fill_arrived(struct w2e_client *client) {
    size_t received;
    bool started;
    int error = w2e_client_receive_overlapped(client, &started, &received);
    if (error == WSAEWOULDBLOCK || error == WSA_OPERATION_ABORTED) {
        return error;
    }
    if (error != 0) {
        return started ? receive_failed(client, error) : receive_not_started(client, error);
    }
    client->arrived_begin = 0;
    client->arrived_end = received;
    client->receive_flows = received == client->arrived_capacity;
    return received > 0 ? 0 : receive_end(client);
}

static void take_arrived(struct w2e_client *client, unsigned char *buffer, uint64_t size, uint64_t *received) {
    size_t left = client->arrived_end - client->arrived_begin;
    size_t count = size < left ? (size_t)size : left;
    memcpy(buffer, client->arrived + client->arrived_begin, count);
    client->arrived_begin += count;
    *received = count;
}

/* Receives what is there: 0 (and 0 bytes at the end), WSAEWOULDBLOCK with receive_event armed, or an error. */
static int receive_some(struct w2e_client *client, unsigned char *buffer, uint64_t size, uint64_t *received) {
    *received = 0;
    if (w2e_flag_is_set(&client->receive_shut)) {
        return WSAESHUTDOWN;
    }
    int error = 0;
    if (client->arrived_begin == client->arrived_end && !client->peer_finished) {
        if (client->receive_error != 0) {
            return client->receive_error;
        }
        error = client->receive_flows && !client->receive_out ? receive_direct(client, buffer, size, received) : WSAEWOULDBLOCK;
        if (error == WSAEWOULDBLOCK) {
            error = fill_arrived(client);
        }
    }
    if (error == 0 && *received == 0) {
        take_arrived(client, buffer, size, received);
    }
    if (w2e_flag_is_set(&client->receive_shut) && *received == 0) {
        error = WSAESHUTDOWN; /* shut meanwhile, which shows as FIN or as a cancelled receive */
    }
    w2e_counter_add(&client->bytes_received, *received);
    return error;
}

/* ---- send, recv ---- */

static int send_in_turn(struct w2e_client *client, const unsigned char *data, uint64_t size, uint32_t timeout_ms,
                        uint64_t *sent) {
    uint64_t deadline_us = w2e_deadline_us(w2e_sys_now_us(), timeout_ms);
    while (*sent < size) {
        uint64_t taken;
        int error = w2e_client_send_some(client, data + *sent, size - *sent, &taken);
        *sent += taken;
        if (error == WSAEWOULDBLOCK) {
            error = w2e_client_wait(client, &client->send_event, 1, deadline_us);
        } else if (taken > 0) {
            deadline_us = w2e_deadline_us(w2e_sys_now_us(), timeout_ms);
        }
        if (error == 0 && w2e_flag_is_set(&client->closing)) {
            error = WSA_OPERATION_ABORTED;
        }
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

int w2e_client_send(struct w2e_client *client, const unsigned char *data, uint64_t size, uint32_t timeout_ms, uint64_t *sent) {
    timeout_ms = timeout_or(timeout_ms, client->options.send_timeout_ms);
    *sent = 0;
    if (!w2e_flag_is_set(&client->connected)) {
        return w2e_client_fail(client, WSAENOTCONN, "send");
    }
    uint64_t deadline_us = w2e_deadline_us(w2e_sys_now_us(), timeout_ms);
    int error = w2e_client_take_turn(client, WS2ECHO_HALF_SEND, deadline_us);
    if (error == 0) {
        error = w2e_client_is_udp(client) ? w2e_datagram_send(client, data, size, deadline_us, sent)
                                          : send_in_turn(client, data, size, timeout_ms, sent);
        w2e_client_end_turn(client, WS2ECHO_HALF_SEND);
    }
    return error == 0 ? 0 : w2e_client_fail(client, error, "send to");
}

static int recv_in_turn(struct w2e_client *client, unsigned char *buffer, uint64_t size, uint64_t deadline_us,
                        uint64_t *received) {
    for (;;) {
        int error = receive_some(client, buffer, size, received);
        if (error == WSAEWOULDBLOCK) {
            error = w2e_client_wait(client, &client->receive_event, 1, deadline_us);
        } else if (error == 0) {
            return 0;
        }
        if (error != 0) {
            return error;
        }
    }
}

int w2e_client_recv(struct w2e_client *client, unsigned char *buffer, uint64_t size, uint32_t timeout_ms, uint64_t *received) {
    uint64_t deadline_us = w2e_deadline_us(w2e_sys_now_us(), timeout_or(timeout_ms, client->options.receive_timeout_ms));
    *received = 0;
    if (!w2e_flag_is_set(&client->connected)) {
        return w2e_client_fail(client, WSAENOTCONN, "recv");
    }
    bool udp = w2e_client_is_udp(client);
    if (size == 0 && !udp) {
        return 0;
    }
    int error = w2e_client_take_turn(client, WS2ECHO_HALF_RECEIVE, deadline_us);
    if (error == 0) {
        error = udp ? w2e_datagram_recv(client, buffer, size, deadline_us, received)
                    : recv_in_turn(client, buffer, size, deadline_us, received);
        w2e_client_end_turn(client, WS2ECHO_HALF_RECEIVE);
    }
    return error == 0 ? 0 : w2e_client_fail(client, error, "recv from");
}

/* ---- echo ---- */

void w2e_client_compare(struct w2e_client_echo *echo, const unsigned char *part, uint64_t count) {
    ws2echo_echo_progress *progress = echo->progress;
    const unsigned char *expected = echo->data + progress->bytes_received;
    if (count == 0 || progress->mismatch_offset != WS2ECHO_NO_MISMATCH || memcmp(part, expected, (size_t)count) == 0) {
        return;
    }
    uint64_t offset = 0;
    while (part[offset] == expected[offset]) {
        offset++;
    }
    progress->mismatch_offset = progress->bytes_received + offset;
}

static int echo_send(struct w2e_client *client, struct w2e_client_echo *echo, bool *moved) {
    uint64_t sent = 0;
    uint64_t left = echo->size - echo->progress->bytes_sent;
    int error = left > 0 ? w2e_client_send_some(client, echo->data + echo->progress->bytes_sent, left, &sent) : WSAEWOULDBLOCK;
    echo->progress->bytes_sent += sent;
    *moved |= sent > 0;
    return error == WSAEWOULDBLOCK ? 0 : error;
}

static int echo_receive(struct w2e_client *client, struct w2e_client_echo *echo, bool *moved) {
    unsigned char scratch[W2E_CLIENT_ARRIVED_BYTES_TCP];
    uint64_t left = echo->size - echo->progress->bytes_received;
    if (left == 0) {
        return 0; /* a peer that answers ahead of its time: what is left is to send the rest */
    }
    unsigned char *part = echo->reply != NULL ? echo->reply + echo->progress->bytes_received : scratch;
    uint64_t room = echo->reply != NULL || left < sizeof scratch ? left : sizeof scratch;
    uint64_t received;
    int error = receive_some(client, part, room, &received);
    if (error == 0 && received == 0) {
        return WSAEDISCON;
    }
    w2e_client_compare(echo, part, received);
    echo->progress->bytes_received += received;
    *moved |= received > 0;
    return error == WSAEWOULDBLOCK ? 0 : error;
}

/* Waits for the halves that are not done. */
static int echo_wait(struct w2e_client *client, const struct w2e_client_echo *echo, uint64_t deadline_us) {
    HANDLE events[2];
    DWORD count = 0;
    if (echo->progress->bytes_received < echo->size) {
        events[count++] = client->receive_event;
    }
    if (echo->progress->bytes_sent < echo->size) {
        events[count++] = client->send_event;
    }
    return w2e_client_wait(client, events, count, deadline_us);
}

static int echo_in_turn(struct w2e_client *client, struct w2e_client_echo *echo, uint32_t timeout_ms) {
    uint64_t deadline_us = w2e_deadline_us(w2e_sys_now_us(), timeout_ms);
    while (echo->progress->bytes_sent < echo->size || echo->progress->bytes_received < echo->size) {
        bool moved = false;
        int error = echo_send(client, echo, &moved);
        if (error == 0) {
            error = echo_receive(client, echo, &moved);
        }
        if (moved) {
            deadline_us = w2e_deadline_us(w2e_sys_now_us(), timeout_ms);
        } else if (error == 0) {
            error = echo_wait(client, echo, deadline_us);
        }
        if (error == 0 && w2e_flag_is_set(&client->closing)) {
            error = WSA_OPERATION_ABORTED;
        }
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

static int echo_with_turns(struct w2e_client *client, struct w2e_client_echo *echo, uint32_t timeout_ms) {
    int error = w2e_client_take_both_turns(client, w2e_deadline_us(w2e_sys_now_us(), timeout_ms));
    if (error == 0) {
        error = w2e_client_is_udp(client) ? w2e_datagram_echo(client, echo, timeout_ms) : echo_in_turn(client, echo, timeout_ms);
        w2e_client_end_both_turns(client);
    }
    return error;
}

int w2e_client_echo(struct w2e_client *client, const unsigned char *data, uint64_t size, unsigned char *reply,
                    uint32_t timeout_ms, ws2echo_echo_progress *progress) {
    uint64_t started_us = w2e_sys_now_us();
    struct w2e_client_echo echo = {.data = data, .size = size, .reply = reply, .progress = progress};
    if (!w2e_flag_is_set(&client->connected)) {
        return w2e_client_fail(client, WSAENOTCONN, "echo");
    }
    if (progress->bytes_sent == 0 && progress->bytes_received == 0 && progress->datagram_sent == 0) {
        progress->mismatch_offset = WS2ECHO_NO_MISMATCH;
    }
    int error = echo_with_turns(client, &echo, w2e_client_timeout_of_both(client, timeout_ms));
    progress->elapsed_us += w2e_sys_now_us() - started_us;
    return error == 0 ? 0 : w2e_client_fail(client, error, "echo with");
}

/* ---- the rest ---- */

int w2e_client_shutdown(struct w2e_client *client, uint32_t half) {
    if (!w2e_flag_is_set(&client->connected)) {
        return w2e_client_fail(client, WSAENOTCONN, "shutdown");
    }
    if (half != WS2ECHO_HALF_SEND) {
        w2e_flag_set(&client->receive_shut);
    }
    if (half != WS2ECHO_HALF_RECEIVE) {
        w2e_flag_set(&client->send_shut);
    }
    /* Not SD_BOTH: after it Windows answers what comes with a reset, which may overtake bytes that the peer has not read yet. */
    int how = half == WS2ECHO_HALF_RECEIVE ? SD_RECEIVE : SD_SEND;
    int error = w2e_sys_shutdown(client->socket, how) == 0 ? 0 : WSAGetLastError();
    if (half != WS2ECHO_HALF_SEND) {
        w2e_sys_cancel(client->socket, &client->receive);
    }
    if (half != WS2ECHO_HALF_RECEIVE) {
        SetEvent(client->send_event); /* who waits to send finds out */
    }
    return error == 0 ? 0 : w2e_client_fail(client, error, "shutdown");
}

int w2e_client_options_get(struct w2e_client *client, ws2echo_client_options *options) {
    if (!w2e_flag_is_set(&client->connected)) {
        return w2e_client_fail(client, WSAENOTCONN, "read the options");
    }
    /* no_delay and linger_s stay as given where there is no connection. */
    struct w2e_socket_options in_force = {.no_delay = client->options.no_delay, .linger_s = client->options.linger_s};
    int error = w2e_client_is_udp(client) ? w2e_socket_read_back_datagram(client->socket, &in_force)
                                          : w2e_socket_read_back(client->socket, &in_force);
    if (error == 0) {
        *options = client->options;
        options->no_delay = in_force.no_delay;
        options->receive_buffer_bytes = in_force.receive_buffer_bytes;
        options->send_buffer_bytes = in_force.send_buffer_bytes;
        options->linger_s = in_force.linger_s;
    }
    return error;
}

int w2e_client_address(struct w2e_client *client, uint32_t end, ws2echo_address *address) {
    if (!w2e_flag_is_set(&client->connected)) {
        return w2e_client_fail(client, WSAENOTCONN, "read the address");
    }
    *address = end == WS2ECHO_END_LOCAL ? client->local : client->peer;
    return 0;
}

void w2e_client_stats_get(struct w2e_client *client, ws2echo_client_stats *stats) {
    *stats = (ws2echo_client_stats){.size = sizeof *stats,
                                    .bytes_sent = w2e_counter_get(&client->bytes_sent),
                                    .bytes_received = w2e_counter_get(&client->bytes_received),
                                    .datagrams_sent = w2e_counter_get(&client->datagrams_sent),
                                    .datagrams_received = w2e_counter_get(&client->datagrams_received),
                                    .datagrams_unreachable = w2e_counter_get(&client->datagrams_unreachable)};
    if (w2e_flag_is_set(&client->connected)) {
        stats->connect_us = client->connected_us - client->begun_us;
        stats->uptime_us = w2e_sys_now_us() - client->connected_us;
    }
}

int w2e_client_wait_handle(struct w2e_client *client, uint32_t half, HANDLE *handle) {
    *handle = w2e_sys_duplicate_for_waiting(half == WS2ECHO_HALF_SEND ? client->send_event : client->receive_event);
    return *handle != NULL ? 0 : w2e_client_fail(client, WSAENOBUFS, "duplicate an event object");
}

/* ---- close ---- */

static void close_event(HANDLE event) {
    if (event != NULL) {
        SetEvent(event); /* for those who wait on a duplicate */
        CloseHandle(event);
    }
}

static void close_socket(struct w2e_client *client) {
    if (client->socket == INVALID_SOCKET) {
        return;
    }
    bool unread = client->arrived_begin < client->arrived_end;
    if (client->receive_out) {
        DWORD bytes = 0;
        int error;
        w2e_sys_cancel(client->socket, &client->receive);
        do {
            error = w2e_sys_overlapped_result(client->socket, &client->receive, &bytes, TRUE);
        } while (error == WSA_IO_INCOMPLETE);
        unread |= error == 0 && bytes > 0;
    }
    /* closesocket lingers only on a socket that blocks. */
    w2e_sys_event_select(client->socket, NULL, 0);
    w2e_sys_set_nonblocking(client->socket, false);
    /* What is left unread in the system makes it reset the connection: so does what was taken from it, but given to nobody. */
    if ((client->resets || unread) && client->options.protocol == WS2ECHO_PROTOCOL_TCP) {
        w2e_socket_reset_on_close(client->socket);
    }
    w2e_sys_close_socket(client->socket);
}

void w2e_client_close(struct w2e_client *client) {
    AcquireSRWLockExclusive(&client->lock);
    w2e_flag_set(&client->closing);
    WakeAllConditionVariable(&client->turn_ended);
    ReleaseSRWLockExclusive(&client->lock);
    if (client->closing_event != NULL) {
        SetEvent(client->closing_event);
    }
    w2e_registry_wait_unused(&client->object);
    if (client->nudger != NULL) {
        w2e_thread_join(client->nudger);
    }
    close_socket(client);
    if (client->addresses != NULL) {
        FreeAddrInfoW(client->addresses);
    }
    close_event(client->closing_event);
    close_event(client->send_event);
    close_event(client->receive_event);
    w2e_sys_free(client->ping);
    w2e_sys_free(client);
    w2e_winsock_stop();
}

void w2e_client_reset(struct w2e_client *client) {
    AcquireSRWLockExclusive(&client->lock);
    client->resets = true;
    ReleaseSRWLockExclusive(&client->lock);
    w2e_client_close(client);
}
