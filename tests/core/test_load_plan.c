/* The plan of a connection under load: pure arithmetic. */
#include "check.h"
#include "load_plan.h"

static struct w2e_load_config config;
static struct w2e_load_plan plan;

static void begin(uint64_t phase_us) {
    w2e_load_plan_init(&plan, &config, 0, phase_us, 1);
    w2e_load_plan_opened(&plan, 0);
}

static void no_error_adds_up_however_long_it_lasts(void) {
    w2e_load_config_default(&config);
    config.start_us = 1000;
    config.interval_ns = 333333333;
    begin(7);
    for (uint64_t number = 0; number < 1000000; number++) {
        CHECK(plan.ready_us == 1007 + number * 333333333 / 1000);
        CHECK(w2e_load_plan_begin(&plan, plan.ready_us + 5) == 1007 + number * 333333333 / 1000);
    }
}

static void a_burst_is_due_at_once(void) {
    w2e_load_config_default(&config);
    config.interval_ns = 5000;
    config.burst = 3;
    begin(0);
    for (uint64_t number = 0; number < 100; number++) {
        CHECK(plan.ready_us == number / 3 * 5);
        w2e_load_plan_begin(&plan, 1000);
    }
}

static void without_a_pace_a_message_is_meant_to_begin_when_it_does(void) {
    w2e_load_config_default(&config);
    config.start_us = 50;
    begin(5);
    CHECK(!w2e_load_plan_ready(&plan, 54) && w2e_load_plan_wake_us(&plan, 54) == 55);
    CHECK(w2e_load_plan_ready(&plan, 55) && w2e_load_plan_wake_us(&plan, 55) == W2E_NEVER);
    CHECK(w2e_load_plan_begin(&plan, 60) == 60 && plan.ready_us == 55);
    CHECK(w2e_load_plan_begin(&plan, 61) == 61);
    CHECK(w2e_load_due(&config, 0, 0, 1000000) == 0);
}

static void delay_and_thought_hold_back_but_do_not_shift_the_timetable(void) {
    w2e_load_config_default(&config);
    config.interval_ns = 10000;
    config.send_delay_us = 25;
    config.think_us = 40;
    w2e_load_plan_init(&plan, &config, 0, 0, 1);
    w2e_load_plan_opened(&plan, 100);
    CHECK(plan.ready_us == 125);
    CHECK(w2e_load_plan_begin(&plan, 125) == 0);
    w2e_load_plan_answered(&plan, 130);
    CHECK(plan.ready_us == 170);
    CHECK(w2e_load_plan_begin(&plan, 170) == 10);
    CHECK(plan.ready_us == 170);
}

static void stopping_is_exact(void) {
    w2e_load_config_default(&config);
    config.interval_ns = 10000;
    config.stop_us = 35;
    begin(0);
    for (uint64_t now_us = 0; now_us <= 30; now_us += 10) {
        CHECK(w2e_load_plan_ready(&plan, now_us));
        w2e_load_plan_begin(&plan, now_us);
    }
    CHECK(w2e_load_plan_wake_us(&plan, 31) == 35); /* not 40, when the next would be due */
    CHECK(!w2e_load_plan_over(&plan, 34) && w2e_load_plan_over(&plan, 35));
    CHECK(!w2e_load_plan_ready(&plan, 40) && w2e_load_plan_wake_us(&plan, 40) == W2E_NEVER);
}

static void what_is_due_is_counted(void) {
    w2e_load_config_default(&config);
    config.interval_ns = 10500;
    config.burst = 2;
    CHECK(w2e_load_due(&config, 100, 0, 99) == 0 && w2e_load_due(&config, 100, 1, 100) == 0);
    CHECK(w2e_load_due(&config, 100, 0, 101) == 2 && w2e_load_due(&config, 100, 1, 101) == 1);
    CHECK(w2e_load_due(&config, 100, 0, 110) == 2);
    CHECK(w2e_load_due(&config, 100, 0, 111) == 4);
    CHECK(w2e_load_due(&config, 100, 0, 121) == 4);
    CHECK(w2e_load_due(&config, 100, 0, 122) == 6);
    CHECK(w2e_load_due(&config, 100, 0, 150) == 10); /* at 100, 110, 121, 131 and 142 */
}

