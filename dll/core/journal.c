#include "journal.h"

static uint32_t wrapped(const struct w2e_journal *journal, uint32_t offset) {
    return (uint32_t)(((uint64_t)journal->begin + offset) % journal->capacity);
}

bool w2e_journal_full(const struct w2e_journal *journal) {
    return journal->count == journal->capacity;
}

ws2echo_event *w2e_journal_grow(struct w2e_journal *journal, ws2echo_event *events, uint32_t capacity) {
    for (uint32_t i = 0; i < journal->count; i++) {
        events[i] = journal->events[wrapped(journal, i)];
    }
    ws2echo_event *old = journal->events;
    journal->events = events;
    journal->capacity = capacity;
    journal->begin = 0;
    return old;
}

void w2e_journal_push(struct w2e_journal *journal, const ws2echo_event *event) {
    journal->sequence++;
    if (journal->capacity == 0) {
        journal->dropped++;
        return;
    }
    if (w2e_journal_full(journal)) {
        journal->begin = wrapped(journal, 1);
        journal->count--;
        journal->dropped++;
    }
    ws2echo_event *place = &journal->events[wrapped(journal, journal->count)];
    *place = *event;
    place->sequence = journal->sequence;
    journal->count++;
}

bool w2e_journal_pop(struct w2e_journal *journal, ws2echo_event *event) {
    if (journal->count == 0) {
        return false;
    }
    *event = journal->events[journal->begin];
    journal->begin = wrapped(journal, 1);
    journal->count--;
    return true;
}
