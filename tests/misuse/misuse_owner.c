/* What is right: sessions that must go well whatever the others do, and the objects that everybody may use and close. */
#include "misuse.h"

#include <string.h>

static bool went(struct misuse_caller *caller, enum misuse_function function, int result) {
    InterlockedExchange(&caller->function, (LONG)function);
    InterlockedIncrement64(&caller->calls);
    if (result != 0) {
        misuse_complain(caller, "of an owner gave %d (%s)", result, ws2echo_last_failure());
    }
    return result == 0;
}

static uint32_t any_model(struct misuse_caller *caller) {
    return misuse_below(&caller->chance, WS2ECHO_MODEL_IOCP + 1);
}

static uint64_t open_server(struct misuse_caller *caller, uint32_t protocol, uint32_t model) {
    ws2echo_server_options options;
    ws2echo_server_options_init(&options);
    options.model = model;
    options.family = WS2ECHO_FAMILY_IPV4;
    options.protocol = protocol;
    ws2echo_server server;
    return went(caller, MISUSE_server_open, ws2echo_server_open(&options, &server)) ? server : 0;
}

static uint64_t open_client(struct misuse_caller *caller, uint32_t protocol, uint16_t port, bool only_begin) {
    ws2echo_client_options options;
    ws2echo_client_options_init(&options);
    options.host = "127.0.0.1";
    options.port = port;
    options.protocol = protocol;
    options.connect_timeout_ms = 60000;
    ws2echo_client client;
    int result = only_begin ? ws2echo_client_begin(&options, &client) : ws2echo_client_open(&options, &client);
    return went(caller, only_begin ? MISUSE_client_begin : MISUSE_client_open, result) ? client : 0;
}

static uint64_t open_load(struct misuse_caller *caller, uint32_t protocol, uint16_t port, uint64_t messages) {
    ws2echo_load_options options;
    ws2echo_load_options_init(&options);
    options.host = "127.0.0.1";
    options.port = port;
    options.protocol = protocol;
    options.model = any_model(caller);
    options.connections = 2;
    options.messages = messages;
    options.rate = messages != 0 ? 0 : 100;
    options.reply_timeout_ms = 60000;
    ws2echo_load load;
    return went(caller, MISUSE_load_open, ws2echo_load_open(&options, &load)) ? load : 0;
}

static int close_handle(enum misuse_kind kind, uint64_t handle) {
    return kind == MISUSE_SERVER   ? ws2echo_server_close(handle)
           : kind == MISUSE_CLIENT ? ws2echo_client_close(handle)
                                   : ws2echo_load_close(handle);
}

static const enum misuse_function closing[MISUSE_KINDS] = {MISUSE_server_close, MISUSE_client_close, MISUSE_load_close};

/* Another one takes a common place; who had it is closed, unless somebody was faster. */
static void replace(enum misuse_kind kind, uint32_t place, uint64_t handle) {
    uint64_t old = (uint64_t)InterlockedExchange64(&misuse_shared.common[kind][place], (LONG64)handle);
    if (old != 0 && close_handle(kind, old) == 0) {
        misuse_remember_closed(old);
    }
}

static void renew(struct misuse_caller *caller) {
    enum misuse_kind kind = misuse_below(&caller->chance, MISUSE_KINDS);
    uint32_t place = misuse_below(&caller->chance, MISUSE_COMMON);
    uint32_t protocol = place % 2 == 1 ? WS2ECHO_PROTOCOL_UDP : WS2ECHO_PROTOCOL_TCP;
    uint64_t handle = kind == MISUSE_SERVER   ? open_server(caller, WS2ECHO_PROTOCOL_TCP, any_model(caller))
                      : kind == MISUSE_CLIENT ? open_client(caller, protocol, misuse_shared.port, place >= 2)
                                              : open_load(caller, protocol, misuse_shared.port, 0);
    replace(kind, place, handle);
}

