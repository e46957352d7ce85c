/*
 * Event objects: each operation that is out has an event, which Windows signals when it is completed.
 *
 * One wait takes at most 64 objects: one to wake the thread, 63 operations. With more the engine starts more reapers. A wait tells of one
 * object only, the first that is signalled; those behind it move up, and the next operation goes to the end of the row: so however many
 * connections are busy, each has its turn.
 */
#include "io/reaper.h"
#include "win/system.h"
#include "win/thread.h"

enum { OBJECTS_MAX = MAXIMUM_WAIT_OBJECTS };

struct w2e_reaper {
    HANDLE events[OBJECTS_MAX]; /* the first is to wake; beyond count, spare ones or NULL */
    struct w2e_operation *operations[OBJECTS_MAX];
    uint32_t count;
};

static int overlapped_attach(struct w2e_reaper *reaper, SOCKET socket) {
    (void)reaper;
    (void)socket;
    return 0;
}

static int overlapped_prepare(struct w2e_reaper *reaper, struct w2e_operation *operation) {
    HANDLE *event = &reaper->events[reaper->count];
    if (*event == NULL) {
        *event = w2e_sys_create_event();
    }
    operation->overlapped = (OVERLAPPED){.hEvent = *event};
    return *event != NULL ? 0 : WSAENOBUFS;
}

/* An event that was signalled at once is reset by the operation that has it next. */
static bool overlapped_started(struct w2e_reaper *reaper, struct w2e_operation *operation, int error) {
    if (error != WSA_IO_PENDING) {
        return false;
    }
    operation->slot = reaper->count++;
    reaper->operations[operation->slot] = operation;
    return true;
}

static struct w2e_operation *take_out(struct w2e_reaper *reaper, uint32_t slot) {
    struct w2e_operation *operation = reaper->operations[slot];
    HANDLE event = reaper->events[slot];
    reaper->count--;
    for (; slot < reaper->count; slot++) {
        reaper->operations[slot] = reaper->operations[slot + 1];
        reaper->events[slot] = reaper->events[slot + 1];
        reaper->operations[slot]->slot = slot;
    }
    reaper->events[slot] = event; /* a spare one */
    return operation;
}

static int overlapped_wait(struct w2e_reaper *reaper, uint64_t until_us, w2e_completed *completed) {
    DWORD signalled = w2e_sys_wait_any(reaper->events, reaper->count, w2e_left_ms(until_us));
    if (signalled == WAIT_FAILED) {
        return (int)GetLastError();
    }
    if (signalled == WAIT_OBJECT_0) {
        ResetEvent(reaper->events[0]);
    } else if (signalled < WAIT_OBJECT_0 + reaper->count) {
        completed(take_out(reaper, signalled - WAIT_OBJECT_0));
    }
    return 0;
}

static void overlapped_wake(struct w2e_reaper *reaper) {
    SetEvent(reaper->events[0]);
}

static void overlapped_close(struct w2e_reaper *reaper) {
    for (uint32_t i = 0; i < OBJECTS_MAX && reaper->events[i] != NULL; i++) {
        CloseHandle(reaper->events[i]);
    }
    w2e_sys_free(reaper);
}

static int overlapped_open(struct w2e_reaper **opened) {
    struct w2e_reaper *reaper = w2e_sys_alloc(sizeof *reaper);
    HANDLE event = reaper != NULL ? w2e_sys_create_event() : NULL;
    if (event == NULL) {
        w2e_sys_free(reaper);
        return WSAENOBUFS;
    }
    reaper->events[0] = event;
    reaper->count = 1;
    *opened = reaper;
    return 0;
}

const struct w2e_reaper_ops w2e_reaper_overlapped = {.capacity = OBJECTS_MAX - 1,
                                                     .open = overlapped_open,
                                                     .close = overlapped_close,
                                                     .attach = overlapped_attach,
                                                     .prepare = overlapped_prepare,
                                                     .started = overlapped_started,
                                                     .wait = overlapped_wait,
                                                     .wake = overlapped_wake};
