#include "models.h"

#define INFO(number, word, kind, part, accept_ways, has_workers, sentence, call_list, limit_text)                                \
    {.size = sizeof(ws2echo_model_info),                                                                                         \
     .model = (number),                                                                                                          \
     .name = #word,                                                                                                              \
     .family = #kind,                                                                                                            \
     .summary = sentence,                                                                                                        \
     .calls = call_list,                                                                                                         \
     .limits = limit_text,                                                                                                       \
     .accepts = (accept_ways),                                                                                                   \
     .workers = (has_workers)},
static const ws2echo_model_info models[] = {W2E_MODELS(INFO)};
#undef INFO

const ws2echo_model_info *w2e_model_at(size_t index) {
    return index < sizeof models / sizeof models[0] ? &models[index] : NULL;
}

const ws2echo_model_info *w2e_model_find(uint32_t model) {
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        if (models[i].model == model) {
            return &models[i];
        }
    }
    return NULL;
}
