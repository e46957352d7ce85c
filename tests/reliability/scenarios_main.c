/*
 * Plays the scenarios with nothing made to fail: a program for builds that watch it from inside, such as those with sanitizers.
 *
 *   scenarios [--model M] [--protocol tcp|udp] [--scenario S] [--times N]
 */
#include "choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned play_all(const struct choice *choice, const ws2echo_model_info *model, unsigned *failures) {
    unsigned played = 0;
    for (size_t i = 0; i < scenario_count; i++) {
        if (choice_has_scenario(choice, &scenarios[i])) {
            struct play play = {.model = *model, .protocol = scenarios[i].protocol};
            scenarios[i].run(&play);
            played++;
            if (play.wrong[0] != '\0') {
                printf("WRONG %s %s %s: %s\n", model->name, protocol_name(play.protocol), scenarios[i].name, play.wrong);
                (*failures)++;
            }
        }
    }
    printf("%s: %u scenarios\n", model->name, played);
    fflush(stdout);
    return played;
}

int main(int count, char **arguments) {
    struct choice choice = {0};
    unsigned times = 1;
    unsigned played = 0;
    unsigned failures = 0;
    WSADATA data;
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(arguments[i], "--times") == 0) {
            times = (unsigned)strtoul(arguments[i + 1], NULL, 10);
        } else if (!choice_take(&choice, arguments[i], arguments[i + 1])) {
            fprintf(stderr, "unknown: %s\n", arguments[i]);
            return EXIT_FAILURE;
        }
    }
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        return EXIT_FAILURE;
    }
    ws2echo_model_info model = {.size = sizeof model};
    for (unsigned time = 0; time < times; time++) {
        for (uint32_t i = 0; ws2echo_model_describe(i, &model) == 0; i++) {
            if (choice_has_model(&choice, &model)) {
                played += play_all(&choice, &model, &failures);
            }
        }
    }
    WSACleanup();
    printf("%s: %u played, %u wrong\n", failures == 0 && played > 0 ? "RIGHT" : "WRONG", played, failures);
    return failures == 0 && played > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
