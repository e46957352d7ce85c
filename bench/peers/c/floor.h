/*
 * What the smallest Winsock servers share, so that each file shows its model and nothing else.
 *
 * floor_MODEL [PORT] [--udp] [--workers N]     PORT 0, the default, takes a free one; N counts for the completion port only
 */
#ifndef FLOOR_H
#define FLOOR_H

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0601
#endif

/* clang-format off */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mstcpip.h>
#include <mswsock.h>
#include <windows.h>
/* clang-format on */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is received at once rules how fast a stream is. Memory that was never written to costs nothing, so buffers are not cleared. */
enum { BUFFER_BYTES = 256 * 1024, SMALL_BYTES = 4096, CONNECTIONS_MAX = 4096 };

static inline void floor_need(bool succeeded, const char *what) {
    if (!succeeded) {
        fprintf(stderr, "%s failed with error %d\n", what, WSAGetLastError());
        exit(EXIT_FAILURE);
    }
}

static inline void *floor_alloc(size_t size) {
    void *memory = malloc(size);
    floor_need(memory != NULL, "malloc");
    return memory;
}

struct floor_options {
    unsigned port;
    unsigned workers;
    bool udp;
};

static inline struct floor_options floor_arguments(int argc, char **argv) {
    struct floor_options options = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--udp") == 0) {
            options.udp = true;
        } else if (strcmp(argv[i], "--workers") == 0 && i + 1 < argc) {
            options.workers = (unsigned)strtoul(argv[++i], NULL, 10);
        } else {
            options.port = (unsigned)strtoul(argv[i], NULL, 10);
        }
    }
    return options;
}

/* The socket that listens or, with --udp, the one that receives. Prints its port. */
static inline SOCKET floor_open(const struct floor_options *options) {
    WSADATA data;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((u_short)options->port)};
    int size = sizeof name;
    BOOL off = FALSE;
    DWORD none;

    floor_need(WSAStartup(MAKEWORD(2, 2), &data) == 0, "WSAStartup");
    SOCKET opened = socket(AF_INET, options->udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    floor_need(opened != INVALID_SOCKET, "socket");
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    floor_need(bind(opened, (struct sockaddr *)&name, size) == 0, "bind");
    if (options->udp) {
        /* A peer that is gone is no error of the socket that serves the others. */
        WSAIoctl(opened, SIO_UDP_CONNRESET, &off, sizeof off, NULL, 0, &none, NULL, NULL);
    } else {
        floor_need(listen(opened, SOMAXCONN) == 0, "listen");
    }
    floor_need(getsockname(opened, (struct sockaddr *)&name, &size) == 0, "getsockname");
    printf("listening on %u\n", (unsigned)ntohs(name.sin_port));
    fflush(stdout);
    return opened;
}

static inline void floor_no_delay(SOCKET socket) {
    BOOL on = TRUE;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
}

static inline void floor_nonblocking(SOCKET socket, bool on) {
    u_long value = on;
    floor_need(ioctlsocket(socket, (long)FIONBIO, &value) == 0, "ioctlsocket");
}

