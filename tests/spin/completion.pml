/*
 * Stopping the driver of the family `completion`: io/completion.c over io/shards.c.
 *
 * What is started is the system's until it is completed: a task that is to end has its operation cancelled, and goes only when that has come
 * back. Nothing is freed under an operation that is out, and none is left when the reaper is closed.
 */
#define CAPACITY 3 /* shard 1 is not needed: readiness.pml has it, and both would be too many states */
#include "shards.pml"

bool out[3];       /* an operation of the task is the system's */
bool asked_back[3];   /* CancelIoEx was called for it */
bool completed[3]; /* its report waits at the reaper */
bool ending[3];
bool came;

/* arm, or the session's RECV or SEND */
inline start_operation(t) {
    assert(task[t] == LIVE && !out[t] && !completed[t]);
    asked_back[t] = false;
    out[t] = true
}

inline begin(t, me) {
    start_operation(t)
}

/* end, end_accept: a listener that is out is cancelled; the session lends CANCEL, and later CLOSE. */
inline end(t, me) {
    ending[t] = true;
    if
    :: out[t] -> asked_back[t] = true
    :: else -> finish(t)
    fi
}

inline closing(me) {
    assert(!(out[0] && shard_of[0] == me) && !(out[1] && shard_of[1] == me) && !(out[2] && shard_of[2] == me))
}

/* completed: the report is taken, the operation is ours again; then the task goes on, or ends. */
inline collect(t, me) {
    assert(task[t] == LIVE && out[t]);
    atomic { completed[t] = false; out[t] = false }
    if
    :: t == LISTENER && !came && !ending[t] ->
        came = true;
        dispatch(ACCEPTED, me);
        start_operation(t)
    :: t == LISTENER && (came || ending[t]) ->
        if
        :: ending[t] -> finish(t)
        :: else -> start_operation(t)
        fi
    :: t != LISTENER && ending[t] -> finish(t)
    :: t != LISTENER && !ending[t] ->
        if
        :: start_operation(t)
        :: finish(t) /* the peer has ended it */
        fi
    fi
}

#define REPORTED(t, me) (completed[t] && shard_of[t] == me)

/* reaper->wait: until it is woken or something is reported; whatever is reported by then is taken, so that nobody has to wait for ever. */
inline wait(me) {
    woken[me] || REPORTED(0, me) || REPORTED(1, me) || REPORTED(2, me);
    woken[me] = false;
    if :: REPORTED(0, me) -> collect(0, me) :: else fi;
    if :: REPORTED(1, me) -> collect(1, me) :: else fi;
    if :: REPORTED(2, me) -> collect(2, me) :: else fi
}

/* Windows: completes what is out, soon if it was cancelled. It writes into memory of the task, which must be there. */
proctype windows(byte t) {
end_windows:
    do
    :: atomic { out[t] && !completed[t] -> assert(task[t] == LIVE); completed[t] = true }
    :: freed -> break
    od
}

inline engine_starts() {
    run windows(0);
    run windows(1);
    run windows(2)
}

#include "shards_run.pml"
