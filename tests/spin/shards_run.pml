/* shards.pml goes on: the threads. The engine has said what begin, end, wait, closing and engine_starts are. */

/* read_mail: what came is begun, then what is to end is ended. */
inline read_mail(me) {
    atomic {
    locked();
    arrived[0] = (task[0] == INBOX && shard_of[0] == me);
    arrived[1] = (task[1] == INBOX && shard_of[1] == me);
    arrived[2] = (task[2] == INBOX && shard_of[2] == me);
    if :: arrived[0] -> task[0] = LIVE :: else fi;
    if :: arrived[1] -> task[1] = LIVE :: else fi;
    if :: arrived[2] -> task[2] = LIVE :: else fi;
    ends_listeners = stop_accepting;
    ends_all = stop
    };
    if :: arrived[0] -> begin(0, me) :: else fi;
    if :: arrived[1] -> begin(1, me) :: else fi;
    if :: arrived[2] -> begin(2, me) :: else fi;
    if
    :: ends_listeners && !listeners_ended ->
        listeners_ended = true;
        if :: IS_MINE(0, me) -> end(0, me) :: else fi
    :: else
    fi;
    if
    :: ends_all && !all_ended ->
        all_ended = true;
        if :: IS_MINE(0, me) -> end(0, me) :: else fi;
        if :: IS_MINE(1, me) -> end(1, me) :: else fi;
        if :: IS_MINE(2, me) -> end(2, me) :: else fi
    :: else
    fi
}

/* shard_run: obey, wait, and again; ENDED is told before the poller or reaper is closed, so that nobody wakes it then. */
proctype shard(byte me) {
    bool arrived[TASKS];
    bool ends_listeners, ends_all, listeners_ended, all_ended, late, got;
    byte to;
    state[me] = RUNNING;
    do
    :: /* obey */
        do
        :: atomic { mail[me] -> mail[me] = false }; read_mail(me)
        :: atomic { !mail[me] -> break }
        od;
        if
        :: all_ended && !HAS_TASKS(me) -> break
        :: else
        fi;
        wait(me)
    od;
    atomic { locked(); state[me] = ENDED; running-- };
    closing(me);
    closed[me] = true
}

/* w2e_shards_add, by a thread of the owner's */
proctype adder() {
    bool late;
    byte to;
    dispatch(ADDED, NOBODY);
    added = true
}

/* w2e_shards_ask_again, at any time: all shards are told, also while others stop them. */
proctype asker() {
    atomic { locked(); tell_all(NOBODY) };
    asked = true
}

/* w2e_shards_stop: accepting first, then all; then the threads are joined (closed is the last that one does), and the driver is freed. */
proctype stopper() {
    atomic { locked(); stop_accepting = true; tell_all(NOBODY) };
    listening == 0;
    listener_open = false;
    atomic { locked(); stop = true; tell_all(NOBODY) };
    running == 0;
    (state[0] == UNSTARTED || closed[0]) && (state[1] == UNSTARTED || closed[1]);
    stopped = true
}

init {
    bool late;
    byte to;
    engine_starts();
    atomic { start_shard(0, NOBODY) };
    dispatch(LISTENER, NOBODY);
    run adder();
#ifdef PROGRESS
    asked = true; /* whether a stop ends is another question than who is told what meanwhile; both at once are too many states */
#else
    run asker();
#endif
    run stopper();
    /* All who may call have come back: the owner frees the driver. */
    stopped && added && asked;
    assert(task[0] == NONE || task[0] == FINISHED);
    assert(task[1] == NONE || task[1] == FINISHED);
    assert(task[2] == NONE || task[2] == FINISHED);
    assert(running == 0 && listening == 0 && load[0] == 0 && load[1] == 0);
    freed = true
}

ltl every_stop_ends { <> freed }
