/*
 * Threads that share connections: what the engines of readiness and of completion have in common.
 *
 * A shard is one thread and the tasks that it runs: connections, and what listens. A task stays on its shard, so nothing of it needs
 * a lock. New tasks come through the inbox of the shard that has the least to do; where a shard can hold only so many, another one
 * starts when all are full.
 */
#ifndef W2E_SHARDS_H
#define W2E_SHARDS_H

#include "io/driver.h"
#include "timers.h"

struct w2e_shards;

struct w2e_task {
    struct w2e_timer timer; /* first: the two convert into each other */
    struct w2e_shard *shard;
    struct w2e_connection *connection; /* NULL: a listener */
    /* Among the shard's tasks, or in its inbox. */
    struct w2e_task *next;
    struct w2e_task *previous;
};

enum w2e_shard_state { W2E_SHARD_STARTING, W2E_SHARD_RUNNING, W2E_SHARD_ENDED };

struct w2e_shard {
    struct w2e_shards *shards;
    struct w2e_shard *next;
    HANDLE thread;
    DWORD thread_id; /* before it is RUNNING */

    /* The thread's own. */
    struct w2e_task *tasks;
    struct w2e_timers timers;
    uint32_t asked_again;
    bool listeners_ended;
    bool all_ended; /* stop was seen, and every task told */

    volatile LONG mail; /* something of what follows, or of what all shards are told, has changed: the lock is taken only then */

    /* Guarded by the lock of shards. */
    enum w2e_shard_state state;
    struct w2e_task *inbox;
    uint32_t load;     /* tasks that it has, and that are on their way to it */
    uint32_t answered; /* the last notice that it has acted on */
};

/* What an engine does for its shards; all on the thread of the shard, except wake and stop_listening. */
struct w2e_engine {
    size_t shard_bytes; /* of a struct that begins with w2e_shard */
    size_t task_bytes;  /* of a struct that begins with w2e_task */
    /* First and last: 0 or an error. */
    int (*shard_open)(struct w2e_shard *shard);
    void (*shard_close)(struct w2e_shard *shard);
    /* A task has come: starts it. */
    void (*begin)(struct w2e_task *task);
    /* The time that was set for a task has come. */
    void (*resume)(struct w2e_task *task);
    /* Makes a task end soon, by w2e_task_finish. */
    void (*end)(struct w2e_task *task);
    /* Waits for reports, and does what follows from them. */
    void (*wait)(struct w2e_shard *shard, uint64_t until_us);
    /* Ends that wait, or the next one. */
    void (*wake)(struct w2e_shard *shard);
    /* Begins to accept from the listeners: 0 or an error. */
    int (*listen)(struct w2e_shards *shards);
    /* Before the listeners are closed or given back, maybe more than once; or NULL. */
    void (*stop_listening)(struct w2e_shards *shards);
};

/* Embedded at the head of an engine's driver. */
struct w2e_shards {
    struct w2e_driver driver;
    const struct w2e_engine *engine;
    struct w2e_service *service;
    uint32_t capacity; /* tasks that one shard can hold; 0: no limit */
    struct w2e_listeners listeners;

    SRWLOCK stop_lock; /* one stops at a time */

    SRWLOCK lock;
    CONDITION_VARIABLE changed; /* a listening task ended, a thread ended, a closing that lingers is over */

    /* Guarded by lock. */
    struct w2e_shard *first;
    uint32_t listening;            /* tasks that end with accepting */
    uint32_t accepting;            /* those of them that are listeners */
    uint32_t running;              /* threads of shards */
    uint32_t lingering;            /* threads that close a connection that lingers */
    struct w2e_lingerer *lingered; /* those that ended, to be joined */
    uint32_t ask_again;            /* how often all sessions were to be asked */
    uint32_t notice;               /* the number of the last thing that all shards were told */
    bool unlisten;                 /* listeners end: between unlisten and listen */
    bool stop_accepting;
    bool stop;
};

/* Starts so many shards: 0 or an error, after either of which w2e_shards_stop is due. The engine has set what stands before the locks. */
int w2e_shards_open(struct w2e_shards *shards, uint32_t count);

/* The functions of w2e_driver_ops of the same names; an engine calls them from its own, or lets them be its own. */
int w2e_shards_add(struct w2e_driver *driver, struct w2e_connection *connection);
void w2e_shards_ask_again(struct w2e_driver *driver);
void w2e_shards_refresh(struct w2e_driver *driver);
void w2e_shards_unlisten(struct w2e_driver *driver, struct w2e_listeners *streams);
int w2e_shards_listen(struct w2e_driver *driver, const struct w2e_listeners *streams);
void w2e_shards_stop_accepting(struct w2e_driver *driver);
void w2e_shards_stop(struct w2e_driver *driver);
void w2e_shards_free(struct w2e_driver *driver);

/* Sends a task to a shard, or to whichever suits if that is NULL: 0, or an error, and then the task is the caller's. */
int w2e_task_dispatch(struct w2e_shards *shards, struct w2e_task *task, struct w2e_shard *shard);

/* Makes a socket that was accepted a connection, and a task of one of the shards. */
void w2e_shards_accepted(struct w2e_shards *shards, SOCKET socket, const SOCKADDR_STORAGE *peer);

/* Has a task resumed at a time at the latest; W2E_NEVER: at none in particular. Called again, it may come too early, never too late. */
void w2e_task_resume_at(struct w2e_task *task, uint64_t time_us);

/* Ends a task whose session lent CLOSE, or a listener's; frees it. */
void w2e_task_finish(struct w2e_task *task);

#endif
