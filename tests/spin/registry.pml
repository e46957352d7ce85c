/*
 * Closing a handle while others use it: win/registry.c, and w2e_server_close of server.c (client.c and load.c close in the same order).
 *
 * Two threads call into the object, one of them waits inside for something that never comes; two others close the handle.
 * Nobody uses what was freed, one close frees, the other finds nothing, and every call ends.
 */
#define CALLERS 2
#define CLOSERS 2

/* What is done under the lock of the registry is an atomic sequence; where it waits it lets go of both. */
bool live = true;   /* the id is in the table: w2e_slots_find finds the object */
byte users;         /* object->users */
bool closing;       /* server->closing, which whoever waits inside looks for */
bool freed;
byte frees;
byte ended;

inline use() {
    assert(!freed)
}

/* An exported function: w2e_registry_acquire, work, w2e_registry_release. */
proctype caller(bool waits) {
    bool found;
    atomic {
        found = live;
        if
        :: found -> use(); users++
        :: else
        fi
    };
    if
    :: found ->
        use();
        if
        :: waits -> closing; use() /* w2e_server_next_event, w2e_server_wait: until it is closed */
        :: else
        fi;
        atomic { use(); users-- }
    :: else
    fi;
    ended++
}

/* ws2echo_server_close: w2e_registry_retire, wake those inside, w2e_registry_wait_unused, free. */
proctype closer() {
    bool mine;
    atomic { mine = live; live = false };
    if
    :: mine ->
        use();
        closing = true;
        atomic { use(); users == 0 };
        use();
        freed = true;
        frees++
    :: else
    fi;
    ended++
}

init {
    atomic {
        run caller(false);
        run caller(true);
        run closer();
        run closer()
    }
    ended == CALLERS + CLOSERS;
    assert(frees == 1)
}

ltl every_call_ends { <> (ended == CALLERS + CLOSERS) }
