#include "check.h"
#include "options.h"
#include "ping.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES = 16, BYTES = 43, TIMEOUT_US = 5000 };

static struct w2e_ping ping;
static struct w2e_ping_waiting places[W2E_PING_WINDOW_MAX];

static ws2echo_ping_options wanted(uint64_t datagrams, uint32_t window) {
    ws2echo_ping_options options;
    w2e_ping_options_default(&options);
    options.datagram_bytes = BYTES;
    options.datagrams = datagrams;
    options.window = window;
    options.reply_timeout_ms = TIMEOUT_US / 1000;
    return options;
}

static void begin(uint64_t datagrams, uint32_t window) {
    ws2echo_ping_options options = wanted(datagrams, window);
    w2e_ping_begin(&ping, &options, 7, places);
}

static void send_one(unsigned char datagram[BYTES], uint64_t now_us) {
    CHECK(w2e_ping_send_us(&ping) <= now_us);
    w2e_ping_build(&ping, datagram);
    w2e_ping_sent(&ping, now_us);
}

static void came(const unsigned char datagram[BYTES], uint64_t now_us) {
    w2e_ping_came(&ping, datagram, BYTES, now_us);
}

static void accounts_are(uint64_t received, uint64_t lost, uint64_t late, uint64_t duplicated, uint64_t reordered) {
    CHECK(ping.progress.received == received);
    CHECK(ping.progress.lost == lost);
    CHECK(ping.progress.late == late);
    CHECK(ping.progress.duplicated == duplicated);
    CHECK(ping.progress.reordered == reordered);
}

/* ---- datagrams ---- */

static void a_datagram_begins_with_magic_run_and_sequence_number(void) {
    begin(300, 1000);
    unsigned char datagram[BYTES];
    for (unsigned sequence = 0; sequence < 300; sequence++) {
        send_one(datagram, 0);
        CHECK(memcmp(datagram, "w2ep", 4) == 0);
        CHECK(memcmp(datagram + 8, "\0\0\0\0\0\0", 6) == 0);
        CHECK(datagram[14] == sequence / 256);
        CHECK(datagram[15] == sequence % 256);
    }
}

static void each_size_is_filled_and_nothing_beyond(void) {
    for (uint32_t size = HEADER_BYTES; size < 80; size++) {
        ws2echo_ping_options options = wanted(1, 1);
        options.datagram_bytes = size;
        w2e_ping_begin(&ping, &options, 7, places);
        unsigned char *exact = malloc(size); /* so that ASan sees a byte too many */
        CHECK(exact != NULL);
        w2e_ping_build(&ping, exact);
        w2e_ping_sent(&ping, 0);
        w2e_ping_came(&ping, exact, size, 1);
        CHECK(w2e_ping_finished(&ping));
        accounts_are(1, 0, 0, 0, 0);
        free(exact);
    }
}

static void every_byte_of_the_pattern_differs_between_datagrams_and_runs(void) {
    enum { MANY = 200 };
    unsigned char datagrams[2 * MANY][BYTES];
    for (int run = 0; run < 2; run++) {
        ws2echo_ping_options options = wanted(MANY, MANY);
        w2e_ping_begin(&ping, &options, (uint64_t)run, places);
        for (int i = 0; i < MANY; i++) {
            send_one(datagrams[run * MANY + i], 0);
        }
    }
    CHECK(memcmp(datagrams[0], datagrams[MANY], 8) != 0);
    for (int at = HEADER_BYTES; at < BYTES; at++) {
        int seen[256] = {0};
        for (int i = 0; i < 2 * MANY; i++) {
            seen[datagrams[i][at]]++;
        }
        for (int value = 0; value < 256; value++) {
            CHECK(seen[value] < 20); /* 1.6 on the average */
        }
    }
}

