/* The exported functions of a client: they check arguments, in the order that the header promises, acquire the handle, delegate, and release it. */
#include "api.h"
#include "client.h"

static struct w2e_client *acquire_client(ws2echo_client handle) {
    return (struct w2e_client *)w2e_registry_acquire(W2E_KIND_CLIENT, handle);
}

static int leave_client(struct w2e_client *client, int error) {
    w2e_registry_release(&client->object);
    return error;
}

int ws2echo_client_options_init(ws2echo_client_options *options) {
    int error = w2e_api_require(options, __func__, "options");
    if (error == 0) {
        w2e_client_options_default(options);
    }
    return error;
}

static int begin_client(const ws2echo_client_options *options, ws2echo_client *handle, const char *function) {
    if (handle != NULL) {
        *handle = 0;
    }
    int error = w2e_api_require(options, function, "options");
    if (error == 0) {
        error = w2e_api_require(handle, function, "client");
    }
    if (error == 0) {
        struct w2e_option_fault fault;
        error = w2e_api_bad_option(w2e_client_options_check(options, &fault), &fault, function);
    }
    if (error == 0) {
        error = w2e_api_require_room(function);
    }
    struct w2e_client *begun = NULL;
    if (error == 0) {
        error = w2e_client_begin(options, &begun);
    }
    if (error == 0) {
        error = w2e_api_register(W2E_KIND_CLIENT, &begun->object, handle, function);
        if (error != 0) {
            w2e_client_close(begun);
        }
    }
    return error;
}

int ws2echo_client_open(const ws2echo_client_options *options, ws2echo_client *client) {
    int error = begin_client(options, client, __func__);
    if (error != 0) {
        return error;
    }
    error = ws2echo_client_connect(*client, options->connect_timeout_ms);
    if (error != 0) {
        ws2echo_client_close(*client);
        *client = 0;
    }
    return error;
}

int ws2echo_client_begin(const ws2echo_client_options *options, ws2echo_client *client) {
    return begin_client(options, client, __func__);
}

int ws2echo_client_connect(ws2echo_client handle, uint32_t timeout_ms) {
    struct w2e_client *client = acquire_client(handle);
    return client != NULL ? leave_client(client, w2e_client_connect(client, timeout_ms)) : w2e_api_bad_handle(__func__);
}

int ws2echo_client_options_get(ws2echo_client handle, ws2echo_client_options *options) {
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(options, __func__, "options");
    if (error == 0) {
        error = w2e_api_require_size(options->size, sizeof *options, __func__);
    }
    if (error == 0) {
        error = w2e_client_options_get(client, options);
    }
    return leave_client(client, error);
}

int ws2echo_client_address(ws2echo_client handle, uint32_t end, ws2echo_address *address) {
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(address, __func__, "address");
    if (error == 0 && end > WS2ECHO_END_PEER) {
        error = w2e_fail(WSAEINVAL, "%s: end %lu", __func__, (unsigned long)end);
    }
    if (error == 0) {
        error = w2e_client_address(client, end, address);
    }
    return leave_client(client, error);
}

int ws2echo_client_stats_get(ws2echo_client handle, ws2echo_client_stats *stats) {
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(stats, __func__, "stats");
    if (error == 0) {
        error = w2e_api_require_size(stats->size, sizeof *stats, __func__);
    }
    if (error == 0) {
        w2e_client_stats_get(client, stats);
    }
    return leave_client(client, error);
}

int ws2echo_client_send(ws2echo_client handle, const void *data, uint64_t size, uint32_t timeout_ms, uint64_t *sent) {
    uint64_t count = 0;
    if (sent != NULL) {
        *sent = 0;
    }
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = size > 0 ? w2e_api_require(data, __func__, "data") : 0;
    if (error == 0) {
        error = w2e_client_send(client, data, size, timeout_ms, &count);
    }
    if (sent != NULL) {
        *sent = count;
    }
    return leave_client(client, error);
}

int ws2echo_client_recv(ws2echo_client handle, void *buffer, uint64_t size, uint32_t timeout_ms, uint64_t *received) {
    if (received != NULL) {
        *received = 0;
    }
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = size > 0 ? w2e_api_require(buffer, __func__, "buffer") : 0;
    if (error == 0) {
        error = w2e_api_require(received, __func__, "received");
    }
    if (error == 0) {
        error = w2e_client_recv(client, buffer, size, timeout_ms, received);
    }
    return leave_client(client, error);
}

