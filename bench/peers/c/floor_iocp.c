/*
 * Completion port: workers take what is done and start what comes next. What is done at once leaves no packet (and needs none), so
 * that a connection whose turn is over posts one itself.
 */
#include "floor.h"

enum { TURN = 16, ACCEPTS = 64, RECEIVES = 32 };
enum { KEY_ACCEPT, KEY_DONE, KEY_GO_ON };

static HANDLE port;
static LPFN_ACCEPTEX accept_ex;

static void end(struct floor_operation *operation) {
    floor_operation_close(operation);
    free(operation);
}

static void go_on(struct floor_operation *operation) {
    DWORD bytes = 0;
    for (int turn = 0; turn < TURN; turn++) {
        int error = floor_start(operation, &bytes, NULL);
        if (error == WSA_IO_PENDING) {
            return;
        }
        if (!floor_done(operation, error == 0, bytes)) {
            end(operation);
            return;
        }
    }
    floor_need(PostQueuedCompletionStatus(port, 0, KEY_GO_ON, &operation->overlapped), "PostQueuedCompletionStatus");
}

static void attach(SOCKET socket) {
    HANDLE handle = (HANDLE)socket;
    floor_need(CreateIoCompletionPort(handle, port, KEY_DONE, 0) != NULL, "CreateIoCompletionPort");
    floor_need(SetFileCompletionNotificationModes(handle, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE),
               "SetFileCompletionNotificationModes");
}

static void add(SOCKET socket, bool udp) {
    struct floor_operation *operation = floor_alloc(sizeof *operation);
    floor_operation_init(operation, socket, udp);
    go_on(operation);
}

static void accepted(struct floor_acceptor *acceptor, bool succeeded) {
    SOCKET socket = floor_accepted(acceptor, succeeded);
    floor_accept(acceptor, accept_ex);
    if (socket != INVALID_SOCKET) {
        attach(socket);
        add(socket, false);
    }
}

static DWORD WINAPI work(void *unused) {
    OVERLAPPED *overlapped = NULL;
    ULONG_PTR key = 0;
    DWORD bytes = 0;
    bool succeeded;

    (void)unused;
    while ((succeeded = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, INFINITE)) || overlapped != NULL) {
        struct floor_operation *operation = (struct floor_operation *)overlapped;
        if (key == KEY_ACCEPT) {
            accepted((struct floor_acceptor *)overlapped, succeeded);
        } else if (key == KEY_GO_ON || floor_done(operation, succeeded, bytes)) {
            go_on(operation);
        } else {
            end(operation);
        }
    }
    return EXIT_FAILURE;
}

static void start_accepting(SOCKET listener) {
    accept_ex = floor_accept_ex(listener);
    floor_need(CreateIoCompletionPort((HANDLE)listener, port, KEY_ACCEPT, 0) != NULL, "CreateIoCompletionPort");
    for (int i = 0; i < ACCEPTS; i++) {
        struct floor_acceptor *acceptor = floor_alloc(sizeof *acceptor);
        *acceptor = (struct floor_acceptor){.listener = listener};
        floor_accept(acceptor, accept_ex);
    }
}

/* Those that it may run on. */
static unsigned processors(void) {
    DWORD_PTR mine = 1;
    DWORD_PTR of_system;
    unsigned count = 0;
    GetProcessAffinityMask(GetCurrentProcess(), &mine, &of_system);
    for (; mine != 0; mine &= mine - 1) {
        count++;
    }
    return count > 0 ? count : 1;
}

int main(int argc, char **argv) {
    struct floor_options options = floor_arguments(argc, argv);
    SOCKET opened = floor_open(&options);
    unsigned workers = options.workers > 0 ? options.workers : processors();

    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, workers);
    floor_need(port != NULL, "CreateIoCompletionPort");
    if (options.udp) {
        attach(opened);
        for (int i = 0; i < RECEIVES; i++) {
            add(opened, true);
        }
    } else {
        start_accepting(opened);
    }
    while (--workers > 0) {
        floor_thread(work, NULL);
    }
    return (int)work(NULL);
}