static inline void floor_thread(LPTHREAD_START_ROUTINE run, void *argument) {
    HANDLE thread = CreateThread(NULL, 64 * 1024, run, argument, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    floor_need(thread != NULL, "CreateThread");
    CloseHandle(thread);
}

/* One datagram back to where it came from. What cannot be sent is lost, as datagrams may be. */
static inline void floor_datagram(SOCKET socket, char *buffer) {
    struct sockaddr_in peer;
    int size = sizeof peer;
    int received = recvfrom(socket, buffer, BUFFER_BYTES, 0, (struct sockaddr *)&peer, &size);
    if (received != SOCKET_ERROR) {
        sendto(socket, buffer, received, 0, (struct sockaddr *)&peer, size);
    }
}

/*
 * For the readiness models: a connection has a buffer only while something in it is still to be sent. A thread keeps one to spare,
 * which is enough as long as sends are not cut short.
 */
struct floor_connection {
    SOCKET socket;
    char *buffer;
    int at;
    int size;
    bool readable; /* for models that report once */
    bool closing;
};

enum floor_outcome { FLOOR_ECHOED, FLOOR_BLOCKED, FLOOR_ENDED };

/* One recv, unless something is left to be sent, and one send. Ended: FIN, by then answered with every byte, or an error. */
static inline enum floor_outcome floor_echo(struct floor_connection *connection, char **spare) {
    if (connection->buffer == NULL) {
        char *buffer = *spare != NULL ? *spare : floor_alloc(BUFFER_BYTES);
        int received = recv(connection->socket, buffer, BUFFER_BYTES, 0);
        *spare = buffer;
        if (received <= 0) {
            return received < 0 && WSAGetLastError() == WSAEWOULDBLOCK ? FLOOR_BLOCKED : FLOOR_ENDED;
        }
        *spare = NULL;
        connection->buffer = buffer;
        connection->at = 0;
        connection->size = received;
    }
    int sent = send(connection->socket, connection->buffer + connection->at, connection->size - connection->at, 0);
    if (sent < 0) {
        return WSAGetLastError() == WSAEWOULDBLOCK ? FLOOR_BLOCKED : FLOOR_ENDED;
    }
    connection->at += sent;
    if (connection->at == connection->size) {
        free(*spare);
        *spare = connection->buffer;
        connection->buffer = NULL;
    }
    return FLOOR_ECHOED;
}

/* Closing sends what is left, then FIN. */
static inline void floor_close(struct floor_connection *connection) {
    closesocket(connection->socket);
    free(connection->buffer);
    *connection = (struct floor_connection){.socket = INVALID_SOCKET};
}

/*
 * For the models that report FD_READ and FD_CLOSE once: recv makes FD_READ come again, so what is reported while a send is blocked has
 * to be remembered; FD_CLOSE can come with data unread; and FD_WRITE comes only after a send that would block. False: it has ended.
 */
static inline bool floor_serve(struct floor_connection *connection, long events, char **spare) {
    connection->readable |= (events & (FD_READ | FD_CLOSE)) != 0;
    connection->closing |= (events & FD_CLOSE) != 0;
    while (connection->buffer != NULL || connection->readable) {
        if (connection->buffer == NULL) {
            connection->readable = connection->closing;
        }
        enum floor_outcome outcome = floor_echo(connection, spare);
        if (outcome != FLOOR_ECHOED) {
            return outcome == FLOOR_BLOCKED;
        }
    }
    return true;
}

/* For the completion models: one operation at a time, of a connection or of the socket that datagrams come to. */
struct floor_operation {
    WSAOVERLAPPED overlapped;
    SOCKET socket;
    char *buffer;
    ULONG capacity;
    ULONG at;
    ULONG size;
    bool sending;
    bool udp;
    struct sockaddr_in peer;
    int peer_size;
};

static inline void floor_operation_init(struct floor_operation *operation, SOCKET socket, bool udp) {
    *operation = (struct floor_operation){.socket = socket, .udp = udp, .capacity = udp ? 65536 : SMALL_BYTES};
    operation->buffer = floor_alloc(operation->capacity);
}

/* Starts what comes next: 0, WSA_IO_PENDING or an error. */
static inline int floor_start(struct floor_operation *operation, DWORD *bytes, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    WSABUF whole = {operation->capacity, operation->buffer};
    WSABUF rest = {operation->size - operation->at, operation->buffer + operation->at};
    WSAOVERLAPPED *overlapped = &operation->overlapped;
    struct sockaddr *peer = (struct sockaddr *)&operation->peer;
    DWORD flags = 0;
    int result;

    if (operation->udp && operation->sending) {
        result = WSASendTo(operation->socket, &rest, 1, bytes, 0, peer, operation->peer_size, overlapped, routine);
    } else if (operation->udp) {
        operation->peer_size = sizeof operation->peer;
        result = WSARecvFrom(operation->socket, &whole, 1, bytes, &flags, peer, &operation->peer_size, overlapped, routine);
    } else if (operation->sending) {
        result = WSASend(operation->socket, &rest, 1, bytes, 0, overlapped, routine);
    } else {
        result = WSARecv(operation->socket, &whole, 1, bytes, &flags, overlapped, routine);
    }
    return result == 0 ? 0 : WSAGetLastError();
}

/* A receive that filled the buffer tells of a stream. */
static inline void floor_grow(struct floor_operation *operation) {
    if (!operation->udp && operation->size == operation->capacity && operation->capacity < BUFFER_BYTES) {
        free(operation->buffer);
        operation->capacity = BUFFER_BYTES;
        operation->buffer = floor_alloc(operation->capacity);
    }
}

/* Takes in what was done. False: the connection has ended, with FIN or an error. */
static inline bool floor_done(struct floor_operation *operation, bool succeeded, DWORD bytes) {
    if (operation->udp) {
        operation->sending = succeeded && !operation->sending;
        operation->size = bytes;
        return true;
    }
    if (!succeeded || bytes == 0) {
        return false;
    }
    if (!operation->sending) {
        operation->sending = true;
        operation->at = 0;
        operation->size = bytes;
    } else if ((operation->at += bytes) == operation->size) {
        operation->sending = false;
        floor_grow(operation);
    }
    return true;
}

/* Closing sends what is left, then FIN. */
static inline void floor_operation_close(struct floor_operation *operation) {
    closesocket(operation->socket);
    free(operation->buffer);
}

/* An AcceptEx that is out; overlapped first, so that a completion leads to it. */
struct floor_acceptor {
    WSAOVERLAPPED overlapped;
    SOCKET listener;
    SOCKET socket;
    char addresses[2 * (sizeof(struct sockaddr_in) + 16)];
};

static inline LPFN_ACCEPTEX floor_accept_ex(SOCKET listener) {
    GUID id = WSAID_ACCEPTEX;
    LPFN_ACCEPTEX found = NULL;
    DWORD code = SIO_GET_EXTENSION_FUNCTION_POINTER;
    DWORD bytes;
    floor_need(WSAIoctl(listener, code, &id, sizeof id, &found, sizeof found, &bytes, NULL, NULL) == 0, "AcceptEx");
    return found;
}

/* With a length of 0, or a silent client would keep its connection from being accepted. */
static inline void floor_accept(struct floor_acceptor *acceptor, LPFN_ACCEPTEX accept_ex) {
    DWORD none;
    DWORD size = sizeof acceptor->addresses / 2;
    acceptor->socket = socket(AF_INET, SOCK_STREAM, 0);
    floor_need(acceptor->socket != INVALID_SOCKET, "socket");
    while (!accept_ex(acceptor->listener, acceptor->socket, acceptor->addresses, 0, size, size, &none, &acceptor->overlapped) &&
           WSAGetLastError() != WSA_IO_PENDING) {
        floor_need(WSAGetLastError() == WSAECONNRESET, "AcceptEx");
    }
}

/* What AcceptEx accepted can do little until it is told of its listener. INVALID_SOCKET: it was gone before. */
static inline SOCKET floor_accepted(const struct floor_acceptor *acceptor, bool succeeded) {
    if (!succeeded || setsockopt(acceptor->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&acceptor->listener,
                                 sizeof acceptor->listener) != 0) {
        closesocket(acceptor->socket);
        return INVALID_SOCKET;
    }
    floor_no_delay(acceptor->socket);
    return acceptor->socket;
}

#endif
