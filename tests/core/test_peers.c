/*
 * Server against load client, many times (peers.h).
 *
 *   test_peers                    some runs
 *   test_peers FIRST COUNT        the runs of these seeds; tells how many steps they were, and the trace of all
 *   test_peers SEED               one run, and its trace
 */
#include "check.h"
#include "guard.h"
#include "peers.h"

#include <inttypes.h>
#include <signal.h>

enum { SEEDS = 2000, REPEATED = 16 /* one of so many is run twice */ };

struct sum {
    uint64_t trace;
    uint64_t steps;
    uint64_t messages;
    uint64_t complete;
    uint64_t aborted;
    uint64_t twice;
};

/* Every second seed is a run over UDP. */
static void run(uint64_t seed, unsigned char fill, struct peers_report *report) {
    struct choice choice = choice_of_seed(seed);
    if (seed % 2 == 0) {
        peers_stream(&choice, NULL, fill, report);
    } else {
        peers_datagrams(&choice, NULL, fill, report);
    }
}

static void add(struct sum *sum, const struct peers_report *report) {
    sum->trace = guard_mix(sum->trace, report->trace);
    sum->steps += report->steps;
    sum->messages += report->messages;
    sum->complete += report->complete;
    sum->aborted += report->aborted;
}

static void run_again(uint64_t seed, const struct peers_report *before, struct sum *sum) {
    struct peers_report again;
    run(seed, 0x55, &again);
    CHECK(again.trace == before->trace && again.steps == before->steps);
    sum->twice++;
}

static volatile uint64_t seed_now; /* 0: none */

static struct sum run_all(uint64_t first, uint64_t count) {
    struct sum sum = {.trace = 1};
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct peers_report report;
        seed_now = seed;
        run(seed, 0xAA, &report);
        add(&sum, &report);
        if (seed % REPEATED < 2) {
            run_again(seed, &report, &sum);
        }
    }
    return sum;
}

static void tell_seed(void) {
    if (seed_now > 0) {
        fprintf(stderr, "seed %" PRIu64 " failed\n", seed_now);
    }
}

/* A sanitizer that found something, or somebody who has waited long enough. */
static void tell_seed_and_end(int number) {
    (void)number;
    tell_seed();
    _Exit(1);
}

int main(int count, char **arguments) {
    uint64_t first = count > 1 ? strtoull(arguments[1], NULL, 10) : 1;
    uint64_t seeds = count > 2 ? strtoull(arguments[2], NULL, 10) : count > 1 ? 1 : SEEDS;
    atexit(tell_seed);
    signal(SIGABRT, tell_seed_and_end);
    signal(SIGINT, tell_seed_and_end);
    struct sum sum = run_all(first, seeds);
    seed_now = 0;
    if (count > 1) {
        printf("seeds %" PRIu64 " steps %" PRIu64 " messages %" PRIu64 " complete %" PRIu64 " aborted %" PRIu64 " twice %" PRIu64
               " trace %016" PRIx64 "\n",
               seeds, sum.steps, sum.messages, sum.complete, sum.aborted, sum.twice, sum.trace);
    } else {
        CHECK(sum.complete > seeds / 8 && sum.aborted > seeds / 8 && sum.messages > seeds);
    }
    return 0;
}
