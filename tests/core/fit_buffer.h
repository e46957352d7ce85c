/* What each driver owes a session before it asks for the next operation: the buffer that the session wants. */
#ifndef FIT_BUFFER_H
#define FIT_BUFFER_H

#include "session.h"

#include <stdlib.h>

static inline void fit_buffer(struct w2e_session *session) {
    size_t wanted = w2e_session_buffer_wanted(session);
    if (wanted != session->buffer_size) {
        free(w2e_session_buffer_swap(session, malloc(wanted), wanted));
    }
}

#endif
