#include "io/shards.h"

#include "win/system.h"

/* ---- lists of tasks ---- */

static void push(struct w2e_task **list, struct w2e_task *task) {
    task->previous = NULL;
    task->next = *list;
    if (task->next != NULL) {
        task->next->previous = task;
    }
    *list = task;
}

static void take_out(struct w2e_task **list, struct w2e_task *task) {
    if (task->previous != NULL) {
        task->previous->next = task->next;
    } else {
        *list = task->next;
    }
    if (task->next != NULL) {
        task->next->previous = task->previous;
    }
}

/* What ends with accepting: a listener, or a socket of datagrams. */
static bool listens(const struct w2e_task *task) {
    return task->connection == NULL || task->connection->datagram;
}

static void count_listening_locked(struct w2e_shards *shards, bool listening, bool accepting, uint32_t change) {
    shards->listening += listening ? change : 0;
    shards->accepting += accepting ? change : 0;
}

/* ---- the thread of a shard ---- */

static void refresh(const struct w2e_task *task) {
    struct w2e_service *service = task->shard->shards->service;
    if (task->connection != NULL && service->refresh != NULL) {
        service->refresh(service->owner, task->connection);
    }
}

static void begin_all(struct w2e_shard *shard, struct w2e_task *arrived) {
    while (arrived != NULL) {
        struct w2e_task *task = arrived;
        arrived = task->next;
        push(&shard->tasks, task);
        refresh(task);
        shard->shards->engine->begin(task);
    }
}

static bool is_listener(const struct w2e_task *task) {
    return task->connection == NULL;
}

static bool is_any(const struct w2e_task *task) {
    (void)task;
    return true;
}

static void end_all(struct w2e_shard *shard, bool (*which)(const struct w2e_task *task)) {
    for (struct w2e_task *task = shard->tasks; task != NULL;) {
        struct w2e_task *next = task->next;
        if (which(task)) {
            shard->shards->engine->end(task);
        }
        task = next;
    }
}

static void ask_all_again(struct w2e_shard *shard) {
    for (struct w2e_task *task = shard->tasks; task != NULL;) {
        struct w2e_task *next = task->next;
        if (task->connection != NULL) {
            refresh(task);
            shard->shards->engine->resume(task);
        }
        task = next;
    }
}

static void answer(struct w2e_shard *shard, uint32_t notice) {
    struct w2e_shards *shards = shard->shards;
    AcquireSRWLockExclusive(&shards->lock);
    shard->answered = notice;
    WakeAllConditionVariable(&shards->changed);
    ReleaseSRWLockExclusive(&shards->lock);
}

/* Takes over what came, and ends what is to end. */
static void read_mail(struct w2e_shard *shard) {
    struct w2e_shards *shards = shard->shards;
    struct w2e_task *arrived;
    uint32_t ask_again;
    uint32_t notice;
    bool answered;
    bool unlisten;
    bool stop_accepting;
    bool stop;
    AcquireSRWLockExclusive(&shards->lock);
    arrived = shard->inbox;
    shard->inbox = NULL;
    ask_again = shards->ask_again;
    notice = shards->notice;
    answered = shard->answered == notice;
    unlisten = shards->unlisten;
    stop_accepting = shards->stop_accepting;
    stop = shards->stop;
    ReleaseSRWLockExclusive(&shards->lock);
    begin_all(shard, arrived);
    if (ask_again != shard->asked_again) {
        shard->asked_again = ask_again;
        ask_all_again(shard);
    }
    if (unlisten) {
        end_all(shard, is_listener);
    }
    if (stop_accepting && !shard->listeners_ended) {
        shard->listeners_ended = true;
        end_all(shard, listens);
    }
    if (stop && !shard->all_ended) {
        shard->all_ended = true;
        end_all(shard, is_any);
    }
    if (!answered) {
        answer(shard, notice);
    }
}