static void any_wrong_byte_is_found(void) {
    begin(4, 4);
    unsigned char datagram[BYTES];
    for (int i = 0; i < 4; i++) {
        send_one(datagram, 0);
    }
    for (size_t at = 0; at < BYTES; at++) {
        for (int bit = 0; bit < 8; bit++) {
            datagram[at] ^= (unsigned char)(1 << bit);
            came(datagram, 1);
            datagram[at] ^= (unsigned char)(1 << bit);
        }
    }
    CHECK(ping.progress.foreign == 8 * 8);
    CHECK(ping.progress.corrupt == 8 * (BYTES - 8));
    accounts_are(0, 0, 0, 0, 0);
    came(datagram, 1);
    accounts_are(1, 0, 0, 0, 0);
}

static void any_wrong_length_is_found(void) {
    begin(1, 1);
    unsigned char datagram[BYTES + 1] = {0};
    send_one(datagram, 0);
    for (size_t size = 0; size <= BYTES + 1; size++) {
        if (size != BYTES) {
            unsigned char *exact = malloc(size > 0 ? size : 1);
            CHECK(exact != NULL);
            memcpy(exact, datagram, size);
            w2e_ping_came(&ping, exact, size, 1);
            free(exact);
        }
    }
    CHECK(ping.progress.foreign == 8);
    CHECK(ping.progress.corrupt == BYTES + 1 - 8);
    CHECK(!w2e_ping_finished(&ping));
}

static void a_number_that_was_not_sent_is_no_answer(void) {
    begin(10, 10);
    unsigned char datagram[BYTES];
    send_one(datagram, 0);
    w2e_ping_build(&ping, datagram); /* the next one */
    came(datagram, 1);
    CHECK(ping.progress.corrupt == 1);
    accounts_are(0, 0, 0, 0, 0);
}

static void answers_of_the_ping_before_are_foreign(void) {
    begin(1, 1);
    unsigned char before[BYTES];
    unsigned char now[BYTES];
    send_one(before, 0);
    ws2echo_ping_options options = wanted(1, 1);
    w2e_ping_begin(&ping, &options, 8, places);
    send_one(now, 10);
    came(before, 11);
    CHECK(ping.progress.foreign == 1);
    accounts_are(0, 0, 0, 0, 0);
    came(now, 12);
    CHECK(w2e_ping_finished(&ping));
}

/* ---- when to send ---- */

static void the_window_is_kept(void) {
    begin(5, 2);
    unsigned char datagrams[5][BYTES];
    CHECK(w2e_ping_send_us(&ping) == 0);
    send_one(datagrams[0], 0);
    send_one(datagrams[1], 0);
    CHECK(w2e_ping_send_us(&ping) == W2E_NEVER);
    came(datagrams[1], 1);
    send_one(datagrams[2], 1);
    CHECK(w2e_ping_send_us(&ping) == W2E_NEVER);
    w2e_ping_expire(&ping, TIMEOUT_US); /* the first is lost, and makes room */
    send_one(datagrams[3], TIMEOUT_US);
    came(datagrams[2], TIMEOUT_US);
    send_one(datagrams[4], TIMEOUT_US);
    came(datagrams[3], TIMEOUT_US);
    CHECK(w2e_ping_send_us(&ping) == W2E_NEVER); /* there is no more */
    CHECK(!w2e_ping_finished(&ping));
    came(datagrams[4], TIMEOUT_US);
    CHECK(w2e_ping_finished(&ping));
    CHECK(w2e_ping_lost_us(&ping) == W2E_NEVER);
    accounts_are(4, 1, 0, 0, 0);
}

static void the_interval_is_kept(void) {
    ws2echo_ping_options options = wanted(3, 3);
    options.interval_us = 100;
    w2e_ping_begin(&ping, &options, 7, places);
    unsigned char datagram[BYTES];
    send_one(datagram, 1000);
    CHECK(w2e_ping_send_us(&ping) == 1100);
    send_one(datagram, 1150); /* late: what was missed is not made up for */
    CHECK(w2e_ping_send_us(&ping) == 1250);
}

/* ---- accounts ---- */

