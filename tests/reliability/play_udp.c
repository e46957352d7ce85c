/* The scenarios over UDP. */
#include "play.h"

#include <string.h>

static void hang_up(SOCKET peer) {
    if (peer != INVALID_SOCKET) {
        closesocket(peer);
    }
}

static void echo_some(struct play *play, ws2echo_server server, SOCKET peer) {
    static const size_t sizes[] = {1, 700, 64};
    for (unsigned i = 0; peer != INVALID_SOCKET && i < sizeof sizes / sizeof sizes[0]; i++) {
        play_echo_datagram(play, server, peer, sizes[i]);
    }
}

void play_udp_open(struct play *play) {
    ws2echo_server_options options;
    ws2echo_server server;
    uint16_t port;
    play_server_options(play, &options);
    options.receive_buffer_bytes = 65536;
    if (play_open(play, &options, &server, &port)) {
        ws2echo_server_options in_force = {.size = sizeof in_force};
        play_succeeds(play, ws2echo_server_options_get(server, &in_force), "read the options");
        play_close(play, server);
    }
}

/* Among the datagrams is one that is too long. */
void play_udp_echo(struct play *play) {
    static const char too_long[2000];
    ws2echo_server_options options;
    ws2echo_server server;
    uint16_t port;
    play_server_options(play, &options);
    options.echo_buffer_bytes = 1000;
    if (!play_open(play, &options, &server, &port)) {
        return;
    }
    SOCKET peer = play_peer(play, port);
    if (peer != INVALID_SOCKET) {
        send(peer, too_long, sizeof too_long, 0);
    }
    echo_some(play, server, peer);
    hang_up(peer);
    ws2echo_server_stats stats = {.size = sizeof stats};
    play_succeeds(play, ws2echo_server_stats_get(server, &stats), "read the statistics");
    play_expect(play, stats.datagrams_received == 4 && stats.datagrams_oversize == 1 && stats.datagrams_sent == 3,
                "four datagrams came, one too long, three answered");
    play_close(play, server);
}

void play_udp_client(struct play *play) {
    static unsigned char data[1000];
    static unsigned char reply[sizeof data];
    ws2echo_server server;
    ws2echo_client client;
    uint16_t port;
    uint64_t count = 0;
    play_pattern(data, 0, sizeof data);
    if (!play_open_default(play, &server, &port)) {
        return;
    }
    if (play_open_client(play, port, &client)) {
        for (unsigned i = 0; i < 2; i++) {
            ws2echo_echo_progress progress = {0};
            int error = ws2echo_client_echo(client, data, sizeof data, reply, WS2ECHO_TIMEOUT_OF_OPTIONS, &progress);
            if (play_succeeds(play, error, "echo a datagram")) {
                play_expect(play, progress.mismatch_offset == WS2ECHO_NO_MISMATCH, "the datagram is the one that was sent");
            }
        }
        if (play_succeeds(play, ws2echo_client_send(client, data, 10, WS2ECHO_TIMEOUT_OF_OPTIONS, &count), "send a datagram")) {
            play_succeeds(play, ws2echo_client_recv(client, reply, sizeof reply, WS2ECHO_TIMEOUT_OF_OPTIONS, &count),
                          "receive a datagram");
        }
        play_succeeds(play, ws2echo_client_shutdown(client, WS2ECHO_HALF_BOTH), "shut a client down");
        play_close_client(play, client);
    }
    play_close(play, server);
}

void play_udp_ping(struct play *play) {
    ws2echo_ping_options options;
    ws2echo_ping_progress progress = {0};
    ws2echo_server server;
    ws2echo_client client;
    uint16_t port;
    if (!play_open_default(play, &server, &port)) {
        return;
    }
    if (play_open_client(play, port, &client)) {
        ws2echo_ping_options_init(&options);
        options.window = 4;
        options.reply_timeout_ms = play->failing ? 50 : PLAY_PATIENCE_MS;
        if (play_succeeds(play, ws2echo_client_ping(client, &options, PLAY_PATIENCE_MS, &progress), "ping")) {
            play_expect(play, progress.received == options.datagrams, "each datagram was answered");
            if (progress.received + progress.lost != progress.sent) {
                play_wrong(play, "of %llu datagrams %llu were answered and %llu lost", (unsigned long long)progress.sent,
                           (unsigned long long)progress.received, (unsigned long long)progress.lost);
            }
        }
        play_close_client(play, client);
    }
    play_close(play, server);
}

