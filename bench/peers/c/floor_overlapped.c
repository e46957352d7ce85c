/*
 * Overlapped I/O with event objects: a wait takes 64 events, the first of which is that of an AcceptEx; so a thread serves 63
 * connections, and when none has room for more, another is started. With --udp the events are those of receives on one socket.
 */
#include "floor.h"

enum { TURN = 16, RECEIVES = 8 };

struct shard {
    WSAEVENT events[WSA_MAXIMUM_WAIT_EVENTS];
    struct floor_operation *operations[WSA_MAXIMUM_WAIT_EVENTS];
    struct floor_acceptor acceptor;
    DWORD count;
};

static SOCKET opened;
static LPFN_ACCEPTEX accept_ex;
static bool udp;
static volatile LONG shards_with_room;

static DWORD WINAPI run(void *unused);

/* The others move up, in their order: were it swapped with the last, a few busy ones would go round among themselves. */
static void move_to_end(struct shard *shard, DWORD slot) {
    WSAEVENT event = shard->events[slot];
    struct floor_operation *operation = shard->operations[slot];
    for (; slot + 1 < shard->count; slot++) {
        shard->events[slot] = shard->events[slot + 1];
        shard->operations[slot] = shard->operations[slot + 1];
    }
    shard->events[slot] = event;
    shard->operations[slot] = operation;
}

/*
 * What is done at once needs no wait; its event is set all the same, until the next operation resets it. So after its turn a
 * connection simply waits for what is done already. False: it has ended.
 */
static bool go_on(struct floor_operation *operation) {
    DWORD bytes = 0;
    for (int turn = 1;; turn++) {
        int error = floor_start(operation, &bytes, NULL);
        if (error == WSA_IO_PENDING || (error == 0 && turn >= TURN)) {
            return true;
        }
        if (!floor_done(operation, error == 0, bytes)) {
            return false;
        }
    }
}

static void add(struct shard *shard, SOCKET socket) {
    DWORD slot = shard->count++;
    struct floor_operation *operation = floor_alloc(sizeof *operation);
    if (shard->events[slot] == NULL) {
        shard->events[slot] = WSACreateEvent();
        floor_need(shard->events[slot] != NULL, "WSACreateEvent");
    }
    floor_operation_init(operation, socket, udp);
    operation->overlapped.hEvent = shard->events[slot];
    shard->operations[slot] = operation;
}

static void remove_last(struct shard *shard) {
    struct floor_operation *operation = shard->operations[--shard->count];
    WSAResetEvent(operation->overlapped.hEvent); /* it stays, for the next connection */
    floor_operation_close(operation);
    free(operation);
}

static void accepted(struct shard *shard) {
    DWORD bytes;
    DWORD flags;
    BOOL succeeded = WSAGetOverlappedResult(opened, &shard->acceptor.overlapped, &bytes, FALSE, &flags);
    SOCKET socket = floor_accepted(&shard->acceptor, succeeded);
    if (socket != INVALID_SOCKET) {
        add(shard, socket);
        if (!go_on(shard->operations[shard->count - 1])) {
            remove_last(shard);
        }
    }
    if (shard->count < WSA_MAXIMUM_WAIT_EVENTS) {
        floor_accept(&shard->acceptor, accept_ex);
    } else if (InterlockedDecrement(&shards_with_room) == 0) {
        InterlockedIncrement(&shards_with_room);
        floor_thread(run, NULL);
    }
}

/* A wait tells of the first event that is set: whose turn it was goes to the end, or busy ones would hide the others. */
static void serve(struct shard *shard, DWORD slot) {
    struct floor_operation *operation = shard->operations[slot];
    DWORD bytes = 0;
    DWORD flags;
    BOOL succeeded = WSAGetOverlappedResult(operation->socket, &operation->overlapped, &bytes, FALSE, &flags);
    move_to_end(shard, slot);
    if (floor_done(operation, succeeded, bytes) && go_on(operation)) {
        return;
    }
    remove_last(shard);
    if (shard->count == WSA_MAXIMUM_WAIT_EVENTS - 1) {
        InterlockedIncrement(&shards_with_room);
        WSAResetEvent(shard->events[0]);
        floor_accept(&shard->acceptor, accept_ex);
    }
}

static struct shard *new_shard(void) {
    struct shard *shard = calloc(1, sizeof *shard);
    floor_need(shard != NULL, "calloc");
    shard->events[0] = WSACreateEvent();
    floor_need(shard->events[0] != NULL, "WSACreateEvent");
    shard->acceptor.listener = opened;
    shard->acceptor.overlapped.hEvent = shard->events[0];
    shard->count = 1;
    return shard;
}

static void start(struct shard *shard) {
    if (!udp) {
        floor_accept(&shard->acceptor, accept_ex);
        return;
    }
    for (int i = 0; i < RECEIVES; i++) {
        add(shard, opened);
        go_on(shard->operations[shard->count - 1]);
    }
}

/* When there is no room for more, the first event is left out. */
static bool wait(const struct shard *shard, DWORD *slot) {
    DWORD first = shard->count == WSA_MAXIMUM_WAIT_EVENTS ? 1 : 0;
    DWORD signalled = WSAWaitForMultipleEvents(shard->count - first, shard->events + first, FALSE, WSA_INFINITE, FALSE);
    *slot = first + signalled - WSA_WAIT_EVENT_0;
    return signalled != WSA_WAIT_FAILED;
}

static DWORD WINAPI run(void *unused) {
    struct shard *shard = new_shard();
    DWORD slot;
    (void)unused;
    start(shard);
    while (wait(shard, &slot)) {
        if (slot > 0) {
            serve(shard, slot);
        } else {
            accepted(shard);
        }
    }
    return EXIT_FAILURE;
}

int main(int argc, char **argv) {
    struct floor_options options = floor_arguments(argc, argv);
    udp = options.udp;
    opened = floor_open(&options);
    accept_ex = udp ? NULL : floor_accept_ex(opened);
    shards_with_room = 1;
    return (int)run(NULL);
}
