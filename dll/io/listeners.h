/* Sockets that listen on one port, of several addresses, over TCP, UDP or both. */
#ifndef W2E_LISTENERS_H
#define W2E_LISTENERS_H

#include "io/socket.h"

enum { W2E_LISTENERS_MAX = 16 };

/* The i-th address is listened on by sockets[i] over TCP and by datagrams[i] over UDP: INVALID_SOCKET where it is not. */
struct w2e_listeners {
    SOCKET sockets[W2E_LISTENERS_MAX];
    SOCKET datagrams[W2E_LISTENERS_MAX];
    ws2echo_address addresses[W2E_LISTENERS_MAX];
    SOCKADDR_STORAGE places[W2E_LISTENERS_MAX]; /* the same as addresses */
    bool dual_stack[W2E_LISTENERS_MAX];         /* of a wildcard: IPv4, too */
    bool wildcards[W2E_LISTENERS_MAX]; /* bound to no address in particular: which one was asked, only each datagram tells */
    uint32_t count;
};

/* Listens where protocol, host, family and port say (see ws2echo_server_options): 0, or an error with the failure noted and no socket left. */
int w2e_listeners_open(struct w2e_listeners *listeners, const ws2echo_server_options *options,
                       const struct w2e_socket_options *socket_options);

/* Opens streams at the same places again, once they were closed: 0, or an error with the failure noted and none of them open. */
int w2e_listeners_reopen(struct w2e_listeners *streams, const ws2echo_server_options *options,
                         const struct w2e_socket_options *socket_options);

/* Closes what is still open. */
void w2e_listeners_close(struct w2e_listeners *listeners);

#endif
