#include "fault_address.h"

#include "ws2echo.h"

#include <string.h>

enum { IPV4_BITS = 32, IPV6_BITS = 128, IPV6_GROUPS = 8 };

/* What is left to read. */
struct cursor {
    const char *at;
    const char *end;
};

static bool accept(struct cursor *cursor, char c) {
    bool found = cursor->at < cursor->end && *cursor->at == c;
    cursor->at += found ? 1 : 0;
    return found;
}

static int digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return 16;
}

/* Reads a number of at most so many digits; in base 10 without leading zeros, which elsewhere mean octal. */
static bool number(struct cursor *cursor, int base, int digits_max, unsigned *value) {
    const char *begin = cursor->at;
    *value = 0;
    while (cursor->at < cursor->end && digit_of(*cursor->at) < base && cursor->at - begin < digits_max) {
        *value = *value * (unsigned)base + (unsigned)digit_of(*cursor->at++);
    }
    ptrdiff_t digits = cursor->at - begin;
    return digits > 0 && (base == 16 || digits == 1 || *begin != '0');
}

static bool ipv4(struct cursor *cursor, uint8_t *bytes) {
    for (int i = 0; i < 4; i++) {
        unsigned value;
        if ((i > 0 && !accept(cursor, '.')) || !number(cursor, 10, 3, &value) || value > 255) {
            return false;
        }
        bytes[i] = (uint8_t)value;
    }
    return true;
}

/* An address of IPv6 on its way: groups before and after the "::". */
struct groups {
    uint8_t bytes[W2E_ADDRESS_BYTES];
    unsigned count;
    unsigned gap; /* where "::" stood */
    bool has_gap;
};

/* Reads a group of four hexadecimal digits, or an IPv4 address in the place of the last two. */
static bool group(struct cursor *cursor, struct groups *groups, bool *last) {
    struct cursor dotted = *cursor;
    if (groups->count <= IPV6_GROUPS - 2 && ipv4(&dotted, groups->bytes + 2 * groups->count)) {
        *cursor = dotted;
        groups->count += 2;
        *last = true;
        return true;
    }
    unsigned value;
    if (groups->count == IPV6_GROUPS || !number(cursor, 16, 4, &value)) {
        return false;
    }
    groups->bytes[2 * groups->count] = (uint8_t)(value >> 8);
    groups->bytes[2 * groups->count + 1] = (uint8_t)value;
    groups->count++;
    return true;
}

static bool accept_gap(struct cursor *cursor, struct groups *groups) {
    bool found = cursor->end - cursor->at >= 2 && cursor->at[0] == ':' && cursor->at[1] == ':' && !groups->has_gap;
    if (found) {
        cursor->at += 2;
        groups->has_gap = true;
        groups->gap = groups->count;
    }
    return found;
}

static bool at_end(const struct cursor *cursor) {
    return cursor->at == cursor->end || *cursor->at == '/';
}

static bool read_groups(struct cursor *cursor, struct groups *groups) {
    bool last = false;
    bool more = !accept_gap(cursor, groups) || !at_end(cursor);
    while (more) {
        if (!group(cursor, groups, &last)) {
            return false;
        }
        if (at_end(cursor)) {
            break;
        }
        if (last) {
            return false;
        }
        if (accept_gap(cursor, groups)) {
            more = !at_end(cursor);
        } else if (!accept(cursor, ':')) {
            return false;
        }
    }
    return groups->has_gap ? groups->count < IPV6_GROUPS : groups->count == IPV6_GROUPS;
}

static bool ipv6(struct cursor *cursor, uint8_t *bytes) {
    struct groups groups = {0};
    if (!read_groups(cursor, &groups)) {
        return false;
    }
    size_t before = groups.has_gap ? 2 * (size_t)groups.gap : W2E_ADDRESS_BYTES;
    size_t after = 2 * (size_t)groups.count - (groups.has_gap ? before : 2 * (size_t)groups.count);
    memset(bytes, 0, W2E_ADDRESS_BYTES);
    memcpy(bytes, groups.bytes, before);
    memcpy(bytes + W2E_ADDRESS_BYTES - after, groups.bytes + before, after);
    return true;
}

