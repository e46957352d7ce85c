/*
 * Echoes of 64 bytes in memory, by the echo session as a driver calls it, to count the instructions of the pure core:
 *
 *   core_echo ECHOES
 */
#include "session_echo.h"

#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES = 64, BUFFER_BYTES = 2048 };

static void echo(struct w2e_session *session, uint64_t now_us) {
    struct w2e_op op = w2e_session_next(session, now_us);
    memset(op.data, 'x', MESSAGE_BYTES);
    w2e_session_done(session, W2E_OP_RECV, 0, MESSAGE_BYTES, now_us);
    w2e_session_buffer_wanted(session);
    op = w2e_session_next(session, now_us);
    w2e_session_done(session, W2E_OP_SEND, 0, op.size, now_us);
    w2e_session_buffer_wanted(session);
}

int main(int count, char **arguments) {
    static unsigned char buffer[BUFFER_BYTES];
    struct w2e_echo_config config = {
        .buffer_bytes_max = BUFFER_BYTES, .idle_timeout_us = W2E_NEVER, .send_timeout_us = W2E_NEVER};
    struct w2e_session_echo echoes;
    unsigned long wanted = count > 1 ? strtoul(arguments[1], NULL, 10) : 0;
    w2e_session_echo_init(&echoes, &config, 1);
    w2e_session_buffer_swap(&echoes.session, buffer, sizeof buffer);
    for (unsigned long i = 0; i < wanted; i++) {
        echo(&echoes.session, i + 1);
    }
    return echoes.session.bytes_sent == wanted * MESSAGE_BYTES ? EXIT_SUCCESS : EXIT_FAILURE;
}
