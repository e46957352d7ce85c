#include "io/wake_socket.h"

#include "win/system.h"
#include "win/thread.h"

static int connect_to_itself(SOCKET socket, struct sockaddr *loopback, int size) {
    if (w2e_sys_bind(socket, loopback, size) != 0 || w2e_sys_getsockname(socket, loopback, &size) != 0 ||
        w2e_sys_connect(socket, loopback, size) != 0 || w2e_sys_set_nonblocking(socket, true) != 0) {
        return WSAGetLastError();
    }
    return 0;
}

static int open_on(struct sockaddr *loopback, int size, SOCKET *opened) {
    SOCKET socket = w2e_sys_socket(loopback->sa_family, SOCK_DGRAM, IPPROTO_UDP);
    int error = socket == INVALID_SOCKET ? WSAGetLastError() : connect_to_itself(socket, loopback, size);
    if (error != 0 && socket != INVALID_SOCKET) {
        w2e_sys_close_socket(socket);
        socket = INVALID_SOCKET;
    }
    *opened = socket;
    return error;
}

int w2e_wake_socket_open(SOCKET *socket) {
    SOCKADDR_IN ipv4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int error = open_on((struct sockaddr *)&ipv4, sizeof ipv4, socket);
    if (error != 0) { /* a machine without IPv4 */
        SOCKADDR_IN6 ipv6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        error = open_on((struct sockaddr *)&ipv6, sizeof ipv6, socket);
    }
    return error;
}

/* A wake that is lost lets a thread sleep for ever. Only where so many wait to be taken in that there is no room, one more does not matter. */
void w2e_wake_socket_wake(SOCKET socket) {
    while (w2e_sys_send_wake(socket) < 0 && WSAGetLastError() != WSAEWOULDBLOCK) {
        w2e_sys_sleep(W2E_WAKE_AGAIN_MS);
    }
}

void w2e_wake_socket_clear(SOCKET socket) {
    char taken;
    while (w2e_sys_recv(socket, &taken, sizeof taken) > 0) {
    }
}
