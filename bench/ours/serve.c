/*
 * A server of the DLL, to be measured:
 *
 *   serve MODEL PORT [--udp]        MODEL: its number; PORT: 0 for any
 *
 * Says where it listens, and serves until it is ended.
 */
#include "ws2echo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static int open_server(int count, char **arguments, ws2echo_server *server) {
    ws2echo_server_options options;
    ws2echo_server_options_init(&options);
    options.host = "127.0.0.1";
    options.model = (uint32_t)strtoul(arguments[1], NULL, 10);
    options.port = (uint32_t)strtoul(arguments[2], NULL, 10);
    options.protocol = count > 3 && strcmp(arguments[3], "--udp") == 0 ? WS2ECHO_PROTOCOL_UDP : WS2ECHO_PROTOCOL_TCP;
    return ws2echo_server_open(&options, server);
}

int main(int count, char **arguments) {
    ws2echo_server server;
    uint16_t port;
    if (count < 3 || open_server(count, arguments, &server) != 0 || ws2echo_server_port(server, &port) != 0) {
        fprintf(stderr, "%s\n", count < 3 ? "serve MODEL PORT [--udp]" : ws2echo_last_failure());
        return EXIT_FAILURE;
    }
    printf("listening on %u\n", port);
    fflush(stdout);
    Sleep(INFINITE); /* its journal is kept, as for any user, but read by nobody: that would be measured, too */
    return EXIT_SUCCESS;
}
