/* The scenarios over TCP. */
#include "play.h"

#include <string.h>

static void hang_up(SOCKET peer) {
    if (peer != INVALID_SOCKET) {
        closesocket(peer);
    }
}

/* Has its FIN answered. */
static void finish(struct play *play, ws2echo_server server, SOCKET peer) {
    if (peer != INVALID_SOCKET) {
        shutdown(peer, SD_SEND);
        play_receive_end(play, server, peer);
        closesocket(peer);
    }
}

/* Resets the connection. */
static void reset(SOCKET peer) {
    LINGER linger = {.l_onoff = 1, .l_linger = 0};
    if (peer != INVALID_SOCKET) {
        setsockopt(peer, SOL_SOCKET, SO_LINGER, (const char *)&linger, sizeof linger);
        closesocket(peer);
    }
}

static void ask_everything(struct play *play, ws2echo_server server) {
    ws2echo_server_options options = {.size = sizeof options};
    ws2echo_address address;
    play_succeeds(play, ws2echo_server_options_get(server, &options), "read the options");
    play_succeeds(play, ws2echo_server_address(server, 0, &address), "read an address");
    play_expect(play, options.receive_buffer_bytes > 0 && address.port > 0, "the options and the address in force are told");
}

void play_tcp_open(struct play *play) {
    ws2echo_server_options options;
    ws2echo_server server;
    uint16_t port;
    play_server_options(play, &options);
    options.protocol = WS2ECHO_PROTOCOL_BOTH;
    options.receive_buffer_bytes = 16384;
    options.send_buffer_bytes = 16384;
    if (!play_open(play, &options, &server, &port)) {
        return;
    }
    ask_everything(play, server);
    play_close(play, server);
}

void play_tcp_echo(struct play *play) {
    ws2echo_server server;
    uint16_t port;
    if (!play_open_default(play, &server, &port)) {
        return;
    }
    SOCKET first = play_peer(play, port);
    SOCKET second = play_peer(play, port);
    if (first != INVALID_SOCKET && play_echo(play, server, first, 1)) {
        play_echo(play, server, first, 30000);
    }
    if (second != INVALID_SOCKET) {
        play_echo(play, server, second, 700);
    }
    finish(play, server, first);
    reset(second);
    play_succeeds(play, ws2echo_server_wait(server, WS2ECHO_UNTIL_OPEN_AT_MOST, 0, play_timeout_ms(play)), "wait for the ends");
    play_close(play, server);
}

static void use_client(struct play *play, ws2echo_client client) {
    static unsigned char data[20000];
    static unsigned char reply[sizeof data];
    ws2echo_echo_progress progress = {0};
    uint64_t count = 0;
    play_pattern(data, 0, sizeof data);
    if (!play_succeeds(play, ws2echo_client_echo(client, data, sizeof data, reply, WS2ECHO_TIMEOUT_OF_OPTIONS, &progress),
                       "echo")) {
        return;
    }
    if (progress.mismatch_offset != WS2ECHO_NO_MISMATCH || memcmp(data, reply, sizeof data) != 0) {
        play_wrong(play, "a client was given wrong bytes");
    }
    if (!play_succeeds(play, ws2echo_client_send(client, data, 10, WS2ECHO_TIMEOUT_OF_OPTIONS, &count), "send") ||
        !play_succeeds(play, ws2echo_client_shutdown(client, WS2ECHO_HALF_SEND), "shutdown")) {
        return;
    }
    uint64_t all = 0;
    do {
        count = 0;
        if (!play_succeeds(play, ws2echo_client_recv(client, reply, sizeof reply, WS2ECHO_TIMEOUT_OF_OPTIONS, &count), "recv")) {
            return;
        }
        if (memcmp(data + all, reply, (size_t)count) != 0) {
            play_wrong(play, "a client was given wrong bytes at offset %llu", (unsigned long long)all);
        }
        all += count;
    } while (count > 0 && all <= 10);
    play_expect(play, all == 10, "what was sent before FIN came back");
}

void play_tcp_client(struct play *play) {
    ws2echo_server server;
    ws2echo_client client;
    uint16_t port;
    if (!play_open_default(play, &server, &port)) {
        return;
    }
    if (play_open_client(play, port, &client)) {
        ws2echo_client_options options = {.size = sizeof options};
        uintptr_t handle;
        play_succeeds(play, ws2echo_client_options_get(client, &options), "read a client's options");
        if (play_succeeds(play, ws2echo_client_wait_handle(client, WS2ECHO_HALF_RECEIVE, &handle), "get a client's event")) {
            CloseHandle((HANDLE)handle);
        }
        use_client(play, client);
        play_close_client(play, client);
    }
    play_close(play, server);
}

/* Everything is sent before the first byte is read. */
void play_tcp_half_close(struct play *play) {
    enum { SIZE = 50000 };
    ws2echo_server server;
    uint16_t port;
    if (!play_open_default(play, &server, &port)) {
        return;
    }
    SOCKET peer = play_peer(play, port);
    if (peer != INVALID_SOCKET && play_send(play, peer, 0, SIZE)) {
        shutdown(peer, SD_SEND);
        if (play_receive(play, server, peer, 0, SIZE)) {
            play_receive_end(play, server, peer);
        }
    }
    hang_up(peer);
    play_close(play, server);
}

