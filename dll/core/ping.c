#include "ping.h"

#include "session.h"

#include <string.h>

enum { MAGIC_BYTES = 4, RUN_AT = 4, RUN_BYTES = 4, SEQUENCE_AT = 8, SEQUENCE_BYTES = 8, HEADER_BYTES = 16, WORD_BYTES = 8 };

static const unsigned char magic[MAGIC_BYTES] = {'w', '2', 'e', 'p'};

/* ---- datagrams ---- */

/* The output function of SplitMix64: every bit of the result depends on every bit of the value. */
static uint64_t mix(uint64_t value) {
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
    value = (value ^ value >> 27) * 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

static void write_number(unsigned char *to, uint64_t number, size_t bytes) {
    for (size_t i = bytes; i > 0; i--) {
        to[i - 1] = (unsigned char)number;
        number >>= 8;
    }
}

static uint64_t read_number(const unsigned char *from, size_t bytes) {
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++) {
        number = number << 8 | from[i];
    }
    return number;
}

static uint64_t pattern_start(const struct w2e_ping *ping, uint64_t sequence) {
    return mix((uint64_t)ping->run << 32 ^ mix(sequence));
}

/* The 8 bytes of the pattern that stand at that place of the datagram. */
static void pattern_at(uint64_t start, size_t at, unsigned char word[WORD_BYTES]) {
    write_number(word, mix(start + at * 0x9E3779B97F4A7C15u), WORD_BYTES);
}

static size_t part(size_t size, size_t at) {
    return size - at < WORD_BYTES ? size - at : WORD_BYTES;
}

void w2e_ping_build(const struct w2e_ping *ping, unsigned char *datagram) {
    size_t size = ping->options.datagram_bytes;
    uint64_t sequence = ping->progress.sent;
    memcpy(datagram, magic, sizeof magic);
    write_number(datagram + RUN_AT, ping->run, RUN_BYTES);
    write_number(datagram + SEQUENCE_AT, sequence, SEQUENCE_BYTES);
    uint64_t start = pattern_start(ping, sequence);
    for (size_t at = HEADER_BYTES; at < size; at += WORD_BYTES) {
        unsigned char word[WORD_BYTES];
        pattern_at(start, at, word);
        memcpy(datagram + at, word, part(size, at));
    }
}

static bool is_answer(const struct w2e_ping *ping, const unsigned char *datagram, size_t size) {
    return size >= SEQUENCE_AT && memcmp(datagram, magic, sizeof magic) == 0 &&
           read_number(datagram + RUN_AT, RUN_BYTES) == ping->run;
}

/* Whether the answer is what was sent, to its last byte. */
static bool is_intact(const struct w2e_ping *ping, const unsigned char *datagram, size_t size) {
    if (size != ping->options.datagram_bytes) {
        return false;
    }
    uint64_t sequence = read_number(datagram + SEQUENCE_AT, SEQUENCE_BYTES);
    if (sequence >= ping->progress.sent) {
        return false;
    }
    uint64_t start = pattern_start(ping, sequence);
    for (size_t at = HEADER_BYTES; at < size; at += WORD_BYTES) {
        unsigned char word[WORD_BYTES];
        pattern_at(start, at, word);
        if (memcmp(datagram + at, word, part(size, at)) != 0) {
            return false;
        }
    }
    return true;
}

/* ---- sending ---- */

void w2e_ping_begin(struct w2e_ping *ping, const ws2echo_ping_options *options, uint64_t seed) {
    memset(ping, 0, sizeof *ping);
    ping->options = *options;
    ping->run = (uint32_t)mix(seed);
}

uint64_t w2e_ping_send_us(const struct w2e_ping *ping) {
    bool may_send = ping->progress.sent < ping->options.datagrams && ping->waiting_count < ping->options.window;
    return may_send ? ping->send_us : W2E_NEVER;
}