static void round_trip_times_are_added_up(void) {
    begin(3, 3);
    unsigned char datagrams[3][BYTES];
    send_one(datagrams[0], 100);
    send_one(datagrams[1], 200);
    send_one(datagrams[2], 300);
    came(datagrams[0], 150);
    CHECK(ping.progress.rtt_min_us == 50);
    CHECK(ping.progress.rtt_max_us == 50);
    came(datagrams[1], 200);
    came(datagrams[2], 1300);
    CHECK(ping.progress.rtt_min_us == 0);
    CHECK(ping.progress.rtt_max_us == 1000);
    CHECK(ping.progress.rtt_sum_us == 1050);
}

static void an_answer_is_in_time_until_the_timeout_is_over(void) {
    begin(2, 2);
    unsigned char datagrams[2][BYTES];
    send_one(datagrams[0], 100);
    send_one(datagrams[1], 100);
    CHECK(w2e_ping_lost_us(&ping) == 100 + TIMEOUT_US);
    came(datagrams[0], 100 + TIMEOUT_US - 1);
    accounts_are(1, 0, 0, 0, 0);
    came(datagrams[1], 100 + TIMEOUT_US);
    accounts_are(1, 1, 1, 0, 0);
    CHECK(ping.progress.rtt_max_us == TIMEOUT_US - 1);
}

static void a_second_answer_is_a_duplicate_of_one_in_time_or_late(void) {
    begin(2, 2);
    unsigned char datagrams[2][BYTES];
    send_one(datagrams[0], 0);
    send_one(datagrams[1], 0);
    came(datagrams[0], 1);
    came(datagrams[0], 2);
    came(datagrams[0], 3 * TIMEOUT_US);
    accounts_are(1, 1, 0, 2, 0);
    came(datagrams[1], 3 * TIMEOUT_US);
    came(datagrams[1], 3 * TIMEOUT_US);
    accounts_are(1, 1, 1, 3, 0);
}

/* RFC 4737, 3.3: what comes below the next number expected is reordered, and does not change that number. */
static void reordered_is_what_comes_after_a_later_one(void) {
    static const int arrival[] = {0, 1, 2, 3, 8, 9, 4, 5, 7, 6};
    begin(10, 10);
    unsigned char datagrams[10][BYTES];
    for (int i = 0; i < 10; i++) {
        send_one(datagrams[i], 0);
    }
    for (int i = 0; i < 10; i++) {
        came(datagrams[arrival[i]], 1);
    }
    accounts_are(10, 0, 0, 0, 4);
}

static void late_answers_and_duplicates_have_no_part_in_reordering(void) {
    begin(3, 3);
    unsigned char datagrams[3][BYTES];
    send_one(datagrams[0], 0);
    send_one(datagrams[1], 0);
    came(datagrams[1], 1);
    came(datagrams[1], 1);
    send_one(datagrams[2], TIMEOUT_US);
    came(datagrams[0], TIMEOUT_US);
    came(datagrams[2], TIMEOUT_US);
    accounts_are(2, 1, 1, 1, 0);
}

static void send_and_answer(uint64_t count, uint64_t now_us) {
    unsigned char datagram[BYTES];
    for (uint64_t i = 0; i < count; i++) {
        send_one(datagram, now_us);
        came(datagram, now_us);
    }
}

static void one_that_waits_is_known_however_many_came_after_it(void) {
    begin(3 * W2E_PING_REMEMBERED, 2);
    unsigned char first[BYTES];
    send_one(first, 0);
    send_and_answer(2 * W2E_PING_REMEMBERED, 1);
    came(first, 2);
    accounts_are(2 * W2E_PING_REMEMBERED + 1, 0, 0, 0, 1);
    came(first, 2); /* but not that it was answered */
    accounts_are(2 * W2E_PING_REMEMBERED + 1, 0, 1, 0, 1);
}

static void what_is_too_old_to_tell_is_late(void) {
    begin(3 * W2E_PING_REMEMBERED, 2);
    unsigned char first[BYTES];
    send_one(first, 0);
    came(first, 0);
    send_and_answer(W2E_PING_REMEMBERED - 1, 1);
    came(first, 2);
    accounts_are(W2E_PING_REMEMBERED, 0, 0, 1, 0);
    send_and_answer(1, 3);
    came(first, 4);
    accounts_are(W2E_PING_REMEMBERED + 1, 0, 1, 1, 0);
}

