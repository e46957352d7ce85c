/* Calls of a server's functions. */
#include "misuse.h"

#include <string.h>

void misuse_server_options_get(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_SERVER, NULL);
    ws2echo_server_options options;
    ws2echo_server_options *pointer = misuse_pointer(caller, &options);
    options.size = misuse_size(caller, sizeof options);
    misuse_judge(caller, ws2echo_server_options_get(handle, pointer), NULL);
}

void misuse_server_port(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_SERVER, NULL);
    uint16_t port = 1;
    uint16_t *pointer = misuse_pointer(caller, &port);
    bool good = misuse_judge(caller, ws2echo_server_port(handle, pointer), NULL);
    if (pointer != NULL && good != (port != 0)) {
        misuse_complain(caller, "left %u in the port", port);
    }
}

void misuse_server_address(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_SERVER, NULL);
    ws2echo_address address;
    ws2echo_address *pointer = misuse_pointer(caller, &address);
    uint32_t index = misuse_number(caller, 1);
    misuse_judge(caller, ws2echo_server_address(handle, index, pointer), NULL);
}

void misuse_server_stats_get(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_SERVER, NULL);
    ws2echo_server_stats stats;
    ws2echo_server_stats *pointer = misuse_pointer(caller, &stats);
    stats.size = misuse_size(caller, sizeof stats);
    if (misuse_judge(caller, ws2echo_server_stats_get(handle, pointer), NULL) &&
        stats.connections_current > stats.connections_accepted) {
        misuse_complain(caller, "counts more connections than were accepted");
    }
}

void misuse_server_next_event(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_SERVER, NULL);
    ws2echo_event event;
    ws2echo_event *pointer = misuse_pointer(caller, &event);
    event.size = misuse_size(caller, sizeof event);
    int result = ws2echo_server_next_event(handle, misuse_timeout(caller), pointer);
    misuse_judge(caller, result, (const int[]){WSAETIMEDOUT, WSA_OPERATION_ABORTED, WSAEDISCON, 0});
}

/* The handle is ours, whatever becomes of the server. */
static void close_given(struct misuse_caller *caller, bool good, uintptr_t given) {
    if (good != (given != 0)) {
        misuse_complain(caller, "gave a handle with its error, or none");
    }
    if (good && !CloseHandle((HANDLE)given)) {
        misuse_complain(caller, "gave what is no handle of Windows");
    }
}

void misuse_server_wait_handle(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_SERVER, NULL);
    uintptr_t given = 0;
    uintptr_t *pointer = misuse_pointer(caller, &given);
    bool good = misuse_judge(caller, ws2echo_server_wait_handle(handle, pointer), NULL);
    close_given(caller, good, given);
}

void misuse_client_wait_handle(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_CLIENT, NULL);
    uintptr_t given = 0;
    uintptr_t *pointer = misuse_pointer(caller, &given);
    uint32_t half = misuse_number(caller, WS2ECHO_HALF_BOTH);
    bool good = misuse_judge(caller, ws2echo_client_wait_handle(handle, half, pointer), NULL);
    close_given(caller, good, given);
}

void misuse_server_wait(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_SERVER, NULL);
    uint32_t until = misuse_number(caller, WS2ECHO_UNTIL_SENT + 1);
    uint64_t count = misuse_draw(&caller->chance) >> misuse_below(&caller->chance, 64);
    int result = ws2echo_server_wait(handle, until, count, misuse_timeout(caller));
    misuse_judge(caller, result, (const int[]){WSAETIMEDOUT, WSA_OPERATION_ABORTED, WSAEDISCON, 0});
}

void misuse_server_drain(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle_to_end(caller, MISUSE_SERVER, 100);
    int result = ws2echo_server_drain(handle, misuse_timeout(caller));
    misuse_judge(caller, result, (const int[]){WSAETIMEDOUT, WSA_OPERATION_ABORTED, 0});
}

void misuse_server_stop(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle_to_end(caller, MISUSE_SERVER, 100);
    uint32_t reset = 0;
    uint32_t *pointer = misuse_once_in(&caller->chance, 2) ? &reset : NULL;
    int result = ws2echo_server_stop(handle, misuse_timeout(caller), pointer);
    misuse_judge(caller, result, (const int[]){WSA_OPERATION_ABORTED, 0});
}

void misuse_server_close(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle_to_end(caller, MISUSE_SERVER, 1000);
    if (misuse_judge(caller, ws2echo_server_close(handle), NULL)) {
        misuse_remember_closed(handle);
    }
}

