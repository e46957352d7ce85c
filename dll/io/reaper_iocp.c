/*
 * Completion port: what is completed queues up in a port, whichever socket it was for, and a thread takes it from there.
 *
 * Each worker has a port of its own, to which its connections belong for good: so no two threads ever work on one connection. An
 * operation that is done at once is not queued, which spares nearly every send the way through the port.
 */
#include "io/reaper.h"
#include "win/system.h"
#include "win/thread.h"

enum { ENTRIES = 64 };

struct w2e_reaper {
    HANDLE port;
    bool skips_port; /* what is done at once is not queued */
    OVERLAPPED_ENTRY entries[ENTRIES];
};

static bool all_are_of_the_system(const WSAPROTOCOL_INFOW *infos, int count) {
    bool all = count > 0;
    for (int i = 0; i < count; i++) {
        all = all && (infos[i].dwServiceFlags1 & XP1_IFS_HANDLES) != 0;
    }
    return all;
}

/* Only what Winsock's providers have as handles of the system itself may skip the port (SetFileCompletionNotificationModes): a layer of
 * somebody's between would queue it all the same. Such a layer may lie under one protocol alone: where there is any, no socket skips it. */
static bool may_skip_port(void) {
    DWORD bytes = 0;
    if (w2e_sys_enum_protocols(NULL, &bytes) != SOCKET_ERROR || WSAGetLastError() != WSAENOBUFS) {
        return false;
    }
    WSAPROTOCOL_INFOW *infos = w2e_sys_alloc(bytes);
    bool may = infos != NULL && all_are_of_the_system(infos, w2e_sys_enum_protocols(infos, &bytes));
    w2e_sys_free(infos);
    return may;
}

static int iocp_attach(struct w2e_reaper *reaper, SOCKET socket) {
    if (!w2e_sys_attach_to_port(socket, reaper->port)) { /* what else the system says is no code of Winsock */
        return GetLastError() == ERROR_INVALID_PARAMETER ? WSAEINVAL : WSAENOBUFS;
    }
    return reaper->skips_port && !w2e_sys_skip_port_on_success(socket) ? WSAENOBUFS : 0;
}

static int iocp_prepare(struct w2e_reaper *reaper, struct w2e_operation *operation) {
    (void)reaper;
    operation->overlapped = (OVERLAPPED){0};
    return 0;
}

static bool iocp_started(struct w2e_reaper *reaper, struct w2e_operation *operation, int error) {
    (void)operation;
    return error == WSA_IO_PENDING || (error == 0 && !reaper->skips_port);
}

static int iocp_wait(struct w2e_reaper *reaper, uint64_t until_us, w2e_completed *completed) {
    ULONG count = 0;
    if (!w2e_sys_get_completions(reaper->port, reaper->entries, ENTRIES, &count, w2e_left_ms(until_us))) {
        return GetLastError() == WAIT_TIMEOUT ? 0 : (int)GetLastError();
    }
    for (ULONG i = 0; i < count; i++) {
        if (reaper->entries[i].lpOverlapped != NULL) { /* else a wake */
            completed((struct w2e_operation *)reaper->entries[i].lpOverlapped);
        }
    }
    return 0;
}

/* A wake that is lost would let the thread sleep for ever. */
static void iocp_wake(struct w2e_reaper *reaper) {
    while (!w2e_sys_post_completion(reaper->port)) {
        w2e_sys_sleep(W2E_WAKE_AGAIN_MS);
    }
}

static void iocp_close(struct w2e_reaper *reaper) {
    CloseHandle(reaper->port);
    w2e_sys_free(reaper);
}

static int iocp_open(struct w2e_reaper **opened) {
    struct w2e_reaper *reaper = w2e_sys_alloc(sizeof *reaper);
    HANDLE port = reaper != NULL ? w2e_sys_create_port() : NULL;
    if (port == NULL) {
        w2e_sys_free(reaper);
        return WSAENOBUFS;
    }
    reaper->port = port;
    reaper->skips_port = may_skip_port();
    *opened = reaper;
    return 0;
}

const struct w2e_reaper_ops w2e_reaper_iocp = {.open = iocp_open,
                                               .close = iocp_close,
                                               .attach = iocp_attach,
                                               .prepare = iocp_prepare,
                                               .started = iocp_started,
                                               .wait = iocp_wait,
                                               .wake = iocp_wake};