/* Rules that come and go while a connection is open. */
void play_tcp_faults(struct play *play) {
    ws2echo_server_options options;
    ws2echo_server server;
    uint16_t port;
    uint32_t id = 0;
    play_server_options(play, &options);
    options.faults = "latency:latency=2@first=1";
    if (!play_open(play, &options, &server, &port)) {
        return;
    }
    SOCKET first = play_peer(play, port);
    SOCKET second = play_peer(play, port);
    if (first != INVALID_SOCKET) {
        play_echo(play, server, first, 500);
    }
    if (play_succeeds(play, ws2echo_server_fault_add(server, "slicer:average_size=100,delay=10", &id), "add a rule")) {
        if (second != INVALID_SOCKET) {
            play_echo(play, server, second, 400);
        }
        play_succeeds(play, ws2echo_server_fault_change(server, id, "latency:latency=1"), "change a rule");
        play_succeeds(play, ws2echo_server_fault_remove(server, id), "remove a rule");
    }
    if (second != INVALID_SOCKET) {
        play_echo(play, server, second, 400);
    }
    finish(play, server, first);
    finish(play, server, second);
    play_close(play, server);
}

/* A server that is taken down, listens again, and accepts nobody for a while. */
void play_tcp_listening(struct play *play) {
    ws2echo_server server;
    uint16_t port;
    uint32_t down = 0;
    uint32_t deaf = 0;
    if (!play_open_default(play, &server, &port)) {
        return;
    }
    bool came_back = play_succeeds(play, ws2echo_server_fault_add(server, "down", &down), "take the server down") &&
                     play_succeeds(play, ws2echo_server_fault_remove(server, down), "have the server listen again");
    if (came_back && play_succeeds(play, ws2echo_server_fault_add(server, "never_accept", &deaf), "have it accept nobody")) {
        came_back = play_succeeds(play, ws2echo_server_fault_remove(server, deaf), "have it accept again");
    }
    SOCKET peer = came_back ? play_peer(play, port) : INVALID_SOCKET;
    if (peer != INVALID_SOCKET) {
        play_echo(play, server, peer, 100);
        finish(play, server, peer);
    }
    play_close(play, server);
}

void play_tcp_load(struct play *play) {
    ws2echo_load_options options;
    ws2echo_server server;
    uint16_t port;
    if (!play_open_default(play, &server, &port)) {
        return;
    }
    play_load_options(play, port, &options);
    play_load(play, &options);
    play_close(play, server);
}

static void take_events(struct play *play, ws2echo_server server) {
    uint64_t sequence = 0;
    ws2echo_event event = {.size = sizeof event};
    int error;
    while ((error = ws2echo_server_next_event(server, 0, &event)) == 0) {
        if (event.sequence <= sequence) {
            play_wrong(play, "event %llu came after event %llu", (unsigned long long)event.sequence,
                       (unsigned long long)sequence);
        }
        sequence = event.sequence;
    }
    if (error != WSAETIMEDOUT && error != WSAEDISCON) {
        play_wrong(play, "the next event of a server: %d", error);
    }
    play_expect(play, sequence > 0, "events were told");
}

/* More events than the journal begins with room for. */
void play_tcp_events(struct play *play) {
    enum { CONNECTIONS = 34 };
    ws2echo_server server;
    uint16_t port;
    uintptr_t handle;
    if (!play_open_default(play, &server, &port)) {
        return;
    }
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        hang_up(play_peer(play, port));
    }
    play_succeeds(play, ws2echo_server_wait(server, WS2ECHO_UNTIL_CLOSED, CONNECTIONS, play_timeout_ms(play)),
                  "wait for the ends");
    if (play_succeeds(play, ws2echo_server_wait_handle(server, &handle), "get the server's event")) {
        play_expect(play, WaitForSingleObject((HANDLE)handle, 0) == WAIT_OBJECT_0, "the server's event is set");
        CloseHandle((HANDLE)handle);
    }
    take_events(play, server);
    play_close(play, server);
}

/* Stopped while it waits, receives, and has more to send than its peers take; and closed with no stop before. */
void play_tcp_stop(struct play *play) {
    ws2echo_server server;
    uint16_t port;
    uint32_t stopped = 0;
    if (!play_open_default(play, &server, &port)) {
        return;
    }
    SOCKET idle = play_peer(play, port);
    SOCKET busy = play_peer(play, port);
    if (busy != INVALID_SOCKET) {
        play_send(play, busy, 0, 40000);
    }
    int error = ws2echo_server_drain(server, 10);
    play_ends_with(play, error, WSAETIMEDOUT, "drain");
    play_succeeds(play, ws2echo_server_stop(server, 10, &stopped), "stop");
    if (ws2echo_server_close(server) != 0) {
        play_wrong(play, "a server could not be closed: %.200s", ws2echo_last_failure());
    }
    hang_up(idle);
    hang_up(busy);
}

