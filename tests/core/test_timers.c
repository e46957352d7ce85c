/* Timers against the simplest thing that can be right: an array that is searched from end to end. */
#include "check.h"
#include "session.h"
#include "timers.h"

#include <string.h>

enum { TIMERS = 64, ROUNDS = 20000 };

static uint32_t random_state;

static uint32_t random_below(uint32_t limit) {
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % limit;
}

static uint64_t first_due(const uint64_t *due) {
    uint64_t first = W2E_NEVER;
    for (int i = 0; i < TIMERS; i++) {
        first = due[i] < first ? due[i] : first;
    }
    return first;
}

static void pop_all_until(struct w2e_timers *timers, struct w2e_timer *all, uint64_t *due, uint64_t now_us) {
    struct w2e_timer *timer;
    uint64_t last = 0;
    while ((timer = w2e_timers_pop(timers, now_us)) != NULL) {
        uint64_t *its_due = &due[timer - all];
        CHECK(*its_due == first_due(due) && *its_due <= now_us && *its_due >= last);
        CHECK(!timer->set);
        last = *its_due;
        *its_due = W2E_NEVER;
    }
    CHECK(first_due(due) > now_us);
}

static void any_order_of_calls_keeps_the_order_of_time(uint32_t seed) {
    struct w2e_timers timers = {NULL};
    struct w2e_timer all[TIMERS];
    uint64_t due[TIMERS];
    uint64_t now_us = 0;
    random_state = seed;
    memset(all, 0, sizeof all);
    memset(due, 0xFF, sizeof due);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t chosen = random_below(TIMERS);
        switch (random_below(4)) {
        case 0:
        case 1:
            due[chosen] = now_us + random_below(500);
            w2e_timers_set(&timers, &all[chosen], due[chosen]);
            break;
        case 2:
            due[chosen] = W2E_NEVER;
            w2e_timers_remove(&timers, &all[chosen]);
            break;
        default:
            now_us += random_below(60);
            pop_all_until(&timers, all, due, now_us);
        }
        CHECK(w2e_timers_due_us(&timers) == first_due(due));
    }
}

static void nothing_is_due_of_nothing(void) {
    struct w2e_timers timers = {NULL};
    CHECK(w2e_timers_due_us(&timers) == W2E_NEVER);
    CHECK(w2e_timers_pop(&timers, W2E_NEVER) == NULL);
}

int main(void) {
    nothing_is_due_of_nothing();
    for (uint32_t seed = 1; seed <= 20; seed++) {
        any_order_of_calls_keeps_the_order_of_time(seed);
    }
    return 0;
}
