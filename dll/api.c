/* The exported functions: they check arguments, in the order that the header promises, acquire the handle, delegate, and release it. */
#include "client.h"
#include "histogram.h"
#include "models.h"
#include "options.h"
#include "server.h"
#include "win/error.h"

#include <stdbool.h>
#include <stddef.h>

/* ---- checks ---- */

static struct w2e_server *acquire_server(ws2echo_server handle) {
    return (struct w2e_server *)w2e_registry_acquire(W2E_KIND_SERVER, handle);
}

static struct w2e_client *acquire_client(ws2echo_client handle) {
    return (struct w2e_client *)w2e_registry_acquire(W2E_KIND_CLIENT, handle);
}

static int bad_handle(const char *function) {
    return w2e_fail(WSAENOTSOCK, "%s", function);
}

static int require(const void *pointer, const char *function, const char *name) {
    return pointer != NULL ? 0 : w2e_fail(WSAEFAULT, "%s: %s", function, name);
}

static int require_size(uint32_t given, size_t size, const char *function) {
    return given == size ? 0
                         : w2e_fail_because(WSAEINVAL, "set size to sizeof the struct of this version of the header",
                                            "%s: size %lu", function, (unsigned long)given);
}

static int bad_option(int error, const struct w2e_option_fault *fault, const char *function) {
    return error == 0 ? 0 : w2e_fail_because(error, fault->wanted, "%s: option %s", function, fault->field);
}

static int require_room(const char *function) {
    return w2e_registry_has_room() ? 0 : w2e_fail(WSAEMFILE, "%s", function);
}

static int register_object(enum w2e_kind kind, struct w2e_object *object, uint64_t *handle, const char *function) {
    *handle = w2e_registry_add(kind, object);
    return *handle != 0 ? 0 : w2e_fail(WSAEMFILE, "%s", function);
}

/* Ends a call on a server or client. */
static int leave_server(struct w2e_server *server, int error) {
    w2e_registry_release(w2e_server_object(server));
    return error;
}

static int leave_client(struct w2e_client *client, int error) {
    w2e_registry_release(&client->object);
    return error;
}

/* ---- server ---- */

int ws2echo_server_options_init(ws2echo_server_options *options) {
    int error = require(options, __func__, "options");
    if (error == 0) {
        w2e_server_options_default(options);
    }
    return error;
}

int ws2echo_server_open(const ws2echo_server_options *options, ws2echo_server *server) {
    if (server != NULL) {
        *server = 0;
    }
    int error = require(options, __func__, "options");
    if (error == 0) {
        error = require(server, __func__, "server");
    }
    if (error == 0) {
        struct w2e_option_fault fault;
        error = bad_option(w2e_server_options_check(options, &fault), &fault, __func__);
    }
    if (error == 0) {
        error = require_room(__func__);
    }
    struct w2e_server *opened = NULL;
    if (error == 0) {
        error = w2e_server_open(options, &opened);
    }
    if (error == 0) {
        error = register_object(W2E_KIND_SERVER, w2e_server_object(opened), server, __func__);
        if (error != 0) {
            w2e_server_close(opened);
        }
    }
    return error;
}

int ws2echo_server_options_get(ws2echo_server handle, ws2echo_server_options *options) {
    struct w2e_server *server = acquire_server(handle);
    if (server == NULL) {
        return bad_handle(__func__);
    }
    int error = require(options, __func__, "options");
    if (error == 0) {
        error = require_size(options->size, sizeof *options, __func__);
    }
    if (error == 0) {
        w2e_server_options_get(server, options);
    }
    return leave_server(server, error);
}

int ws2echo_server_port(ws2echo_server handle, uint16_t *port) {
    if (port != NULL) {
        *port = 0;
    }
    struct w2e_server *server = acquire_server(handle);
    if (server == NULL) {
        return bad_handle(__func__);
    }
    int error = require(port, __func__, "port");
    if (error == 0) {
        *port = w2e_server_port(server);
    }
    return leave_server(server, error);
}

int ws2echo_server_address(ws2echo_server handle, uint32_t index, ws2echo_address *address) {
    struct w2e_server *server = acquire_server(handle);
    if (server == NULL) {
        return bad_handle(__func__);
    }
    int error = require(address, __func__, "address");
    if (error == 0) {
        error = w2e_server_address(server, index, address);
    }
    return leave_server(server, error);
}

int ws2echo_server_stats_get(ws2echo_server handle, ws2echo_server_stats *stats) {
    struct w2e_server *server = acquire_server(handle);
    if (server == NULL) {
        return bad_handle(__func__);
    }
    int error = require(stats, __func__, "stats");
    if (error == 0) {
        error = require_size(stats->size, sizeof *stats, __func__);
    }
    if (error == 0) {
        w2e_server_stats_get(server, stats);
    }
    return leave_server(server, error);
}