/* False once there is nothing left to do, ever. A listener may accept as it begins, and write to its own shard. */
static bool obey(struct w2e_shard *shard) {
    while (InterlockedExchange(&shard->mail, 0) != 0) {
        read_mail(shard);
    }
    return !shard->all_ended || shard->tasks != NULL;
}

static void resume_due(struct w2e_shard *shard) {
    uint64_t now_us = w2e_sys_now_us();
    struct w2e_timer *timer;
    while ((timer = w2e_timers_pop(&shard->timers, now_us)) != NULL) {
        shard->shards->engine->resume((struct w2e_task *)timer);
    }
}

static void run(struct w2e_shard *shard) {
    while (obey(shard)) {
        shard->shards->engine->wait(shard, w2e_timers_due_us(&shard->timers));
        if (shard->timers.first != NULL) {
            resume_due(shard);
        }
    }
}

static void set_state(struct w2e_shard *shard, enum w2e_shard_state state) {
    struct w2e_shards *shards = shard->shards;
    AcquireSRWLockExclusive(&shards->lock);
    shard->state = state;
    shards->running -= state == W2E_SHARD_ENDED;
    WakeAllConditionVariable(&shards->changed);
    ReleaseSRWLockExclusive(&shards->lock);
}

static DWORD WINAPI shard_run(void *argument) {
    struct w2e_shard *shard = argument;
    const struct w2e_engine *engine = shard->shards->engine;
    w2e_thread_enter();
    shard->thread_id = GetCurrentThreadId();
    if (engine->shard_open(shard) == 0) {
        set_state(shard, W2E_SHARD_RUNNING);
        run(shard);
        set_state(shard, W2E_SHARD_ENDED); /* first: nobody wakes it any more */
        engine->shard_close(shard);
    } else {
        set_state(shard, W2E_SHARD_ENDED);
    }
    return 0;
}

/* Has a shard read its mail. A shard looks before it waits: who tells itself, or one that starts, need not wake it; nor does one that
 * has mail already, for whoever brought that has woken it, or need not. */
static void tell_locked(struct w2e_shard *shard) {
    bool had_mail = InterlockedExchange(&shard->mail, 1) != 0;
    if (!had_mail && shard->state == W2E_SHARD_RUNNING && shard->thread_id != GetCurrentThreadId()) {
        shard->shards->engine->wake(shard);
    }
}

static void free_shard(struct w2e_shard *shard) {
    w2e_thread_join(shard->thread);
    w2e_sys_free(shard);
}

/* Starts another shard, and waits until it can be woken: NULL if the system has no more. */
static struct w2e_shard *start_shard_locked(struct w2e_shards *shards) {
    struct w2e_shard *shard = w2e_sys_alloc(shards->engine->shard_bytes);
    if (shard == NULL) {
        return NULL;
    }
    shard->shards = shards;
    if (w2e_thread_start(&shard->thread, shard_run, shard) != 0) {
        w2e_sys_free(shard);
        return NULL;
    }
    shards->running++;
    while (shard->state == W2E_SHARD_STARTING) {
        w2e_condition_wait(&shards->changed, &shards->lock, W2E_NEVER);
    }
    if (shard->state == W2E_SHARD_ENDED) {
        free_shard(shard);
        return NULL;
    }
    shard->next = shards->first;
    shards->first = shard;
    tell_locked(shard); /* it was in no list while others may have been told something */
    return shard;
}

/* ---- tasks ---- */

/* The shard with the least to do; another one if all are full. */
static struct w2e_shard *choose_shard_locked(struct w2e_shards *shards) {
    struct w2e_shard *chosen = shards->first;
    for (struct w2e_shard *each = shards->first; each != NULL; each = each->next) {
        if (each->load < chosen->load) {
            chosen = each;
        }
    }
    bool full = chosen == NULL || (shards->capacity > 0 && chosen->load >= shards->capacity);
    return full ? start_shard_locked(shards) : chosen;
}

