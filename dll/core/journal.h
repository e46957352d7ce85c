/* A bounded record of events: a ring over the caller's memory that drops the oldest, and counts it, when a new one finds no room. */
#ifndef W2E_JOURNAL_H
#define W2E_JOURNAL_H

#include "ws2echo.h"

#include <stdbool.h>
#include <stdint.h>

struct w2e_journal {
    ws2echo_event *events;
    uint32_t capacity;
    uint32_t begin; /* index of the oldest */
    uint32_t count;
    uint64_t sequence; /* of the newest event ever pushed */
    uint64_t dropped;
};

/* Whether the next push would drop an event. */
bool w2e_journal_full(const struct w2e_journal *journal);

/* Moves the journal into larger memory; the old memory comes back. */
ws2echo_event *w2e_journal_grow(struct w2e_journal *journal, ws2echo_event *events, uint32_t capacity);

/* Adds an event, and numbers it. */
void w2e_journal_push(struct w2e_journal *journal, const ws2echo_event *event);

/* Takes the oldest event out; false if there is none. */
bool w2e_journal_pop(struct w2e_journal *journal, ws2echo_event *event);

#endif
