/* Addresses of peers, and ranges of them: what a rule's condition `peers` is made of. */
#ifndef W2E_FAULT_ADDRESS_H
#define W2E_FAULT_ADDRESS_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { W2E_ADDRESS_BYTES = 16 };

/* An address without port or zone. */
struct w2e_fault_address {
    uint8_t family;                   /* enum ws2echo_family: IPV4 or IPV6; 0 of a peer that is not known */
    uint8_t bytes[W2E_ADDRESS_BYTES]; /* in the order of the network; of IPv4 the first four */
};

/* The addresses that begin with the same bits. */
struct w2e_fault_range {
    uint8_t family; /* 0: every address, known or not */
    uint8_t prefix; /* how many bits */
    uint8_t bytes[W2E_ADDRESS_BYTES];
};

/*
 * Reads "10.0.0.0/8", "::1/128", or an address alone, which is a range of one: NULL, or what is wrong. Strict: no zone, no octal or
 * shortened numbers, and no bit set behind the prefix, for that is a slip more often than not.
 */
const char *w2e_fault_range_parse(struct w2e_fault_range *range, const char *text, size_t size);

/* Writes a range as RFC 5952 has it, the prefix always there. */
void w2e_fault_range_print(struct w2e_text *text, const struct w2e_fault_range *range);

/* Whether the address lies in the range. An IPv4 address that came mapped into IPv6 (::ffff:a.b.c.d) is one of IPv4. */
bool w2e_fault_range_holds(const struct w2e_fault_range *range, const struct w2e_fault_address *address);

#endif
