/*
 * Loads an echo server, over ws2echo: connections that send messages, check every byte that comes back, and time it.
 *
 * load [HOST [PORT]] [OPTION NUMBER]… [--udp]     default: localhost 27015
 *
 *   --connections N    at once: default 10
 *   --bytes N          of a message: default 512
 *   --messages N       of all connections together: default 10000, or no limit when --seconds is given
 *   --seconds N        no message begins later
 *   --rate N           messages a second; else as fast as it goes
 *
 * Ctrl-C ends it earlier. The exit status is 0 if every byte came back as it went (over UDP: those that did), 1 if not, 2 for a wrong usage.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ws2echo.h>

#define DEFAULT_PORT        27015
#define DEFAULT_BYTES       512
#define DEFAULT_CONNECTIONS 10
#define DEFAULT_MESSAGES    10000
#define SECONDS_MAX         1000000

static ws2echo_load load;

/* Windows runs this on a thread of its own, so it may call the DLL; the load then ends as if its time were over. */
static void on_interrupt(int number) {
    (void)number;
    (void)ws2echo_load_stop(load);
}

static int fail(void) {
    fprintf(stderr, "%s\n", ws2echo_last_failure());
    return EXIT_FAILURE;
}

static int usage(void) {
    fprintf(stderr, "usage: load [HOST [PORT]] [--connections N] [--bytes N] [--messages N] [--seconds N] [--rate N] [--udp]\n");
    return 2;
}

static int parse_number(const char *text, uint32_t *number) {
    char *end = NULL;
    unsigned long value = text != NULL && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    *number = (uint32_t)value;
    return end != NULL && *end == '\0';
}

/* 1 if the option was known and its number one. */
static int set_option(ws2echo_load_options *options, const char *name, const char *text) {
    uint32_t number;
    if (!parse_number(text, &number)) {
        return 0;
    }
    if (strcmp(name, "--connections") == 0) {
        options->connections = number;
    } else if (strcmp(name, "--bytes") == 0) {
        options->message_bytes[0] = number;
    } else if (strcmp(name, "--messages") == 0) {
        options->messages = number;
    } else if (strcmp(name, "--seconds") == 0 && number <= SECONDS_MAX) {
        options->duration_ms = number * 1000;
    } else if (strcmp(name, "--rate") == 0) {
        options->rate = number;
    } else {
        return 0;
    }
    return 1;
}

static int parse(int argc, char **argv, ws2echo_load_options *options) {
    int places = 0;
    for (int i = 1; i < argc; i++) {
        int known;
        if (strcmp(argv[i], "--udp") == 0) {
            options->protocol = WS2ECHO_PROTOCOL_UDP;
            known = 1;
        } else if (strncmp(argv[i], "--", 2) == 0) {
            known = set_option(options, argv[i], argv[i + 1]); /* after the last argument comes NULL */
            i++;
        } else if (places++ == 0) {
            options->host = argv[i];
            known = 1;
        } else {
            known = places == 2 && parse_number(argv[i], &options->port);
        }
        if (!known) {
            return 0;
        }
    }
    if (options->messages == 0 && options->duration_ms == WS2ECHO_INFINITE) {
        options->messages = DEFAULT_MESSAGES;
    }
    return 1;
}

/* Tells what was wrong as it happens, until the load has finished; how many connections that was. */
static uint64_t report_problems(void) {
    static const char *const kinds[WS2ECHO_LOAD_PROBLEM_COUNT] = {
        "a wrong byte",   "bytes left out",        "bytes repeated", "bytes of another connection",
        "too many bytes", "ended before the echo", "cannot connect", "broken",
    };
    ws2echo_load_problem problem;
    uint64_t count = 0;
    problem.size = sizeof problem;
    while (ws2echo_load_next_problem(load, WS2ECHO_INFINITE, &problem) == 0) {
        count++;
        fprintf(stderr, "connection %" PRIu64 ": %s", problem.connection,
                problem.kind < WS2ECHO_LOAD_PROBLEM_COUNT ? kinds[problem.kind] : "a problem");
        if (problem.error != 0) {
            fprintf(stderr, ": %s (%d)\n", ws2echo_error_name(problem.error), (int)problem.error);
        } else {
            fprintf(stderr, " at offset %" PRIu64 "\n", problem.offset);
        }
    }
    return count;
}

static int print_latencies(void) {
    static const double percentiles[] = {0, 50, 90, 99, 99.9, 100};
    ws2echo_histogram *histogram = malloc(sizeof *histogram);
    int error = histogram == NULL || (ws2echo_histogram_init(histogram) != 0) ||
                ws2echo_load_histogram_get(load, WS2ECHO_LOAD_LATENCY, histogram) != 0;
    for (size_t i = 0; !error && i < sizeof percentiles / sizeof percentiles[0]; i++) {
        uint64_t value_us = 0;
        error = ws2echo_histogram_percentile(histogram, percentiles[i], &value_us) != 0;
        printf("Latency %5.1f %%: %" PRIu64 " us\n", percentiles[i], value_us);
    }
    free(histogram);
    return error;
}

static int print_summary(int is_udp) {
    ws2echo_load_stats stats;
    stats.size = sizeof stats;
    if (ws2echo_load_stats_get(load, &stats) != 0) {
        return 1;
    }
    double seconds = (double)stats.active_us / 1e6;
    printf("Messages: %" PRIu64 " in %.3f s (%.0f a second)\n", stats.messages, seconds,
           seconds > 0 ? (double)stats.messages / seconds : 0);
    printf("Bytes sent: %" PRIu64 "\n", stats.bytes_sent);
    printf("Bytes received: %" PRIu64 "\n", stats.bytes_received);
    printf("Connections: %" PRIu64 " begun, %" PRIu64 " ended well\n", stats.connections_begun, stats.connections_finished);
    if (stats.messages_owed > 0) {
        printf("Messages that were due and never began: %" PRIu64 "\n", stats.messages_owed);
    }
    if (is_udp) {
        printf("Datagrams lost: %" PRIu64 "\n", stats.datagrams_lost);
    }
    return stats.messages == 0 ? 0 : print_latencies();
}

int main(int argc, char **argv) {
    ws2echo_load_options options;

    (void)ws2echo_load_options_init(&options);
    options.port = DEFAULT_PORT;
    options.connections = DEFAULT_CONNECTIONS;
    options.message_bytes[0] = DEFAULT_BYTES;
    if (!parse(argc, argv, &options)) {
        return usage();
    }
    if (ws2echo_load_open(&options, &load) != 0) {
        return fail();
    }
    (void)signal(SIGINT, on_interrupt);
    uint64_t problems = report_problems();
    (void)signal(SIGINT, SIG_DFL);
    if (print_summary(options.protocol == WS2ECHO_PROTOCOL_UDP) != 0) {
        return fail();
    }
    return ws2echo_load_close(load) == 0 ? problems != 0 : fail();
}
