/*
 * The sweep of faults: plays each scenario under each model again and again, and each time has another of its system calls fail.
 *
 *   sweep [--model M] [--protocol tcp|udp] [--scenario S]   what to play; all
 *         [--picks N] [--share PERCENT] [--seed N]          of each way to fail N calls, and of those so many, drawn; all
 *   sweep --model M --protocol P --scenario S --call FUNCTION --kind KIND --nth N [--from-there-on yes] [--times N]   one of them again
 *
 * What may come of it: the call of the library tells an error that the header promises, or the connection counts as bad; nothing crashes,
 * hangs or is left behind, no wrong byte comes back, and the next server in the same process serves.
 */
#include "choice.h"
#include "held.h"
#include "watchdog.h"
#include "win/failing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIMIT_MS = 45000,
    FOUND_MAX = 25,
    THREADS_EVERY = 16, /* injections; counting threads takes long */
    ROWS_MAX = 256,
    KINDS = W2E_IDLE + 1
};

static const char *const kind_names[KINDS] = {"never", "errors", "failed completions", "short transfers", "idle returns"};

struct sweep {
    struct choice choice;
    const char *call;
    const char *kind;
    unsigned nth;
    unsigned times;
    bool from_there_on;
    unsigned picks; /* 0: all */
    unsigned share; /* percent */
    uint64_t seed;
    unsigned found;
    unsigned injected[KINDS];
    bool came[ROWS_MAX]; /* which ways to fail */
    unsigned injections;
    unsigned unreached; /* the call did not come this time: threads take turns */
};

struct injection {
    const struct scenario *scenario;
    const ws2echo_model_info *model;
    const struct w2e_failing *failing;
    unsigned nth;
    bool from_there_on;
};

static uint64_t draw(struct sweep *sweep, uint64_t below) {
    uint64_t mixed = (sweep->seed += UINT64_C(0x9E3779B97F4A7C15));
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return (mixed ^ mixed >> 31) % below;
}

static const char *describe(const struct injection *injection, char *text, size_t size) {
    snprintf(text, size, "--model %s --protocol %s --scenario %s --call %s --kind %s --nth %u%s", injection->model->name,
             protocol_name(injection->scenario->protocol), injection->scenario->name, injection->failing->function,
             injection->failing->name, injection->nth, injection->from_there_on ? " --from-there-on yes" : "");
    return text;
}

static void tell(struct sweep *sweep, const char *what, const char *wrong) {
    printf("FOUND %s: %s\n", what, wrong);
    fflush(stdout);
    sweep->found++;
}

/* ---- one injection ---- */

static void check_left(struct play *play, const struct held *before, bool threads_too) {
    struct w2e_failing_held own = w2e_failing_held();
    struct held now;
    if (own.blocks != 0 || own.sockets != 0) {
        play_wrong(play, "%ld blocks of memory and %ld sockets are left", own.blocks, own.sockets);
    }
    if (!held_came_down(before, threads_too, &now)) {
        play_wrong(play, "%u handles and %u threads more than before are left", now.handles - before->handles,
                   now.threads - before->threads);
    }
}

/* The failures of these are counted by the server, one by one, and of nobody else's calls; a play that ends without looking is left out. */
static uint64_t counted(const struct injection *injection, const struct play_trouble *trouble) {
    const char *function = injection->failing->function;
    int error = injection->failing->error;
    bool datagrams = strcmp(function, "wsa_recv_from") == 0 || strcmp(function, "receive_message") == 0;
    bool only_servers = strcmp(injection->scenario->name, "load") != 0;
    if (strcmp(function, "attach_to_port") == 0 && injection->scenario->protocol == WS2ECHO_PROTOCOL_UDP && only_servers) {
        return trouble->ended;
    }
    if (strncmp(function, "accept", 6) == 0 && (error == WSAEMFILE || error == WSAENOBUFS)) {
        return trouble->accepts;
    }
    if (datagrams && injection->failing->kind == W2E_FAILS) {
        return error == WSAECONNRESET ? trouble->unreachable : error == WSAEMSGSIZE ? trouble->oversize : trouble->failed;
    }
    return UINT64_MAX;
}

static void check_counted(struct play *play, const struct injection *injection, unsigned strikes) {
    uint64_t count = counted(injection, &play->trouble);
    bool looks = strcmp(injection->scenario->name, "stop") != 0;
    if (looks && count < strikes) {
        play_wrong(play, "it failed %u times, and the server counted %u", strikes, (unsigned)count);
    }
}

