/*
 * Stopping the driver of the family `blocking`: io/blocking.c.
 *
 * Workers wait in accept, serve a connection each, and come back. Who stops sets a flag, then cancels what is in a call (CancelIoEx): a call that
 * is only about to begin is not seen, so he does it again until all have answered. (He waits before that: here, until nobody else can do
 * anything.) Calls block: a client may come or not, and a peer may end its connection or never do. A thread with a socket of datagrams receives, or
 * sleeps until the first of those that it holds is due, which may be never; it ends with accepting. Every stop ends; nobody touches the driver, a
 * worker or a socket after it is gone.
 */
#define WORKERS 3 /* started one after the other: a worker that takes the last place of the listener starts the next */
#define DATAGRAMS WORKERS
#define THREADS (WORKERS + 1)

bool stop_accepting;
bool abort;
bool freed;          /* the driver */
bool listener_open = true;
byte listening;      /* threads in accept, on their way to it, or with a socket of datagrams */
byte threads;        /* started and not joined */
byte started;
bool in_accept[THREADS];  /* in the call: CancelIoEx reaches it */
bool in_transfer[THREADS];
bool serving[THREADS];    /* in the set: its socket is open, and may be cancelled */
bool cancelled[THREADS];
bool ended[THREADS];      /* in the list of those to be joined */
bool worker_freed[THREADS];
byte to_come = 2;         /* clients that will connect */
byte datagrams_to_come = 1;
bool stopped;             /* w2e_driver_ops.stop has returned */

/* What is done under the lock is an atomic sequence; where it waits it lets go of both. */
inline locked() {
    assert(!freed)
}

/* start_worker */
inline start() {
    atomic {
    locked();
    if
    :: started < WORKERS && !stop_accepting ->
        listening++;
        threads++;
        started++;
        run worker(started - 1)
    :: else /* no more here, to keep the model small: like a system that has no thread to give */
    fi
    }
}

/* join_ended_locked, one at a time; the lock is dropped for the joining. */
inline join_ended(i) {
    i = 0;
    do
    :: i < THREADS && ended[i] ->
        ended[i] = false;
        assert(!worker_freed[i]);
        worker_freed[i] = true;
        locked();
        threads--;
        i = 0
    :: i < THREADS && !ended[i] -> i++
    :: i == THREADS -> i = 0; break
    od
}

/* accept_next, leave_accept, serve, return_to_accept, end_worker */
proctype worker(byte me) {
    bool accepted;
    bool peer_ends;
    byte i;
next:
    accepted = false;
    do
    :: stop_accepting -> break
    :: !stop_accepting -> /* it was not set when it was looked at; it may be by the next step */
        assert(listener_open);
        in_accept[me] = true;
        assert(listener_open);
        atomic {
            if
            :: cancelled[me] -> skip
            :: to_come > 0 -> to_come--; accepted = true
            fi;
            in_accept[me] = false;
            cancelled[me] = false
        };
        if
        :: accepted -> break
        :: else
        fi
    od;
    atomic { locked(); listening-- };
    if
    :: !accepted -> goto done
    :: else
    fi;
    start();
    atomic { locked(); serving[me] = true };
    if
    :: peer_ends = true
    :: peer_ends = false
    fi;
    do
    :: abort -> break                /* w2e_session_abort, and the session lends CLOSE */
    :: !abort ->
        assert(serving[me]);
        in_transfer[me] = true;      /* recv, or send */
        atomic {
            if
            :: cancelled[me] -> skip /* and the flag is looked at again */
            :: peer_ends -> accepted = false
            fi;
            in_transfer[me] = false;
            cancelled[me] = false
        };
        if
        :: !accepted -> break
        :: else
        fi
    od;
    accepted = false;
    peer_ends = false;
    atomic { locked(); serving[me] = false }; /* leaves the set before its socket is closed */
    atomic {
        locked();
        if
        :: !stop_accepting -> listening++; goto next
        :: else
        fi
    };
done:
    atomic {
        locked();
        join_ended(i);
        assert(!worker_freed[me]);
        ended[me] = true
    }
}

/* worker_run with a connection from the start, sleep_until */
proctype datagrams() {
    byte i;
    atomic { locked(); serving[DATAGRAMS] = true };
    do
    :: stop_accepting -> break
    :: !stop_accepting ->
        assert(serving[DATAGRAMS]);
        if
        :: in_transfer[DATAGRAMS] = true;
            atomic {
                if
                :: cancelled[DATAGRAMS] -> skip
                :: datagrams_to_come > 0 -> datagrams_to_come--
                fi;
                in_transfer[DATAGRAMS] = false;
                cancelled[DATAGRAMS] = false
            }
        :: skip; /* asleep until woken; had the time come, it would only look again */
            atomic { stop_accepting -> locked() }
        fi
    od;
    atomic { locked(); serving[DATAGRAMS] = false }; /* leaves the set before its socket is closed */
    atomic { locked(); listening-- };
    atomic {
        locked();
        join_ended(i);
        assert(!worker_freed[DATAGRAMS]);
        ended[DATAGRAMS] = true
    }
}

inline cancel_accepting(i) {
    assert(listener_open);
    i = 0;
    do
    :: i < WORKERS -> cancelled[i] = cancelled[i] || in_accept[i]; i++
    :: else -> i = 0; break
    od
}

inline cancel_if_serving(it) {
    cancelled[it] = cancelled[it] || (serving[it] && in_transfer[it])
}

inline cancel_serving(i) {
    i = 0;
    do
    :: i < THREADS -> cancel_if_serving(i); i++
    :: else -> i = 0; break
    od
}

#define ANY_ENDED (ended[0] || ended[1] || ended[2] || ended[DATAGRAMS])

/* await_answers_locked: who ends wakes the one who waits, and so does the last who leaves accept; else he has waited long enough. */
inline await_answers(i, left) {
    do
    :: atomic { ANY_ENDED -> locked(); join_ended(i) }
    :: left == 0 -> break
    :: timeout -> break
    od
}

/* blocking_stop: stop_accepting, abort; what is still in a call is cancelled, again and again. */
proctype stopper() {
    byte i;
    atomic { locked(); stop_accepting = true };
    do
    :: atomic { listening > 0 -> cancel_accepting(i); cancel_if_serving(DATAGRAMS) }; await_answers(i, listening)
    :: atomic { listening == 0 -> listener_open = false; break }
    od;
    atomic { locked(); abort = true };
    do
    :: atomic { threads > 0 -> cancel_serving(i) }; await_answers(i, threads)
    :: atomic { threads == 0 -> break }
    od;
    stopped = true;
    freed = true
}

init {
    start();
    atomic { listening++; threads++; run datagrams() };
    run stopper()
}

ltl every_stop_ends { <> stopped }
