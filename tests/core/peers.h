/*
 * Server and load client against each other, in memory: the session of an echo server, with faults or without, and that of a load client,
 * each under an imitation of a family of drivers, over a network that cuts, delays and breaks off at will. Every choice (configuration,
 * rules, slices, order, when a rule comes or goes, when someone is stopped) comes from a struct choice: so a seed is a run, and so are
 * the bytes of a fuzzer. Guards hold the sessions to their contract; besides it is checked that bytes come back in order and unaltered
 * but for the faults, that nothing wrong is taken for right, that everybody ends, and that all comes back if nothing forbids it.
 */
#ifndef PEERS_H
#define PEERS_H

#include "choice.h"

struct peers_report {
    uint64_t trace; /* two runs are the same if this is */
    uint64_t steps;
    uint64_t messages; /* or datagrams, that were begun */
    bool complete;     /* nothing kept it from coming back as a whole, and it did */
    bool aborted;      /* somebody was stopped on the way */
};

/* One run. `rules` is a text of rules (faults_parse.h), where they are not to be drawn; `fill` is what new buffers are full of. */
void peers_stream(struct choice *choice, const char *rules, unsigned char fill, struct peers_report *report);
void peers_datagrams(struct choice *choice, const char *rules, unsigned char fill, struct peers_report *report);

#endif
