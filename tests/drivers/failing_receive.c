/*
 * A client whose receives fail, and whose peer sends all the same: prints for each way to fail what the call said, and the one after it.
 *
 *   failing_receive
 */
#include "win/failing.h"
#include "ws2echo.h"

#include <stdio.h>
#include <stdlib.h>

enum { LIMIT_MS = 30000, SHORT_BYTES = 5, CHUNK_BYTES = 16 * 1024, TRIES = 1000 };

static void need(bool so, const char *what) {
    if (!so) {
        fprintf(stderr, "%s: %s\n", what, ws2echo_last_failure());
        exit(1);
    }
}

/* ---- a client and its peer ---- */

struct talk {
    ws2echo_client client;
    SOCKET peer;
};

static struct talk open_talk(void) {
    struct talk talk;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int size = sizeof address;
    ws2echo_client_options options;
    SOCKET listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    need(bind(listener, (const struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0 &&
             getsockname(listener, (struct sockaddr *)&address, &size) == 0,
         "listen");
    ws2echo_client_options_init(&options);
    options.host = "127.0.0.1";
    options.port = ntohs(address.sin_port);
    need(ws2echo_client_open(&options, &talk.client) == 0, "open a client");
    talk.peer = accept(listener, NULL, NULL);
    need(talk.peer != INVALID_SOCKET, "accept");
    closesocket(listener);
    return talk;
}

static void close_talk(const struct talk *talk) {
    ws2echo_client_close(talk->client);
    closesocket(talk->peer);
}

static void say(const struct talk *talk, int size) {
    static const char said[CHUNK_BYTES] = {0};
    need(send(talk->peer, said, size, 0) == size, "send");
}

static int hear(const struct talk *talk, uint64_t *received) {
    static char heard[CHUNK_BYTES];
    return ws2echo_client_recv(talk->client, heard, sizeof heard, LIMIT_MS, received);
}

/* Who waits for the event makes the next call. */
static bool signalled(const struct talk *talk) {
    uintptr_t handle;
    need(ws2echo_client_wait_handle(talk->client, WS2ECHO_HALF_RECEIVE, &handle) == 0, "ask for the event");
    bool is = WaitForSingleObject((HANDLE)handle, LIMIT_MS) == WAIT_OBJECT_0;
    CloseHandle((HANDLE)handle);
    return is;
}

/* ---- ways to fail ---- */

static void fail_once(const struct talk *talk, const char *what, const struct w2e_failing *failing) {
    uint64_t received = 0;
    w2e_failing_arm(failing, 1, false);
    int first = hear(talk, &received);
    bool struck = w2e_failing_strikes() == 1;
    w2e_failing_arm(NULL, 0, false);
    bool ready = signalled(talk);
    int second = hear(talk, &received);
    printf("%s: %s %d, %s, then %d and %s\n", what, struck ? "failed" : "did not fail", first, ready ? "ready" : "not ready",
           second, received > 0 ? "bytes" : "none");
}

static void fail_to_receive(const char *what, const struct w2e_failing *failing) {
    struct talk talk = open_talk();
    say(&talk, SHORT_BYTES);
    fail_once(&talk, what, failing);
    close_talk(&talk);
}

/* Once a receive has left more behind, the client tries a plain one. */
static void fail_to_receive_more(const char *what, const struct w2e_failing *failing) {
    struct talk talk = open_talk();
    uint64_t received = 0;
    for (int i = 0; i < TRIES && received < CHUNK_BYTES; i++) {
        say(&talk, CHUNK_BYTES);
        need(hear(&talk, &received) == 0, "receive");
    }
    say(&talk, SHORT_BYTES);
    fail_once(&talk, what, failing);
    close_talk(&talk);
}

int main(void) {
    static const struct w2e_failing no_memory = {"wsa_recv", W2E_FAILS, "WSAENOBUFS", WSAENOBUFS, 0, 0};
    static const struct w2e_failing too_many = {"wsa_recv", W2E_FAILS, "WSAEWOULDBLOCK", WSAEWOULDBLOCK, 0, 0};
    static const struct w2e_failing reset = {"wsa_recv", W2E_FAILS, "WSAECONNRESET", WSAECONNRESET, 0, 0};
    static const struct w2e_failing no_memory_at_once = {"recv", W2E_FAILS, "WSAENOBUFS", WSAENOBUFS, 0, 0};
    static const struct w2e_failing failed = {"overlapped_result", W2E_FAILS_LATE, "WSAENOBUFS", WSAENOBUFS, 0, 0};
    WSADATA data;
    need(WSAStartup(MAKEWORD(2, 2), &data) == 0, "start Winsock");
    fail_to_receive("no memory to start", &no_memory);
    fail_to_receive("too many started", &too_many);
    fail_to_receive("reset when it starts", &reset);
    fail_to_receive_more("no memory for a plain one", &no_memory_at_once);
    fail_to_receive("no memory when it ends", &failed);
    WSACleanup();
    return 0;
}
