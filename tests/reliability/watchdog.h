/* Ends the program when something takes too long, or crashes, and says what that was. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdbool.h>

/* Starts to watch, for good: false if that could not be. */
bool watchdog_start(void);

/* What is done from now on has so long. The text is kept. */
void watchdog_watch(const char *what, unsigned limit_ms);

#endif