void w2e_ping_sent(struct w2e_ping *ping, uint64_t now_us) {
    uint64_t sequence = ping->progress.sent++;
    ping->waiting[ping->waiting_count++] = (struct w2e_ping_waiting){.sequence = sequence, .sent_us = now_us};
    ping->answered[sequence % W2E_PING_REMEMBERED] = false;
    ping->send_us = now_us + ping->options.interval_us;
}

/* ---- answers ---- */

/* Where the sequence number waits; waiting_count if it does not. */
static uint32_t find_waiting(const struct w2e_ping *ping, uint64_t sequence) {
    uint32_t low = 0;
    uint32_t high = ping->waiting_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ping->waiting[middle].sequence < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ping->waiting_count && ping->waiting[low].sequence == sequence ? low : ping->waiting_count;
}

static void remove_waiting(struct w2e_ping *ping, uint32_t at, uint32_t count) {
    ping->waiting_count -= count;
    memmove(&ping->waiting[at], &ping->waiting[at + count], (ping->waiting_count - at) * sizeof ping->waiting[0]);
}

static bool is_remembered(const struct w2e_ping *ping, uint64_t sequence) {
    return ping->progress.sent - sequence <= W2E_PING_REMEMBERED;
}

static void remember_answer(struct w2e_ping *ping, uint64_t sequence) {
    if (is_remembered(ping, sequence)) {
        ping->answered[sequence % W2E_PING_REMEMBERED] = true;
    }
}

static void count_in_time(ws2echo_ping_progress *progress, uint64_t rtt_us) {
    if (progress->received == 0 || rtt_us < progress->rtt_min_us) {
        progress->rtt_min_us = rtt_us;
    }
    if (rtt_us > progress->rtt_max_us) {
        progress->rtt_max_us = rtt_us;
    }
    progress->rtt_sum_us += rtt_us;
    progress->received++;
}

static void came_in_time(struct w2e_ping *ping, uint32_t at, uint64_t now_us) {
    struct w2e_ping_waiting found = ping->waiting[at];
    remove_waiting(ping, at, 1);
    count_in_time(&ping->progress, now_us - found.sent_us);
    if (found.sequence < ping->next_expected) {
        ping->progress.reordered++;
    } else {
        ping->next_expected = found.sequence + 1;
    }
}

/* An answer to a datagram that does not wait any more. */
static void came_after(struct w2e_ping *ping, uint64_t sequence) {
    if (is_remembered(ping, sequence) && ping->answered[sequence % W2E_PING_REMEMBERED]) {
        ping->progress.duplicated++;
    } else {
        ping->progress.late++;
    }
}

void w2e_ping_came(struct w2e_ping *ping, const unsigned char *datagram, size_t size, uint64_t now_us) {
    w2e_ping_expire(ping, now_us);
    if (!is_answer(ping, datagram, size)) {
        ping->progress.foreign++;
        return;
    }
    if (!is_intact(ping, datagram, size)) {
        ping->progress.corrupt++;
        return;
    }
    uint64_t sequence = read_number(datagram + SEQUENCE_AT, SEQUENCE_BYTES);
    uint32_t at = find_waiting(ping, sequence);
    if (at < ping->waiting_count) {
        came_in_time(ping, at, now_us);
    } else {
        came_after(ping, sequence);
    }
    remember_answer(ping, sequence);
}

/* ---- losses ---- */

static uint64_t lost_us(const struct w2e_ping *ping, uint32_t at) {
    return ping->waiting[at].sent_us + (uint64_t)ping->options.reply_timeout_ms * 1000;
}

uint64_t w2e_ping_lost_us(const struct w2e_ping *ping) {
    return ping->waiting_count > 0 ? lost_us(ping, 0) : W2E_NEVER;
}

void w2e_ping_expire(struct w2e_ping *ping, uint64_t now_us) {
    uint32_t lost = 0;
    while (lost < ping->waiting_count && lost_us(ping, lost) <= now_us) {
        lost++;
    }
    if (lost > 0) {
        remove_waiting(ping, 0, lost);
        ping->progress.lost += lost;
    }
}

bool w2e_ping_finished(const struct w2e_ping *ping) {
    return ping->progress.sent == ping->options.datagrams && ping->waiting_count == 0;
}
