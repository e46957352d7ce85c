/* What the two plain-Winsock programs share: the tutorial's defaults, and telling what failed. They know nothing of ws2echo. */
#ifndef PLAIN_H
#define PLAIN_H

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0600
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winsock2.h>
#include <ws2tcpip.h>

#define DEFAULT_PORT "27015"
#define BUFFER_BYTES 512

static inline int plain_fail(const char *what) {
    fprintf(stderr, "%s failed with error: %d\n", what, WSAGetLastError());
    return EXIT_FAILURE;
}

/* Winsock's send may take fewer bytes than it is given. */
static inline int plain_send_all(SOCKET socket, const char *data, size_t size) {
    while (size > 0) {
        int piece = size < 65536 ? (int)size : 65536;
        int sent = send(socket, data, piece, 0);
        if (sent == SOCKET_ERROR) {
            return SOCKET_ERROR;
        }
        data += sent;
        size -= (size_t)sent;
    }
    return 0;
}

#endif
