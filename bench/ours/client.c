/*
 * A client of the DLL, to measure what a call from C costs:
 *
 *   client PORT
 *
 * Each line of its input is a number of echoes of 64 bytes to make; each is answered by a line of JSON.
 */
#include "ws2echo.h"

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

enum { MESSAGE_BYTES = 64 };

static double now_s(void) {
    LARGE_INTEGER frequency;
    LARGE_INTEGER counter;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&counter);
    return (double)counter.QuadPart / (double)frequency.QuadPart;
}

static int echo(ws2echo_client client, unsigned long count) {
    char message[MESSAGE_BYTES] = "64 bytes";
    char reply[MESSAGE_BYTES];
    for (unsigned long i = 0; i < count; i++) {
        ws2echo_echo_progress progress = {0};
        if (ws2echo_client_echo(client, message, sizeof message, reply, WS2ECHO_TIMEOUT_OF_OPTIONS, &progress) != 0) {
            return -1;
        }
    }
    return 0;
}

int main(int count, char **arguments) {
    char line[64];
    ws2echo_client_options options;
    ws2echo_client client;
    ws2echo_client_options_init(&options);
    options.host = "127.0.0.1";
    options.port = count > 1 ? (uint32_t)strtoul(arguments[1], NULL, 10) : 0;
    if (ws2echo_client_open(&options, &client) != 0) {
        fprintf(stderr, "%s\n", ws2echo_last_failure());
        return EXIT_FAILURE;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        unsigned long echoes = strtoul(line, NULL, 10);
        double began_s = now_s();
        if (echo(client, echoes) != 0) {
            printf("{\"error\": \"%s\"}\n", ws2echo_last_failure());
        } else {
            printf("{\"echoes_per_s\": %.1f}\n", (double)echoes / (now_s() - began_s));
        }
        fflush(stdout);
    }
    ws2echo_client_close(client);
    return EXIT_SUCCESS;
}