/* Answers have to leave from the address that was asked. */
void play_udp_wildcard(struct play *play) {
    ws2echo_server_options options;
    ws2echo_server server;
    uint16_t port;
    play_server_options(play, &options);
    options.host = "*";
    if (!play_open(play, &options, &server, &port)) {
        return;
    }
    SOCKET peer = play_peer(play, port);
    echo_some(play, server, peer);
    hang_up(peer);
    play_close(play, server);
}

/* A rule that the server took is in force, whatever failed. */
static void lose_all(struct play *play, ws2echo_server server, SOCKET peer) {
    uint32_t id = 0;
    if (!play_succeeds(play, ws2echo_server_fault_add(server, "drop", &id), "add a rule that loses all")) {
        return;
    }
    char answer[1];
    unsigned char datagram[1];
    play_pattern(datagram, 1, sizeof datagram); /* if it comes late, after the rule, it is the answer to another */
    if (send(peer, (const char *)datagram, sizeof datagram, 0) == sizeof datagram) {
        play_succeeds(play, ws2echo_server_wait(server, WS2ECHO_UNTIL_FAULTS, 1, play_timeout_ms(play)), "lose a datagram");
        if (recv(peer, answer, sizeof answer, 0) == 1) {
            play_wrong(play, "a datagram was answered that a rule should have lost");
        }
    }
    play_succeeds(play, ws2echo_server_fault_remove(server, id), "remove the rule that loses all");
}

void play_udp_faults(struct play *play) {
    ws2echo_server server;
    uint16_t port;
    uint32_t id = 0;
    if (!play_open_default(play, &server, &port)) {
        return;
    }
    SOCKET peer = play_peer(play, port);
    if (peer != INVALID_SOCKET) {
        lose_all(play, server, peer);
    }
    if (play_succeeds(play, ws2echo_server_fault_add(server, "delay:delay=2", &id), "add a rule")) {
        echo_some(play, server, peer);
        play_succeeds(play, ws2echo_server_fault_remove(server, id), "remove a rule");
    }
    echo_some(play, server, peer);
    hang_up(peer);
    play_close(play, server);
}

void play_udp_load(struct play *play) {
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

/* Stopped while datagrams are coming. */
void play_udp_stop(struct play *play) {
    ws2echo_server server;
    uint16_t port;
    if (!play_open_default(play, &server, &port)) {
        return;
    }
    SOCKET peer = play_peer(play, port);
    for (unsigned i = 0; peer != INVALID_SOCKET && i < 20; i++) {
        send(peer, "datagram", 8, 0);
    }
    play_succeeds(play, ws2echo_server_drain(server, play_timeout_ms(play)), "drain");
    play_close(play, server);
    hang_up(peer);
}

/* A client that talks to a closed port. */
void play_udp_refused(struct play *play) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    int size = sizeof address;
    ws2echo_client_options options;
    ws2echo_client client;
    SOCKET silent = socket(AF_INET, SOCK_DGRAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool bound = bind(silent, (const struct sockaddr *)&address, size) == 0 &&
                 getsockname(silent, (struct sockaddr *)&address, &size) == 0;
    play_expect(play, bound, "there is a port that nobody has");
    closesocket(silent);
    ws2echo_client_options_init(&options);
    options.protocol = WS2ECHO_PROTOCOL_UDP;
    options.host = "127.0.0.1";
    options.port = ntohs(address.sin_port);
    options.receive_timeout_ms = 100;
    if (play_succeeds(play, ws2echo_client_open(&options, &client), "open a client")) {
        for (unsigned i = 0; i < 2; i++) {
            ws2echo_echo_progress progress = {0};
            int error = ws2echo_client_echo(client, "x", 1, NULL, WS2ECHO_TIMEOUT_OF_OPTIONS, &progress);
            if (error != WSAECONNRESET) {
                play_ends_with(play, error, WSAETIMEDOUT, "echo with a closed port");
            }
        }
        play_close_client(play, client);
    }
}
