#include "ping.h"

#include "session.h"

#include <string.h>

enum {
    MAGIC_BYTES = 4,
    RUN_AT = 4,
    RUN_BYTES = 4,
    SEQUENCE_AT = 8,
    SEQUENCE_BYTES = 8,
    HEADER_BYTES = 16,
    WORD_BYTES = 8,
    WORD_BITS = 64
};

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

static size_t bytes_at(const struct w2e_ping *ping, uint64_t sequence) {
    return ping->bytes_at != NULL ? ping->bytes_at(ping->bytes_owner, sequence) : ping->options.datagram_bytes;
}

size_t w2e_ping_build(const struct w2e_ping *ping, unsigned char *datagram) {
    size_t size = bytes_at(ping, ping->progress.sent);
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
    return size;
}

static bool is_answer(const struct w2e_ping *ping, const unsigned char *datagram, size_t size) {
    return size >= SEQUENCE_AT && memcmp(datagram, magic, sizeof magic) == 0 &&
           read_number(datagram + RUN_AT, RUN_BYTES) == ping->run;
}

/* Whether the answer is what was sent, to its last byte. */
static bool is_intact(const struct w2e_ping *ping, const unsigned char *datagram, size_t size) {
    if (size < HEADER_BYTES) {
        return false;
    }
    uint64_t sequence = read_number(datagram + SEQUENCE_AT, SEQUENCE_BYTES);
    if (sequence >= ping->progress.sent || size != bytes_at(ping, sequence)) {
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

void w2e_ping_begin(struct w2e_ping *ping, const ws2echo_ping_options *options, uint64_t seed, struct w2e_ping_waiting *waiting) {
    memset(ping, 0, sizeof *ping);
    ping->options = *options;
    ping->reply_timeout_us = (uint64_t)options->reply_timeout_ms * 1000;
    ping->run = (uint32_t)mix(seed);
    ping->waiting = waiting;
}

uint64_t w2e_ping_send_us(const struct w2e_ping *ping) {
    bool may_send = ping->progress.sent < ping->options.datagrams && ping->waiting_count < ping->options.window;
    return may_send ? ping->send_us : W2E_NEVER;
}

/* The datagram that was sent so many after the first of those that wait. */
static struct w2e_ping_waiting *waiting_at(const struct w2e_ping *ping, uint32_t at) {
    uint32_t place = ping->waiting_first + at;
    return &ping->waiting[place < ping->options.window ? place : place - ping->options.window];
}

static uint64_t *came_word(struct w2e_ping *ping, uint64_t sequence) {
    return &ping->came[sequence % W2E_PING_REMEMBERED / WORD_BITS];
}

static uint64_t came_bit(uint64_t sequence) {
    return (uint64_t)1 << sequence % WORD_BITS;
}

void w2e_ping_sent(struct w2e_ping *ping, uint64_t now_us) {
    w2e_ping_sent_late(ping, now_us, now_us);
}

void w2e_ping_sent_late(struct w2e_ping *ping, uint64_t intended_us, uint64_t now_us) {
    uint64_t sequence = ping->progress.sent++;
    *waiting_at(ping, ping->waiting_count++) =
        (struct w2e_ping_waiting){.sequence = sequence, .sent_us = now_us, .intended_us = intended_us};
    *came_word(ping, sequence) &= ~came_bit(sequence);
    ping->send_us = now_us + ping->options.interval_us;
}

/* ---- answers ---- */

/* Where the sequence number waits; waiting_count if it does not. */
static uint32_t find_waiting(const struct w2e_ping *ping, uint64_t sequence) {
    uint32_t low = 0;
    uint32_t high = ping->waiting_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (waiting_at(ping, middle)->sequence < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ping->waiting_count && waiting_at(ping, low)->sequence == sequence ? low : ping->waiting_count;
}

static void remove_first(struct w2e_ping *ping, uint32_t count) {
    ping->waiting_first = (uint32_t)(waiting_at(ping, count) - ping->waiting);
    ping->waiting_count -= count;
}

/* Answers come in order mostly: so it is those before it that move up. */
static void remove_waiting(struct w2e_ping *ping, uint32_t at) {
    for (; at > 0; at--) {
        *waiting_at(ping, at) = *waiting_at(ping, at - 1);
    }
    remove_first(ping, 1);
}

static bool is_remembered(const struct w2e_ping *ping, uint64_t sequence) {
    return ping->progress.sent - sequence <= W2E_PING_REMEMBERED;
}

static void remember_answer(struct w2e_ping *ping, uint64_t sequence) {
    if (is_remembered(ping, sequence)) {
        *came_word(ping, sequence) |= came_bit(sequence);
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

static enum w2e_ping_verdict came_in_time(struct w2e_ping *ping, uint32_t at, uint64_t now_us) {
    ping->answered = *waiting_at(ping, at);
    remove_waiting(ping, at);
    count_in_time(&ping->progress, now_us - ping->answered.sent_us);
    if (ping->answered.sequence < ping->next_expected) {
        ping->progress.reordered++;
    } else {
        ping->next_expected = ping->answered.sequence + 1;
    }
    return W2E_PING_ANSWER;
}

/* An answer to a datagram that does not wait any more. */
static enum w2e_ping_verdict came_after(struct w2e_ping *ping, uint64_t sequence) {
    if (is_remembered(ping, sequence) && (*came_word(ping, sequence) & came_bit(sequence)) != 0) {
        ping->progress.duplicated++;
        return W2E_PING_DUPLICATE;
    }
    ping->progress.late++;
    return W2E_PING_LATE;
}

static enum w2e_ping_verdict came_bad(struct w2e_ping *ping, const unsigned char *datagram, size_t size) {
    bool numbered = size >= HEADER_BYTES;
    ping->answered = (struct w2e_ping_waiting){.sequence = numbered ? read_number(datagram + SEQUENCE_AT, SEQUENCE_BYTES) : 0};
    ping->progress.corrupt++;
    return W2E_PING_CORRUPT;
}

enum w2e_ping_verdict w2e_ping_came(struct w2e_ping *ping, const unsigned char *datagram, size_t size, uint64_t now_us) {
    w2e_ping_expire(ping, now_us);
    if (!is_answer(ping, datagram, size)) {
        ping->progress.foreign++;
        return W2E_PING_FOREIGN;
    }
    if (!is_intact(ping, datagram, size)) {
        return came_bad(ping, datagram, size);
    }
    uint64_t sequence = read_number(datagram + SEQUENCE_AT, SEQUENCE_BYTES);
    uint32_t at = find_waiting(ping, sequence);
    enum w2e_ping_verdict verdict = at < ping->waiting_count ? came_in_time(ping, at, now_us) : came_after(ping, sequence);
    remember_answer(ping, sequence);
    return verdict;
}

/* ---- losses ---- */

static uint64_t lost_us(const struct w2e_ping *ping, uint32_t at) {
    uint64_t sent_us = waiting_at(ping, at)->sent_us;
    return ping->reply_timeout_us > W2E_NEVER - sent_us ? W2E_NEVER : sent_us + ping->reply_timeout_us;
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
        remove_first(ping, lost);
        ping->progress.lost += lost;
    }
}

bool w2e_ping_finished(const struct w2e_ping *ping) {
    return ping->progress.sent == ping->options.datagrams && ping->waiting_count == 0;
}