void misuse_close_common(void) {
    for (uint32_t place = 0; place < MISUSE_COMMON; place++) {
        for (enum misuse_kind kind = 0; kind < MISUSE_KINDS; kind++) {
            replace(kind, place, 0);
        }
    }
}

static void echo(struct misuse_caller *caller, ws2echo_client client) {
    uint32_t size = 1 + (misuse_below(&caller->chance, MISUSE_BUFFER - 1) >> misuse_below(&caller->chance, 16));
    for (uint32_t place = 0; place < size; place++) {
        caller->data[place] = (uint8_t)misuse_draw(&caller->chance);
    }
    ws2echo_echo_progress progress = {0};
    int result = ws2echo_client_echo(client, caller->data, size, caller->reply, 60000, &progress);
    if (went(caller, MISUSE_client_echo, result) &&
        (memcmp(caller->data, caller->reply, size) != 0 || progress.bytes_received != size ||
         progress.mismatch_offset != WS2ECHO_NO_MISMATCH)) {
        misuse_complain(caller, "of an owner brought other bytes back");
    }
}

static void run_load(struct misuse_caller *caller, ws2echo_load load) {
    ws2echo_load_stats stats = {.size = sizeof stats};
    if (!went(caller, MISUSE_load_wait, ws2echo_load_wait(load, 60000)) ||
        !went(caller, MISUSE_load_stats_get, ws2echo_load_stats_get(load, &stats))) {
        return;
    }
    if (stats.messages != 20 || stats.connections_finished != stats.connections_begun) {
        misuse_complain(caller, "of an owner: %llu of 20 messages, %llu of %llu connections", (unsigned long long)stats.messages,
                        (unsigned long long)stats.connections_finished, (unsigned long long)stats.connections_begun);
    }
}

/* Closes an owner's own, and sees that it cannot be closed twice. */
static void close_own(struct misuse_caller *caller, enum misuse_kind kind, uint64_t handle) {
    if (handle != 0 && went(caller, closing[kind], close_handle(kind, handle))) {
        if (close_handle(kind, handle) != WSAENOTSOCK) {
            misuse_complain(caller, "closed a second time");
        }
        misuse_remember_closed(handle);
    }
}

/* A server, a client and a load that nobody else has: whatever the others do, they work. */
static void hold_session(struct misuse_caller *caller, uint32_t model) {
    uint64_t own[MISUSE_KINDS] = {open_server(caller, WS2ECHO_PROTOCOL_BOTH, model)};
    uint16_t port = 0;
    if (own[MISUSE_SERVER] != 0 && went(caller, MISUSE_server_port, ws2echo_server_port(own[MISUSE_SERVER], &port))) {
        own[MISUSE_CLIENT] = open_client(caller, WS2ECHO_PROTOCOL_TCP, port, false);
        own[MISUSE_LOAD] = open_load(caller, WS2ECHO_PROTOCOL_TCP, port, 20);
    }
    for (enum misuse_kind kind = 0; kind < MISUSE_KINDS; kind++) {
        InterlockedExchange64(&misuse_shared.own[kind], (LONG64)own[kind]);
    }
    if (own[MISUSE_CLIENT] != 0 && own[MISUSE_LOAD] != 0) {
        echo(caller, own[MISUSE_CLIENT]);
        run_load(caller, own[MISUSE_LOAD]);
    }
    enum misuse_kind first = misuse_below(&caller->chance, MISUSE_KINDS);
    for (uint32_t number = 0; number < MISUSE_KINDS; number++) {
        enum misuse_kind kind = (first + number) % MISUSE_KINDS;
        close_own(caller, kind, own[kind]);
    }
}

void misuse_warm_up(struct misuse_caller *caller) {
    for (uint32_t model = 0; model <= WS2ECHO_MODEL_IOCP; model++) {
        hold_session(caller, model);
    }
}

void misuse_own(struct misuse_caller *caller) {
    if (misuse_once_in(&caller->chance, 4)) {
        hold_session(caller, any_model(caller));
    } else {
        renew(caller);
    }
}
