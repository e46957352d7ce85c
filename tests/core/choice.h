/* Choices that a test makes: from bytes that a fuzzer gave, and once those are used up, or where there are none, from a seed. */
#ifndef CHOICE_H
#define CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct choice {
    const unsigned char *bytes;
    size_t left;
    uint64_t random; /* not 0 */
};

static inline struct choice choice_of_seed(uint64_t seed) {
    uint64_t mixed = (seed + 1) * 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 31) * 0xD6E8FEB86659FD93u;
    return (struct choice){.random = mixed | 1};
}

static inline struct choice choice_of_bytes(const unsigned char *bytes, size_t size) {
    return (struct choice){.bytes = bytes, .left = size, .random = 1};
}

static inline uint64_t choose_drawn(struct choice *choice) {
    choice->random ^= choice->random << 13;
    choice->random ^= choice->random >> 7;
    choice->random ^= choice->random << 17;
    return choice->random >> 11;
}

/* A number below a limit: of as many bytes as the limit needs, so that a fuzzer can reach each. */
static inline uint64_t choose(struct choice *choice, uint64_t below) {
    uint64_t number = 0;
    if (choice->left == 0) {
        return choose_drawn(choice) % below;
    }
    for (uint64_t rest = below - 1; rest > 0 && choice->left > 0; rest >>= 8) {
        number = number << 8 | *choice->bytes++;
        choice->left--;
    }
    return number % below;
}

static inline uint64_t choose_between(struct choice *choice, uint64_t least, uint64_t most) {
    return least + choose(choice, most - least + 1);
}

static inline bool choose_one_in(struct choice *choice, uint64_t many) {
    return choose(choice, many) == 0;
}

/* How much of something moves at once. */
static inline size_t choose_part(struct choice *choice, size_t most) {
    return choose_one_in(choice, 3) ? most : 1 + (size_t)choose(choice, most);
}

#endif
