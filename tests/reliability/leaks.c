/*
 * Leaks, counted from outside: what this process holds is the same after many openings and closings as after a few.
 *
 *   leaks [--model M] [--cycles N] [--connections N]   of each model: 100 and 1000
 *
 * A cycle is a server that is opened and closed, with a client in every fourth, a load in every sixteenth; then one server has so many
 * connections, one after the other, under TCP and under UDP as many datagrams. Counted are handles, threads, and the blocks of the process's
 * heaps, which also have what the system's own libraries hold for the process: a growth that goes on is told from one that ends.
 */
#include "choice.h"
#include "held.h"
#include "watchdog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT_MS = 120000, CONNECTIONS_LIMIT_MS = 900000, BATCHES = 4, BATCH_MIN = 5, WARM_UP = 17 };

struct leaks {
    struct choice choice;
    unsigned cycles;
    unsigned connections;
    unsigned found;
};

static void cycle(struct play *play, unsigned number) {
    ws2echo_server server;
    ws2echo_client client;
    ws2echo_load_options load;
    uint16_t port;
    if (!play_open_default(play, &server, &port)) {
        return;
    }
    if (number % 4 == 0 && play_open_client(play, port, &client)) {
        unsigned char data[64];
        ws2echo_echo_progress progress = {0};
        play_pattern(data, 0, sizeof data);
        play_succeeds(play, ws2echo_client_echo(client, data, sizeof data, NULL, WS2ECHO_TIMEOUT_OF_OPTIONS, &progress), "echo");
        play_close_client(play, client);
    }
    if (number % 16 == 0) {
        play_load_options(play, port, &load);
        play_load(play, &load);
    }
    play_close(play, server);
}

/* Opens and closes, over TCP and UDP in turn. */
static void cycles(struct play *play, unsigned count) {
    for (unsigned i = 0; i < count && play->wrong[0] == '\0'; i++) {
        play->protocol = i % 2 == 0 ? WS2ECHO_PROTOCOL_TCP : WS2ECHO_PROTOCOL_UDP;
        cycle(play, i / 2);
    }
}

static void connect_once(struct play *play, ws2echo_server server, uint16_t port) {
    SOCKET peer = play_peer(play, port);
    if (peer != INVALID_SOCKET) {
        if (play->protocol == WS2ECHO_PROTOCOL_UDP) {
            play_echo_datagram(play, server, peer, 32);
        } else {
            play_echo(play, server, peer, 32);
        }
        closesocket(peer);
    }
}

/* The peers of one server. */
static void connections(struct play *play, ws2echo_server server, uint16_t port, unsigned count) {
    for (unsigned i = 0; i < count && play->wrong[0] == '\0'; i++) {
        play->protocol = i % 4 == 3 ? WS2ECHO_PROTOCOL_UDP : WS2ECHO_PROTOCOL_TCP;
        connect_once(play, server, port);
    }
    if (ws2echo_server_wait(server, WS2ECHO_UNTIL_OPEN_AT_MOST, 0, PLAY_PATIENCE_MS) != 0) {
        play_wrong(play, "connections do not end: %.200s", ws2echo_last_failure());
    }
}

/* ---- counting ---- */

struct count {
    struct held held;
    struct held_heap heap;
};

static struct count count_now(void) {
    return (struct count){.held = {.handles = held_handles(), .threads = held_threads()}, .heap = held_heap()};
}

/* The heap has grown each time: then it goes on. Once it may grow, for what is kept from then on. */
static bool grows_on(const struct count *counts) {
    for (unsigned i = 1; i <= BATCHES; i++) {
        if (counts[i].heap.blocks <= counts[i - 1].heap.blocks) {
            return false;
        }
    }
    return true;
}

static void judge_held(struct play *play, const struct held *before, const char *what) {
    struct held now;
    if (!held_came_down(before, true, &now)) {
        play_wrong(play, "after %s there are %u handles and %u threads, before %u and %u", what, now.handles, now.threads,
                   before->handles, before->threads);
    }
}

static void judge_heap(struct play *play, const struct count *counts, const char *what) {
    const struct count *first = &counts[0];
    const struct count *last = &counts[BATCHES];
    if (grows_on(counts)) {
        play_wrong(play, "with %s the heap grows on: from %u blocks to %u, %u bytes to %u", what, (unsigned)first->heap.blocks,
                   (unsigned)last->heap.blocks, (unsigned)first->heap.bytes, (unsigned)last->heap.bytes);
    }
}

