/*
 * What the targets have in common. A target is a file fuzz_NAME.c with LLVMFuzzerTestOneInput; `./dev test --net fuzz` builds each with
 * libFuzzer, ASan and UBSan, and begins with what corpus/NAME.txt holds: an input in each line, in hexadecimal.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "check.h"
#include "choice.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Cuts a text off the front of the input: up to a NUL, or to what `text` holds. */
static inline struct choice fuzz_text(const uint8_t *data, size_t size, char *text, size_t capacity) {
    size_t length = 0;
    while (length < size && length + 1 < capacity && data[length] != 0) {
        text[length] = (char)data[length];
        length++;
    }
    text[length] = 0;
    size_t used = length < size && data[length] == 0 ? length + 1 : length;
    return choice_of_bytes(data + used, size - used);
}

#endif
