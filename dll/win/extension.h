/* The functions that Winsock gives out on request, by GUID: they may differ from one kind of socket to another. */
#ifndef W2E_EXTENSION_H
#define W2E_EXTENSION_H

#include "win/win.h"

struct w2e_accept_functions {
    LPFN_ACCEPTEX accept;
    LPFN_GETACCEPTEXSOCKADDRS addresses;
};

/* 0, or an error with the failure noted. */
int w2e_extension_accept(SOCKET socket, struct w2e_accept_functions *functions);

/* ConnectEx: 0, or an error with the failure noted. */
int w2e_extension_connect(SOCKET socket, LPFN_CONNECTEX *function);

/* WSARecvMsg: 0, or an error with the failure noted. */
int w2e_extension_receive_message(SOCKET socket, LPFN_WSARECVMSG *function);

#endif