int ws2echo_client_shutdown(ws2echo_client handle, uint32_t half) {
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = half <= WS2ECHO_HALF_BOTH ? 0 : w2e_fail(WSAEINVAL, "%s: half %lu", __func__, (unsigned long)half);
    if (error == 0) {
        error = w2e_client_shutdown(client, half);
    }
    return leave_client(client, error);
}

static bool possible_over_tcp(const ws2echo_echo_progress *progress, uint64_t size) {
    bool datagrams = progress->datagram_sent != 0 || progress->datagram_received != 0;
    return !datagrams && progress->bytes_sent <= size && progress->bytes_received <= size;
}

static bool possible_over_udp(const ws2echo_echo_progress *progress, uint64_t size) {
    enum { DATAGRAM_BYTES_MAX = 65535 };
    uint64_t sent = progress->datagram_sent;
    uint64_t received = progress->datagram_received;
    return sent <= 1 && received <= sent && (sent == 0 || size <= DATAGRAM_BYTES_MAX) && progress->bytes_sent == sent * size &&
           progress->bytes_received <= received * DATAGRAM_BYTES_MAX;
}

/* Progress that no call of echo on this data can have left behind would lead past its end. */
static int check_progress(const struct w2e_client *client, const ws2echo_echo_progress *progress, uint64_t size,
                          const char *function) {
    bool possible = w2e_client_is_udp(client) ? possible_over_udp(progress, size) : possible_over_tcp(progress, size);
    return possible ? 0
                    : w2e_fail_because(WSAEINVAL, "zero it before the first call, and pass the same data after", "%s: progress",
                                       function);
}

int ws2echo_client_echo(ws2echo_client handle, const void *data, uint64_t size, void *reply, uint32_t timeout_ms,
                        ws2echo_echo_progress *progress) {
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = size > 0 ? w2e_api_require(data, __func__, "data") : 0;
    if (error == 0) {
        error = w2e_api_require(progress, __func__, "progress");
    }
    if (error == 0) {
        error = check_progress(client, progress, size, __func__);
    }
    if (error == 0) {
        error = w2e_client_echo(client, data, size, reply, timeout_ms, progress);
    }
    return leave_client(client, error);
}

int ws2echo_ping_options_init(ws2echo_ping_options *options) {
    int error = w2e_api_require(options, __func__, "options");
    if (error == 0) {
        w2e_ping_options_default(options);
    }
    return error;
}

int ws2echo_client_ping(ws2echo_client handle, const ws2echo_ping_options *options, uint32_t timeout_ms,
                        ws2echo_ping_progress *progress) {
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(options, __func__, "options");
    if (error == 0) {
        error = w2e_api_require(progress, __func__, "progress");
    }
    if (error == 0) {
        struct w2e_option_fault fault;
        error = w2e_api_bad_option(w2e_ping_options_check(options, &fault), &fault, __func__);
    }
    if (error == 0) {
        error = w2e_client_ping(client, options, timeout_ms, progress);
    }
    return leave_client(client, error);
}

/* cppcheck-suppress funcArgOrderDifferent ; an id is `handle` here, in every function, and what is waited for there */
int ws2echo_client_wait_handle(ws2echo_client handle, uint32_t half, uintptr_t *wait_handle) {
    if (wait_handle != NULL) {
        *wait_handle = 0;
    }
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    HANDLE event = NULL;
    int error = w2e_api_require(wait_handle, __func__, "handle");
    if (error == 0 && half > WS2ECHO_HALF_SEND) {
        error = w2e_fail(WSAEINVAL, "%s: half %lu", __func__, (unsigned long)half);
    }
    if (error == 0) {
        error = w2e_client_wait_handle(client, half, &event);
    }
    if (error == 0) {
        *wait_handle = (uintptr_t)event;
    }
    return leave_client(client, error);
}

int ws2echo_client_close(ws2echo_client handle) {
    struct w2e_client *client = (struct w2e_client *)w2e_registry_retire(W2E_KIND_CLIENT, handle);
    if (client == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    w2e_client_close(client);
    return 0;
}

int ws2echo_client_reset(ws2echo_client handle) {
    struct w2e_client *client = (struct w2e_client *)w2e_registry_retire(W2E_KIND_CLIENT, handle);
    if (client == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    w2e_client_reset(client);
    return 0;
}