static unsigned batch_of(unsigned all) {
    return all / BATCHES > BATCH_MIN ? all / BATCHES : BATCH_MIN;
}

static void count_cycles(struct play *play, unsigned all, struct count *counts) {
    cycles(play, 2 * WARM_UP);
    counts[0] = count_now();
    for (unsigned i = 1; i <= BATCHES; i++) {
        watchdog_watch(play->model.name, LIMIT_MS * (1 + all / 500));
        cycles(play, batch_of(all));
        counts[i] = count_now();
    }
    judge_held(play, &counts[0].held, "openings and closings");
    judge_heap(play, counts, "openings and closings");
}

/* While it is open a server keeps threads and events ready for as many as it once had at a time: so what it holds is judged once it is closed. */
static void count_connections(struct play *play, unsigned all, struct count *counts) {
    struct count before = count_now();
    ws2echo_server_options options;
    ws2echo_server server;
    uint16_t port;
    play_server_options(play, &options);
    options.protocol = WS2ECHO_PROTOCOL_BOTH;
    options.journal_events = 64;
    if (!play_open(play, &options, &server, &port)) {
        return;
    }
    connections(play, server, port, WARM_UP + batch_of(all));
    counts[0] = count_now();
    for (unsigned i = 1; i <= BATCHES; i++) {
        watchdog_watch(play->model.name, CONNECTIONS_LIMIT_MS);
        connections(play, server, port, batch_of(all));
        counts[i] = count_now();
    }
    judge_heap(play, counts, "connections");
    play->protocol = WS2ECHO_PROTOCOL_BOTH;
    play_close(play, server);
    judge_held(play, &before.held, "a server's connections");
}

static void tell(const struct leaks *leaks, const struct count *cycling, const struct count *connecting, const char *model) {
    printf("MODEL %s: %u cycles, %u connections; handles %u %u, threads %u %u, heap blocks %u %u, then %u %u\n", model,
           BATCHES * batch_of(leaks->cycles), BATCHES * batch_of(leaks->connections), cycling[0].held.handles,
           cycling[BATCHES].held.handles, cycling[0].held.threads, cycling[BATCHES].held.threads,
           (unsigned)cycling[0].heap.blocks, (unsigned)cycling[BATCHES].heap.blocks, (unsigned)connecting[0].heap.blocks,
           (unsigned)connecting[BATCHES].heap.blocks);
    fflush(stdout);
}

static void look_at(struct leaks *leaks, const ws2echo_model_info *model) {
    struct count cycling[BATCHES + 1] = {0};
    struct count connecting[BATCHES + 1] = {0};
    struct play play = {.model = *model};
    watchdog_watch(model->name, LIMIT_MS);
    count_cycles(&play, leaks->cycles, cycling);
    if (play.wrong[0] == '\0') {
        count_connections(&play, leaks->connections, connecting);
    }
    if (play.wrong[0] != '\0') {
        printf("FOUND --model %s: %s\n", model->name, play.wrong);
        leaks->found++;
    }
    tell(leaks, cycling, connecting, model->name);
}

int main(int count, char **arguments) {
    struct leaks leaks = {.cycles = 100, .connections = 1000};
    WSADATA data;
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(arguments[i], "--cycles") == 0) {
            leaks.cycles = (unsigned)strtoul(arguments[i + 1], NULL, 10);
        } else if (strcmp(arguments[i], "--connections") == 0) {
            leaks.connections = (unsigned)strtoul(arguments[i + 1], NULL, 10);
        } else if (!choice_take(&leaks.choice, arguments[i], arguments[i + 1])) {
            fprintf(stderr, "unknown: %s\n", arguments[i]);
            return EXIT_FAILURE;
        }
    }
    if (!watchdog_start() || WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        return EXIT_FAILURE;
    }
    ws2echo_model_info model = {.size = sizeof model};
    for (uint32_t i = 0; ws2echo_model_describe(i, &model) == 0; i++) {
        if (choice_has_model(&leaks.choice, &model)) {
            look_at(&leaks, &model);
        }
    }
    WSACleanup();
    printf("%s\n", leaks.found == 0 ? "RIGHT" : "WRONG");
    return leaks.found == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
