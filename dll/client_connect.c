/* Opening a client: its name's addresses are tried one after the other, without blocking. */
#include "client.h"
#include "session.h"
#include "win/system.h"
#include "win/winsock.h"

#include <stdio.h>
#include <string.h>

/* Windows answers a refused connection by trying twice more, which takes a second: for nothing, on the loopback, where another address
 * of the name may serve. The last address has those tries: a burst of connections may need them. */
static void refuse_at_once(SOCKET socket) {
    TCP_INITIAL_RTO_PARAMETERS parameters = {.Rtt = TCP_INITIAL_RTO_UNSPECIFIED_RTT,
                                             .MaxSynRetransmissions = TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS};
    w2e_sys_set_initial_rto(socket, &parameters);
}

static struct w2e_socket_options socket_options(const ws2echo_client_options *options) {
    return (struct w2e_socket_options){.no_delay = options->no_delay,
                                       .receive_buffer_bytes = options->receive_buffer_bytes,
                                       .send_buffer_bytes = options->send_buffer_bytes,
                                       .linger_s = options->linger_s,
                                       .udp_connreset = options->udp_connreset};
}

static int fail_connect(const struct w2e_client *client, int error) {
    struct w2e_endpoint_text endpoint = w2e_endpoint_text(&client->trying);
    return w2e_fail(error, "connect to %s (%s)", endpoint.text, client->host);
}

static void drop_socket(struct w2e_client *client) {
    if (client->socket != INVALID_SOCKET) {
        w2e_sys_close_socket(client->socket);
        client->socket = INVALID_SOCKET;
    }
}

static void free_addresses(struct w2e_client *client) {
    if (client->addresses != NULL) {
        FreeAddrInfoW(client->addresses);
        client->addresses = NULL;
    }
}

/* No address is left: keeps the failure that this thread noted last. */
static void set_failed(struct w2e_client *client, int error) {
    client->stage = W2E_CLIENT_FAILED;
    client->connect_error = error;
    snprintf(client->connect_failure, sizeof client->connect_failure, "%s", w2e_last_failure());
    drop_socket(client);
    free_addresses(client);
    SetEvent(client->send_event);
}

static void set_connected(struct w2e_client *client) {
    SOCKADDR_STORAGE local = {0};
    int size = sizeof local;
    w2e_sys_getsockname(client->socket, (struct sockaddr *)&local, &size);
    w2e_address_from(&local, &client->local);
    client->peer = client->trying;
    client->connected_us = w2e_sys_now_us();
    client->stage = W2E_CLIENT_CONNECTED;
    free_addresses(client);
    if (w2e_client_is_udp(client)) {
        w2e_datagram_receive_ahead(client);
    }
    w2e_flag_set(&client->connected);
    SetEvent(client->send_event);
}

static int make_tcp_socket(struct w2e_client *client, int family, const struct w2e_socket_options *options) {
    client->socket = w2e_sys_socket(family, SOCK_STREAM, IPPROTO_TCP);
    if (client->socket == INVALID_SOCKET) {
        return fail_connect(client, WSAGetLastError());
    }
    if (w2e_address_is_loopback(&client->trying) && client->next_address != NULL) {
        refuse_at_once(client->socket);
    }
    return w2e_socket_apply(client->socket, options);
}

static int make_udp_socket(struct w2e_client *client, int family, const struct w2e_socket_options *options) {
    client->socket = w2e_sys_socket(family, SOCK_DGRAM, IPPROTO_UDP);
    if (client->socket == INVALID_SOCKET) {
        return fail_connect(client, WSAGetLastError());
    }
    return w2e_socket_apply_datagram(client->socket, options);
}

/* Makes a socket that does not block and reports to send_event. */
static int make_socket(struct w2e_client *client, int family) {
    struct w2e_socket_options options = socket_options(&client->options);
    bool udp = w2e_client_is_udp(client);
    int error = udp ? make_udp_socket(client, family, &options) : make_tcp_socket(client, family, &options);
    long reports = udp ? FD_WRITE : FD_CONNECT | FD_WRITE | FD_CLOSE;
    if (error == 0 && w2e_sys_event_select(client->socket, client->send_event, reports) != 0) {
        error = fail_connect(client, WSAGetLastError());
    }
    return error;
}

/* Starts to connect to one address: 0 connected, WSAEWOULDBLOCK under way, or an error with the failure noted. */
static int try_address(struct w2e_client *client, const ADDRINFOW *address) {
    SOCKADDR_STORAGE peer = {0};
    memcpy(&peer, address->ai_addr, address->ai_addrlen);
    w2e_address_from(&peer, &client->trying);
    int error = make_socket(client, address->ai_family);
    if (error != 0) {
        return error;
    }
    if (w2e_sys_connect(client->socket, (const struct sockaddr *)&peer, (int)address->ai_addrlen) == 0) {
        return 0;
    }
    error = WSAGetLastError();
    return error == WSAEWOULDBLOCK ? error : fail_connect(client, error);
}