/* ---- against a naive model, which remembers everything ---- */

enum { RUN_DATAGRAMS = 9000, RUN_BYTES_MAX = 48 };

enum fate { UNSENT, WAITS, ANSWERED, LOST, ANSWERED_LATE };

struct model {
    ws2echo_ping_options options;
    ws2echo_ping_progress progress;
    enum fate fates[RUN_DATAGRAMS];
    uint64_t sent_us[RUN_DATAGRAMS];
    unsigned char datagrams[RUN_DATAGRAMS][RUN_BYTES_MAX];
    uint64_t highest_in_time; /* sequence number + 1 */
    uint64_t settled;         /* so many, from the first on, wait no more: only to save time */
};

static struct model model;

static uint64_t chance_state;

static uint64_t chance(uint64_t below) {
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return chance_state % below;
}

static uint64_t model_waiting(void) {
    return model.progress.sent - model.progress.received - model.progress.lost;
}

static void model_expire(uint64_t now_us) {
    while (model.settled < model.progress.sent && model.fates[model.settled] != WAITS) {
        model.settled++;
    }
    for (uint64_t i = model.settled; i < model.progress.sent; i++) {
        if (model.fates[i] == WAITS && now_us - model.sent_us[i] >= (uint64_t)model.options.reply_timeout_ms * 1000) {
            model.fates[i] = LOST;
            model.progress.lost++;
        }
    }
}

static void model_in_time(uint64_t sequence, uint64_t rtt_us) {
    ws2echo_ping_progress *progress = &model.progress;
    progress->rtt_min_us = progress->received == 0 || rtt_us < progress->rtt_min_us ? rtt_us : progress->rtt_min_us;
    progress->rtt_max_us = rtt_us > progress->rtt_max_us ? rtt_us : progress->rtt_max_us;
    progress->rtt_sum_us += rtt_us;
    progress->received++;
    progress->reordered += sequence < model.highest_in_time;
    model.highest_in_time = sequence + 1 > model.highest_in_time ? sequence + 1 : model.highest_in_time;
    model.fates[sequence] = ANSWERED;
}

static void model_came(uint64_t sequence, uint64_t now_us) {
    bool too_old = model.progress.sent - sequence > W2E_PING_REMEMBERED;
    if (model.fates[sequence] == WAITS) {
        model_in_time(sequence, now_us - model.sent_us[sequence]);
    } else if (too_old || model.fates[sequence] == LOST) {
        model.progress.late++;
        model.fates[sequence] = ANSWERED_LATE;
    } else {
        model.progress.duplicated++;
    }
}

static bool model_may_send(uint64_t now_us) {
    uint64_t sent = model.progress.sent;
    return sent < model.options.datagrams && model_waiting() < model.options.window &&
           (sent == 0 || now_us - model.sent_us[sent - 1] >= model.options.interval_us);
}

static void both_send(uint64_t now_us) {
    uint64_t sequence = model.progress.sent;
    w2e_ping_build(&ping, model.datagrams[sequence]);
    w2e_ping_sent(&ping, now_us);
    model.fates[sequence] = WAITS;
    model.sent_us[sequence] = now_us;
    model.progress.sent++;
}

/* One of the last few mostly, now and then any. */
static uint64_t some_sequence(void) {
    uint64_t sent = model.progress.sent;
    uint64_t back = chance(8) > 0 ? chance(2ull * model.options.window + 2) : chance(2 * W2E_PING_REMEMBERED);
    return back < sent ? sent - 1 - back : chance(sent);
}

static void both_get_something_bad(uint64_t sequence, uint64_t now_us) {
    size_t size = model.options.datagram_bytes;
    unsigned char bad[RUN_BYTES_MAX];
    memcpy(bad, model.datagrams[sequence], size);
    switch (chance(4)) {
    case 0:
        bad[chance(8)] ^= 1;
        model.progress.foreign++;
        break;
    case 1:
        bad[8] ^= 1; /* a sequence number that is far ahead */
        model.progress.corrupt++;
        break;
    case 2:
        size = 8 + chance(size - 8);
        model.progress.corrupt++;
        break;
    default:
        size = chance(8);
        model.progress.foreign++;
        break;
    }
    w2e_ping_came(&ping, bad, size, now_us);
}

