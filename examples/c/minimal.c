/* A server, a client and one echo between them, in one process. */
#include <stdio.h>
#include <ws2echo.h>

int main(void) {
    ws2echo_server_options serve;
    ws2echo_client_options connect;
    ws2echo_echo_progress progress = {0};
    ws2echo_server server = 0;
    ws2echo_client client = 0;
    uint16_t port = 0;
    int failed = ws2echo_server_options_init(&serve) || ws2echo_server_open(&serve, &server) ||
                 ws2echo_server_port(server, &port) || ws2echo_client_options_init(&connect) ||
                 (connect.port = port, ws2echo_client_open(&connect, &client)) ||
                 ws2echo_client_echo(client, "x\0y", 3, NULL, WS2ECHO_TIMEOUT_OF_OPTIONS, &progress);
    int right = !failed && progress.mismatch_offset == WS2ECHO_NO_MISMATCH;
    printf("%s\n", failed ? ws2echo_last_failure() : right ? "3 bytes came back as they went" : "the echo is wrong");
    return ws2echo_client_close(client) || ws2echo_server_close(server) || !right;
}
