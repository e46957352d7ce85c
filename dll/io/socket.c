#include "io/socket.h"

#include "options.h"
#include "win/error.h"
#include "win/system.h"
#include "win/wine.h"

#include <stdio.h>
#include <string.h>

int w2e_socket_set(SOCKET socket, int level, int name, const char *text, int value) {
    if (w2e_sys_setsockopt(socket, level, name, &value, sizeof value) != 0) {
        return w2e_fail(WSAGetLastError(), "setsockopt %s %d", text, value);
    }
    return 0;
}

static int set_linger(SOCKET socket, int32_t linger_s) {
    LINGER linger = {.l_onoff = 1, .l_linger = (u_short)linger_s};
    if (w2e_sys_setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) != 0) {
        return w2e_fail(WSAGetLastError(), "setsockopt SO_LINGER %d s", (int)linger_s);
    }
    return 0;
}

static int set_buffers(SOCKET socket, const struct w2e_socket_options *options) {
    int error = 0;
    if (options->receive_buffer_bytes > 0) {
        error = w2e_socket_set(socket, SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF", (int)options->receive_buffer_bytes);
    }
    if (error == 0 && options->send_buffer_bytes > 0) {
        error = w2e_socket_set(socket, SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF", (int)options->send_buffer_bytes);
    }
    return error;
}

int w2e_socket_apply(SOCKET socket, const struct w2e_socket_options *options) {
    int error = w2e_socket_set(socket, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", (int)options->no_delay);
    if (error == 0) {
        error = set_buffers(socket, options);
    }
    if (error == 0 && options->linger_s >= 0) {
        error = set_linger(socket, options->linger_s);
    }
    return error;
}

int w2e_socket_apply_datagram(SOCKET socket, const struct w2e_socket_options *options) {
    int error = 0;
    if (w2e_sys_set_udp_connreset(socket, options->udp_connreset != 0) != 0) {
        error = w2e_fail(WSAGetLastError(), "WSAIoctl SIO_UDP_CONNRESET %u", (unsigned)options->udp_connreset);
    }
    return error == 0 ? set_buffers(socket, options) : error;
}

static int get(SOCKET socket, int level, int name, const char *text, void *value, int size) {
    if (w2e_sys_getsockopt(socket, level, name, value, &size) != 0) {
        return w2e_fail(WSAGetLastError(), "getsockopt %s", text);
    }
    return 0;
}

static int read_buffers_back(SOCKET socket, struct w2e_socket_options *options) {
    int receive_buffer = 0;
    int send_buffer = 0;
    int error = get(socket, SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF", &receive_buffer, sizeof receive_buffer);
    if (error == 0) {
        error = get(socket, SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF", &send_buffer, sizeof send_buffer);
    }
    if (error == 0) {
        options->receive_buffer_bytes = (uint32_t)receive_buffer;
        options->send_buffer_bytes = (uint32_t)send_buffer;
    }
    return error;
}

int w2e_socket_read_back_datagram(SOCKET socket, struct w2e_socket_options *options) {
    return read_buffers_back(socket, options);
}

int w2e_socket_read_back(SOCKET socket, struct w2e_socket_options *options) {
    int no_delay = 0;
    LINGER linger = {0};
    int error = get(socket, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", &no_delay, sizeof no_delay);
    if (error == 0) {
        error = get(socket, SOL_SOCKET, SO_LINGER, "SO_LINGER", &linger, sizeof linger);
    }
    if (error == 0) {
        error = read_buffers_back(socket, options);
    }
    if (error == 0) {
        options->no_delay = no_delay != 0;
        options->linger_s = linger.l_onoff ? linger.l_linger : -1;
    }
    return error;
}

void w2e_socket_reset_on_close(SOCKET socket) {
    LINGER linger = {.l_onoff = 1, .l_linger = 0};
    w2e_sys_setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

int w2e_socket_end_error(SOCKET socket, bool shut) {
    if (!w2e_on_wine()) {
        return 0;
    }
    int error = w2e_sys_send(socket, "", 0) < 0 ? WSAGetLastError() : 0;
    bool told = error == WSAECONNRESET || error == WSAECONNABORTED;
    return told || error == 0 || error == WSAEWOULDBLOCK ? (told ? error : 0) : shut ? 0 : WSAECONNRESET;
}

static void ipv4_from(const IN_ADDR *from, ws2echo_address *to) {
    to->family = WS2ECHO_FAMILY_IPV4;
    inet_ntop(AF_INET, from, to->host, sizeof to->host);
}

static void ipv6_from(const SOCKADDR_IN6 *from, ws2echo_address *to) {
    static const unsigned char mapped_prefix[12] = {[10] = 0xFF, [11] = 0xFF};
    if (memcmp(&from->sin6_addr, mapped_prefix, sizeof mapped_prefix) == 0) {
        IN_ADDR ipv4;
        memcpy(&ipv4, (const unsigned char *)&from->sin6_addr + sizeof mapped_prefix, sizeof ipv4);
        ipv4_from(&ipv4, to);
        return;
    }
    to->family = WS2ECHO_FAMILY_IPV6;
    inet_ntop(AF_INET6, &from->sin6_addr, to->host, sizeof to->host);
    if (from->sin6_scope_id != 0) {
        size_t length = strlen(to->host);
        snprintf(to->host + length, sizeof to->host - length, "%%%lu", (unsigned long)from->sin6_scope_id);
    }
}

void w2e_address_from(const SOCKADDR_STORAGE *from, ws2echo_address *to) {
    memset(to, 0, sizeof *to);
    if (from->ss_family == AF_INET) {
        const SOCKADDR_IN *ipv4 = (const SOCKADDR_IN *)from;
        ipv4_from(&ipv4->sin_addr, to);
        to->port = ntohs(ipv4->sin_port);
    } else if (from->ss_family == AF_INET6) {
        const SOCKADDR_IN6 *ipv6 = (const SOCKADDR_IN6 *)from;
        ipv6_from(ipv6, to);
        to->port = ntohs(ipv6->sin6_port);
    }
}

struct w2e_endpoint_text w2e_endpoint_text(const ws2echo_address *address) {
    struct w2e_endpoint_text endpoint;
    bool ipv6 = address->family == WS2ECHO_FAMILY_IPV6;
    snprintf(endpoint.text, sizeof endpoint.text, "%s%s%s:%u", ipv6 ? "[" : "", address->host, ipv6 ? "]" : "",
             (unsigned)address->port);
    return endpoint;
}

bool w2e_address_is_loopback(const ws2echo_address *address) {
    return strncmp(address->host, "127.", 4) == 0 || strcmp(address->host, "::1") == 0;
}

static int address_family(uint32_t family) {
    return family == WS2ECHO_FAMILY_IPV4 ? AF_INET : family == WS2ECHO_FAMILY_IPV6 ? AF_INET6 : AF_UNSPEC;
}

int w2e_resolve(const char *host, uint32_t family, uint32_t port, int type, ADDRINFOW **found) {
    wchar_t name[W2E_HOST_BYTES_MAX + 1];
    wchar_t service[16];
    /* Winsock turns an internationalised name into its ASCII form (IDN) by itself. */
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, host, -1, name, W2E_HOST_BYTES_MAX + 1) == 0) {
        return w2e_fail(WSAEINVAL, "resolve %s", host);
    }
    swprintf(service, sizeof service / sizeof service[0], L"%u", (unsigned)port);
    ADDRINFOW hints = {
        .ai_family = address_family(family), .ai_socktype = type, .ai_protocol = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP};
    int error = w2e_sys_getaddrinfo(name, service, &hints, found);
    if (error < 0) {
        error = WSAHOST_NOT_FOUND; /* Wine 8 lets codes of its own system through, where no address is of the family. */
    }
    if (error != 0) {
        return w2e_fail(error, "resolve %s", host);
    }
    return 0;
}
