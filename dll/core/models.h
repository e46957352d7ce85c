/*
 * The list of I/O models, written once: X(NAME, name, summary). WS2ECHO_MODEL_##NAME is its number in the header, name its word.
 * ws2echo_model_describe, the options and, through them, every binding and test go by this list.
 */
#ifndef W2E_MODELS_H
#define W2E_MODELS_H

#define W2E_MODELS(X) X(THREADS, "threads", "A thread per connection that blocks in accept, recv and send.")

#endif
