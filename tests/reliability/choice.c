#include "choice.h"

#include <string.h>

const char *protocol_name(uint32_t protocol) {
    return protocol == WS2ECHO_PROTOCOL_UDP ? "udp" : "tcp";
}

bool choice_take(struct choice *choice, const char *option, const char *value) {
    const char **place = strcmp(option, "--model") == 0      ? &choice->model
                         : strcmp(option, "--protocol") == 0 ? &choice->protocol
                         : strcmp(option, "--scenario") == 0 ? &choice->scenario
                                                             : NULL;
    if (place != NULL) {
        *place = value;
    }
    return place != NULL;
}

bool choice_has_model(const struct choice *choice, const ws2echo_model_info *model) {
    return choice->model == NULL || strcmp(choice->model, model->name) == 0;
}

bool choice_has_scenario(const struct choice *choice, const struct scenario *scenario) {
    return (choice->protocol == NULL || strcmp(choice->protocol, protocol_name(scenario->protocol)) == 0) &&
           (choice->scenario == NULL || strcmp(choice->scenario, scenario->name) == 0);
}
