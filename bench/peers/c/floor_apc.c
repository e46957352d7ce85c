/*
 * Completion routines: one thread that waits alertably; each routine starts the next operation. AcceptEx takes no routine, so that
 * what the thread waits for is the event of an AcceptEx.
 */
#include "floor.h"

enum { RECEIVES = 8 };

static void CALLBACK done(DWORD error, DWORD bytes, WSAOVERLAPPED *overlapped, DWORD flags);

/* The routine is called for what is done at once, too. */
static void go_on(struct floor_operation *operation) {
    DWORD bytes;
    int error;
    do {
        error = floor_start(operation, &bytes, done);
    } while (error != 0 && error != WSA_IO_PENDING && floor_done(operation, false, 0)); /* of datagrams: one is lost */
    if (error != 0 && error != WSA_IO_PENDING) {
        floor_operation_close(operation);
        free(operation);
    }
}

static void CALLBACK done(DWORD error, DWORD bytes, WSAOVERLAPPED *overlapped, DWORD flags) {
    struct floor_operation *operation = (struct floor_operation *)overlapped;
    (void)flags;
    if (floor_done(operation, error == 0, bytes)) {
        go_on(operation);
    } else {
        floor_operation_close(operation);
        free(operation);
    }
}

static void add(SOCKET socket, bool udp) {
    struct floor_operation *operation = floor_alloc(sizeof *operation);
    floor_operation_init(operation, socket, udp);
    go_on(operation);
}

static void accept_for_ever(SOCKET listener) {
    LPFN_ACCEPTEX accept_ex = floor_accept_ex(listener);
    struct floor_acceptor acceptor = {.listener = listener, .overlapped.hEvent = WSACreateEvent()};
    DWORD bytes;
    DWORD flags;

    floor_need(acceptor.overlapped.hEvent != NULL, "WSACreateEvent");
    for (;;) {
        floor_accept(&acceptor, accept_ex);
        while (WSAWaitForMultipleEvents(1, &acceptor.overlapped.hEvent, FALSE, WSA_INFINITE, TRUE) == WSA_WAIT_IO_COMPLETION) {
        }
        BOOL succeeded = WSAGetOverlappedResult(listener, &acceptor.overlapped, &bytes, FALSE, &flags);
        SOCKET socket = floor_accepted(&acceptor, succeeded);
        if (socket != INVALID_SOCKET) {
            add(socket, false);
        }
    }
}

int main(int argc, char **argv) {
    struct floor_options options = floor_arguments(argc, argv);
    SOCKET opened = floor_open(&options);
    if (!options.udp) {
        accept_for_ever(opened);
    }
    for (int i = 0; i < RECEIVES; i++) {
        add(opened, true);
    }
    for (;;) {
        SleepEx(INFINITE, TRUE);
    }
}
