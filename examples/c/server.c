/*
 * The echo server of the Winsock tutorial, over ws2echo: it tells of each connection what came and what went back.
 *
 * server [PORT] [--once]     PORT: default 27015; 0 takes a free one. --once: end after one connection, as the tutorial's does.
 *                            Otherwise it serves until Ctrl-C, any number of connections at a time.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ws2echo.h>

#define DEFAULT_PORT 27015
#define BUFFER_BYTES 512

static ws2echo_server server;

/* Windows runs this on a thread of its own, so it may call the DLL; next_event then ends with WSAEDISCON. */
static void on_interrupt(int number) {
    (void)number;
    (void)ws2echo_server_stop(server, 0, NULL);
}

static int fail(void) {
    fprintf(stderr, "%s\n", ws2echo_last_failure());
    return EXIT_FAILURE;
}

static int print_addresses(void) {
    ws2echo_address address;
    for (uint32_t i = 0; ws2echo_server_address(server, i, &address) == 0; i++) {
        printf(address.family == WS2ECHO_FAMILY_IPV6 ? "Listening on [%s]:%u\n" : "Listening on %s:%u\n", address.host,
               (unsigned)address.port);
    }
    return fflush(stdout);
}

/* Tells what happens until the server is stopped or, with `once`, a connection has come and gone. */
static void report_events(int once) {
    ws2echo_event event;
    event.size = sizeof event;
    while (ws2echo_server_next_event(server, WS2ECHO_INFINITE, &event) == 0) {
        if (event.kind != WS2ECHO_EVENT_CLOSED) {
            continue;
        }
        printf("Bytes received: %" PRIu64 "\n", event.bytes_received);
        printf("Bytes sent: %" PRIu64 "\n", event.bytes_sent);
        printf(event.reason == WS2ECHO_REASON_FIN ? "Connection closed\n" : "Connection lost\n");
        fflush(stdout);
        if (once) {
            return;
        }
    }
}

int main(int argc, char **argv) {
    ws2echo_server_options options;
    int once = 0;

    (void)ws2echo_server_options_init(&options);
    options.port = DEFAULT_PORT;
    options.echo_buffer_bytes = BUFFER_BYTES;
    for (int i = 1; i < argc; i++) {
        char *end = argv[i];
        if (strcmp(argv[i], "--once") == 0) {
            once = 1;
            continue;
        }
        options.port = (uint32_t)strtoul(argv[i], &end, 10);
        if (end == argv[i] || *end != '\0') {
            fprintf(stderr, "usage: server [PORT] [--once]\n");
            return 2;
        }
    }

    if (ws2echo_server_open(&options, &server) != 0) {
        return fail();
    }
    (void)signal(SIGINT, on_interrupt);
    (void)print_addresses();
    report_events(once);
    (void)signal(SIGINT, SIG_DFL);
    return ws2echo_server_close(server) == 0 ? EXIT_SUCCESS : fail();
}
