/* The exported functions of a server: they check arguments, in the order that the header promises, acquire the handle, delegate, and release it. */
#include "api.h"
#include "server.h"
#include "win/error.h"

struct w2e_server *w2e_api_acquire_server(ws2echo_server handle) {
    return (struct w2e_server *)w2e_registry_acquire(W2E_KIND_SERVER, handle);
}

int w2e_api_leave_server(struct w2e_server *server, int error) {
    w2e_registry_release(w2e_server_object(server));
    return error;
}

int ws2echo_server_options_init(ws2echo_server_options *options) {
    int error = w2e_api_require(options, __func__, "options");
    if (error == 0) {
        w2e_server_options_default(options);
    }
    return error;
}

int ws2echo_server_open(const ws2echo_server_options *options, ws2echo_server *server) {
    if (server != NULL) {
        *server = 0;
    }
    int error = w2e_api_require(options, __func__, "options");
    if (error == 0) {
        error = w2e_api_require(server, __func__, "server");
    }
    if (error == 0) {
        struct w2e_option_fault fault;
        error = w2e_api_bad_option(w2e_server_options_check(options, &fault), &fault, __func__);
    }
    if (error == 0) {
        error = w2e_api_require_room(__func__);
    }
    struct w2e_server *opened = NULL;
    if (error == 0) {
        error = w2e_server_open(options, &opened);
    }
    if (error == 0) {
        error = w2e_api_register(W2E_KIND_SERVER, w2e_server_object(opened), server, __func__);
        if (error != 0) {
            w2e_server_close(opened);
        }
    }
    return error;
}

int ws2echo_server_options_get(ws2echo_server handle, ws2echo_server_options *options) {
    struct w2e_server *server = w2e_api_acquire_server(handle);
    if (server == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(options, __func__, "options");
    if (error == 0) {
        error = w2e_api_require_size(options->size, sizeof *options, __func__);
    }
    if (error == 0) {
        w2e_server_options_get(server, options);
    }
    return w2e_api_leave_server(server, error);
}

int ws2echo_server_port(ws2echo_server handle, uint16_t *port) {
    if (port != NULL) {
        *port = 0;
    }
    struct w2e_server *server = w2e_api_acquire_server(handle);
    if (server == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(port, __func__, "port");
    if (error == 0) {
        *port = w2e_server_port(server);
    }
    return w2e_api_leave_server(server, error);
}

int ws2echo_server_address(ws2echo_server handle, uint32_t index, ws2echo_address *address) {
    struct w2e_server *server = w2e_api_acquire_server(handle);
    if (server == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(address, __func__, "address");
    if (error == 0) {
        error = w2e_server_address(server, index, address);
    }
    return w2e_api_leave_server(server, error);
}

int ws2echo_server_stats_get(ws2echo_server handle, ws2echo_server_stats *stats) {
    struct w2e_server *server = w2e_api_acquire_server(handle);
    if (server == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(stats, __func__, "stats");
    if (error == 0) {
        error = w2e_api_require_size(stats->size, sizeof *stats, __func__);
    }
    if (error == 0) {
        w2e_server_stats_get(server, stats);
    }
    return w2e_api_leave_server(server, error);
}

int ws2echo_server_next_event(ws2echo_server handle, uint32_t timeout_ms, ws2echo_event *event) {
    struct w2e_server *server = w2e_api_acquire_server(handle);
    if (server == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(event, __func__, "event");
    if (error == 0) {
        error = w2e_api_require_size(event->size, sizeof *event, __func__);
    }
    if (error == 0) {
        error = w2e_server_next_event(server, timeout_ms, event);
    }
    return w2e_api_leave_server(server, error);
}

/* cppcheck-suppress funcArgOrderDifferent ; an id is `handle` here, in every function, and what is waited for there */
int ws2echo_server_wait_handle(ws2echo_server handle, uintptr_t *wait_handle) {
    if (wait_handle != NULL) {
        *wait_handle = 0;
    }
    struct w2e_server *server = w2e_api_acquire_server(handle);
    if (server == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    HANDLE event = NULL;
    int error = w2e_api_require(wait_handle, __func__, "handle");
    if (error == 0) {
        error = w2e_server_wait_handle(server, &event);
    }
    if (error == 0) {
        *wait_handle = (uintptr_t)event;
    }
    return w2e_api_leave_server(server, error);
}

int ws2echo_server_wait(ws2echo_server handle, uint32_t until, uint64_t count, uint32_t timeout_ms) {
    struct w2e_server *server = w2e_api_acquire_server(handle);
    if (server == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = until <= WS2ECHO_UNTIL_SENT
                    ? w2e_server_wait(server, until, count, timeout_ms)
                    : w2e_fail_because(WSAEINVAL, "one of enum ws2echo_until", "%s: until %lu", __func__, (unsigned long)until);
    return w2e_api_leave_server(server, error);
}

int ws2echo_server_drain(ws2echo_server handle, uint32_t timeout_ms) {
    struct w2e_server *server = w2e_api_acquire_server(handle);
    return server != NULL ? w2e_api_leave_server(server, w2e_server_drain(server, timeout_ms)) : w2e_api_bad_handle(__func__);
}

int ws2echo_server_stop(ws2echo_server handle, uint32_t drain_timeout_ms, uint32_t *reset_connections) {
    uint32_t count = 0;
    struct w2e_server *server = w2e_api_acquire_server(handle);
    int error = server != NULL ? w2e_api_leave_server(server, w2e_server_stop(server, drain_timeout_ms, &count))
                               : w2e_api_bad_handle(__func__);
    if (reset_connections != NULL) {
        *reset_connections = count;
    }
    return error;
}

int ws2echo_server_close(ws2echo_server handle) {
    struct w2e_server *server = (struct w2e_server *)w2e_registry_retire(W2E_KIND_SERVER, handle);
    if (server == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    w2e_server_close(server);
    return 0;
}
