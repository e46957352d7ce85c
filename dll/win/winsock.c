#include "win/winsock.h"

#include "win/error.h"
#include "win/system.h"

/* Wine 8 counts without a lock: two threads at once may lose a start, and the whole process its Winsock with the next stop. */
static SRWLOCK lock = SRWLOCK_INIT;

int w2e_winsock_start(void) {
    WSADATA data;
    AcquireSRWLockExclusive(&lock);
    int error = w2e_sys_wsa_startup(&data);
    ReleaseSRWLockExclusive(&lock);
    return error == 0 ? 0 : w2e_fail(error, "WSAStartup");
}

void w2e_winsock_stop(void) {
    AcquireSRWLockExclusive(&lock);
    WSACleanup();
    ReleaseSRWLockExclusive(&lock);
}
