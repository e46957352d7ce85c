/* A connection: a socket, and the session that decides what to do with it. */
#ifndef W2E_CONNECTION_H
#define W2E_CONNECTION_H

#include "win/win.h"

#include "session.h"

struct w2e_connection {
    SOCKET socket;
    struct w2e_session *session;
    /* The set of a driver's connections, which the driver guards. */
    struct w2e_connection *next;
    struct w2e_connection *previous;
};

/* Gives the session the buffer that it wants, if that changed. If there is no memory the session is aborted, or goes on with what it has. */
void w2e_connection_fit_buffer(struct w2e_connection *connection);

/* Takes the buffer back, once CLOSE was lent. */
void w2e_connection_free_buffer(struct w2e_connection *connection);

#endif
