/* Winsock's own reference count, of which each open object holds one. */
#ifndef W2E_WINSOCK_H
#define W2E_WINSOCK_H

/* 0, or the code of WSAStartup with the failure noted. */
int w2e_winsock_start(void);

void w2e_winsock_stop(void);

#endif
