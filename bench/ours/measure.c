/*
 * A load of the DLL, to measure servers with. Each line of its input asks for a run:
 *
 *   PORT MODEL PROTOCOL CONNECTIONS BYTES PATTERN WINDOW MESSAGES_PER_CONNECTION MILLISECONDS
 *
 * all of them numbers, as in ws2echo_load_options; each is answered by a line of JSON. One process makes all runs, so that what is made
 * once is not measured; and time counts from when all connections are there and have echoed a while.
 */
#include "ws2echo.h"

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

enum { FINISH_MS = 5000, CONNECT_LIMIT_MS = 20000, LOOK_MS = 5, WARM_UP_PARTS = 10, WARM_UP_MESSAGES = 4 };

/* What a load has counted at a moment. */
struct moment {
    ws2echo_load_stats stats;
    ws2echo_histogram latency;
};

struct percentiles {
    uint64_t p50_us;
    uint64_t p99_us;
};

static int ask(const char *line, ws2echo_load_options *options, uint32_t *duration_ms) {
    unsigned n[9];
    ws2echo_load_options_init(options);
    if (sscanf(line, "%u %u %u %u %u %u %u %u %u", &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8]) != 9) {
        return -1;
    }
    options->host = "127.0.0.1";
    options->port = n[0];
    options->model = n[1];
    options->protocol = n[2];
    options->connections = n[3];
    options->message_bytes[0] = n[4];
    options->pattern = n[5];
    options->window_bytes = n[6];
    options->messages_per_connection = n[7];
    options->duration_ms = WS2ECHO_INFINITE; /* until it is stopped */
    options->finish_timeout_ms = FINISH_MS;
    options->workers = 1;
    *duration_ms = n[8];
    return 0;
}

static void look(ws2echo_load load, struct moment *moment) {
    moment->stats.size = sizeof moment->stats;
    moment->latency.size = sizeof moment->latency;
    ws2echo_load_stats_get(load, &moment->stats);
    ws2echo_load_histogram_get(load, WS2ECHO_LOAD_LATENCY, &moment->latency);
}

/* A server that is busy with those that it has may keep others waiting for ever: then there are fewer. */
static void wait_connected(ws2echo_load load, uint32_t connections) {
    static struct moment moment;
    int waited_ms = 0;
    do {
        Sleep(LOOK_MS);
        waited_ms += LOOK_MS;
        look(load, &moment);
    } while (moment.stats.connections_connected < connections && waited_ms < CONNECT_LIMIT_MS);
}

/* A connection counts as connected once the system has it; the server accepts it later, and until then makes it wait beside those that it
 * serves already: neither is the speed that is asked for. */
static void wait_served(ws2echo_load load, uint32_t connections, struct moment *moment) {
    int waited_ms = 0;
    look(load, moment);
    while (moment->stats.messages < (uint64_t)connections * WARM_UP_MESSAGES && waited_ms < CONNECT_LIMIT_MS) {
        Sleep(LOOK_MS);
        waited_ms += LOOK_MS;
        look(load, moment);
    }
}

/* The latencies met between two moments. */
static void subtract(ws2echo_histogram *from, const ws2echo_histogram *what) {
    for (unsigned i = 0; i < WS2ECHO_HISTOGRAM_COUNTS; i++) {
        from->counts[i] -= what->counts[i];
    }
    from->count -= what->count;
}

static void answer(const struct moment *before, struct moment *after) {
    double seconds = (double)(after->stats.elapsed_us - before->stats.elapsed_us) / 1e6;
    unsigned long long bad = after->stats.datagrams_corrupt;
    for (int i = 0; i < WS2ECHO_LOAD_PROBLEM_COUNT; i++) {
        bad += after->stats.problems[i];
    }
    uint64_t p50_us;
    uint64_t p99_us;
    subtract(&after->latency, &before->latency);
    ws2echo_histogram_percentile(&after->latency, 50, &p50_us);
    ws2echo_histogram_percentile(&after->latency, 99, &p99_us);
    printf("{\"messages_per_s\": %.1f, \"mib_per_s\": %.3f, \"connections_per_s\": %.1f, \"p50_us\": %llu, \"p99_us\": %llu, "
           "\"seconds\": %.3f, \"connected\": %llu, \"bad\": %llu, \"lost\": %llu}\n",
           (double)(after->stats.messages - before->stats.messages) / seconds,
           (double)(after->stats.bytes_received - before->stats.bytes_received) / 1048576 / seconds,
           (double)(after->stats.connections_finished - before->stats.connections_finished) / seconds, (unsigned long long)p50_us,
           (unsigned long long)p99_us, seconds, (unsigned long long)before->stats.connections_connected, bad,
           (unsigned long long)after->stats.datagrams_lost);
}

/* Only for want of connections does a load end before it is stopped. */
static void tell_problem(ws2echo_load load, const ws2echo_load_stats *stats) {
    ws2echo_load_problem problem = {.size = sizeof problem};
    int error = ws2echo_load_next_problem(load, 0, &problem);
    printf("{\"error\": \"%llu of %llu connections ended well; of another: kind %u, Winsock error %d\"}\n",
           (unsigned long long)stats->connections_finished, (unsigned long long)stats->connections_begun,
           error == 0 ? (unsigned)problem.kind : 0, error == 0 ? (int)problem.error : error);
}

static void measure(ws2echo_load load, uint32_t connections, uint32_t duration_ms) {
    static struct moment before;
    static struct moment after;
    wait_connected(load, connections);
    Sleep(duration_ms / WARM_UP_PARTS);
    wait_served(load, connections, &before);
    Sleep(duration_ms);
    look(load, &after);
    ws2echo_load_stop(load);
    ws2echo_load_wait(load, FINISH_MS);
    if (after.stats.finished) { /* when it was looked at */
        tell_problem(load, &after.stats);
    } else {
        answer(&before, &after);
    }
}

int main(void) {
    char line[256];
    while (fgets(line, sizeof line, stdin) != NULL) {
        ws2echo_load_options options;
        uint32_t duration_ms;
        ws2echo_load load;
        if (ask(line, &options, &duration_ms) != 0) {
            printf("{\"error\": \"nine numbers are wanted\"}\n");
        } else if (ws2echo_load_open(&options, &load) != 0) {
            printf("{\"error\": \"%s\"}\n", ws2echo_last_failure());
        } else {
            measure(load, options.connections, duration_ms);
            ws2echo_load_close(load);
        }
        fflush(stdout);
    }
    return EXIT_SUCCESS;
}
