/*
 * What _FORTIFY_SOURCE needs: copies of a size that is only known when the program runs, into a place whose size the compiler knows. mingw
 * has these in libssp, which would bring ADVAPI32 along. Who would write past the end is ended, as by the stack protector.
 */
#undef _FORTIFY_SOURCE /* these are what it would call */

#include <stddef.h>
#include <string.h>

__attribute__((noreturn)) void __stack_chk_fail(void);
__attribute__((noreturn)) void __chk_fail(void);
void *__memcpy_chk(void *to, const void *from, size_t size, size_t room);
void *__memmove_chk(void *to, const void *from, size_t size, size_t room);
void *__memset_chk(void *to, int value, size_t size, size_t room);
char *__strncpy_chk(char *to, const char *from, size_t size, size_t room);
char *__strcpy_chk(char *to, const char *from, size_t room);
char *__strcat_chk(char *to, const char *from, size_t room);

void __chk_fail(void) {
    __stack_chk_fail();
}

static void check(size_t size, size_t room) {
    if (size > room) {
        __chk_fail();
    }
}

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room) {
    check(size, room);
    return memcpy(to, from, size);
}

void *__memmove_chk(void *to, const void *from, size_t size, size_t room) {
    check(size, room);
    return memmove(to, from, size);
}

void *__memset_chk(void *to, int value, size_t size, size_t room) {
    check(size, room);
    return memset(to, value, size);
}

char *__strncpy_chk(char *to, const char *from, size_t size, size_t room) {
    check(size, room);
    return strncpy(to, from, size);
}

char *__strcpy_chk(char *to, const char *from, size_t room) {
    check(strlen(from) + 1, room);
    return strcpy(to, from);
}

char *__strcat_chk(char *to, const char *from, size_t room) {
    check(strlen(to) + strlen(from) + 1, room);
    return strcat(to, from);
}