/* A server of the same kind serves. */
static void check_recovered(struct play *play) {
    struct play again = {.model = play->model, .protocol = play->protocol};
    ws2echo_server server;
    uint16_t port;
    ws2echo_server_options options;
    play_server_options(&again, &options);
    options.family = WS2ECHO_FAMILY_IPV4;
    options.workers = again.model.workers ? 1 : 0;
    if (play_open(&again, &options, &server, &port)) {
        SOCKET peer = play_peer(&again, port);
        if (peer != INVALID_SOCKET) {
            if (again.protocol == WS2ECHO_PROTOCOL_UDP) {
                play_echo_datagram(&again, server, peer, 10);
            } else {
                play_echo(&again, server, peer, 10);
            }
            closesocket(peer);
        }
        play_close(&again, server);
    }
    if (again.wrong[0] != '\0') {
        play_wrong(play, "the next server does not serve: %s", again.wrong);
    }
}

static void inject(struct sweep *sweep, const struct injection *injection, struct held *before) {
    char what[256];
    struct play play = {.model = *injection->model, .protocol = injection->scenario->protocol, .failing = true};
    watchdog_watch(describe(injection, what, sizeof what), LIMIT_MS);
    w2e_failing_arm(injection->failing, injection->nth, injection->from_there_on);
    injection->scenario->run(&play);
    unsigned strikes = w2e_failing_strikes();
    w2e_failing_arm(NULL, 0, false);
    sweep->injected[injection->failing->kind] += strikes > 0;
    sweep->came[injection->failing - w2e_failing_all(NULL)] |= strikes > 0;
    sweep->unreached += strikes == 0;
    check_left(&play, before, sweep->injections++ % THREADS_EVERY == 0);
    check_counted(&play, injection, strikes);
    check_recovered(&play);
    if (play.wrong[0] != '\0') {
        tell(sweep, what, play.wrong);
        *before = (struct held){.handles = held_handles(), .threads = held_threads()};
    }
}

/* ---- one scenario ---- */

/* Plays it with nothing failing: whether that is right, and what it calls. */
static bool play_whole(struct sweep *sweep, const ws2echo_model_info *model, const struct scenario *scenario, unsigned *calls) {
    size_t rows;
    const struct w2e_failing *all = w2e_failing_all(&rows);
    char what[128];
    struct play play = {.model = *model, .protocol = scenario->protocol};
    snprintf(what, sizeof what, "--model %s --protocol %s --scenario %s, with nothing failing", model->name,
             protocol_name(scenario->protocol), scenario->name);
    watchdog_watch(what, LIMIT_MS);
    w2e_failing_arm(NULL, 0, false);
    scenario->run(&play);
    for (size_t row = 0; row < rows; row++) {
        calls[row] = w2e_failing_calls(all[row].function);
    }
    if (play.wrong[0] != '\0') {
        tell(sweep, what, play.wrong);
    }
    return play.wrong[0] == '\0';
}

static bool is_chosen(struct sweep *sweep, const struct injection *injection) {
    const struct w2e_failing *failing = injection->failing;
    if (sweep->call != NULL && strcmp(sweep->call, failing->function) != 0) {
        return false;
    }
    if (sweep->kind != NULL && strcmp(sweep->kind, failing->name) != 0) {
        return false;
    }
    return failing->kind != W2E_FAILS_NEVER && (failing->models == 0 || (failing->models & 1u << injection->model->model) != 0);
}

/* A call of a kind that is called so often is made to fail, or each of them. */
static void inject_calls(struct sweep *sweep, struct injection *injection, unsigned calls, struct held *before) {
    unsigned share = injection->scenario->crowded ? sweep->share / 8 : sweep->share;
    unsigned count = sweep->picks == 0 || calls < sweep->picks ? calls : sweep->picks;
    for (unsigned i = 1; i <= count && sweep->found < FOUND_MAX; i++) {
        injection->nth = count == calls ? i : 1 + (unsigned)draw(sweep, calls);
        if (draw(sweep, 100) < share || sweep->share == 100) {
            inject(sweep, injection, before);
        }
    }
}