/* What comes too late to be ended with the others does not begin. */
static bool is_late_locked(const struct w2e_shards *shards, const struct w2e_task *task) {
    return shards->stop || (listens(task) && shards->stop_accepting);
}

int w2e_task_dispatch(struct w2e_shards *shards, struct w2e_task *task, struct w2e_shard *shard) {
    AcquireSRWLockExclusive(&shards->lock);
    bool late = is_late_locked(shards, task);
    if (shard == NULL && !late) {
        shard = choose_shard_locked(shards);
        late = is_late_locked(shards, task); /* starting another shard lets go of the lock */
    }
    if (shard != NULL && !late) {
        task->shard = shard;
        shard->load++;
        count_listening_locked(shards, listens(task), is_listener(task), 1);
        push(&shard->inbox, task);
        tell_locked(shard);
    }
    ReleaseSRWLockExclusive(&shards->lock);
    return late ? WSA_OPERATION_ABORTED : shard == NULL ? WSAENOBUFS : 0;
}

int w2e_shards_add(struct w2e_driver *driver, struct w2e_connection *connection) {
    struct w2e_shards *shards = (struct w2e_shards *)driver;
    struct w2e_task *task = w2e_sys_alloc(shards->engine->task_bytes);
    if (task == NULL) {
        return WSAENOBUFS;
    }
    task->connection = connection;
    int error = w2e_task_dispatch(shards, task, NULL);
    if (error != 0) {
        w2e_sys_free(task);
    }
    return error;
}

/* No shard takes the connection: its session winds down here, where nothing of it is out. */
static void give_up(struct w2e_shards *shards, struct w2e_connection *connection, int error) {
    bool stopped = error == WSA_OPERATION_ABORTED;
    w2e_session_abort(connection->session, stopped ? WS2ECHO_REASON_STOPPED : WS2ECHO_REASON_ERROR, stopped ? 0 : error);
    struct w2e_op op;
    while ((op = w2e_session_next(connection->session, w2e_sys_now_us())).kind != W2E_OP_CLOSE) {
        w2e_driver_wind_down(shards->service, connection, op.kind);
    }
    w2e_driver_finish(shards->service, connection);
}

void w2e_shards_accepted(struct w2e_shards *shards, SOCKET socket, const SOCKADDR_STORAGE *peer) {
    struct w2e_connection *connection = w2e_driver_accepted(shards->service, socket, peer);
    if (connection != NULL) {
        int error = w2e_shards_add(&shards->driver, connection);
        if (error != 0) {
            give_up(shards, connection, error);
        }
    }
}

void w2e_task_resume_at(struct w2e_task *task, uint64_t time_us) {
    if (time_us != W2E_NEVER && !(task->timer.set && task->timer.due_us <= time_us)) {
        w2e_timers_set(&task->shard->timers, &task->timer, time_us);
    }
}

/* ---- the end of a task ---- */

/* Closing a socket that lingers blocks: a thread of its own does it. */
struct w2e_lingerer {
    struct w2e_shards *shards;
    struct w2e_connection *connection;
    HANDLE thread;
    struct w2e_lingerer *next_ended;
};

static DWORD WINAPI linger_run(void *argument) {
    struct w2e_lingerer *lingerer = argument;
    struct w2e_shards *shards = lingerer->shards;
    w2e_driver_finish(shards->service, lingerer->connection);
    AcquireSRWLockExclusive(&shards->lock);
    lingerer->next_ended = shards->lingered;
    shards->lingered = lingerer;
    shards->lingering--;
    WakeAllConditionVariable(&shards->changed);
    ReleaseSRWLockExclusive(&shards->lock);
    return 0;
}

static void join_lingered(struct w2e_shards *shards) {
    AcquireSRWLockExclusive(&shards->lock);
    struct w2e_lingerer *ended = shards->lingered;
    shards->lingered = NULL;
    ReleaseSRWLockExclusive(&shards->lock);
    while (ended != NULL) {
        struct w2e_lingerer *next = ended->next_ended;
        w2e_thread_join(ended->thread);
        w2e_sys_free(ended);
        ended = next;
    }
}

