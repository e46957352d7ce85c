#include "text.h"

#include <string.h>

void w2e_text_init(struct w2e_text *text, char *memory, size_t capacity) {
    *text = (struct w2e_text){.begin = memory, .capacity = capacity};
    memory[0] = '\0';
}

void w2e_text_add_bytes(struct w2e_text *text, const char *more, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (text->size + 1 < text->capacity) {
            text->begin[text->size] = more[i];
            text->begin[text->size + 1] = '\0';
        }
        text->size++;
    }
}

void w2e_text_add(struct w2e_text *text, const char *more) {
    w2e_text_add_bytes(text, more, strlen(more));
}

static void add_digits(struct w2e_text *text, uint64_t number, unsigned base) {
    char digits[20]; /* of the largest number in base 10 */
    size_t begin = sizeof digits;
    do {
        digits[--begin] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    w2e_text_add_bytes(text, digits + begin, sizeof digits - begin);
}

void w2e_text_add_number(struct w2e_text *text, uint64_t number) {
    add_digits(text, number, 10);
}

void w2e_text_add_hex(struct w2e_text *text, unsigned number) {
    add_digits(text, number, 16);
}
