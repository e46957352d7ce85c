/* What this process holds, counted from outside of the library. */
#ifndef HELD_H
#define HELD_H

#include <stdbool.h>
#include <stddef.h>

struct held {
    unsigned handles;
    unsigned threads;
};

/* Counts. Of handles the lowest free number is given out next: so there are none behind a long row of free ones. */
unsigned held_handles(void);
unsigned held_threads(void);

/* Waits for what the system clears up late: whether no more is held than before, threads included or not. Else *now tells. */
bool held_came_down(const struct held *before, bool threads_too, struct held *now);

/* Blocks in use of the process's heaps, and the bytes of them. The C runtime may have one of its own. */
struct held_heap {
    size_t blocks;
    size_t bytes;
};
struct held_heap held_heap(void);

#endif
