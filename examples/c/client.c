/*
 * The echo client of the Winsock tutorial, over ws2echo: it sends one text, says that no more will come, and reads until the
 * server says the same.
 *
 * client [HOST [PORT]]     default: localhost 27015
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ws2echo.h>

#define DEFAULT_PORT 27015
#define BUFFER_BYTES 512

static int talk(ws2echo_client client) {
    static const char text[] = "this is a test";
    char buffer[BUFFER_BYTES];
    uint64_t count = 0;
    int error;

    error = ws2echo_client_send(client, text, strlen(text), WS2ECHO_TIMEOUT_OF_OPTIONS, &count);
    if (error != 0) {
        return error;
    }
    printf("Bytes Sent: %" PRIu64 "\n", count);

    error = ws2echo_client_shutdown(client, WS2ECHO_HALF_SEND);
    if (error != 0) {
        return error;
    }
    do {
        error = ws2echo_client_recv(client, buffer, sizeof buffer, WS2ECHO_TIMEOUT_OF_OPTIONS, &count);
        if (error != 0) {
            return error;
        }
        if (count > 0) {
            printf("Bytes received: %" PRIu64 "\n", count);
        }
    } while (count > 0);
    printf("Connection closed\n");
    return 0;
}

int main(int argc, char **argv) {
    ws2echo_client_options options;
    ws2echo_client client = 0;
    int error;

    (void)ws2echo_client_options_init(&options);
    options.host = argc > 1 ? argv[1] : NULL; /* NULL is localhost */
    options.port = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : DEFAULT_PORT;

    error = ws2echo_client_open(&options, &client);
    if (error == 0) {
        error = talk(client);
    }
    if (error != 0) {
        fprintf(stderr, "%s\n", ws2echo_last_failure());
    }
    (void)ws2echo_client_close(client); /* 0, never a handle, is refused and harmless */
    return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