/* The time that is left is shared out among the addresses that are left, so that a silent one does not take it all. */
static uint64_t share_of_time(const struct w2e_client *client) {
    uint64_t last_us = w2e_deadline_us(client->begun_us, client->options.connect_timeout_ms);
    uint64_t now_us = w2e_sys_now_us();
    uint64_t left = 1;
    for (const ADDRINFOW *each = client->next_address; each != NULL; each = each->ai_next) {
        left++;
    }
    return last_us == W2E_NEVER || now_us >= last_us ? last_us : now_us + (last_us - now_us) / left;
}

/* Tries the addresses that are left, until one is under way. `error` is that of the one before. */
static void try_next(struct w2e_client *client, int error) {
    while (client->next_address != NULL) {
        const ADDRINFOW *address = client->next_address;
        client->next_address = address->ai_next;
        drop_socket(client);
        ResetEvent(client->send_event);
        error = try_address(client, address);
        if (error == WSAEWOULDBLOCK) {
            client->trying_until_us = share_of_time(client);
            return;
        }
        if (error == 0) {
            set_connected(client);
            return;
        }
    }
    set_failed(client, error);
}

/* Looks at what became of the address under way. */
static void check_connecting(struct w2e_client *client) {
    WSANETWORKEVENTS events;
    if (w2e_sys_enum_events(client->socket, client->send_event, &events) != 0) {
        try_next(client, fail_connect(client, WSAGetLastError()));
    } else if (events.lNetworkEvents & FD_CONNECT) {
        int error = events.iErrorCode[FD_CONNECT_BIT];
        if (error == 0) {
            set_connected(client);
        } else {
            try_next(client, fail_connect(client, error));
        }
    }
}

static int connect_in_turn(struct w2e_client *client, uint64_t deadline_us) {
    while (client->stage == W2E_CLIENT_CONNECTING) {
        check_connecting(client);
        if (client->stage != W2E_CLIENT_CONNECTING) {
            break;
        }
        uint64_t until_us = deadline_us < client->trying_until_us ? deadline_us : client->trying_until_us;
        int error = w2e_client_wait(client, &client->send_event, 1, until_us);
        if (error == 0) {
            continue;
        }
        error = fail_connect(client, error);
        if (error != WSAETIMEDOUT || w2e_left_ms(client->trying_until_us) > 0) {
            return error;
        }
        try_next(client, error);
    }
    return client->stage == W2E_CLIENT_CONNECTED ? 0 : w2e_fail_again(client->connect_error, client->connect_failure);
}

int w2e_client_connect(struct w2e_client *client, uint32_t timeout_ms) {
    if (w2e_flag_is_set(&client->connected)) {
        return 0;
    }
    uint64_t deadline_us = w2e_deadline_us(w2e_sys_now_us(), timeout_ms);
    int error = w2e_client_take_turn(client, WS2ECHO_HALF_SEND, deadline_us);
    if (error != 0) {
        return w2e_fail(error, "connect to %s port %lu", client->host, (unsigned long)client->options.port);
    }
    error = connect_in_turn(client, deadline_us);
    w2e_client_end_turn(client, WS2ECHO_HALF_SEND);
    return error;
}

static struct w2e_client *new_client(const ws2echo_client_options *options) {
    size_t capacity = options->protocol == WS2ECHO_PROTOCOL_UDP ? W2E_CLIENT_ARRIVED_BYTES_UDP : W2E_CLIENT_ARRIVED_BYTES_TCP;
    struct w2e_client *client = w2e_sys_alloc(sizeof *client + capacity);
    if (client == NULL) {
        return NULL;
    }
    client->arrived_capacity = capacity;
    client->options = *options;
    client->options.host = NULL;
    snprintf(client->host, sizeof client->host, "%s", options->host != NULL ? options->host : "localhost");
    client->socket = INVALID_SOCKET;
    client->closing_event = w2e_sys_create_event();
    client->send_event = w2e_sys_create_event();
    client->receive_event = w2e_sys_create_event();
    client->receive.hEvent = client->receive_event;
    InitializeSRWLock(&client->lock);
    InitializeConditionVariable(&client->turn_ended);
    return client;
}

int w2e_client_begin(const ws2echo_client_options *options, struct w2e_client **begun) {
    int error = w2e_winsock_start();
    if (error != 0) {
        return error;
    }
    struct w2e_client *client = new_client(options);
    if (client == NULL) {
        w2e_winsock_stop();
        return w2e_fail(WSAENOBUFS, "open a client");
    }
    if (client->closing_event == NULL || client->send_event == NULL || client->receive_event == NULL) {
        error = w2e_fail(WSAENOBUFS, "create a client's event objects");
    } else {
        int type = w2e_client_is_udp(client) ? SOCK_DGRAM : SOCK_STREAM;
        error = w2e_resolve(client->host, options->family, options->port, type, &client->addresses);
    }
    if (error != 0) {
        w2e_client_close(client);
        return error;
    }
    client->begun_us = w2e_sys_now_us();
    client->next_address = client->addresses;
    try_next(client, WSAHOST_NOT_FOUND);
    *begun = client;
    return 0;
}
