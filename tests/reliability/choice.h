/* The arguments that the programs here have in common. */
#ifndef CHOICE_H
#define CHOICE_H

#include "play.h"

/* What was asked for; NULL: all. */
struct choice {
    const char *model;
    const char *protocol;
    const char *scenario;
};

/* Takes "--model M", "--protocol tcp" or "--scenario S": whether it was one of them. */
bool choice_take(struct choice *choice, const char *option, const char *value);

bool choice_has_model(const struct choice *choice, const ws2echo_model_info *model);
bool choice_has_scenario(const struct choice *choice, const struct scenario *scenario);

const char *protocol_name(uint32_t protocol);

#endif