/* False if the system has no thread for it. */
static bool finish_apart(struct w2e_shards *shards, struct w2e_connection *connection) {
    join_lingered(shards);
    struct w2e_lingerer *lingerer = w2e_sys_alloc(sizeof *lingerer);
    if (lingerer == NULL) {
        return false;
    }
    *lingerer = (struct w2e_lingerer){.shards = shards, .connection = connection};
    AcquireSRWLockExclusive(&shards->lock);
    bool started = w2e_thread_start(&lingerer->thread, linger_run, lingerer) == 0;
    shards->lingering += started;
    ReleaseSRWLockExclusive(&shards->lock);
    if (!started) {
        w2e_sys_free(lingerer);
    }
    return started;
}

static void finish_connection(struct w2e_shards *shards, struct w2e_connection *connection) {
    if (!connection->lingers || !finish_apart(shards, connection)) {
        w2e_driver_finish(shards->service, connection);
    }
}

void w2e_task_finish(struct w2e_task *task) {
    struct w2e_shard *shard = task->shard;
    struct w2e_shards *shards = shard->shards;
    bool listened = listens(task);
    bool accepted = is_listener(task);
    w2e_timers_remove(&shard->timers, &task->timer);
    take_out(&shard->tasks, task);
    if (task->connection != NULL) {
        finish_connection(shards, task->connection);
    }
    w2e_sys_free(task);
    AcquireSRWLockExclusive(&shards->lock);
    shard->load--;
    count_listening_locked(shards, listened, accepted, (uint32_t)-1);
    if (listened && (shards->listening == 0 || shards->accepting == 0)) {
        WakeAllConditionVariable(&shards->changed);
    }
    ReleaseSRWLockExclusive(&shards->lock);
}

/* ---- open and stop ---- */

static void tell_all_locked(struct w2e_shards *shards) {
    shards->notice++;
    for (struct w2e_shard *each = shards->first; each != NULL; each = each->next) {
        tell_locked(each);
    }
}

/* Waits until every shard has acted on what it was told last; one that has ended has nothing left to act on. */
static void await_answers_locked(struct w2e_shards *shards) {
    uint32_t notice = shards->notice;
    for (struct w2e_shard *each = shards->first; each != NULL;) {
        if (each->state == W2E_SHARD_ENDED || (int32_t)(each->answered - notice) >= 0) {
            each = each->next;
        } else {
            w2e_condition_wait(&shards->changed, &shards->lock, W2E_NEVER);
            each = shards->first; /* others may have come, or all be gone */
        }
    }
}

/* Afterwards no shard has a listener, and each knows that it is to have none: so none mistakes those that come next for the old ones. */
static void end_listeners_in_turn(struct w2e_shards *shards) {
    if (shards->engine->stop_listening != NULL) {
        shards->engine->stop_listening(shards);
    }
    AcquireSRWLockExclusive(&shards->lock);
    shards->unlisten = true;
    tell_all_locked(shards);
    await_answers_locked(shards);
    while (shards->accepting > 0) {
        w2e_condition_wait(&shards->changed, &shards->lock, W2E_NEVER);
    }
    ReleaseSRWLockExclusive(&shards->lock);
}

void w2e_shards_unlisten(struct w2e_driver *driver, struct w2e_listeners *streams) {
    struct w2e_shards *shards = (struct w2e_shards *)driver;
    AcquireSRWLockExclusive(&shards->stop_lock);
    end_listeners_in_turn(shards);
    *streams = shards->listeners;
    shards->listeners.count = 0;
    ReleaseSRWLockExclusive(&shards->stop_lock);
}