/* Rules, and what has to come of each on a server that speaks TCP. */
static const struct {
    const char *text;
    int error;
} rules[] = {
    {"latency:latency=1", 0},
    {"latency:latency=1,jitter=1,stream=upstream@first=2", 0},
    {"slicer:average_size=64,size_variation=32,delay=10", 0},
    {"corrupt:rate=0", 0},
    {"drop", WSAEOPNOTSUPP},
    {"duplicate:rate=0.5", WSAEOPNOTSUPP},
    {"", WSAEINVAL},
    {":", WSAEINVAL},
    {"latency:latency=", WSAEINVAL},
    {"latency:latency=18446744073709551616", WSAEINVAL},
    {"no-such-kind", WSAEINVAL},
    {"corrupt:rate=1.5", WSAEINVAL},
    {"latency@first=-1", WSAEINVAL},
    {"latency:latency=1,latency=1,latency=1,latency=1,latency=1,latency=1,latency=1,latency=1", WSAEINVAL},
    {"\xff\xfe\x01%n%s", WSAEINVAL},
};

static const char *rule_for(struct misuse_caller *caller) {
    uint32_t chosen = misuse_below(&caller->chance, sizeof rules / sizeof *rules);
    const char *text = misuse_pointer(caller, (void *)(uintptr_t)rules[chosen].text);
    if (rules[chosen].error != 0) {
        misuse_wrong(caller, rules[chosen].error);
    }
    return text;
}

void misuse_server_fault_add(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_SERVER, NULL);
    uint32_t id = 0;
    uint32_t *pointer = misuse_pointer(caller, &id);
    const char *text = rule_for(caller);
    misuse_judge(caller, ws2echo_server_fault_add(handle, text, pointer), (const int[]){WSAENOBUFS, 0});
}

void misuse_server_fault_change(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_SERVER, NULL);
    const char *text = rule_for(caller);
    int result = ws2echo_server_fault_change(handle, misuse_below(&caller->chance, 8), text);
    if (caller->must == WSAEOPNOTSUPP && result == WSAEINVAL) {
        caller->must = WSAEINVAL; /* there is no rule of that id, which comes first */
    }
    misuse_judge(caller, result, (const int[]){WSAEINVAL, 0});
}

void misuse_server_fault_remove(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_SERVER, NULL);
    int result = ws2echo_server_fault_remove(handle, misuse_below(&caller->chance, 8));
    misuse_judge(caller, result, (const int[]){WSAEINVAL, 0});
}

void misuse_server_fault_get(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_SERVER, NULL);
    ws2echo_fault fault;
    ws2echo_fault *pointer = misuse_pointer(caller, &fault);
    fault.size = misuse_size(caller, sizeof fault);
    int result = ws2echo_server_fault_get(handle, misuse_below(&caller->chance, 40), pointer);
    if (misuse_judge(caller, result, (const int[]){WSAEINVAL, 0}) && memchr(fault.text, 0, sizeof fault.text) == NULL) {
        misuse_complain(caller, "gave a text without end");
    }
}

/* One value that cannot be. */
static void spoil(struct misuse_caller *caller, ws2echo_server_options *options) {
    uint32_t *const fields[] = {&options->model,          &options->protocol,         &options->family,
                                &options->port,           &options->backlog,          &options->accept,
                                &options->workers,        &options->no_delay,         &options->udp_connreset,
                                &options->journal_events, &options->reserved,         &options->receive_buffer_bytes,
                                &options->size,           &options->echo_buffer_bytes};
    *fields[misuse_below(&caller->chance, sizeof fields / sizeof *fields)] = 0x7FFFFFFF + misuse_below(&caller->chance, 3);
    misuse_wrong(caller, WSAEINVAL);
}

void misuse_server_open(struct misuse_caller *caller) {
    ws2echo_server_options options;
    ws2echo_server_options_init(&options);
    ws2echo_server handle = 1;
    ws2echo_server_options *pointer = misuse_pointer(caller, &options);
    ws2echo_server *result = misuse_pointer(caller, &handle);
    if (misuse_once_in(&caller->chance, 2)) {
        spoil(caller, &options);
    } else {
        options.accept = WS2ECHO_ACCEPT_ACCEPTEX;
        options.model = misuse_below(&caller->chance, WS2ECHO_MODEL_OVERLAPPED);
        misuse_wrong(caller, WSAEOPNOTSUPP);
    }
    misuse_judge(caller, ws2echo_server_open(pointer, result), NULL);
    if (result != NULL && handle != 0) {
        misuse_complain(caller, "gave a handle with its error");
    }
}