int ws2echo_server_next_event(ws2echo_server handle, uint32_t timeout_ms, ws2echo_event *event) {
    struct w2e_server *server = acquire_server(handle);
    if (server == NULL) {
        return bad_handle(__func__);
    }
    int error = require(event, __func__, "event");
    if (error == 0) {
        error = require_size(event->size, sizeof *event, __func__);
    }
    if (error == 0) {
        error = w2e_server_next_event(server, timeout_ms, event);
    }
    return leave_server(server, error);
}

int ws2echo_server_wait_handle(ws2echo_server handle, uintptr_t *wait_handle) {
    if (wait_handle != NULL) {
        *wait_handle = 0;
    }
    struct w2e_server *server = acquire_server(handle);
    if (server == NULL) {
        return bad_handle(__func__);
    }
    HANDLE event = NULL;
    int error = require(wait_handle, __func__, "handle");
    if (error == 0) {
        error = w2e_server_wait_handle(server, &event);
    }
    if (error == 0) {
        *wait_handle = (uintptr_t)event;
    }
    return leave_server(server, error);
}

int ws2echo_server_drain(ws2echo_server handle, uint32_t timeout_ms) {
    struct w2e_server *server = acquire_server(handle);
    return server != NULL ? leave_server(server, w2e_server_drain(server, timeout_ms)) : bad_handle(__func__);
}

int ws2echo_server_stop(ws2echo_server handle, uint32_t drain_timeout_ms, uint32_t *reset_connections) {
    uint32_t count = 0;
    struct w2e_server *server = acquire_server(handle);
    int error = server != NULL ? leave_server(server, w2e_server_stop(server, drain_timeout_ms, &count)) : bad_handle(__func__);
    if (reset_connections != NULL) {
        *reset_connections = count;
    }
    return error;
}

int ws2echo_server_close(ws2echo_server handle) {
    struct w2e_server *server = (struct w2e_server *)w2e_registry_retire(W2E_KIND_SERVER, handle);
    if (server == NULL) {
        return bad_handle(__func__);
    }
    w2e_server_close(server);
    return 0;
}

/* ---- client ---- */

int ws2echo_client_options_init(ws2echo_client_options *options) {
    int error = require(options, __func__, "options");
    if (error == 0) {
        w2e_client_options_default(options);
    }
    return error;
}

static int begin_client(const ws2echo_client_options *options, ws2echo_client *handle, const char *function) {
    if (handle != NULL) {
        *handle = 0;
    }
    int error = require(options, function, "options");
    if (error == 0) {
        error = require(handle, function, "client");
    }
    if (error == 0) {
        struct w2e_option_fault fault;
        error = bad_option(w2e_client_options_check(options, &fault), &fault, function);
    }
    if (error == 0) {
        error = require_room(function);
    }
    struct w2e_client *begun = NULL;
    if (error == 0) {
        error = w2e_client_begin(options, &begun);
    }
    if (error == 0) {
        error = register_object(W2E_KIND_CLIENT, &begun->object, handle, function);
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
    return client != NULL ? leave_client(client, w2e_client_connect(client, timeout_ms)) : bad_handle(__func__);
}

int ws2echo_client_options_get(ws2echo_client handle, ws2echo_client_options *options) {
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return bad_handle(__func__);
    }
    int error = require(options, __func__, "options");
    if (error == 0) {
        error = require_size(options->size, sizeof *options, __func__);
    }
    if (error == 0) {
        error = w2e_client_options_get(client, options);
    }
    return leave_client(client, error);
}

int ws2echo_client_address(ws2echo_client handle, uint32_t end, ws2echo_address *address) {
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return bad_handle(__func__);
    }
    int error = require(address, __func__, "address");
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
        return bad_handle(__func__);
    }
    int error = require(stats, __func__, "stats");
    if (error == 0) {
        error = require_size(stats->size, sizeof *stats, __func__);
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
        return bad_handle(__func__);
    }
    int error = size > 0 ? require(data, __func__, "data") : 0;
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
        return bad_handle(__func__);
    }
    int error = size > 0 ? require(buffer, __func__, "buffer") : 0;
    if (error == 0) {
        error = require(received, __func__, "received");
    }
    if (error == 0) {
        error = w2e_client_recv(client, buffer, size, timeout_ms, received);
    }
    return leave_client(client, error);
}

int ws2echo_client_shutdown(ws2echo_client handle, uint32_t half) {
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return bad_handle(__func__);
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
        return bad_handle(__func__);
    }
    int error = size > 0 ? require(data, __func__, "data") : 0;
    if (error == 0) {
        error = require(progress, __func__, "progress");
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
    int error = require(options, __func__, "options");
    if (error == 0) {
        w2e_ping_options_default(options);
    }
    return error;
}

int ws2echo_client_ping(ws2echo_client handle, const ws2echo_ping_options *options, uint32_t timeout_ms,
                        ws2echo_ping_progress *progress) {
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return bad_handle(__func__);
    }
    int error = require(options, __func__, "options");
    if (error == 0) {
        error = require(progress, __func__, "progress");
    }
    if (error == 0) {
        struct w2e_option_fault fault;
        error = bad_option(w2e_ping_options_check(options, &fault), &fault, __func__);
    }
    if (error == 0) {
        error = w2e_client_ping(client, options, timeout_ms, progress);
    }
    return leave_client(client, error);
}

