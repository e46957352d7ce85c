#include "io/socket.h"

#include "options.h"
#include "win/error.h"
#include "win/system.h"

#include <stdio.h>
#include <string.h>

static int set(SOCKET socket, int level, int name, const char *text, int value) {
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

int w2e_socket_apply(SOCKET socket, const struct w2e_socket_options *options) {
    int error = set(socket, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", (int)options->no_delay);
    if (error == 0 && options->receive_buffer_bytes > 0) {
        error = set(socket, SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF", (int)options->receive_buffer_bytes);
    }
    if (error == 0 && options->send_buffer_bytes > 0) {
        error = set(socket, SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF", (int)options->send_buffer_bytes);
    }
    if (error == 0 && options->linger_s >= 0) {
        error = set_linger(socket, options->linger_s);
    }
    return error;
}

static int get(SOCKET socket, int level, int name, const char *text, void *value, int size) {
    if (w2e_sys_getsockopt(socket, level, name, value, &size) != 0) {
        return w2e_fail(WSAGetLastError(), "getsockopt %s", text);
    }
    return 0;
}

int w2e_socket_read_back(SOCKET socket, struct w2e_socket_options *options) {
    int no_delay = 0;
    int receive_buffer = 0;
    int send_buffer = 0;
    LINGER linger = {0};
    int error = get(socket, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", &no_delay, sizeof no_delay);
    if (error == 0) {
        error = get(socket, SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF", &receive_buffer, sizeof receive_buffer);
    }
    if (error == 0) {
        error = get(socket, SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF", &send_buffer, sizeof send_buffer);
    }
    if (error == 0) {
        error = get(socket, SOL_SOCKET, SO_LINGER, "SO_LINGER", &linger, sizeof linger);
    }
    if (error == 0) {
        *options = (struct w2e_socket_options){.no_delay = no_delay != 0,
                                               .receive_buffer_bytes = (uint32_t)receive_buffer,
                                               .send_buffer_bytes = (uint32_t)send_buffer,
                                               .linger_s = linger.l_onoff ? linger.l_linger : -1};
    }
    return error;
}

void w2e_socket_reset_on_close(SOCKET socket) {
    LINGER linger = {.l_onoff = 1, .l_linger = 0};
    w2e_sys_setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static bool on_wine(void) {
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    return ntdll != NULL && GetProcAddress(ntdll, "wine_get_version") != NULL;
}

int w2e_socket_end_error(SOCKET socket) {
    if (!on_wine()) {
        return 0;
    }
    int error = w2e_sys_send(socket, "", 0) < 0 ? WSAGetLastError() : 0;
    return error == WSAECONNRESET || error == WSAECONNABORTED ? error : 0;
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

int w2e_resolve(const char *host, uint32_t family, uint32_t port, ADDRINFOW **found) {
    wchar_t name[W2E_HOST_BYTES_MAX + 1];
    wchar_t service[16];
    /* Winsock turns an internationalised name into its ASCII form (IDN) by itself. */
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, host, -1, name, W2E_HOST_BYTES_MAX + 1) == 0) {
        return w2e_fail(WSAEINVAL, "resolve %s", host);
    }
    swprintf(service, sizeof service / sizeof service[0], L"%u", (unsigned)port);
    ADDRINFOW hints = {.ai_family = address_family(family), .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    int error = w2e_sys_getaddrinfo(name, service, &hints, found);
    if (error < 0) {
        error = WSAHOST_NOT_FOUND; /* Wine 8 lets codes of its own system through, where no address is of the family. */
    }
    if (error != 0) {
        return w2e_fail(error, "resolve %s", host);
    }
    return 0;
}

/* ---- listening ---- */

struct place {
    SOCKADDR_STORAGE address;
    int size;
    bool dual_stack;
    bool optional; /* to be left out where the machine lacks this version of IP */
};

struct places {
    struct place list[W2E_LISTENERS_MAX];
    uint32_t count;
};

/* Adds an address, unless it is there already: false if there is no room. */
static bool add_place(struct places *places, const struct sockaddr *address, size_t size) {
    for (uint32_t i = 0; i < places->count; i++) {
        if (places->list[i].size == (int)size && memcmp(&places->list[i].address, address, size) == 0) {
            return true;
        }
    }
    if (places->count == W2E_LISTENERS_MAX) {
        return false;
    }
    struct place *place = &places->list[places->count++];
    *place = (struct place){.size = (int)size};
    memcpy(&place->address, address, size);
    return true;
}

static void add_ipv4(struct places *places, uint32_t host) {
    SOCKADDR_IN address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
    add_place(places, (const struct sockaddr *)&address, sizeof address);
}

static void add_ipv6(struct places *places, const IN6_ADDR *host) {
    SOCKADDR_IN6 address = {.sin6_family = AF_INET6, .sin6_addr = *host};
    add_place(places, (const struct sockaddr *)&address, sizeof address);
}

static void add_loopback(struct places *places, uint32_t family) {
    static const IN6_ADDR loopback = IN6ADDR_LOOPBACK_INIT;
    if (family != WS2ECHO_FAMILY_IPV6) {
        add_ipv4(places, INADDR_LOOPBACK);
    }
    if (family != WS2ECHO_FAMILY_IPV4) {
        add_ipv6(places, &loopback);
    }
    for (uint32_t i = 0; i < places->count; i++) {
        places->list[i].optional = family == WS2ECHO_FAMILY_ANY;
    }
}

static void add_wildcard(struct places *places, uint32_t family) {
    static const IN6_ADDR any = IN6ADDR_ANY_INIT;
    if (family == WS2ECHO_FAMILY_IPV4) {
        add_ipv4(places, INADDR_ANY);
    } else {
        add_ipv6(places, &any);
        places->list[0].dual_stack = family == WS2ECHO_FAMILY_ANY;
    }
}

static int find_places(struct places *places, const ws2echo_server_options *options) {
    places->count = 0;
    if (options->host == NULL) {
        add_loopback(places, options->family);
        return 0;
    }
    if (strcmp(options->host, "*") == 0) {
        add_wildcard(places, options->family);
        return 0;
    }
    ADDRINFOW *found = NULL;
    int error = w2e_resolve(options->host, options->family, 0, &found);
    if (error == 0) {
        for (const ADDRINFOW *each = found; each != NULL; each = each->ai_next) {
            if (!add_place(places, each->ai_addr, each->ai_addrlen)) {
                error = w2e_fail_because(WSAENOBUFS, "the name has more than 16 addresses; name the one to listen on",
                                         "listen on %s", options->host);
            }
        }
        FreeAddrInfoW(found);
    }
    return error;
}

static void set_port(struct place *place, uint32_t port) {
    /* The port stands at the same place in both kinds of address. */
    ((SOCKADDR_IN *)&place->address)->sin_port = htons((u_short)port);
}

/* Windows takes a plain number up to 200 or so, and more only as a hint, which is a negative one (SOMAXCONN_HINT). */
static int backlog_of(uint32_t wanted) {
    enum { PLAIN_MAX = 200, HINT_MAX = 65535 };
    int backlog = wanted == 0 ? HINT_MAX : (int)wanted;
    return backlog <= PLAIN_MAX ? backlog : -backlog;
}

static int bind_and_listen(SOCKET socket, const struct place *place, const ws2echo_server_options *options,
                           const struct w2e_socket_options *socket_options, const char *endpoint) {
    int error = set(socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, "SO_EXCLUSIVEADDRUSE", 1);
    if (error == 0 && place->address.ss_family == AF_INET6) {
        error = set(socket, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY", !place->dual_stack);
    }
    if (error == 0) {
        error = w2e_socket_apply(socket, socket_options);
    }
    if (error == 0 && w2e_sys_bind(socket, (const struct sockaddr *)&place->address, place->size) != 0) {
        error = w2e_fail(WSAGetLastError(), "bind %s", endpoint);
    }
    if (error == 0 && w2e_sys_listen(socket, backlog_of(options->backlog)) != 0) {
        error = w2e_fail(WSAGetLastError(), "listen %s", endpoint);
    }
    return error;
}

static int open_place(struct w2e_listeners *listeners, const struct place *place, const ws2echo_server_options *options,
                      const struct w2e_socket_options *socket_options) {
    ws2echo_address address;
    w2e_address_from(&place->address, &address);
    struct w2e_endpoint_text endpoint = w2e_endpoint_text(&address);
    SOCKET socket = w2e_sys_socket(place->address.ss_family, SOCK_STREAM, IPPROTO_TCP);
    if (socket == INVALID_SOCKET) {
        return w2e_fail(WSAGetLastError(), "socket for %s", endpoint.text);
    }
    int error = bind_and_listen(socket, place, options, socket_options, endpoint.text);
    SOCKADDR_STORAGE bound = {0};
    int size = sizeof bound;
    if (error == 0 && w2e_sys_getsockname(socket, (struct sockaddr *)&bound, &size) != 0) {
        error = w2e_fail(WSAGetLastError(), "getsockname %s", endpoint.text);
    }
    if (error != 0) {
        w2e_sys_close_socket(socket);
        return error;
    }
    listeners->sockets[listeners->count] = socket;
    w2e_address_from(&bound, &listeners->addresses[listeners->count]);
    listeners->count++;
    return 0;
}

static bool lacks_family(int error) {
    return error == WSAEAFNOSUPPORT || error == WSAEADDRNOTAVAIL || error == WSAEPROTONOSUPPORT;
}

static int open_all(struct w2e_listeners *listeners, struct places *places, const ws2echo_server_options *options,
                    const struct w2e_socket_options *socket_options) {
    int error = 0;
    listeners->count = 0;
    for (uint32_t i = 0; i < places->count; i++) {
        set_port(&places->list[i], listeners->count > 0 ? listeners->addresses[0].port : options->port);
        int outcome = open_place(listeners, &places->list[i], options, socket_options);
        if (outcome != 0) {
            error = outcome;
            if (!places->list[i].optional || !lacks_family(outcome)) {
                break;
            }
            error = listeners->count > 0 ? 0 : outcome;
        } else {
            error = 0;
        }
    }
    if (error != 0) {
        w2e_listeners_close(listeners);
    }
    return error;
}

int w2e_listeners_open(struct w2e_listeners *listeners, const ws2echo_server_options *options,
                       const struct w2e_socket_options *socket_options) {
    /* A port that the system found free for one address may be taken for the next: then another one is asked for. */
    enum { ATTEMPTS = 32 };
    struct places places;
    int error = find_places(&places, options);
    if (error != 0) {
        return error;
    }
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        error = open_all(listeners, &places, options, socket_options);
        bool taken = error == WSAEADDRINUSE || error == WSAEACCES;
        if (!taken || options->port != 0 || places.count < 2) {
            break;
        }
    }
    return error;
}

void w2e_listeners_close(struct w2e_listeners *listeners) {
    for (uint32_t i = 0; i < listeners->count; i++) {
        w2e_sys_close_socket(listeners->sockets[i]);
    }
    listeners->count = 0;
}
