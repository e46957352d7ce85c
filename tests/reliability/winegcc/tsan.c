#define W2E_WINEGCC_ITSELF
#include "winegcc.h"

#include <sanitizer/tsan_interface.h>
#include <stdlib.h>

void *w2e_tsan_place(HANDLE handle);
HANDLE w2e_tsan_create_thread(SECURITY_ATTRIBUTES *security, SIZE_T stack, LPTHREAD_START_ROUTINE run, void *argument,
                              DWORD flags, DWORD *id);
DWORD w2e_tsan_wait(DWORD outcome, const HANDLE *objects, DWORD count);

enum { PLACES = 1 << 16 };

struct start {
    LPTHREAD_START_ROUTINE run;
    void *argument;
};

static char places[PLACES][8];
static char ended; /* all that ended threads did */

void *w2e_tsan_place(HANDLE handle) {
    return places[((uintptr_t)handle >> 2) % PLACES];
}

static DWORD WINAPI run_thread(void *argument) {
    struct start start = *(struct start *)argument;
    free(argument);
    DWORD result = start.run(start.argument);
    __tsan_release(&ended);
    return result;
}

HANDLE w2e_tsan_create_thread(SECURITY_ATTRIBUTES *security, SIZE_T stack, LPTHREAD_START_ROUTINE run, void *argument,
                              DWORD flags, DWORD *id) {
    struct start *start = malloc(sizeof *start);
    if (start == NULL) {
        return NULL;
    }
    *start = (struct start){run, argument};
    HANDLE thread = CreateThread(security, stack, run_thread, start, flags, id);
    if (thread == NULL) {
        free(start);
    }
    return thread;
}

/* What came before any of the objects was set, if it is one of these that ended the wait. */
DWORD w2e_tsan_wait(DWORD outcome, const HANDLE *objects, DWORD count) {
    DWORD error = GetLastError();
    for (DWORD i = 0; outcome < WAIT_OBJECT_0 + count && i < count; i++) {
        __tsan_acquire(w2e_tsan_place(objects[i]));
    }
    if (outcome < WAIT_OBJECT_0 + count) {
        __tsan_acquire(&ended);
    }
    SetLastError(error);
    return outcome;
}