/* What began late for want of room, or because nobody looked, is not the timers' doing. */
static void only_timers_are_late(void) {
    w2e_load_config_default(&config);
    config.interval_ns = 10000;
    begin(0);
    CHECK(w2e_load_plan_may_begin(&plan, true, 0));
    w2e_load_plan_begin(&plan, 0);
    CHECK(plan.timed == 0);
    CHECK(!w2e_load_plan_may_begin(&plan, true, 5) && w2e_load_plan_may_begin(&plan, true, 13));
    w2e_load_plan_begin(&plan, 13);
    CHECK(plan.timed == 1 && plan.timer_late_us == 3 && plan.timer_late_max_us == 3);
    CHECK(!w2e_load_plan_may_begin(&plan, true, 15) && w2e_load_plan_may_begin(&plan, true, 20));
    w2e_load_plan_begin(&plan, 20);
    CHECK(plan.timed == 2 && plan.timer_late_us == 3 && plan.timer_late_max_us == 3);
    CHECK(!w2e_load_plan_may_begin(&plan, true, 25) && !w2e_load_plan_may_begin(&plan, false, 28));
    CHECK(w2e_load_plan_may_begin(&plan, true, 500)); /* there was no room until now */
    w2e_load_plan_begin(&plan, 500);
    CHECK(w2e_load_plan_may_begin(&plan, true, 500));
    w2e_load_plan_begin(&plan, 500);
    CHECK(plan.timed == 2);
    config.interval_ns = 0;
    config.think_us = 10;
    begin(0);
    w2e_load_plan_begin(&plan, 0);
    w2e_load_plan_answered(&plan, 1);
    CHECK(!w2e_load_plan_may_begin(&plan, true, 5) && w2e_load_plan_may_begin(&plan, true, 13));
    w2e_load_plan_begin(&plan, 13);
    CHECK(plan.timed == 0);
}

/* A message that is due shortly before the end may not begin any more when the timer comes: that is not for want of answers. */
static void who_waits_for_timers_alone_until_the_end_says_so(void) {
    w2e_load_config_default(&config);
    config.interval_ns = 10000;
    config.stop_us = 25;
    begin(0);
    w2e_load_plan_begin(&plan, 0);
    CHECK(!w2e_load_plan_may_begin(&plan, true, 5) && plan.waits);
    CHECK(!w2e_load_plan_may_begin(&plan, true, 25) && plan.waits);
    begin(0);
    w2e_load_plan_begin(&plan, 0);
    CHECK(!w2e_load_plan_may_begin(&plan, true, 5) && !w2e_load_plan_may_begin(&plan, false, 9) && !plan.waits);
    CHECK(!w2e_load_plan_may_begin(&plan, true, 25) && !plan.waits);
    begin(0);
    w2e_load_plan_begin(&plan, 0);
    CHECK(!w2e_load_plan_may_begin(&plan, true, 5) && !w2e_load_plan_may_begin(&plan, false, 25) && !plan.waits);
    CHECK(!w2e_load_plan_may_begin(&plan, true, 5));
    w2e_load_plan_waits_for_else(&plan);
    CHECK(!w2e_load_plan_may_begin(&plan, true, 25) && !plan.waits);
}

