#include "play.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STEP_MS = 50, PIECE_BYTES = 4096 };

/* ---- judging ---- */

void play_wrong(struct play *play, const char *format, ...) {
    if (play->wrong[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(play->wrong, sizeof play->wrong, format, arguments);
        va_end(arguments);
    }
}

static bool never_comes_out(int error) {
    return error == WSAEWOULDBLOCK || error == WSA_IO_PENDING || error == WSAEINTR;
}

/* A failure is told by a Winsock code that has a name, and by a text that names it. */
static void judge_failure(struct play *play, int error, const char *what) {
    const char *text = ws2echo_last_failure();
    const char *name = ws2echo_error_name(error);
    if (never_comes_out(error) || strcmp(name, "unknown error") == 0) {
        play_wrong(play, "%s failed with %d, which no function gives: %.200s", what, error, text);
    } else if (strstr(text, name) == NULL) {
        play_wrong(play, "%s failed with %s, but the text of the failure is \"%.200s\"", what, name, text);
    }
}

bool play_succeeds(struct play *play, int error, const char *what) {
    if (error == 0) {
        return true;
    }
    if (play->failing) {
        judge_failure(play, error, what);
    } else {
        play_wrong(play, "%s: %.300s", what, ws2echo_last_failure());
    }
    return false;
}

bool play_ends_with(struct play *play, int error, int wanted, const char *what) {
    return error == wanted || play_succeeds(play, error, what);
}

void play_expect(struct play *play, bool so, const char *what) {
    if (!so && !play->failing) {
        play_wrong(play, "not so: %s", what);
    }
}

/* ---- servers ---- */

void play_server_options(const struct play *play, ws2echo_server_options *options) {
    ws2echo_server_options_init(options);
    options->model = play->model.model;
    options->protocol = play->protocol;
    options->workers = play->model.workers ? 2 : 0;
    options->seed = 1;
}

/* It says so itself; its wildcard is for both. */
static bool listens_on_ipv4(ws2echo_server server) {
    ws2echo_address address;
    bool ipv4 = false;
    for (uint32_t i = 0; ws2echo_server_address(server, i, &address) == 0; i++) {
        ipv4 |= address.family == WS2ECHO_FAMILY_IPV4 || strcmp(address.host, "::") == 0;
    }
    return ipv4;
}

bool play_open(struct play *play, const ws2echo_server_options *options, ws2echo_server *server, uint16_t *port) {
    if (!play_succeeds(play, ws2echo_server_open(options, server), "open a server")) {
        if (*server != 0) {
            play_wrong(play, "a server that could not be opened has the handle %llu", (unsigned long long)*server);
        }
        return false;
    }
    int error = ws2echo_server_port(*server, port);
    if (error != 0 || *port == 0) {
        play_wrong(play, "an open server has no port: %d", error);
    }
    play->ipv4 = listens_on_ipv4(*server);
    return true;
}

bool play_open_default(struct play *play, ws2echo_server *server, uint16_t *port) {
    ws2echo_server_options options;
    play_server_options(play, &options);
    return play_open(play, &options, server, port);
}

static uint64_t all_closed(const ws2echo_server_stats *stats) {
    uint64_t closed = 0;
    for (unsigned reason = 0; reason < WS2ECHO_REASON_COUNT; reason++) {
        closed += stats->connections_closed[reason];
    }
    return closed;
}

static void add_trouble(struct play_trouble *trouble, const ws2echo_server_stats *stats) {
    trouble->accepts += stats->accept_failures;
    trouble->connections += stats->connections_closed[WS2ECHO_REASON_ERROR] + stats->connections_closed[WS2ECHO_REASON_RESET];
    trouble->unreachable += stats->datagrams_unreachable;
    trouble->oversize += stats->datagrams_oversize;
    trouble->failed += stats->datagrams_failed;
}

/* What the journal has left, of a server that is stopped. */
static void read_journal(struct play *play, ws2echo_server server) {
    ws2echo_event event = {.size = sizeof event};
    while (ws2echo_server_next_event(server, 0, &event) == 0) {
        bool ended = event.kind == WS2ECHO_EVENT_CLOSED && event.protocol == WS2ECHO_PROTOCOL_UDP;
        play->trouble.ended += ended;
        if (ended && (event.reason != WS2ECHO_REASON_ERROR || event.error == 0 || event.local.port == 0)) {
            play_wrong(play, "a socket of UDP is gone, and the journal says: reason %u, error %d", (unsigned)event.reason,
                       (int)event.error);
        }
    }
}

static void check_accounts(struct play *play, ws2echo_server server) {
    ws2echo_server_stats stats = {.size = sizeof stats};
    read_journal(play, server);
    int error = ws2echo_server_stats_get(server, &stats);
    add_trouble(&play->trouble, &stats);
    if (error != 0) {
        play_wrong(play, "the statistics of a stopped server: %d", error);
    } else if (stats.connections_current != 0 || all_closed(&stats) != stats.connections_accepted) {
        play_wrong(play, "a stopped server accepted %llu connections, closed %llu and has %llu",
                   (unsigned long long)stats.connections_accepted, (unsigned long long)all_closed(&stats),
                   (unsigned long long)stats.connections_current);
    } else if (stats.bytes_sent > stats.bytes_received && !play->failing) {
        play_wrong(play, "a server received %llu bytes and echoed %llu", (unsigned long long)stats.bytes_received,
                   (unsigned long long)stats.bytes_sent);
    }
}

void play_close(struct play *play, ws2echo_server server) {
    uint32_t reset = 0;
    if (ws2echo_server_stop(server, 0, &reset) != 0) {
        play_wrong(play, "a server could not be stopped: %.200s", ws2echo_last_failure());
    }
    check_accounts(play, server);
    if (ws2echo_server_close(server) != 0 || ws2echo_server_close(server) != WSAENOTSOCK) {
        play_wrong(play, "a server could not be closed, or twice: %.200s", ws2echo_last_failure());
    }
}

/* ---- clients and loads ---- */

uint32_t play_timeout_ms(const struct play *play) {
    return play->failing ? PLAY_BRIEF_MS : PLAY_PATIENCE_MS;
}

bool play_open_client(struct play *play, uint16_t port, ws2echo_client *client) {
    ws2echo_client_options options;
    ws2echo_client_options_init(&options);
    options.protocol = play->protocol;
    options.port = port;
    options.connect_timeout_ms = play_timeout_ms(play);
    options.send_timeout_ms = play_timeout_ms(play);
    options.receive_timeout_ms = play_timeout_ms(play);
    if (!play_succeeds(play, ws2echo_client_open(&options, client), "open a client")) {
        if (*client != 0) {
            play_wrong(play, "a client that could not be opened has the handle %llu", (unsigned long long)*client);
        }
        return false;
    }
    return true;
}

void play_close_client(struct play *play, ws2echo_client client) {
    if (ws2echo_client_close(client) != 0) {
        play_wrong(play, "a client could not be closed: %.200s", ws2echo_last_failure());
    }
}

void play_load_options(const struct play *play, uint16_t port, ws2echo_load_options *options) {
    ws2echo_load_options_init(options);
    options->model = play->model.model;
    options->protocol = play->protocol;
    options->workers = play->model.workers ? 1 : 0;
    options->port = port;
    options->connections = 2;
    options->messages = 12;
    options->messages_per_connection = play->protocol == WS2ECHO_PROTOCOL_TCP ? 3 : 0;
    options->connect_timeout_ms = play_timeout_ms(play);
    options->reply_timeout_ms = play_timeout_ms(play);
    if (play->failing) { /* what is not connected is tried again and again */
        options->duration_ms = PLAY_BRIEF_MS;
        options->finish_timeout_ms = PLAY_BRIEF_MS;
    }
}

static uint64_t all_problems(const ws2echo_load_stats *stats) {
    uint64_t problems = 0;
    for (unsigned kind = 0; kind < WS2ECHO_LOAD_PROBLEM_COUNT; kind++) {
        problems += stats->problems[kind];
    }
    return problems;
}

static void check_load(struct play *play, ws2echo_load load, const ws2echo_load_options *options) {
    ws2echo_load_stats stats = {.size = sizeof stats};
    ws2echo_histogram histogram = {.size = sizeof histogram};
    ws2echo_load_problem problem = {.size = sizeof problem};
    if (ws2echo_load_stats_get(load, &stats) != 0 || ws2echo_load_histogram_get(load, WS2ECHO_LOAD_LATENCY, &histogram) != 0) {
        play_wrong(play, "the statistics of a load: %.200s", ws2echo_last_failure());
    }
    uint64_t wrong = stats.problems[WS2ECHO_LOAD_CORRUPT] + stats.problems[WS2ECHO_LOAD_MISSING] +
                     stats.problems[WS2ECHO_LOAD_REPEATED] + stats.problems[WS2ECHO_LOAD_FOREIGN] +
                     stats.problems[WS2ECHO_LOAD_EXCESS] + stats.datagrams_corrupt;
    if (!stats.finished || stats.connections_current != 0 || wrong != 0) {
        play_wrong(play, "a load that has ended: finished %u, %llu connections, %llu of them echoed wrongly",
                   (unsigned)stats.finished, (unsigned long long)stats.connections_current, (unsigned long long)wrong);
    }
    play_expect(play, all_problems(&stats) == 0, "the load met no problem");
    play_expect(play, stats.messages == options->messages, "each message of the load was answered");
    int error = ws2echo_load_next_problem(load, 0, &problem);
    if (error != 0 && error != WSAEDISCON && error != WSAETIMEDOUT) {
        play_wrong(play, "the next problem of a load: %d", error);
    }
}

void play_load(struct play *play, const ws2echo_load_options *options) {
    ws2echo_load load;
    if (!play_succeeds(play, ws2echo_load_open(options, &load), "open a load")) {
        return;
    }
    if (ws2echo_load_wait(load, PLAY_PATIENCE_MS) != 0) {
        play_wrong(play, "a load did not end: %.200s", ws2echo_last_failure());
    }
    check_load(play, load, options);
    if (ws2echo_load_close(load) != 0) {
        play_wrong(play, "a load could not be closed: %.200s", ws2echo_last_failure());
    }
}

/* ---- peers ---- */

void play_pattern(unsigned char *bytes, size_t offset, size_t size) {
    for (size_t i = 0; i < size; i++) {
        size_t at = offset + i;
        bytes[i] = (unsigned char)(at * 31 + (at >> 8) * 7 + 3);
    }
}

static bool is_udp(const struct play *play) {
    return play->protocol == WS2ECHO_PROTOCOL_UDP;
}

SOCKET play_peer(struct play *play, uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    DWORD step_ms = STEP_MS;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SOCKET peer = socket(AF_INET, is_udp(play) ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (peer == INVALID_SOCKET) {
        play_wrong(play, "a peer has no socket: %d", WSAGetLastError());
        return INVALID_SOCKET;
    }
    if (setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, (const char *)&step_ms, sizeof step_ms) != 0 ||
        connect(peer, (const struct sockaddr *)&address, sizeof address) != 0) {
        int error = WSAGetLastError();
        closesocket(peer);
        play_expect(play, false, "a peer could connect");
        if (play->ipv4) {
            play_wrong(play, "a server says that it listens, and a peer could not connect: %d", error);
        }
        return INVALID_SOCKET;
    }
    return peer;
}

bool play_send(struct play *play, SOCKET peer, size_t offset, size_t size) {
    unsigned char piece[PIECE_BYTES];
    while (size > 0) {
        size_t count = size < sizeof piece ? size : sizeof piece;
        play_pattern(piece, offset, count);
        int sent = send(peer, (const char *)piece, (int)count, 0);
        if (sent <= 0) {
            play_expect(play, false, "the peer could send");
            return false;
        }
        offset += (size_t)sent;
        size -= (size_t)sent;
    }
    return true;
}

/* Whether the server tells that something did not go as it should. */
static bool is_troubled(ws2echo_server server) {
    ws2echo_server_stats stats = {.size = sizeof stats};
    struct play_trouble trouble = {0};
    if (ws2echo_server_stats_get(server, &stats) != 0) {
        return true;
    }
    add_trouble(&trouble, &stats);
    return trouble.accepts + trouble.connections + trouble.unreachable + trouble.oversize + trouble.failed > 0;
}

/* Receives what comes: the count, 0 at the end, -1 if the connection is gone, or nothing will come any more. */
static int receive_some(struct play *play, ws2echo_server server, SOCKET peer, unsigned char *bytes, size_t size) {
    for (unsigned waited_ms = 0;; waited_ms += STEP_MS) {
        int count = recv(peer, (char *)bytes, (int)size, 0);
        if (count >= 0) {
            return count;
        }
        int error = WSAGetLastError();
        if (error != WSAETIMEDOUT && error != WSAEWOULDBLOCK) {
            return -1;
        }
        if (play->failing && waited_ms >= PLAY_BRIEF_MS && (is_udp(play) || is_troubled(server))) {
            return -1;
        }
        if (waited_ms >= PLAY_PATIENCE_MS) {
            play_wrong(play, "a peer waits in vain, and the server tells of no trouble");
            return -1;
        }
    }
}

static bool check_bytes(struct play *play, const unsigned char *bytes, size_t offset, size_t size) {
    unsigned char right[PIECE_BYTES];
    play_pattern(right, offset, size);
    if (memcmp(bytes, right, size) != 0) {
        play_wrong(play, "wrong bytes came back within %llu from offset %llu", (unsigned long long)size,
                   (unsigned long long)offset);
        return false;
    }
    return true;
}

bool play_receive(struct play *play, ws2echo_server server, SOCKET peer, size_t offset, size_t size) {
    unsigned char piece[PIECE_BYTES];
    while (size > 0) {
        int count = receive_some(play, server, peer, piece, size < sizeof piece ? size : sizeof piece);
        if (count <= 0) {
            play_expect(play, false, "every byte came back");
            return false;
        }
        if (!check_bytes(play, piece, offset, (size_t)count)) {
            return false;
        }
        offset += (size_t)count;
        size -= (size_t)count;
    }
    return true;
}

void play_receive_end(struct play *play, ws2echo_server server, SOCKET peer) {
    unsigned char piece[1];
    int count = receive_some(play, server, peer, piece, sizeof piece);
    while (play->failing && count > 0) { /* what nobody waited for any longer */
        count = receive_some(play, server, peer, piece, sizeof piece);
    }
    play_expect(play, count <= 0, "no more came back than was sent");
    play_expect(play, count == 0, "FIN was answered by FIN");
}

bool play_echo(struct play *play, ws2echo_server server, SOCKET peer, size_t size) {
    return play_send(play, peer, 0, size) && play_receive(play, server, peer, 0, size);
}

bool play_echo_datagram(struct play *play, ws2echo_server server, SOCKET peer, size_t size) {
    unsigned char bytes[PIECE_BYTES];
    play_pattern(bytes, size, size);
    if (send(peer, (const char *)bytes, (int)size, 0) != (int)size) {
        play_expect(play, false, "the peer could send a datagram");
        return false;
    }
    int count = receive_some(play, server, peer, bytes, sizeof bytes);
    if (count < 0) {
        play_expect(play, false, "the datagram was answered");
        return false;
    }
    if ((size_t)count != size && !play->failing) {
        play_wrong(play, "%d bytes answer a datagram of %llu", count, (unsigned long long)size);
    }
    return check_bytes(play, bytes, (size_t)count, (size_t)count); /* a late one is the answer to another */
}
