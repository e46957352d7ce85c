/*
 * Tells ThreadSanitizer what orders threads, where that happens inside Wine and it cannot see it: locks, conditions, events, and the start and end
 * of threads. (Interlocked… and what the threads of a process do by sockets of this machine it sees by itself.)
 *
 * An event or a thread is known by the number of its handle. Handles of different kinds may share a place; then fewer races are
 * seen, and none that is not there.
 */
#ifndef W2E_TSAN_H
#define W2E_TSAN_H

#include <sanitizer/tsan_interface.h>

/* A place for each handle, to which its order is told. */
void *w2e_tsan_place(HANDLE handle);

HANDLE w2e_tsan_create_thread(SECURITY_ATTRIBUTES *security, SIZE_T stack, LPTHREAD_START_ROUTINE run, void *argument,
                              DWORD flags, DWORD *id);
DWORD w2e_tsan_wait(DWORD outcome, const HANDLE *objects, DWORD count);

static inline void w2e_tsan_lock(SRWLOCK *lock) {
    __tsan_mutex_pre_lock(lock, 0);
    AcquireSRWLockExclusive(lock);
    __tsan_mutex_post_lock(lock, 0, 0);
}

static inline void w2e_tsan_unlock(SRWLOCK *lock) {
    __tsan_mutex_pre_unlock(lock, 0);
    ReleaseSRWLockExclusive(lock);
    __tsan_mutex_post_unlock(lock, 0);
}

static inline BOOL w2e_tsan_sleep(CONDITION_VARIABLE *condition, SRWLOCK *lock, DWORD timeout_ms, ULONG flags) {
    __tsan_mutex_pre_unlock(lock, 0);
    __tsan_mutex_post_unlock(lock, 0);
    BOOL woken = SleepConditionVariableSRW(condition, lock, timeout_ms, flags);
    DWORD error = GetLastError();
    __tsan_mutex_pre_lock(lock, 0);
    __tsan_mutex_post_lock(lock, 0, 0);
    SetLastError(error);
    return woken;
}

static inline BOOL w2e_tsan_set_event(HANDLE event) {
    __tsan_release(w2e_tsan_place(event));
    return SetEvent(event);
}

static inline BOOL w2e_tsan_post(HANDLE port, DWORD bytes, ULONG_PTR key, OVERLAPPED *overlapped) {
    __tsan_release(w2e_tsan_place(port));
    return PostQueuedCompletionStatus(port, bytes, key, overlapped);
}

static inline BOOL w2e_tsan_take(HANDLE port, OVERLAPPED_ENTRY *entries, ULONG room, ULONG *count, DWORD timeout_ms,
                                 BOOL alertable) {
    BOOL taken = GetQueuedCompletionStatusEx(port, entries, room, count, timeout_ms, alertable);
    DWORD error = GetLastError();
    __tsan_acquire(w2e_tsan_place(port));
    SetLastError(error);
    return taken;
}

#define AcquireSRWLockExclusive     w2e_tsan_lock
#define ReleaseSRWLockExclusive     w2e_tsan_unlock
#define SleepConditionVariableSRW   w2e_tsan_sleep
#define SetEvent                    w2e_tsan_set_event
#define CreateThread                w2e_tsan_create_thread
#define PostQueuedCompletionStatus  w2e_tsan_post
#define GetQueuedCompletionStatusEx w2e_tsan_take
#define WaitForSingleObject(object, timeout_ms)                                                                                  \
    w2e_tsan_wait(WaitForSingleObject(object, timeout_ms), (const HANDLE[]){object}, 1)
#define WaitForMultipleObjects(count, objects, all, timeout_ms)                                                                  \
    w2e_tsan_wait(WaitForMultipleObjects(count, objects, all, timeout_ms), objects, count)
#define WaitForMultipleObjectsEx(count, objects, all, timeout_ms, alertable)                                                     \
    w2e_tsan_wait(WaitForMultipleObjectsEx(count, objects, all, timeout_ms, alertable), objects, count)

#endif
