/* A socket that a thread can watch among its others, to be woken: UDP on the loopback, connected to itself. */
#ifndef W2E_WAKE_SOCKET_H
#define W2E_WAKE_SOCKET_H

#include "win/win.h"

/* 0, or an error; then *socket is INVALID_SOCKET. */
int w2e_wake_socket_open(SOCKET *socket);

/* Makes the socket readable. From any thread. */
void w2e_wake_socket_wake(SOCKET socket);

/* Takes in what made it readable. */
void w2e_wake_socket_clear(SOCKET socket);

#endif
