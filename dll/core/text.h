/* Text that grows in the caller's memory, and is cut where that ends: always closed by NUL. */
#ifndef W2E_TEXT_H
#define W2E_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct w2e_text {
    char *begin;
    size_t capacity; /* NUL included: 1 or more */
    size_t size;     /* that it would have, were there room: from capacity on it was cut */
};

/* Begins an empty text. */
void w2e_text_init(struct w2e_text *text, char *memory, size_t capacity);

void w2e_text_add(struct w2e_text *text, const char *more);
void w2e_text_add_bytes(struct w2e_text *text, const char *more, size_t size);
void w2e_text_add_number(struct w2e_text *text, uint64_t number);
void w2e_text_add_hex(struct w2e_text *text, unsigned number);

#endif
