/*
 * A blocking echo server in the way of the Winsock tutorial, for one connection, or for several one after the other.
 *
 * plain_server [HOST [PORT [CONNECTIONS]]]     default: 127.0.0.1 27015 1; port 0 takes a free one
 */
#include "plain.h"

/* Listens, and prints the port. */
static SOCKET listen_on(const char *host, const char *port) {
    struct addrinfo hints = {0};
    struct addrinfo *found = NULL;
    struct sockaddr_storage name;
    int name_size = (int)sizeof name;
    SOCKET listener;

    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    hints.ai_flags = AI_PASSIVE;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return INVALID_SOCKET;
    }
    listener = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    if (listener != INVALID_SOCKET &&
        (bind(listener, found->ai_addr, (int)found->ai_addrlen) == SOCKET_ERROR || listen(listener, SOMAXCONN) == SOCKET_ERROR ||
         getsockname(listener, (struct sockaddr *)&name, &name_size) == SOCKET_ERROR)) {
        closesocket(listener);
        listener = INVALID_SOCKET;
    }
    freeaddrinfo(found);
    if (listener != INVALID_SOCKET) {
        /* sin_port and sin6_port are at the same place. */
        printf("Listening on port %u\n", (unsigned)ntohs(((struct sockaddr_in *)&name)->sin_port));
        fflush(stdout);
    }
    return listener;
}

/* Echoes until the peer shuts down its side. */
static int serve(SOCKET connection) {
    char buffer[BUFFER_BYTES];
    int received;

    while ((received = recv(connection, buffer, (int)sizeof buffer, 0)) > 0) {
        printf("Bytes received: %d\n", received);
        if (plain_send_all(connection, buffer, (size_t)received) == SOCKET_ERROR) {
            return plain_fail("send");
        }
        printf("Bytes sent: %d\n", received);
    }
    if (received == SOCKET_ERROR) {
        return plain_fail("recv");
    }
    printf("Connection closing...\n");
    return shutdown(connection, SD_SEND) == SOCKET_ERROR ? plain_fail("shutdown") : EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    WSADATA data;
    SOCKET listener;
    int left = argc > 3 ? atoi(argv[3]) : 1;
    int status = EXIT_SUCCESS;

    if (WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        return plain_fail("WSAStartup");
    }
    listener = listen_on(argc > 1 ? argv[1] : "127.0.0.1", argc > 2 ? argv[2] : DEFAULT_PORT);
    if (listener == INVALID_SOCKET) {
        return plain_fail("listen");
    }
    while (left-- > 0 && status == EXIT_SUCCESS) {
        SOCKET connection = accept(listener, NULL, NULL);
        if (left == 0) {
            closesocket(listener);
        }
        if (connection == INVALID_SOCKET) {
            return plain_fail("accept");
        }
        status = serve(connection);
        closesocket(connection);
    }
    WSACleanup();
    return status;
}
