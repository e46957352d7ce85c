#include "check.h"
#include "journal.h"

static void push(struct w2e_journal *journal, uint64_t connection_id) {
    ws2echo_event event = {.connection_id = connection_id};
    w2e_journal_push(journal, &event);
}

static void check_pop(struct w2e_journal *journal, uint64_t connection_id, uint64_t sequence) {
    ws2echo_event event;
    CHECK(w2e_journal_pop(journal, &event));
    CHECK(event.connection_id == connection_id);
    CHECK(event.sequence == sequence);
}

static void without_memory_everything_is_dropped_and_counted(void) {
    struct w2e_journal journal = {0};
    ws2echo_event event;
    CHECK(w2e_journal_full(&journal));
    push(&journal, 1);
    CHECK(journal.dropped == 1);
    CHECK(!w2e_journal_pop(&journal, &event));
}

static void the_oldest_are_dropped(void) {
    ws2echo_event memory[3];
    struct w2e_journal journal = {.events = memory, .capacity = 3};
    for (uint64_t id = 1; id <= 5; id++) {
        push(&journal, id);
    }
    CHECK(journal.dropped == 2);
    check_pop(&journal, 3, 3);
    check_pop(&journal, 4, 4);
    push(&journal, 6);
    check_pop(&journal, 5, 5);
    check_pop(&journal, 6, 6);
    ws2echo_event event;
    CHECK(!w2e_journal_pop(&journal, &event));
}

static void growing_keeps_order_from_any_place_in_the_ring(void) {
    for (uint32_t turned = 0; turned < 4; turned++) {
        ws2echo_event small[4];
        ws2echo_event large[8];
        struct w2e_journal journal = {.events = small, .capacity = 4};
        uint64_t id = 0;
        for (uint32_t i = 0; i < turned; i++) {
            push(&journal, ++id);
            check_pop(&journal, id, id);
        }
        uint64_t first = id + 1;
        for (int i = 0; i < 4; i++) {
            push(&journal, ++id);
        }
        CHECK(w2e_journal_full(&journal));
        CHECK(w2e_journal_grow(&journal, large, 8) == small);
        CHECK(!w2e_journal_full(&journal));
        push(&journal, ++id);
        for (uint64_t expected = first; expected <= id; expected++) {
            check_pop(&journal, expected, expected);
        }
        CHECK(journal.dropped == 0);
    }
}

int main(void) {
    without_memory_everything_is_dropped_and_counted();
    the_oldest_are_dropped();
    growing_keeps_order_from_any_place_in_the_ring();
    return 0;
}
