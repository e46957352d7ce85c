/* Slots, timers and the journal, each against a list that is too simple to be wrong. */
#include "fuzz.h"
#include "journal.h"
#include "session.h"
#include "slots.h"
#include "timers.h"

enum { SLOTS = 5, IDS = 64, TIMERS = 12, EVENTS = 7 };

/* ---- slots ---- */

struct known {
    uint64_t id;
    uint8_t kind;
    int *object; /* NULL: removed */
};

static void check_id(const struct w2e_slots *slots, const struct known *known) {
    CHECK(w2e_slots_find(slots, known->kind, known->id) == known->object);
    CHECK(w2e_slots_find(slots, known->kind ^ 1, known->id) == NULL);
}

static unsigned live(const struct known *known, unsigned count) {
    unsigned number = 0;
    for (unsigned i = 0; i < count; i++) {
        number += known[i].object != NULL;
    }
    return number;
}

static void play_slots(struct choice *choice) {
    static int objects[IDS];
    struct w2e_slot table[SLOTS] = {{0}};
    struct w2e_slots slots = {.slots = table, .capacity = SLOTS};
    struct known known[IDS];
    unsigned count = 0;
    for (uint64_t steps = choose(choice, IDS); steps > 0; steps--) {
        if (count > 0 && choose_one_in(choice, 2)) {
            struct known *chosen = &known[choose(choice, count)];
            CHECK(w2e_slots_remove(&slots, chosen->kind, chosen->id) == chosen->object);
            chosen->object = NULL;
        } else {
            struct known added = {.kind = (uint8_t)(2 + choose(choice, 4) * 2), .object = &objects[count]};
            added.id = w2e_slots_add(&slots, added.kind, added.object);
            CHECK((added.id == 0) == (live(known, count) == SLOTS));
            if (added.id != 0) {
                known[count++] = added;
            }
        }
        for (unsigned i = 0; i < count; i++) {
            check_id(&slots, &known[i]);
        }
        CHECK(slots.live == live(known, count));
    }
}

/* ---- timers ---- */

static uint64_t least_due(const struct w2e_timer *timers, const uint64_t *due_us) {
    uint64_t least_us = W2E_NEVER;
    for (unsigned i = 0; i < TIMERS; i++) {
        if (timers[i].set && due_us[i] < least_us) {
            least_us = due_us[i];
        }
    }
    return least_us;
}

static void play_timers(struct choice *choice) {
    struct w2e_timer timers[TIMERS] = {{0}};
    uint64_t due_us[TIMERS] = {0};
    struct w2e_timers heap = {0};
    for (uint64_t steps = choose(choice, 64); steps > 0; steps--) {
        unsigned which = (unsigned)choose(choice, TIMERS);
        uint64_t now_us = choose(choice, 100);
        uint64_t least_us = least_due(timers, due_us);
        switch (choose(choice, 4)) {
        case 0:
            w2e_timers_remove(&heap, &timers[which]);
            CHECK(!timers[which].set);
            break;
        case 1: {
            struct w2e_timer *popped = w2e_timers_pop(&heap, now_us);
            CHECK((popped != NULL) == (least_us <= now_us));
            CHECK(popped == NULL || (!popped->set && due_us[popped - timers] == least_us));
            break;
        }
        default:
            due_us[which] = now_us;
            w2e_timers_set(&heap, &timers[which], now_us);
            CHECK(timers[which].set);
            break;
        }
        CHECK(w2e_timers_due_us(&heap) == least_due(timers, due_us));
    }
}

/* ---- journal ---- */

static void play_journal(struct choice *choice) {
    ws2echo_event *memory = malloc(EVENTS * sizeof *memory);
    struct w2e_journal journal = {.events = memory, .capacity = (uint32_t)choose_between(choice, 1, EVENTS)};
    uint64_t pushed = 0;
    uint64_t popped = 0;
    for (uint64_t steps = choose(choice, 64); steps > 0; steps--) {
        ws2echo_event event = {.bytes_sent = pushed + 1};
        if (choose_one_in(choice, 3)) {
            bool any = journal.count > 0;
            CHECK(w2e_journal_pop(&journal, &event) == any);
            CHECK(!any || (event.sequence > popped && event.bytes_sent == event.sequence));
            popped = any ? event.sequence : popped;
        } else {
            uint64_t dropped = journal.dropped + w2e_journal_full(&journal);
            w2e_journal_push(&journal, &event);
            CHECK(journal.sequence == ++pushed && journal.dropped == dropped);
        }
        CHECK(journal.count <= journal.capacity);
    }
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct choice choice = choice_of_bytes(data, size);
    play_slots(&choice);
    play_timers(&choice);
    play_journal(&choice);
    return 0;
}