int ws2echo_client_wait_handle(ws2echo_client handle, uint32_t half, uintptr_t *wait_handle) {
    if (wait_handle != NULL) {
        *wait_handle = 0;
    }
    struct w2e_client *client = acquire_client(handle);
    if (client == NULL) {
        return bad_handle(__func__);
    }
    HANDLE event = NULL;
    int error = require(wait_handle, __func__, "handle");
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
        return bad_handle(__func__);
    }
    w2e_client_close(client);
    return 0;
}

/* ---- load ---- */

int ws2echo_histogram_init(ws2echo_histogram *histogram) {
    int error = require(histogram, __func__, "histogram");
    if (error == 0) {
        w2e_histogram_init(histogram);
    }
    return error;
}

int ws2echo_histogram_record(ws2echo_histogram *histogram, uint64_t value_us, uint64_t count) {
    int error = require(histogram, __func__, "histogram");
    if (error == 0) {
        error = require_size(histogram->size, sizeof *histogram, __func__);
    }
    if (error == 0) {
        w2e_histogram_add(histogram, value_us, count);
    }
    return error;
}

int ws2echo_histogram_merge(ws2echo_histogram *into, const ws2echo_histogram *from) {
    int error = require(into, __func__, "into");
    if (error == 0) {
        error = require(from, __func__, "from");
    }
    if (error == 0) {
        error = require_size(into->size, sizeof *into, __func__);
    }
    if (error == 0) {
        error = require_size(from->size, sizeof *from, __func__);
    }
    if (error == 0) {
        w2e_histogram_merge(into, from);
    }
    return error;
}

/* A histogram to be read, and where to store what comes of it. */
static int require_histogram(const ws2echo_histogram *histogram, const void *result, const char *function, const char *name) {
    int error = require(histogram, function, "histogram");
    if (error == 0) {
        error = require(result, function, name);
    }
    return error != 0 ? error : require_size(histogram->size, sizeof *histogram, function);
}

int ws2echo_histogram_percentile(const ws2echo_histogram *histogram, double percentile, uint64_t *value_us) {
    if (value_us != NULL) {
        *value_us = 0;
    }
    int error = require_histogram(histogram, value_us, __func__, "value_us");
    /* Asked this way round, not-a-number is refused. */
    if (error == 0 && !(percentile >= 0 && percentile <= 100)) {
        error = w2e_fail_because(WSAEINVAL, "0 to 100", "%s: percentile %g", __func__, percentile);
    }
    if (error == 0) {
        *value_us = w2e_histogram_percentile(histogram, percentile);
    }
    return error;
}

int ws2echo_histogram_mean(const ws2echo_histogram *histogram, double *mean_us) {
    if (mean_us != NULL) {
        *mean_us = 0;
    }
    int error = require_histogram(histogram, mean_us, __func__, "mean_us");
    if (error == 0) {
        *mean_us = w2e_histogram_mean(histogram);
    }
    return error;
}

int ws2echo_histogram_deviation(const ws2echo_histogram *histogram, double *deviation_us) {
    if (deviation_us != NULL) {
        *deviation_us = 0;
    }
    int error = require_histogram(histogram, deviation_us, __func__, "deviation_us");
    if (error == 0) {
        *deviation_us = w2e_histogram_deviation(histogram);
    }
    return error;
}

int ws2echo_histogram_bounds(uint32_t index, uint64_t *lowest_us, uint64_t *highest_us) {
    if (lowest_us != NULL) {
        *lowest_us = 0;
    }
    if (highest_us != NULL) {
        *highest_us = 0;
    }
    int error = require(lowest_us, __func__, "lowest_us");
    if (error == 0) {
        error = require(highest_us, __func__, "highest_us");
    }
    if (error == 0 && index >= WS2ECHO_HISTOGRAM_COUNTS) {
        error = w2e_fail(WSAEINVAL, "%s: place number %lu", __func__, (unsigned long)index);
    }
    if (error == 0) {
        *lowest_us = w2e_histogram_lowest(index);
        *highest_us = w2e_histogram_highest(index);
    }
    return error;
}

/* ---- library ---- */

int ws2echo_model_describe(uint32_t index, ws2echo_model_info *info) {
    int error = require(info, __func__, "info");
    if (error == 0) {
        error = require_size(info->size, sizeof *info, __func__);
    }
    if (error == 0 && w2e_model_at(index) == NULL) {
        error = w2e_fail(WSAEINVAL, "%s: model number %lu", __func__, (unsigned long)index);
    }
    if (error == 0) {
        *info = *w2e_model_at(index);
    }
    return error;
}

const char *ws2echo_version(void) {
    return WS2ECHO_VERSION;
}

const char *ws2echo_error_name(int error) {
    return w2e_error_name(error);
}

const char *ws2echo_error_text(int error) {
    return w2e_error_text(error);
}

const char *ws2echo_last_failure(void) {
    return w2e_last_failure();
}