static void sweep_scenario(struct sweep *sweep, const ws2echo_model_info *model, const struct scenario *scenario) {
    size_t rows;
    const struct w2e_failing *all = w2e_failing_all(&rows);
    unsigned calls[ROWS_MAX];
    /* Twice: the first one makes what a process keeps. */
    // NOLINTNEXTLINE(misc-redundant-expression)
    if (!play_whole(sweep, model, scenario, calls) || !play_whole(sweep, model, scenario, calls)) {
        return;
    }
    struct held before = {.handles = held_handles(), .threads = held_threads()};
    for (size_t row = 0; row < rows; row++) {
        struct injection injection = {.scenario = scenario, .model = model, .failing = &all[row]};
        if (is_chosen(sweep, &injection)) {
            inject_calls(sweep, &injection, calls[row], &before);
            injection.from_there_on = true;
            inject_calls(sweep, &injection, calls[row], &before);
        }
    }
}

static void repeat_one(struct sweep *sweep, const ws2echo_model_info *model, const struct scenario *scenario) {
    size_t rows;
    const struct w2e_failing *all = w2e_failing_all(&rows);
    unsigned calls[ROWS_MAX];
    play_whole(sweep, model, scenario, calls);
    struct held before = {.handles = held_handles(), .threads = held_threads()};
    for (size_t row = 0; row < rows; row++) {
        struct injection injection = {
            .scenario = scenario, .model = model, .failing = &all[row], .nth = sweep->nth, .from_there_on = sweep->from_there_on};
        for (unsigned time = 0; is_chosen(sweep, &injection) && time < sweep->times; time++) {
            inject(sweep, &injection, &before);
        }
    }
}

/* ---- the whole ---- */

static void tell_ways(const struct sweep *sweep) {
    size_t rows;
    const struct w2e_failing *all = w2e_failing_all(&rows);
    for (size_t row = 0; row < rows; row++) {
        if (all[row].kind != W2E_FAILS_NEVER) {
            printf("WAY %s:%s %s\n", all[row].function, all[row].name, sweep->came[row] ? "came" : "did not come");
        }
    }
}

static void sweep_model(struct sweep *sweep, const ws2echo_model_info *model) {
    memset(sweep->injected, 0, sizeof sweep->injected);
    memset(sweep->came, 0, sizeof sweep->came);
    sweep->unreached = 0;
    for (size_t i = 0; i < scenario_count && sweep->found < FOUND_MAX; i++) {
        if (choice_has_scenario(&sweep->choice, &scenarios[i])) {
            (sweep->nth > 0 ? repeat_one : sweep_scenario)(sweep, model, &scenarios[i]);
        }
    }
    unsigned all = 0;
    printf("MODEL %s:", model->name);
    for (unsigned kind = W2E_FAILS; kind < KINDS; kind++) {
        printf(" %u %s,", sweep->injected[kind], kind_names[kind]);
        all += sweep->injected[kind];
    }
    printf(" %u in all; %u calls did not come\n", all, sweep->unreached);
    tell_ways(sweep);
    fflush(stdout);
}

static bool take_argument(struct sweep *sweep, const char *option, const char *value) {
    unsigned number = (unsigned)strtoul(value, NULL, 10);
    if (strcmp(option, "--call") == 0) {
        sweep->call = value;
    } else if (strcmp(option, "--kind") == 0) {
        sweep->kind = value;
    } else if (strcmp(option, "--nth") == 0) {
        sweep->nth = number;
    } else if (strcmp(option, "--times") == 0) {
        sweep->times = number;
    } else if (strcmp(option, "--from-there-on") == 0) {
        sweep->from_there_on = strcmp(value, "yes") == 0;
    } else if (strcmp(option, "--picks") == 0) {
        sweep->picks = number;
    } else if (strcmp(option, "--share") == 0) {
        sweep->share = number;
    } else if (strcmp(option, "--seed") == 0) {
        sweep->seed = number;
    } else {
        return choice_take(&sweep->choice, option, value);
    }
    return true;
}

int main(int count, char **arguments) {
    struct sweep sweep = {.times = 1, .share = 100, .seed = 1};
    WSADATA data;
    for (int i = 1; i < count; i += 2) {
        if (i + 1 == count || !take_argument(&sweep, arguments[i], arguments[i + 1])) {
            fprintf(stderr, "%s: the head of tests/reliability/sweep.c tells the arguments\n", arguments[i]);
            return EXIT_FAILURE;
        }
    }
    if (!watchdog_start() || WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        return EXIT_FAILURE;
    }
    ws2echo_model_info model = {.size = sizeof model};
    for (uint32_t i = 0; ws2echo_model_describe(i, &model) == 0; i++) {
        if (choice_has_model(&sweep.choice, &model)) {
            sweep_model(&sweep, &model);
        }
    }
    WSACleanup();
    printf("%s\n", sweep.found == 0 ? "RIGHT" : "WRONG");
    return sweep.found == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
