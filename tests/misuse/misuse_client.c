/* Calls of a client's functions. */
#include "misuse.h"

#include <string.h>

/* What may come of a call that transfers, whatever others do with the connection at the same time. */
static const int transfers[] = {WSAETIMEDOUT,    WSA_OPERATION_ABORTED, WSAENOTCONN,
                                WSAESHUTDOWN,    WSAECONNRESET,         WSAECONNABORTED,
                                WSAECONNREFUSED, WSAEMSGSIZE,           0};

static bool is_udp(uint32_t place) {
    return place % 2 == 1;
}

/* A client whose socket speaks what its place says. */
static void fill(ws2echo_client_options *options) {
    ws2echo_client_options_init(options);
    options->host = "127.0.0.1";
    options->port = misuse_shared.port;
}

static void spoil(struct misuse_caller *caller, ws2echo_client_options *options) {
    uint32_t *const fields[] = {&options->protocol,      &options->family,
                                &options->port,          &options->no_delay,
                                &options->size,          &options->receive_buffer_bytes,
                                &options->udp_connreset, &options->send_buffer_bytes};
    *fields[misuse_below(&caller->chance, sizeof fields / sizeof *fields)] = 0x7FFFFFFF + misuse_below(&caller->chance, 3);
    misuse_wrong(caller, WSAEINVAL);
}

typedef int (*open_client)(const ws2echo_client_options *options, ws2echo_client *client);

/* Most are spoilt; of the others one is opened in earnest, and closed. */
static void misopen(struct misuse_caller *caller, open_client open) {
    ws2echo_client_options options;
    fill(&options);
    ws2echo_client handle = 1;
    ws2echo_client_options *pointer = misuse_pointer(caller, &options);
    ws2echo_client *result = misuse_pointer(caller, &handle);
    if (!misuse_once_in(&caller->chance, 50)) {
        spoil(caller, &options);
    }
    bool good = misuse_judge(caller, open(pointer, result), NULL);
    if (result != NULL && good != (handle != 0)) {
        misuse_complain(caller, "gave a handle with its error, or none");
    }
    if (good) {
        ws2echo_client_reset(handle);
        misuse_remember_closed(handle);
    }
}

void misuse_client_open(struct misuse_caller *caller) {
    misopen(caller, ws2echo_client_open);
}

void misuse_client_begin(struct misuse_caller *caller) {
    misopen(caller, ws2echo_client_begin);
}

void misuse_client_connect(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_CLIENT, NULL);
    int result = ws2echo_client_connect(handle, misuse_timeout(caller));
    misuse_judge(caller, result, (const int[]){WSAETIMEDOUT, WSA_OPERATION_ABORTED, WSAECONNREFUSED, 0});
}

void misuse_client_options_get(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_CLIENT, NULL);
    ws2echo_client_options options;
    ws2echo_client_options *pointer = misuse_pointer(caller, &options);
    options.size = misuse_size(caller, sizeof options);
    misuse_judge(caller, ws2echo_client_options_get(handle, pointer), (const int[]){WSAENOTCONN, 0});
}

void misuse_client_address(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_CLIENT, NULL);
    ws2echo_address address;
    ws2echo_address *pointer = misuse_pointer(caller, &address);
    uint32_t end = misuse_number(caller, WS2ECHO_END_PEER + 1);
    misuse_judge(caller, ws2echo_client_address(handle, end, pointer), (const int[]){WSAENOTCONN, 0});
}

void misuse_client_stats_get(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_CLIENT, NULL);
    ws2echo_client_stats stats;
    ws2echo_client_stats *pointer = misuse_pointer(caller, &stats);
    stats.size = misuse_size(caller, sizeof stats);
    misuse_judge(caller, ws2echo_client_stats_get(handle, pointer), NULL);
}

/* How many bytes a call is told of: of those that are there; or absurdly many, if nobody will look at them. */
static uint64_t byte_count(struct misuse_caller *caller) {
    bool looked_at = caller->must == 0 || caller->alive;
    return looked_at ? misuse_below(&caller->chance, MISUSE_BUFFER) >> misuse_below(&caller->chance, 16)
                     : misuse_draw(&caller->chance) >> misuse_below(&caller->chance, 64);
}