static void limits_are_exact_and_the_last_message_is_cut(void) {
    w2e_load_config_default(&config);
    config.sizes[0] = 100;
    config.bytes = 250;
    begin(0);
    CHECK(plan.next_bytes == 100);
    w2e_load_plan_begin(&plan, 0);
    w2e_load_plan_begin(&plan, 0);
    CHECK(plan.next_bytes == 50);
    w2e_load_plan_begin(&plan, 0);
    CHECK(plan.next_bytes == 0 && plan.begun_bytes == 250 && w2e_load_plan_over(&plan, 0));
    CHECK(w2e_load_plan_bytes_at(&plan, 1) == 100 && w2e_load_plan_bytes_at(&plan, 2) == 50);
    config.messages = 2;
    begin(0);
    w2e_load_plan_begin(&plan, 0);
    w2e_load_plan_begin(&plan, 0);
    CHECK(plan.next_bytes == 0 && plan.begun == 2);
    config.messages = 0;
    begin(0);
    CHECK(w2e_load_plan_over(&plan, 0));
}

static void datagrams_are_not_cut_below_the_least(void) {
    w2e_load_config_default(&config);
    config.size_count = 2;
    config.sizes[0] = 3;
    config.sizes[1] = 20;
    config.bytes = 1000;
    w2e_load_plan_init(&plan, &config, 0, 0, 16);
    while (plan.next_bytes > 0) {
        CHECK(plan.next_bytes == 16 || plan.next_bytes == 20 || plan.begun_bytes > 980);
        CHECK(plan.next_bytes >= 16);
        w2e_load_plan_begin(&plan, 0);
    }
    CHECK(plan.begun_bytes >= 1000 && plan.begun_bytes < 1016);
    CHECK(w2e_load_plan_smallest(&plan) == 16 && w2e_load_plan_largest(&plan) == 20);
}

static void sizes_are_those_listed_as_often_as_they_are(void) {
    unsigned seen[3] = {0};
    w2e_load_config_default(&config);
    config.size_count = 4;
    config.sizes[0] = config.sizes[1] = 70000;
    config.sizes[2] = 1;
    config.sizes[3] = 4000000000;
    begin(0);
    for (int i = 0; i < 40000; i++) {
        uint32_t size = plan.next_bytes;
        CHECK(size == 1 || size == 70000 || size == 4000000000);
        seen[size == 1 ? 0 : size == 70000 ? 1 : 2]++;
        w2e_load_plan_begin(&plan, 0);
        CHECK(w2e_load_plan_bytes_at(&plan, (uint64_t)i) == size);
    }
    CHECK(seen[0] > 9000 && seen[0] < 11000 && seen[1] > 19000 && seen[1] < 21000);
    CHECK(w2e_load_plan_smallest(&plan) == 1 && w2e_load_plan_largest(&plan) == 4000000000);
}

static void a_range_is_used_from_end_to_end(void) {
    static const uint32_t ranges[][2] = {{1, 1}, {5, 9}, {1, UINT32_MAX}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        uint64_t below = 0;
        uint32_t middle = ranges[i][0] + (ranges[i][1] - ranges[i][0]) / 2;
        bool seen[2] = {false, false};
        w2e_load_config_default(&config);
        config.size_count = 0;
        config.size_min = ranges[i][0];
        config.size_max = ranges[i][1];
        begin(0);
        for (int k = 0; k < 10000; k++) {
            CHECK(plan.next_bytes >= config.size_min && plan.next_bytes <= config.size_max);
            below += plan.next_bytes <= middle;
            seen[0] |= plan.next_bytes == config.size_min;
            seen[1] |= plan.next_bytes == config.size_max;
            w2e_load_plan_begin(&plan, 0);
        }
        CHECK(i != 1 || (seen[0] && seen[1]));
        CHECK(i == 0 || (below > 4500 && below < 6500));
        CHECK(w2e_load_plan_smallest(&plan) == ranges[i][0] && w2e_load_plan_largest(&plan) == ranges[i][1]);
    }
}