/* A port that nobody listens on; to be had by asking for one and giving it back. */
void play_tcp_refused(struct play *play) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    int size = sizeof address;
    ws2echo_client_options options;
    ws2echo_client client;
    SOCKET silent = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool bound = bind(silent, (const struct sockaddr *)&address, size) == 0 &&
                 getsockname(silent, (struct sockaddr *)&address, &size) == 0;
    play_expect(play, bound, "there is a port that nobody listens on");
    ws2echo_client_options_init(&options);
    options.port = ntohs(address.sin_port);
    options.connect_timeout_ms = play_timeout_ms(play);
    if (play_succeeds(play, ws2echo_client_begin(&options, &client), "begin a client")) {
        int error = ws2echo_client_connect(client, play_timeout_ms(play));
        if (error == 0) {
            play_wrong(play, "a client is connected to nobody");
        }
        play_ends_with(play, error, WSAECONNREFUSED, "connect to nobody");
        play_close_client(play, client);
    }
    closesocket(silent);
}

/* Who changes rules until the server is gone. */
struct changer {
    struct play play;
    ws2echo_server server;
};

static DWORD WINAPI change_rules(void *argument) {
    struct changer *changer = argument;
    struct play *play = &changer->play;
    int error = 0;
    while (error == 0) {
        uint32_t id = 0;
        error = ws2echo_server_fault_add(changer->server, "latency:latency=1", &id);
        if (error == 0) {
            error = ws2echo_server_fault_remove(changer->server, id);
        }
    }
    if (error != WSAENOTSOCK) {
        play_ends_with(play, error, WSA_OPERATION_ABORTED, "change the rules of a server that is closed");
    }
    return 0;
}

static void wait_for_changer(struct play *play, HANDLE thread, const struct changer *changer) {
    if (thread != NULL) {
        WaitForSingleObject(thread, INFINITE);
        CloseHandle(thread);
    }
    if (changer->play.wrong[0] != '\0') {
        play_wrong(play, "%s", changer->play.wrong);
    }
}

/* Rules change while the server stops, with peers that it has to let go. */
void play_tcp_rules(struct play *play) {
    enum { PEERS = 3 };
    struct changer changer = {.play = *play};
    SOCKET peers[PEERS];
    uint16_t port;
    if (!play_open_default(play, &changer.server, &port)) {
        return;
    }
    for (unsigned i = 0; i < PEERS; i++) {
        peers[i] = play_peer(play, port);
    }
    HANDLE thread = CreateThread(NULL, 0, change_rules, &changer, 0, NULL);
    play_expect(play, thread != NULL, "there is a thread to change rules");
    if (peers[0] != INVALID_SOCKET) {
        play_echo(play, changer.server, peers[0], 100);
    }
    play_close(play, changer.server);
    wait_for_changer(play, thread, &changer);
    for (unsigned i = 0; i < PEERS; i++) {
        hang_up(peers[i]);
    }
}

/* Closing waits until everything is sent: a thread of its own does it. */
void play_tcp_linger(struct play *play) {
    ws2echo_server_options options;
    ws2echo_server server;
    uint16_t port;
    play_server_options(play, &options);
    options.linger_s = 1;
    if (!play_open(play, &options, &server, &port)) {
        return;
    }
    SOCKET first = play_peer(play, port);
    SOCKET second = play_peer(play, port);
    if (first != INVALID_SOCKET) {
        play_echo(play, server, first, 100);
    }
    finish(play, server, first);
    finish(play, server, second);
    play_close(play, server);
}

/* On every address, asked by accept where there is a choice. */
void play_tcp_accept(struct play *play) {
    ws2echo_server_options options;
    ws2echo_server server;
    uint16_t port;
    play_server_options(play, &options);
    options.accept = WS2ECHO_ACCEPT_WSAACCEPT;
    options.host = "*";
    options.connections_max = 1;
    options.idle_timeout_ms = PLAY_PATIENCE_MS;
    if (!play_open(play, &options, &server, &port)) {
        return;
    }
    SOCKET first = play_peer(play, port);
    bool echoed = first != INVALID_SOCKET && play_echo(play, server, first, 100);
    SOCKET second = echoed ? play_peer(play, port) : INVALID_SOCKET;
    if (second != INVALID_SOCKET) {
        play_receive_end(play, server, second); /* it is one too many */
    }
    hang_up(second);
    finish(play, server, first);
    play_close(play, server);
}

/* More connections than one wait of a model takes, or than its tables begin with room for. */
void play_tcp_crowd(struct play *play) {
    enum { CONNECTIONS = 70 };
    ws2echo_server_options options;
    ws2echo_server server;
    uint16_t port;
    SOCKET peers[CONNECTIONS];
    play_server_options(play, &options);
    options.workers = play->model.workers ? 1 : 0;
    if (!play_open(play, &options, &server, &port)) {
        return;
    }
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        peers[i] = play_peer(play, port);
    }
    for (unsigned i = 0; i < CONNECTIONS; i += 3) {
        if (peers[i] != INVALID_SOCKET) {
            play_echo(play, server, peers[i], 10);
        }
    }
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        hang_up(peers[i]);
    }
    play_close(play, server);
}
