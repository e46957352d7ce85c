/*
 * Completion routines: Windows calls a function in the thread that started the operation, while that thread waits alertably.
 *
 * The routine goes on with the connection, which starts the next operation; what that one completes at once is called in the same wait.
 * So a wait is shared by all that is completed meanwhile, as far as WITHIN_WAIT_MAX: a stream that never pauses would not let the
 * thread come out for its other duties. ConnectEx takes no routine: it sets an event, which all that connects shares, and the thread
 * looks which are done.
 */
#include "io/reaper.h"
#include "win/system.h"
#include "win/thread.h"

enum { WITHIN_WAIT_MAX = 64 };

struct w2e_reaper {
    HANDLE events[2]; /* to wake; something is connected */
    struct w2e_operation *connecting;
    w2e_completed *completed; /* while it waits */
    unsigned within_wait;     /* routines that were called in this wait */
    bool inside;              /* … one of them has not returned: what it calls may wait alertably itself */
    struct w2e_operation *late;
    struct w2e_operation **late_end; /* those for after the wait */
};

static void put_off(struct w2e_reaper *reaper, struct w2e_operation *operation) {
    operation->next = NULL;
    *reaper->late_end = operation;
    reaper->late_end = &operation->next;
}

static void CALLBACK routine(DWORD error, DWORD bytes, OVERLAPPED *overlapped, DWORD flags) {
    struct w2e_operation *operation = (struct w2e_operation *)overlapped;
    struct w2e_reaper *reaper = operation->reaper;
    (void)error; /* WSAGetOverlappedResult tells all three */
    (void)bytes;
    (void)flags;
    if (reaper->within_wait < WITHIN_WAIT_MAX && !reaper->inside) {
        reaper->within_wait++;
        reaper->inside = true;
        reaper->completed(operation);
        reaper->inside = false;
    } else {
        put_off(reaper, operation);
    }
}

static int apc_attach(struct w2e_reaper *reaper, SOCKET socket) {
    (void)reaper;
    (void)socket;
    return 0;
}

static int apc_prepare(struct w2e_reaper *reaper, struct w2e_operation *operation) {
    operation->overlapped = (OVERLAPPED){.hEvent = operation->no_routine ? reaper->events[1] : NULL};
    operation->reaper = reaper;
    return 0;
}

/* The routine is called for what is done at once, too. */
static bool apc_started(struct w2e_reaper *reaper, struct w2e_operation *operation, int error) {
    if (!operation->no_routine) {
        return error == 0 || error == WSA_IO_PENDING;
    }
    if (error == WSA_IO_PENDING) {
        operation->next = reaper->connecting;
        reaper->connecting = operation;
    }
    return error == WSA_IO_PENDING;
}

/* Whatever is done after this sets the event; what was done before may have had it reset by the next that was started. */
static void put_off_connected(struct w2e_reaper *reaper) {
    for (struct w2e_operation **at = &reaper->connecting; *at != NULL;) {
        struct w2e_operation *operation = *at;
        if (HasOverlappedIoCompleted(&operation->overlapped)) {
            *at = operation->next;
            put_off(reaper, operation);
        } else {
            at = &operation->next;
        }
    }
}

static void complete_late(struct w2e_reaper *reaper) {
    struct w2e_operation *list = reaper->late;
    reaper->late = NULL;
    reaper->late_end = &reaper->late;
    while (list != NULL) {
        struct w2e_operation *operation = list;
        list = operation->next;
        reaper->completed(operation);
    }
}

static int apc_wait(struct w2e_reaper *reaper, uint64_t until_us, w2e_completed *completed) {
    reaper->completed = completed;
    reaper->within_wait = 0;
    put_off_connected(reaper);
    DWORD outcome = w2e_sys_wait_alertable(reaper->events, 2, reaper->late != NULL ? 0 : w2e_left_ms(until_us));
    if (outcome == WAIT_OBJECT_0 || outcome == WAIT_OBJECT_0 + 1) {
        ResetEvent(reaper->events[outcome - WAIT_OBJECT_0]);
    }
    reaper->within_wait = WITHIN_WAIT_MAX; /* another call that waits alertably meanwhile is not the place to go on */
    put_off_connected(reaper);
    complete_late(reaper);
    return outcome == WAIT_FAILED ? (int)GetLastError() : 0;
}

static void apc_wake(struct w2e_reaper *reaper) {
    SetEvent(reaper->events[0]);
}

static void apc_close(struct w2e_reaper *reaper) {
    for (unsigned i = 0; i < 2 && reaper->events[i] != NULL; i++) {
        CloseHandle(reaper->events[i]);
    }
    w2e_sys_free(reaper);
}

static int apc_open(struct w2e_reaper **opened) {
    struct w2e_reaper *reaper = w2e_sys_alloc(sizeof *reaper);
    if (reaper == NULL) {
        return WSAENOBUFS;
    }
    reaper->events[0] = w2e_sys_create_event();
    reaper->events[1] = reaper->events[0] != NULL ? w2e_sys_create_event() : NULL;
    if (reaper->events[1] == NULL) {
        apc_close(reaper);
        return WSAENOBUFS;
    }
    reaper->late_end = &reaper->late;
    reaper->within_wait = WITHIN_WAIT_MAX;
    *opened = reaper;
    return 0;
}

const struct w2e_reaper_ops w2e_reaper_apc = {.routine = routine,
                                              .open = apc_open,
                                              .close = apc_close,
                                              .attach = apc_attach,
                                              .prepare = apc_prepare,
                                              .started = apc_started,
                                              .wait = apc_wait,
                                              .wake = apc_wake};
