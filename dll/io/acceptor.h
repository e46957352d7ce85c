/* A thread that accepts connections for the shards of a completion model, by plain accept: the other way is AcceptEx. */
#ifndef W2E_ACCEPTOR_H
#define W2E_ACCEPTOR_H

#include "io/shards.h"

struct w2e_acceptor;

/* Starts to accept from the listeners of the shards: 0 or an error. */
int w2e_acceptor_start(struct w2e_acceptor **started, struct w2e_shards *shards);

/* Stops, and frees. The listeners are still open. */
void w2e_acceptor_stop(struct w2e_acceptor *acceptor);

#endif