static bool bit_of(const uint8_t *bytes, unsigned bit) {
    return (bytes[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

static bool clear_behind(const struct w2e_fault_range *range, unsigned bits) {
    for (unsigned bit = range->prefix; bit < bits; bit++) {
        if (bit_of(range->bytes, bit)) {
            return false;
        }
    }
    return true;
}

const char *w2e_fault_range_parse(struct w2e_fault_range *range, const char *text, size_t size) {
    struct cursor cursor = {.at = text, .end = text + size};
    bool colon = memchr(text, ':', size) != NULL;
    unsigned bits = colon ? IPV6_BITS : IPV4_BITS;
    unsigned prefix = bits;
    *range = (struct w2e_fault_range){.family = colon ? WS2ECHO_FAMILY_IPV6 : WS2ECHO_FAMILY_IPV4};
    if (!(colon ? ipv6(&cursor, range->bytes) : ipv4(&cursor, range->bytes))) {
        return "is no numeric address";
    }
    if (accept(&cursor, '/') && (!number(&cursor, 10, 3, &prefix) || prefix > bits)) {
        return colon ? "has a prefix that is not 0 to 128" : "has a prefix that is not 0 to 32";
    }
    if (cursor.at != cursor.end) {
        return "has something behind the address";
    }
    range->prefix = (uint8_t)prefix;
    return clear_behind(range, bits) ? NULL : "has bits set behind its prefix";
}

/* ---- print ---- */

static unsigned group_of(const uint8_t *bytes, unsigned i) {
    return (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
}

static unsigned zeros_from(const uint8_t *bytes, unsigned from) {
    unsigned count = 0;
    while (from + count < IPV6_GROUPS && group_of(bytes, from + count) == 0) {
        count++;
    }
    return count;
}

static void print_ipv6(struct w2e_text *text, const uint8_t *bytes) {
    unsigned gap = IPV6_GROUPS;
    unsigned longest = 1; /* RFC 5952: one zero alone is not worth a gap */
    for (unsigned i = 0; i < IPV6_GROUPS; i++) {
        if (zeros_from(bytes, i) > longest) {
            longest = zeros_from(bytes, i);
            gap = i;
        }
    }
    for (unsigned i = 0; i < IPV6_GROUPS; i++) {
        if (i == gap) {
            w2e_text_add(text, "::");
            i += longest - 1;
        } else {
            w2e_text_add(text, i > 0 && (gap == IPV6_GROUPS || i != gap + longest) ? ":" : "");
            w2e_text_add_hex(text, group_of(bytes, i));
        }
    }
}

void w2e_fault_range_print(struct w2e_text *text, const struct w2e_fault_range *range) {
    if (range->family == WS2ECHO_FAMILY_IPV6) {
        print_ipv6(text, range->bytes);
    } else {
        for (int i = 0; i < 4; i++) {
            w2e_text_add(text, i > 0 ? "." : "");
            w2e_text_add_number(text, range->bytes[i]);
        }
    }
    w2e_text_add(text, "/");
    w2e_text_add_number(text, range->prefix);
}

/* ---- match ---- */

static struct w2e_fault_address unmapped(const struct w2e_fault_address *address) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct w2e_fault_address plain = *address;
    if (address->family == WS2ECHO_FAMILY_IPV6 && memcmp(address->bytes, mapped, sizeof mapped) == 0) {
        plain.family = WS2ECHO_FAMILY_IPV4;
        memcpy(plain.bytes, address->bytes + sizeof mapped, 4);
    }
    return plain;
}

static bool begins_alike(const struct w2e_fault_range *range, const struct w2e_fault_address *address) {
    for (unsigned bit = 0; bit < range->prefix; bit++) {
        if (bit_of(range->bytes, bit) != bit_of(address->bytes, bit)) {
            return false;
        }
    }
    return range->family == address->family;
}

bool w2e_fault_range_holds(const struct w2e_fault_range *range, const struct w2e_fault_address *address) {
    struct w2e_fault_address plain = unmapped(address);
    return range->family == 0 || begins_alike(range, address) || begins_alike(range, &plain);
}