static int listen_in_turn(struct w2e_shards *shards, const struct w2e_listeners *streams) {
    AcquireSRWLockExclusive(&shards->lock);
    bool late = shards->stop_accepting;
    shards->unlisten = late;
    ReleaseSRWLockExclusive(&shards->lock);
    if (late) {
        return WSA_OPERATION_ABORTED;
    }
    shards->listeners = *streams;
    int error = shards->engine->listen(shards);
    if (error != 0) {
        end_listeners_in_turn(shards);
        shards->listeners.count = 0;
    }
    return error;
}

int w2e_shards_listen(struct w2e_driver *driver, const struct w2e_listeners *streams) {
    struct w2e_shards *shards = (struct w2e_shards *)driver;
    AcquireSRWLockExclusive(&shards->stop_lock);
    int error = listen_in_turn(shards, streams);
    ReleaseSRWLockExclusive(&shards->stop_lock);
    return error;
}

static void stop_accepting_in_turn(struct w2e_shards *shards) {
    if (shards->engine->stop_listening != NULL) {
        shards->engine->stop_listening(shards);
    }
    AcquireSRWLockExclusive(&shards->lock);
    shards->stop_accepting = true;
    tell_all_locked(shards);
    while (shards->listening > 0) {
        w2e_condition_wait(&shards->changed, &shards->lock, W2E_NEVER);
    }
    ReleaseSRWLockExclusive(&shards->lock);
    w2e_listeners_close(&shards->listeners);
}

void w2e_shards_stop_accepting(struct w2e_driver *driver) {
    struct w2e_shards *shards = (struct w2e_shards *)driver;
    AcquireSRWLockExclusive(&shards->stop_lock);
    stop_accepting_in_turn(shards);
    ReleaseSRWLockExclusive(&shards->stop_lock);
}

static void join_shards(struct w2e_shards *shards) {
    AcquireSRWLockExclusive(&shards->lock);
    struct w2e_shard *ended = shards->first;
    shards->first = NULL;
    ReleaseSRWLockExclusive(&shards->lock);
    while (ended != NULL) {
        struct w2e_shard *next = ended->next;
        free_shard(ended);
        ended = next;
    }
}

void w2e_shards_ask_again(struct w2e_driver *driver) {
    struct w2e_shards *shards = (struct w2e_shards *)driver;
    AcquireSRWLockExclusive(&shards->lock);
    shards->ask_again++;
    tell_all_locked(shards);
    ReleaseSRWLockExclusive(&shards->lock);
}

void w2e_shards_refresh(struct w2e_driver *driver) {
    struct w2e_shards *shards = (struct w2e_shards *)driver;
    AcquireSRWLockExclusive(&shards->lock);
    shards->ask_again++;
    tell_all_locked(shards);
    await_answers_locked(shards);
    ReleaseSRWLockExclusive(&shards->lock);
}

void w2e_shards_stop(struct w2e_driver *driver) {
    struct w2e_shards *shards = (struct w2e_shards *)driver;
    AcquireSRWLockExclusive(&shards->stop_lock);
    stop_accepting_in_turn(shards);
    AcquireSRWLockExclusive(&shards->lock);
    shards->stop = true;
    tell_all_locked(shards);
    while (shards->running > 0 || shards->lingering > 0) {
        w2e_condition_wait(&shards->changed, &shards->lock, W2E_NEVER);
    }
    ReleaseSRWLockExclusive(&shards->lock);
    join_shards(shards);
    join_lingered(shards);
    ReleaseSRWLockExclusive(&shards->stop_lock);
}

void w2e_shards_free(struct w2e_driver *driver) {
    w2e_sys_free(driver);
}

int w2e_shards_open(struct w2e_shards *shards, uint32_t count) {
    InitializeSRWLock(&shards->stop_lock);
    InitializeSRWLock(&shards->lock);
    InitializeConditionVariable(&shards->changed);
    bool started = true;
    for (uint32_t i = 0; i < count && started; i++) {
        AcquireSRWLockExclusive(&shards->lock);
        started = start_shard_locked(shards) != NULL;
        ReleaseSRWLockExclusive(&shards->lock);
    }
    return started ? 0 : WSAENOBUFS;
}