static void both_get_something(uint64_t now_us) {
    uint64_t sequence = some_sequence();
    model_expire(now_us);
    if (chance(16) == 0) {
        both_get_something_bad(sequence, now_us);
    } else {
        w2e_ping_came(&ping, model.datagrams[sequence], model.options.datagram_bytes, now_us);
        model_came(sequence, now_us);
    }
}

static uint64_t model_next_loss_us(void) {
    for (uint64_t i = model.settled; i < model.progress.sent; i++) {
        if (model.fates[i] == WAITS) {
            return model.sent_us[i] + (uint64_t)model.options.reply_timeout_ms * 1000;
        }
    }
    return W2E_NEVER;
}

static void both_begin(uint64_t seed) {
    chance_state = seed * 0x9E3779B97F4A7C15u + 1;
    memset(&model, 0, sizeof model);
    w2e_ping_options_default(&model.options);
    model.options.datagram_bytes = (uint32_t)(HEADER_BYTES + chance(RUN_BYTES_MAX - HEADER_BYTES + 1));
    model.options.datagrams = seed % 8 == 0 ? RUN_DATAGRAMS : 1 + chance(600);
    model.options.window = (uint32_t)(chance(4) == 0 ? 1 + chance(W2E_PING_WINDOW_MAX) : 1 + chance(20));
    model.options.interval_us = (uint32_t)(chance(2) * chance(50));
    model.options.reply_timeout_ms = (uint32_t)(1 + chance(3));
    w2e_ping_begin(&ping, &model.options, seed, places);
}

static void compare(void) {
    CHECK(memcmp(&ping.progress, &model.progress, sizeof model.progress) == 0);
    CHECK(w2e_ping_finished(&ping) == (model.progress.sent == model.options.datagrams && model_waiting() == 0));
}

static void run_beside_the_model(uint64_t seed) {
    uint64_t now_us = seed;
    both_begin(seed);
    for (uint64_t steps = 0; !w2e_ping_finished(&ping); steps++) {
        now_us += chance(64) == 0 ? chance(5000) : chance(20);
        w2e_ping_expire(&ping, now_us);
        model_expire(now_us);
        CHECK((w2e_ping_send_us(&ping) <= now_us) == model_may_send(now_us));
        if (model_may_send(now_us) && chance(8) > 0) {
            both_send(now_us);
        }
        for (uint64_t comes = chance(4); comes > 0 && model.progress.sent > 0; comes--) {
            both_get_something(now_us);
        }
        if (steps % 16 == 0) {
            CHECK(w2e_ping_lost_us(&ping) == model_next_loss_us());
        }
        compare();
    }
}

static void it_does_what_a_naive_model_does(void) {
    for (uint64_t seed = 1; seed <= 300; seed++) {
        run_beside_the_model(seed);
    }
}

int main(void) {
    a_datagram_begins_with_magic_run_and_sequence_number();
    each_size_is_filled_and_nothing_beyond();
    every_byte_of_the_pattern_differs_between_datagrams_and_runs();
    any_wrong_byte_is_found();
    any_wrong_length_is_found();
    a_number_that_was_not_sent_is_no_answer();
    answers_of_the_ping_before_are_foreign();
    the_window_is_kept();
    the_interval_is_kept();
    round_trip_times_are_added_up();
    an_answer_is_in_time_until_the_timeout_is_over();
    a_second_answer_is_a_duplicate_of_one_in_time_or_late();
    reordered_is_what_comes_after_a_later_one();
    late_answers_and_duplicates_have_no_part_in_reordering();
    one_that_waits_is_known_however_many_came_after_it();
    what_is_too_old_to_tell_is_late();
    it_does_what_a_naive_model_does();
    return 0;
}