void misuse_client_send(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_CLIENT, NULL);
    uint64_t size = byte_count(caller);
    void *data = size > 0 ? misuse_pointer(caller, caller->data) : NULL;
    uint64_t sent = 1;
    uint64_t *pointer = misuse_once_in(&caller->chance, 2) ? &sent : NULL;
    int result = ws2echo_client_send(handle, data, size, misuse_timeout(caller), pointer);
    misuse_judge(caller, result, transfers);
    if (pointer != NULL && (sent > size || (result == 0 && sent != size) || (caller->must != 0 && sent != 0))) {
        misuse_complain(caller, "gave %d and sent %llu of %llu bytes", result, (unsigned long long)sent,
                        (unsigned long long)size);
    }
}

void misuse_client_recv(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_CLIENT, NULL);
    uint64_t size = byte_count(caller);
    uint64_t received = 1;
    void *buffer = size > 0 ? misuse_pointer(caller, caller->reply) : NULL;
    uint64_t *pointer = misuse_pointer(caller, &received);
    int result = ws2echo_client_recv(handle, buffer, size, misuse_timeout(caller), pointer);
    misuse_judge(caller, result, transfers);
    if (pointer != NULL && (received > size || (caller->must != 0 && received != 0))) {
        misuse_complain(caller, "gave %d and received %llu of %llu bytes", result, (unsigned long long)received,
                        (unsigned long long)size);
    }
}

void misuse_client_shutdown(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle_to_end(caller, MISUSE_CLIENT, 100);
    uint32_t half = misuse_number(caller, WS2ECHO_HALF_BOTH + 1);
    misuse_judge(caller, ws2echo_client_shutdown(handle, half), transfers);
}

/* Progress that no call can have left: more bytes than there are, or of the other protocol. */
static void spoil_progress(struct misuse_caller *caller, ws2echo_echo_progress *progress, bool udp, uint64_t size) {
    if (!misuse_once_in(&caller->chance, 4)) {
        return;
    }
    if (misuse_once_in(&caller->chance, 2)) {
        progress->bytes_sent = size + 1;
    } else if (udp) {
        progress->datagram_received = 2;
    } else {
        progress->datagram_sent = 1;
    }
    misuse_wrong(caller, WSAEINVAL);
}

void misuse_client_echo(struct misuse_caller *caller) {
    uint32_t place;
    uint64_t handle = misuse_handle(caller, MISUSE_CLIENT, &place);
    uint64_t size = byte_count(caller);
    ws2echo_echo_progress progress = {0};
    void *data = size > 0 ? misuse_pointer(caller, caller->data) : NULL;
    ws2echo_echo_progress *pointer = misuse_pointer(caller, &progress);
    spoil_progress(caller, &progress, is_udp(place), size);
    void *reply = misuse_once_in(&caller->chance, 2) ? caller->reply : NULL;
    int result = ws2echo_client_echo(handle, data, size, reply, misuse_timeout(caller), pointer);
    misuse_judge(caller, result, result == WSAEDISCON ? (const int[]){WSAEDISCON, 0} : transfers);
}

void misuse_client_ping(struct misuse_caller *caller) {
    uint32_t place;
    uint64_t handle = misuse_handle(caller, MISUSE_CLIENT, &place);
    ws2echo_ping_options options;
    ws2echo_ping_options_init(&options);
    options.datagrams = 3;
    options.reply_timeout_ms = 5;
    ws2echo_ping_progress progress = {0};
    ws2echo_ping_options *asked = misuse_pointer(caller, &options);
    ws2echo_ping_progress *pointer = misuse_pointer(caller, &progress);
    options.size = misuse_size(caller, sizeof options);
    if (misuse_once_in(&caller->chance, 6)) {
        options.window = misuse_once_in(&caller->chance, 2) ? 0 : 1025;
        misuse_wrong(caller, WSAEINVAL);
    }
    if (!is_udp(place)) {
        misuse_wrong(caller, WSAEOPNOTSUPP);
    }
    misuse_judge(caller, ws2echo_client_ping(handle, asked, misuse_timeout(caller), pointer), transfers);
}

static void misclose(struct misuse_caller *caller, int (*close)(ws2echo_client)) {
    uint64_t handle = misuse_handle_to_end(caller, MISUSE_CLIENT, 1000);
    if (misuse_judge(caller, close(handle), NULL)) {
        misuse_remember_closed(handle);
    }
}

void misuse_client_close(struct misuse_caller *caller) {
    misclose(caller, ws2echo_client_close);
}

void misuse_client_reset(struct misuse_caller *caller) {
    misclose(caller, ws2echo_client_reset);
}
