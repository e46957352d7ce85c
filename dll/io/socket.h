/* Sockets: every option that is set on one, addresses as text, and names to addresses. */
#ifndef W2E_SOCKET_H
#define W2E_SOCKET_H

#include "win/win.h"

#include "ws2echo.h"

#include <stdbool.h>
#include <stdint.h>

/* What the caller may choose; 0 buffers and linger -1 leave the system's choice. */
struct w2e_socket_options {
    uint32_t no_delay;
    uint32_t receive_buffer_bytes;
    uint32_t send_buffer_bytes;
    int32_t linger_s;
    uint32_t udp_connreset; /* of a datagram socket */
};

/* Sets one option, called `text`: 0, or the system's code with the failure noted. */
int w2e_socket_set(SOCKET socket, int level, int name, const char *text, int value);

/* Sets those options that a socket of TCP has: 0, or the system's code with the failure noted. */
int w2e_socket_apply(SOCKET socket, const struct w2e_socket_options *options);

/* … and those that a socket of UDP has. */
int w2e_socket_apply_datagram(SOCKET socket, const struct w2e_socket_options *options);

/* Reads back what is in force: 0, or the system's code with the failure noted. */
int w2e_socket_read_back(SOCKET socket, struct w2e_socket_options *options);
int w2e_socket_read_back_datagram(SOCKET socket, struct w2e_socket_options *options);

/* Makes the coming closesocket send RST. */
void w2e_socket_reset_on_close(SOCKET socket);

/* What ended the connection, once recv gave 0 bytes: 0 for FIN, WSAECONNRESET or WSAECONNABORTED. Under Wine 8 recv gives 0 bytes
 * for a reset, too, unless it was waiting already; sending nothing then tells. If Wine itself has asked for the error meanwhile, that says
 * only that nothing can be sent: which tells the same, unless sending was `shut` from here. On Windows recv itself tells. */
int w2e_socket_end_error(SOCKET socket, bool shut);

/* The address in numbers; an IPv4 address mapped into IPv6 (RFC 4291, 2.5.5.2) as the IPv4 address that it is. */
void w2e_address_from(const SOCKADDR_STORAGE *from, ws2echo_address *to);

/* "127.0.0.1:27015" or "[::1]:27015". */
struct w2e_endpoint_text {
    char text[WS2ECHO_ADDRESS_TEXT_SIZE + 16];
};
struct w2e_endpoint_text w2e_endpoint_text(const ws2echo_address *address);

bool w2e_address_is_loopback(const ws2echo_address *address);

/* The addresses of a host for a type of socket (SOCK_STREAM, SOCK_DGRAM); free with FreeAddrInfoW. 0, or the code of GetAddrInfoW with
 * the failure noted. */
int w2e_resolve(const char *host, uint32_t family, uint32_t port, int type, ADDRINFOW **found);

#endif
