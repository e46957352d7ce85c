#include "io/listeners.h"

#include "win/error.h"
#include "win/system.h"

#include <string.h>

struct place {
    SOCKADDR_STORAGE address;
    int size;
    bool dual_stack;
    bool wildcard;
    bool optional; /* to be left out where the machine lacks this version of IP */
};

struct places {
    struct place list[W2E_LISTENERS_MAX];
    uint32_t count;
};

/* "*", and also a numeric address that means the same: "0.0.0.0" or "::". */
static bool is_wildcard(const SOCKADDR_STORAGE *address) {
    static const IN6_ADDR any = IN6ADDR_ANY_INIT;
    return address->ss_family == AF_INET ? ((const SOCKADDR_IN *)address)->sin_addr.s_addr == htonl(INADDR_ANY)
                                         : memcmp(&((const SOCKADDR_IN6 *)address)->sin6_addr, &any, sizeof any) == 0;
}

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
    place->wildcard = is_wildcard(&place->address);
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

/* A machine without IPv6 has no dual-stack socket: then the wildcard is that of IPv4. */
static bool fall_back_to_ipv4(struct places *places) {
    bool dual_stack = places->list[0].dual_stack;
    if (dual_stack) {
        places->count = 0;
        add_ipv4(places, INADDR_ANY);
    }
    return dual_stack;
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
    int error = w2e_resolve(options->host, options->family, 0, SOCK_STREAM, &found);
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

static uint32_t port_of(const SOCKADDR_STORAGE *address) {
    return ntohs(((const SOCKADDR_IN *)address)->sin_port);
}

/* Windows takes a plain number up to 200 or so, and more only as a hint, which is a negative one (SOMAXCONN_HINT). */
static int backlog_of(uint32_t wanted) {
    enum { PLAIN_MAX = 200, HINT_MAX = 65535 };
    int backlog = wanted == 0 ? HINT_MAX : (int)wanted;
    return backlog <= PLAIN_MAX ? backlog : -backlog;
}

static int bind_exclusively(SOCKET socket, const struct place *place, const char *endpoint) {
    int error = w2e_socket_set(socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, "SO_EXCLUSIVEADDRUSE", 1);
    if (error == 0 && place->address.ss_family == AF_INET6) {
        error = w2e_socket_set(socket, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY", !place->dual_stack);
    }
    if (error == 0 && w2e_sys_bind(socket, (const struct sockaddr *)&place->address, place->size) != 0) {
        error = w2e_fail(WSAGetLastError(), "bind %s", endpoint);
    }
    return error;
}

static int prepare_stream(SOCKET socket, const struct place *place, const ws2echo_server_options *options,
                          const struct w2e_socket_options *socket_options, const char *endpoint) {
    int error = w2e_socket_apply(socket, socket_options);
    if (error == 0) {
        error = bind_exclusively(socket, place, endpoint);
    }
    if (error == 0 && w2e_sys_listen(socket, backlog_of(options->backlog)) != 0) {
        error = w2e_fail(WSAGetLastError(), "listen %s", endpoint);
    }
    return error;
}

/* A socket that is bound to the wildcard must be told to tell which address a datagram was sent to. */
static int ask_for_destination(SOCKET socket, const struct place *place) {
    int error = 0;
    if (place->address.ss_family == AF_INET6) {
        error = w2e_socket_set(socket, IPPROTO_IPV6, IPV6_PKTINFO, "IPV6_PKTINFO", 1);
    }
    if (error == 0 && (place->address.ss_family == AF_INET || place->dual_stack)) {
        error = w2e_socket_set(socket, IPPROTO_IP, IP_PKTINFO, "IP_PKTINFO", 1);
    }
    return error;
}

static int prepare_datagram(SOCKET socket, const struct place *place, const struct w2e_socket_options *socket_options,
                            const char *endpoint) {
    int error = w2e_socket_apply_datagram(socket, socket_options);
    if (error == 0 && place->wildcard) {
        error = ask_for_destination(socket, place);
    }
    return error == 0 ? bind_exclusively(socket, place, endpoint) : error;
}

static int open_socket(const struct place *place, int type, const ws2echo_server_options *options,
                       const struct w2e_socket_options *socket_options, SOCKET *opened, SOCKADDR_STORAGE *bound) {
    ws2echo_address address;
    w2e_address_from(&place->address, &address);
    struct w2e_endpoint_text endpoint = w2e_endpoint_text(&address);
    SOCKET socket = w2e_sys_socket(place->address.ss_family, type, type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);
    if (socket == INVALID_SOCKET) {
        return w2e_fail(WSAGetLastError(), "socket for %s", endpoint.text);
    }
    int error = type == SOCK_STREAM ? prepare_stream(socket, place, options, socket_options, endpoint.text)
                                    : prepare_datagram(socket, place, socket_options, endpoint.text);
    int size = sizeof *bound;
    if (error == 0 && w2e_sys_getsockname(socket, (struct sockaddr *)bound, &size) != 0) {
        error = w2e_fail(WSAGetLastError(), "getsockname %s", endpoint.text);
    }
    if (error != 0) {
        w2e_sys_close_socket(socket);
        return error;
    }
    *opened = socket;
    return 0;
}

static void close_if_open(SOCKET socket) {
    if (socket != INVALID_SOCKET) {
        w2e_sys_close_socket(socket);
    }
}

static int open_place(struct w2e_listeners *listeners, struct place *place, const ws2echo_server_options *options,
                      const struct w2e_socket_options *socket_options) {
    uint32_t index = listeners->count;
    SOCKET stream = INVALID_SOCKET;
    SOCKET datagram = INVALID_SOCKET;
    SOCKADDR_STORAGE *bound = &listeners->places[index];
    int error = 0;
    if (options->protocol != WS2ECHO_PROTOCOL_UDP) {
        error = open_socket(place, SOCK_STREAM, options, socket_options, &stream, bound);
    }
    if (error == 0 && options->protocol != WS2ECHO_PROTOCOL_TCP) {
        if (stream != INVALID_SOCKET) {
            set_port(place, port_of(bound));
        }
        error = open_socket(place, SOCK_DGRAM, options, socket_options, &datagram, bound);
    }
    if (error != 0) {
        close_if_open(stream);
        return error;
    }
    listeners->sockets[index] = stream;
    listeners->datagrams[index] = datagram;
    w2e_address_from(bound, &listeners->addresses[index]);
    listeners->dual_stack[index] = place->dual_stack;
    listeners->wildcards[index] = place->wildcard;
    listeners->count++;
    return 0;
}

static bool lacks_family(int error) {
    return error == WSAEAFNOSUPPORT || error == WSAEADDRNOTAVAIL || error == WSAEPROTONOSUPPORT;
}

static int open_all(struct w2e_listeners *listeners, struct places *places, const ws2echo_server_options *options,
                    const struct w2e_socket_options *socket_options) {
    int error = 0;
    *listeners = (struct w2e_listeners){.count = 0};
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
        if (lacks_family(error) && fall_back_to_ipv4(&places)) {
            error = open_all(listeners, &places, options, socket_options);
        }
        bool taken = error == WSAEADDRINUSE || error == WSAEACCES;
        bool one_socket = places.count < 2 && options->protocol != WS2ECHO_PROTOCOL_BOTH;
        if (!taken || options->port != 0 || one_socket) {
            break;
        }
    }
    return error;
}

int w2e_listeners_reopen(struct w2e_listeners *streams, const ws2echo_server_options *options,
                         const struct w2e_socket_options *socket_options) {
    int error = 0;
    for (uint32_t i = 0; i < streams->count && error == 0; i++) {
        const SOCKADDR_STORAGE *address = &streams->places[i];
        struct place place = {.address = *address,
                              .size = address->ss_family == AF_INET ? sizeof(SOCKADDR_IN) : sizeof(SOCKADDR_IN6),
                              .dual_stack = streams->dual_stack[i],
                              .wildcard = streams->wildcards[i]};
        SOCKADDR_STORAGE bound = {0};
        error = open_socket(&place, SOCK_STREAM, options, socket_options, &streams->sockets[i], &bound);
    }
    if (error != 0) {
        w2e_listeners_close(streams);
    }
    return error;
}

void w2e_listeners_close(struct w2e_listeners *listeners) {
    for (uint32_t i = 0; i < listeners->count; i++) {
        close_if_open(listeners->sockets[i]);
        close_if_open(listeners->datagrams[i]);
        listeners->sockets[i] = INVALID_SOCKET;
        listeners->datagrams[i] = INVALID_SOCKET;
    }
}
