/* The program's main, after which memory that nobody can reach any more is looked for: Wine ends a program without what C does at its end. */
#include <sanitizer/lsan_interface.h>
#include <stdio.h>

int scenarios_main(int count, char **arguments);

int main(int count, char **arguments) {
    int status = scenarios_main(count, arguments);
    int leaks = __lsan_do_recoverable_leak_check();
    printf("%s\n", leaks == 0 ? "NO LEAKS" : "LEAKS");
    fflush(stdout);
    return status != 0 || leaks != 0;
}
