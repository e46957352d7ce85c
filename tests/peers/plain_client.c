/*
 * A blocking client in the way of the Winsock tutorial: it sends, says that no more will come, reads until the server says the
 * same, and (which the tutorial's does not) compares.
 *
 * plain_client [HOST [PORT [SIZE]]]     default: localhost 27015 and "this is a test"; SIZE: that many bytes, of every value
 */
#include "plain.h"

/* Tries every address that the name has. */
static SOCKET connect_to(const char *host, const char *port) {
    struct addrinfo hints = {0};
    struct addrinfo *found = NULL;
    SOCKET connection = INVALID_SOCKET;

    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return INVALID_SOCKET;
    }
    for (struct addrinfo *next = found; next != NULL && connection == INVALID_SOCKET; next = next->ai_next) {
        connection = socket(next->ai_family, next->ai_socktype, next->ai_protocol);
        if (connection != INVALID_SOCKET && connect(connection, next->ai_addr, (int)next->ai_addrlen) == SOCKET_ERROR) {
            closesocket(connection);
            connection = INVALID_SOCKET;
        }
    }
    freeaddrinfo(found);
    return connection;
}

/* Reads until FIN; right means that exactly the data came back. */
static int read_back(SOCKET connection, const char *data, size_t size) {
    char buffer[BUFFER_BYTES];
    size_t total = 0;
    int right = 1;
    int received;

    while ((received = recv(connection, buffer, (int)sizeof buffer, 0)) > 0) {
        printf("Bytes received: %d\n", received);
        right = right && (size_t)received <= size - total && memcmp(buffer, data + total, (size_t)received) == 0;
        total += (size_t)received;
    }
    if (received == SOCKET_ERROR) {
        return plain_fail("recv");
    }
    printf("Connection closed\n");
    if (!right || total != size) {
        fprintf(stderr, "the echo is wrong\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static int talk(SOCKET connection, const char *data, size_t size) {
    if (plain_send_all(connection, data, size) == SOCKET_ERROR) {
        return plain_fail("send");
    }
    printf("Bytes Sent: %lu\n", (unsigned long)size);
    if (shutdown(connection, SD_SEND) == SOCKET_ERROR) {
        return plain_fail("shutdown");
    }
    return read_back(connection, data, size);
}

int main(int argc, char **argv) {
    static const char text[] = "this is a test";
    size_t size = argc > 3 ? (size_t)strtoul(argv[3], NULL, 10) : strlen(text);
    char *data = malloc(size + 1);
    WSADATA startup;
    SOCKET connection;
    int status;

    if (data == NULL) {
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < size; i++) {
        data[i] = argc > 3 ? (char)(i % 251) : text[i];
    }
    if (WSAStartup(MAKEWORD(2, 2), &startup) != 0) {
        return plain_fail("WSAStartup");
    }
    connection = connect_to(argc > 1 ? argv[1] : "localhost", argc > 2 ? argv[2] : DEFAULT_PORT);
    if (connection == INVALID_SOCKET) {
        return plain_fail("connect");
    }
    status = talk(connection, data, size);
    closesocket(connection);
    WSACleanup();
    free(data);
    return status;
}
