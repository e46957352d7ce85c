/*
 * A load of the DLL, to measure servers with. Each line of its input asks for a run:
 *
 *   PORT MODEL PROTOCOL CONNECTIONS BYTES PATTERN WINDOW MESSAGES_PER_CONNECTION MILLISECONDS
 *
 * all of them numbers, as in ws2echo_load_options; each is answered by a line of JSON. One process makes all runs, so that what is made
 * once is not measured.
 */
#include "ws2echo.h"

#include <stdio.h>
#include <stdlib.h>

enum { FINISH_MS = 5000 };

struct percentiles {
    uint64_t p50_us;
    uint64_t p99_us;
};

static int ask(const char *line, ws2echo_load_options *options) {
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
    options->duration_ms = n[8];
    options->warm_up_ms = n[8] / 10;
    options->finish_timeout_ms = FINISH_MS;
    options->workers = 1;
    return 0;
}

static void measure(ws2echo_load load, ws2echo_load_stats *stats, struct percentiles *found) {
    static ws2echo_histogram latency;
    stats->size = sizeof *stats;
    latency.size = sizeof latency;
    ws2echo_load_wait(load, WS2ECHO_INFINITE);
    ws2echo_load_stats_get(load, stats);
    ws2echo_load_histogram_get(load, WS2ECHO_LOAD_LATENCY, &latency);
    ws2echo_histogram_percentile(&latency, 50, &found->p50_us);
    ws2echo_histogram_percentile(&latency, 99, &found->p99_us);
}

static void answer(const ws2echo_load_stats *stats, const struct percentiles *found) {
    double seconds = (double)stats->elapsed_us / 1e6;
    unsigned long long bad = stats->datagrams_corrupt;
    for (int i = 0; i < WS2ECHO_LOAD_PROBLEM_COUNT; i++) {
        bad += stats->problems[i];
    }
    printf("{\"messages_per_s\": %.1f, \"mib_per_s\": %.3f, \"connections_per_s\": %.1f, \"p50_us\": %llu, \"p99_us\": %llu, "
           "\"seconds\": %.3f, \"bad\": %llu, \"lost\": %llu}\n",
           (double)stats->messages / seconds, (double)stats->bytes_received / 1048576 / seconds,
           (double)stats->connections_finished / seconds, (unsigned long long)found->p50_us, (unsigned long long)found->p99_us,
           seconds, bad, (unsigned long long)stats->datagrams_lost);
}

int main(void) {
    char line[256];
    while (fgets(line, sizeof line, stdin) != NULL) {
        ws2echo_load_options options;
        ws2echo_load_stats stats;
        struct percentiles found;
        ws2echo_load load;
        if (ask(line, &options) != 0) {
            printf("{\"error\": \"nine numbers are wanted\"}\n");
        } else if (ws2echo_load_open(&options, &load) != 0) {
            printf("{\"error\": \"%s\"}\n", ws2echo_last_failure());
        } else {
            measure(load, &stats, &found);
            ws2echo_load_close(load);
            answer(&stats, &found);
        }
        fflush(stdout);
    }
    return EXIT_SUCCESS;
}
