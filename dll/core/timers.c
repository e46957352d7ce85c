#include "timers.h"

#include "session.h"

/* Joins two heaps: the later root becomes the first child of the earlier one. */
static struct w2e_timer *meld(struct w2e_timer *a, struct w2e_timer *b) {
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    struct w2e_timer *parent = a->due_us <= b->due_us ? a : b;
    struct w2e_timer *child = parent == a ? b : a;
    child->next = parent->child;
    if (child->next != NULL) {
        child->next->previous = child;
    }
    child->previous = parent;
    parent->child = child;
    return parent;
}

/* Joins siblings into one heap: pairs from left to right, then the pairs from right to left, which is what keeps the heap flat. */
static struct w2e_timer *meld_siblings(struct w2e_timer *first) {
    struct w2e_timer *pairs = NULL;
    while (first != NULL) {
        struct w2e_timer *a = first;
        struct w2e_timer *b = a->next;
        first = b != NULL ? b->next : NULL;
        a->next = NULL;
        a->previous = NULL;
        if (b != NULL) {
            b->next = NULL;
            b->previous = NULL;
        }
        struct w2e_timer *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct w2e_timer *heap = NULL;
    while (pairs != NULL) {
        struct w2e_timer *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        heap = meld(heap, pair);
    }
    return heap;
}

/* Takes a timer that is not the first out of its siblings. */
static void cut(struct w2e_timer *timer) {
    if (timer->previous->child == timer) {
        timer->previous->child = timer->next;
    } else {
        timer->previous->next = timer->next;
    }
    if (timer->next != NULL) {
        timer->next->previous = timer->previous;
    }
    timer->next = NULL;
    timer->previous = NULL;
}

void w2e_timers_remove(struct w2e_timers *timers, struct w2e_timer *timer) {
    if (!timer->set) {
        return;
    }
    struct w2e_timer *children = meld_siblings(timer->child);
    if (timers->first == timer) {
        timers->first = children;
    } else {
        cut(timer);
        timers->first = meld(timers->first, children);
    }
    *timer = (struct w2e_timer){.set = false};
}

void w2e_timers_set(struct w2e_timers *timers, struct w2e_timer *timer, uint64_t due_us) {
    w2e_timers_remove(timers, timer);
    *timer = (struct w2e_timer){.due_us = due_us, .set = true};
    timers->first = meld(timers->first, timer);
}

uint64_t w2e_timers_due_us(const struct w2e_timers *timers) {
    return timers->first != NULL ? timers->first->due_us : W2E_NEVER;
}

struct w2e_timer *w2e_timers_pop(struct w2e_timers *timers, uint64_t now_us) {
    struct w2e_timer *first = timers->first;
    if (first == NULL || first->due_us > now_us) {
        return NULL;
    }
    w2e_timers_remove(timers, first);
    return first;
}
