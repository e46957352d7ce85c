/*
 * Stopping the driver of the family `readiness`: io/readiness.c over io/shards.c.
 *
 * Nothing of a connection is out at the system: a task that is to end is finished at once. A poller reports what is ready, and a call is made
 * for each report; a report never meets a task that is gone.
 */
#define CAPACITY 2 /* so that shard 1 is started, too */
#include "shards.pml"

bool came; /* the one connection that comes was accepted */

inline begin(t, me) {
    skip /* start_watching */
}

inline end(t, me) {
    finish(t) /* abort: the session lends RESET and CLOSE at once */
}

inline closing(me) {
    assert(!HAS_TASKS(me)) /* the poller watches nothing any more */
}

/* poller->wait, then one call for each report: accept, or what the session asks for; it returns without a report after a wake. */
inline wait(me) {
    if
    :: woken[me] -> woken[me] = false
    :: IS_MINE(LISTENER, me) && !came ->
        came = true;
        assert(listener_open);
        dispatch(ACCEPTED, me) /* maybe to this very shard, which then looks at its mail before it waits */
    :: IS_MINE(ACCEPTED, me) -> finish(ACCEPTED) /* the peer has ended it */
    :: IS_MINE(ADDED, me) -> finish(ADDED)
    fi
}

inline engine_starts() {
    skip
}

#include "shards_run.pml"
