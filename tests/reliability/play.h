/*
 * What a scenario plays with: the library, by its public functions only, and peers that are plain sockets. Plain C11 and Winsock, so that
 * any compiler that has both takes it.
 *
 * A scenario is played in one of two ways. When nothing is made to fail, each call has to succeed and each byte has to come back. When
 * system calls are made to fail, a call of the library may fail, with an error that the header promises and a text that tells of it; what
 * comes back may be less, but never wrong; and nothing hangs: who waits in vain finds that the library told of trouble.
 */
#ifndef PLAY_H
#define PLAY_H

#include "ws2echo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <winsock2.h>
#include <ws2tcpip.h>

enum { PLAY_WRONG_SIZE = 512, PLAY_PATIENCE_MS = 20000, PLAY_BRIEF_MS = 400 };

/* What servers counted that did not go as it should. */
struct play_trouble {
    uint64_t accepts;     /* that failed */
    uint64_t connections; /* that ended for an error, or were reset */
    uint64_t unreachable; /* datagrams */
    uint64_t oversize;    /* … */
    uint64_t failed;      /* … */
    uint64_t ended;       /* sockets of UDP that served nobody any more */
};

struct play {
    ws2echo_model_info model;
    uint32_t protocol; /* enum ws2echo_protocol: TCP or UDP */
    bool failing;      /* system calls are made to fail */
    bool ipv4;         /* the server that was opened last listens there, where peers connect to */
    struct play_trouble trouble;
    char wrong[PLAY_WRONG_SIZE]; /* what was wrong first; "": nothing */
};

struct scenario {
    const char *name;
    uint32_t protocol;
    bool crowded; /* it takes many connections, and its time */
    void (*run)(struct play *play);
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* The scenarios of either protocol, in the files of that name. */
void play_tcp_open(struct play *play);
void play_tcp_echo(struct play *play);
void play_tcp_client(struct play *play);
void play_tcp_half_close(struct play *play);
void play_tcp_faults(struct play *play);
void play_tcp_listening(struct play *play);
void play_tcp_rules(struct play *play);
void play_tcp_load(struct play *play);
void play_tcp_events(struct play *play);
void play_tcp_stop(struct play *play);
void play_tcp_refused(struct play *play);
void play_tcp_linger(struct play *play);
void play_tcp_accept(struct play *play);
void play_tcp_crowd(struct play *play);
void play_udp_open(struct play *play);
void play_udp_echo(struct play *play);
void play_udp_client(struct play *play);
void play_udp_ping(struct play *play);
void play_udp_wildcard(struct play *play);
void play_udp_faults(struct play *play);
void play_udp_load(struct play *play);
void play_udp_stop(struct play *play);
void play_udp_refused(struct play *play);

/* ---- judging ---- */

/* Notes what was wrong, unless something was before. */
void play_wrong(struct play *play, const char *format, ...);

/* Whether a call of the library succeeded. If not, that is wrong, or it was one that had to fail: then its error is looked at. */
bool play_succeeds(struct play *play, int error, const char *what);

/* Like it, where the error given is as good as success, whether or not anything was made to fail. */
bool play_ends_with(struct play *play, int error, int wanted, const char *what);

/* Something that must be so when nothing was made to fail. */
void play_expect(struct play *play, bool so, const char *what);

/* ---- the library ---- */

void play_server_options(const struct play *play, ws2echo_server_options *options);
bool play_open(struct play *play, const ws2echo_server_options *options, ws2echo_server *server, uint16_t *port);

/* Opens a server with the default options of a scenario. */
bool play_open_default(struct play *play, ws2echo_server *server, uint16_t *port);

/* Stops the server, looks whether its accounts are right, and closes it. */
void play_close(struct play *play, ws2echo_server server);

/* How long a call of a client or load may wait in vain. */
uint32_t play_timeout_ms(const struct play *play);

bool play_open_client(struct play *play, uint16_t port, ws2echo_client *client);
void play_close_client(struct play *play, ws2echo_client client);

/* Runs a load to its end, and closes it. */
void play_load(struct play *play, const ws2echo_load_options *options);
void play_load_options(const struct play *play, uint16_t port, ws2echo_load_options *options);

/* ---- peers ---- */

/* A peer of the server, connected to it: INVALID_SOCKET if that could not be. */
SOCKET play_peer(struct play *play, uint16_t port);

/* Sends bytes of the pattern from the offset on: false if the connection is gone. */
bool play_send(struct play *play, SOCKET peer, size_t offset, size_t size);

/* Takes back so many bytes, which have to be those of the pattern: false if fewer came. */
bool play_receive(struct play *play, ws2echo_server server, SOCKET peer, size_t offset, size_t size);

/* Waits until the server has ended the connection. */
void play_receive_end(struct play *play, ws2echo_server server, SOCKET peer);

/* Sends so many bytes and takes them back. */
bool play_echo(struct play *play, ws2echo_server server, SOCKET peer, size_t size);

/* A datagram of that size and its answer. What was made to fail may have lost it. */
bool play_echo_datagram(struct play *play, ws2echo_server server, SOCKET peer, size_t size);

/* The bytes that scenarios send: those from the offset on. */
void play_pattern(unsigned char *bytes, size_t offset, size_t size);

#endif