static void a_seed_decides_and_connections_differ(void) {
    struct w2e_load_plan other;
    unsigned same = 0;
    w2e_load_config_default(&config);
    config.size_count = 0;
    config.size_min = 1;
    config.size_max = 1000;
    begin(0);
    w2e_load_plan_init(&other, &config, 1, 0, 1);
    for (uint64_t number = 0; number < 1000; number++) {
        struct w2e_load_plan again;
        w2e_load_plan_init(&again, &config, 0, 0, 1);
        CHECK(w2e_load_plan_bytes_at(&again, number) == plan.next_bytes);
        same += plan.next_bytes == other.next_bytes;
        w2e_load_plan_begin(&plan, number);
        w2e_load_plan_begin(&other, number);
    }
    CHECK(same < 20);
}

/* Each limit is one, and no other: an interval of a nanosecond, and messages of a byte. */
static void the_smallest_plan_is_one(void) {
    w2e_load_config_default(&config);
    config.sizes[0] = 1;
    config.interval_ns = 1;
    begin(0);
    CHECK(plan.next_bytes == 1 && w2e_load_due(&config, 0, 0, 1) == 1000);
}

static void of_two_sizes_each_comes(void) {
    unsigned seen[2] = {0};
    w2e_load_config_default(&config);
    config.size_count = 2;
    config.sizes[0] = 10;
    config.sizes[1] = 20;
    begin(0);
    for (int i = 0; i < 1000; i++) {
        seen[plan.next_bytes == 20]++;
        w2e_load_plan_begin(&plan, 0);
    }
    CHECK(seen[0] > 400 && seen[1] > 400);
    config.sizes[0] = 30;
    CHECK(w2e_load_plan_smallest(&plan) == 20 && w2e_load_plan_largest(&plan) == 30);
}

static void the_largest_is_no_smaller_than_the_least(void) {
    w2e_load_config_default(&config);
    config.size_count = 0;
    config.size_min = 1;
    config.size_max = 5;
    w2e_load_plan_init(&plan, &config, 0, 0, 16);
    CHECK(w2e_load_plan_largest(&plan) == 16 && w2e_load_plan_smallest(&plan) == 16);
    config.size_max = 20;
    CHECK(w2e_load_plan_largest(&plan) == 20);
}

static void a_deadline_does_not_turn_over(void) {
    CHECK(w2e_load_deadline_us(5, W2E_NEVER - 5) == W2E_NEVER);
    CHECK(w2e_load_deadline_us(5, W2E_NEVER - 6) == W2E_NEVER - 1);
    CHECK(w2e_load_deadline_us(5, W2E_NEVER - 4) == W2E_NEVER && w2e_load_deadline_us(5, W2E_NEVER) == W2E_NEVER);
}

/* A connection that takes over within a burst. */
static void a_burst_goes_on_from_connection_to_connection(void) {
    w2e_load_config_default(&config);
    config.interval_ns = 5000;
    config.burst = 5;
    begin(0);
    w2e_load_plan_go_on(&plan, 3);
    CHECK(w2e_load_due(&config, 0, 3, 1) == 2 && w2e_load_due(&config, 0, 3, 6) == 7);
    for (uint64_t number = 3; number < 100; number++) {
        CHECK(plan.ready_us == number / 5 * 5);
        w2e_load_plan_begin(&plan, 1000);
    }
    CHECK(plan.of_burst == 0);
}

int main(void) {
    no_error_adds_up_however_long_it_lasts();
    a_burst_is_due_at_once();
    a_burst_goes_on_from_connection_to_connection();
    without_a_pace_a_message_is_meant_to_begin_when_it_does();
    delay_and_thought_hold_back_but_do_not_shift_the_timetable();
    stopping_is_exact();
    what_is_due_is_counted();
    only_timers_are_late();
    who_waits_for_timers_alone_until_the_end_says_so();
    limits_are_exact_and_the_last_message_is_cut();
    datagrams_are_not_cut_below_the_least();
    sizes_are_those_listed_as_often_as_they_are();
    a_range_is_used_from_end_to_end();
    a_seed_decides_and_connections_differ();
    the_smallest_plan_is_one();
    of_two_sizes_each_comes();
    the_largest_is_no_smaller_than_the_least();
    a_deadline_does_not_turn_over();
    return 0;
}
