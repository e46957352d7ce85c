/*
 * Writes past the end of an array on the stack, on purpose and hardened as the DLL is:
 *
 *   overruns stack BYTES | overruns copy BYTES
 *
 * An array of 16 bytes is written byte by byte, which the stack protector sees when the function returns, or by memcpy, which FORTIFY
 * sees before. Ends with STATUS_STACK_BUFFER_OVERRUN if it was seen, and prints "survived" if not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 16, SOURCE_BYTES = 256 };

static volatile char sink;

__attribute__((noinline)) static void write_bytes(size_t size) {
    char array[ROOM] = {0};
    volatile char *at = array;
    for (size_t i = 0; i < size; i++) {
        at[i] = 'x';
    }
    sink = array[0];
}

/* The array is not on this function's own frame, where the stack protector would see it, too. */
__attribute__((noinline)) static void copy_bytes(size_t size, const char *source) {
    static char array[ROOM];
    memcpy(array, source, size);
    sink = array[0];
}

int main(int count, char **arguments) {
    static char source[SOURCE_BYTES];
    if (count != 3) {
        return 2;
    }
    size_t size = (size_t)atoi(arguments[2]);
    if (strcmp(arguments[1], "stack") == 0) {
        write_bytes(size);
    } else {
        copy_bytes(size, source);
    }
    puts("survived");
    return 0;
}
