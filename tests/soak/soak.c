/*
 * soak flow SEED SECONDS BYTES: all models echo at once, over TCP and UDP, and every byte is checked.
 * soak stops SEED COUNT: servers are stopped at random moments while 200 connections are busy.
 * The last line is the verdict.
 */
#include "soak.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool failed;
static const char *volatile step_name = "start";
static volatile LONG64 step_until_ms;

void soak_complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("WRONG: ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    failed = true;
}

void soak_require(int error, const char *what) {
    if (error != 0) {
        printf("WRONG: %s: %s\nVERDICT wrong\n", what, ws2echo_last_failure());
        exit(1);
    }
}

const char *soak_model_name(uint32_t model) {
    static ws2echo_model_info infos[SOAK_MODELS];
    ws2echo_model_info *info = &infos[model];
    info->size = sizeof *info;
    soak_require(ws2echo_model_describe(model, info), "describe a model");
    return info->name;
}

ws2echo_server soak_open_server(uint32_t model, uint16_t *port) {
    ws2echo_server_options options;
    ws2echo_server server;
    soak_require(ws2echo_server_options_init(&options), "server options");
    options.model = model;
    options.family = WS2ECHO_FAMILY_IPV4;
    options.protocol = WS2ECHO_PROTOCOL_BOTH;
    soak_require(ws2echo_server_open(&options, &server), "open a server");
    soak_require(ws2echo_server_port(server, port), "ask a server for its port");
    return server;
}

void soak_load_options(ws2echo_load_options *options, uint32_t model, uint32_t protocol, uint16_t port, uint64_t seed) {
    bool udp = protocol == WS2ECHO_PROTOCOL_UDP;
    soak_require(ws2echo_load_options_init(options), "load options");
    options->model = model;
    options->protocol = protocol;
    options->host = "127.0.0.1";
    options->port = port;
    options->seed = seed;
    options->sizes = udp ? 1 : 2;
    options->sizes_range = udp ? 0 : 1;
    options->message_bytes[0] = udp ? 1400 : 1;
    options->message_bytes[1] = udp ? 0 : 65536;
}

ws2echo_load_stats soak_stats(ws2echo_load load) {
    ws2echo_load_stats stats = {.size = sizeof stats};
    soak_require(ws2echo_load_stats_get(load, &stats), "ask a load for its counters");
    return stats;
}

uint64_t soak_wrong(const ws2echo_load_stats *stats) {
    uint64_t wrong = stats->datagrams_corrupt + stats->datagrams_foreign;
    for (uint32_t kind = WS2ECHO_LOAD_CORRUPT; kind <= WS2ECHO_LOAD_EXCESS; kind++) {
        wrong += stats->problems[kind];
    }
    return wrong;
}

uint32_t soak_chance(uint64_t *seed, uint32_t limit) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*seed >> 33) % limit);
}

void soak_begin_step(const char *what, uint32_t seconds) {
    step_name = what;
    InterlockedExchange64(&step_until_ms, (LONG64)(GetTickCount64() + seconds * 1000ull));
}

static DWORD WINAPI watch(void *unused) {
    (void)unused;
    while ((LONG64)GetTickCount64() < InterlockedCompareExchange64(&step_until_ms, 0, 0)) {
        Sleep(200);
    }
    printf("HANG: %s did not come to its end\nVERDICT hang\n", step_name);
    fflush(stdout);
    TerminateProcess(GetCurrentProcess(), 3);
    return 0;
}

int main(int count, char **arguments) {
    bool flow = count == 5 && strcmp(arguments[1], "flow") == 0;
    if (!flow && !(count == 4 && strcmp(arguments[1], "stops") == 0)) {
        fprintf(stderr, "usage: soak flow SEED SECONDS BYTES | soak stops SEED COUNT\n");
        return 2;
    }
    soak_begin_step("start", 60);
    CloseHandle(CreateThread(NULL, 0, watch, NULL, 0, NULL));
    uint64_t seed = strtoull(arguments[2], NULL, 10);
    if (flow) {
        soak_flow(seed, (uint32_t)strtoul(arguments[3], NULL, 10), strtoull(arguments[4], NULL, 10));
    } else {
        soak_stops(seed, (uint32_t)strtoul(arguments[3], NULL, 10));
    }
    printf("VERDICT %s\n", failed ? "wrong" : "ok");
    return failed ? 1 : 0;
}
