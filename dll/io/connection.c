#include "io/connection.h"

#include "win/system.h"

void w2e_connection_fit_buffer(struct w2e_connection *connection) {
    struct w2e_session *session = connection->session;
    size_t wanted = w2e_session_buffer_wanted(session);
    if (wanted == session->buffer_size) {
        return;
    }
    unsigned char *buffer = w2e_sys_alloc_buffer(wanted);
    if (buffer != NULL) {
        w2e_sys_free(w2e_session_buffer_swap(session, buffer, wanted));
    } else if (session->buffer_size == 0) {
        w2e_session_abort(session, WS2ECHO_REASON_ERROR, WSAENOBUFS);
    }
}

void w2e_connection_free_buffer(struct w2e_connection *connection) {
    w2e_sys_free(w2e_session_buffer_swap(connection->session, NULL, 0));
}
