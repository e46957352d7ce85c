/*
 * Threads that share connections: io/shards.c, for readiness.pml and completion.pml, which say what an engine does;
 * shards_run.pml goes on.
 *
 * Task 0 is a listener; the others are connections: one is accepted, one is added from outside. Shard 0 runs from the start, holds CAPACITY tasks (which the engine says),
 * and shard 1 starts when it is full. A stop may begin at any moment.
 */
#define SHARDS   2
#define TASKS    3
#define LISTENER 0
#define ACCEPTED 1
#define ADDED    2
#define NOBODY   SHARDS /* who is no shard: a thread of the owner's */

mtype = { UNSTARTED, STARTING, RUNNING, ENDED }

byte running;         /* shards->running */
byte listening;       /* shards->listening */
bool stop_accepting;
bool stop;
bool freed;           /* the driver */
bool stopped;         /* w2e_shards_stop has returned */
bool added;           /* … w2e_shards_add */
bool asked;           /* … w2e_shards_ask_again */
bool listener_open = true;

mtype state[SHARDS] = UNSTARTED;
bool listed[SHARDS];      /* in shards->first */
bool mail[SHARDS];
bool woken[SHARDS];       /* wake was called: the poller's or reaper's wait returns */
bool closed[SHARDS];      /* shard_close: nobody may wake it any more */
byte load[SHARDS];

mtype = { NONE, INBOX, LIVE, FINISHED }
mtype task[TASKS] = NONE;
byte shard_of[TASKS];
byte given_up;            /* tasks that came too late, and went back to their owner */

/* What is done under the lock of shards is an atomic sequence; where it waits for a condition it lets go of both. */
inline locked() {
    assert(!freed)
}

#define IS_MINE(t, me) (task[t] == LIVE && shard_of[t] == me)
#define HAS_TASKS(me)  (IS_MINE(0, me) || IS_MINE(1, me) || IS_MINE(2, me))

/* tell_locked: a shard looks before it waits, so who tells itself, or one that starts, need not wake it; nor one that has mail already. */
inline tell(s, me) {
    if
    :: !mail[s] && state[s] == RUNNING && s != me ->
        assert(!closed[s]);
        woken[s] = true
    :: else
    fi;
    mail[s] = true
}

inline tell_all(me) {
    if :: listed[0] -> tell(0, me) :: else fi;
    if :: listed[1] -> tell(1, me) :: else fi
}

/* start_shard_locked: the lock is let go of while the thread starts. */
inline start_shard(s, me) {
    state[s] = STARTING;
    running++;
    run shard(s);
    state[s] != STARTING;
    locked();
    listed[s] = true;
    tell(s, me) /* it was in no list while others may have been told something */
}

#define IS_LATE(t) (stop || (t == LISTENER && stop_accepting))

/* w2e_task_dispatch: to the shard with room, or to another one that starts. */
inline dispatch(t, me) {
    atomic {
    locked();
    late = IS_LATE(t);
    to = 0;
    if
    :: !late && t != LISTENER && load[0] >= CAPACITY ->
        to = 1;
        if
        :: state[1] == UNSTARTED -> start_shard(1, me)
        :: else
        fi;
        late = IS_LATE(t)
    :: else
    fi;
    if
    :: late -> given_up++
    :: else ->
        assert(task[t] == NONE);
        task[t] = INBOX;
        shard_of[t] = to;
        load[to]++;
        listening = listening + (t == LISTENER);
        tell(to, me)
    fi
    }
}

/* w2e_task_finish */
inline finish(t) {
    assert(task[t] == LIVE);
    task[t] = FINISHED;
    atomic {
        locked();
        load[shard_of[t]]--;
        listening = listening - (t == LISTENER)
    }
}
