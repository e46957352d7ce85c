/*
 * A reaper tells which overlapped operations are completed. There are three, one for each way in which Windows can tell that; the
 * engine over them (completion.c) is the same.
 *
 * A reaper is opened, used and closed by one thread; only wake and attach may be called from others.
 */
#ifndef W2E_REAPER_H
#define W2E_REAPER_H

#include "win/win.h"

#include <stdbool.h>
#include <stdint.h>

struct w2e_task;

/* An overlapped operation. What it belongs to has it as a member, and does not go before it is completed. */
struct w2e_operation {
    OVERLAPPED overlapped;      /* first: Windows gives its address back */
    struct w2e_task *task;      /* whom it belongs to */
    struct w2e_reaper *reaper;  /* that it was prepared for */
    struct w2e_operation *next; /* the reaper's own */
    uint32_t slot;              /* the reaper's own */
    bool no_routine;            /* it is started by a call that takes no completion routine */
};

struct w2e_reaper; /* each reaper has its own */

typedef void w2e_completed(struct w2e_operation *operation);

struct w2e_reaper_ops {
    uint32_t capacity;                          /* operations that one reaper can have out; 0: no limit */
    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine; /* to start operations with */
    /* 0, or WSAENOBUFS and the like. */
    int (*open)(struct w2e_reaper **reaper);
    void (*close)(struct w2e_reaper *reaper);
    /* Before the first operation on a socket: 0 or an error; WSAEINVAL if it was attached before. */
    int (*attach)(struct w2e_reaper *reaper, SOCKET socket);
    /* Before an operation is started: 0 or an error. */
    int (*prepare)(struct w2e_reaper *reaper, struct w2e_operation *operation);
    /* After it was started; error: 0 if it is done already, WSA_IO_PENDING, or why it did not start. Whether wait will tell of it. */
    bool (*started)(struct w2e_reaper *reaper, struct w2e_operation *operation, int error);
    /* Waits until operations are completed, wake was called, or the time has come: 0, or an error. `completed` is called for each of
     * them, in this thread, and may prepare and start others meanwhile, but not wait. */
    int (*wait)(struct w2e_reaper *reaper, uint64_t until_us, w2e_completed *completed);
    /* Ends a wait, or the next one if none is under way. From any thread. */
    void (*wake)(struct w2e_reaper *reaper);
};

#endif
