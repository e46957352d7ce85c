/* The list of models: each is found by its place and by its number. */
#include "check.h"
#include "models.h"

int main(void) {
    size_t count = 0;
    for (; w2e_model_at(count) != NULL; count++) {
        const ws2echo_model_info *info = w2e_model_at(count);
        CHECK(w2e_model_find(info->model) == info && info->size == sizeof *info);
        CHECK((info->accepts & 1u << WS2ECHO_ACCEPT_WSAACCEPT) != 0);
        for (size_t i = 0; i < count; i++) {
            CHECK(w2e_model_at(i)->model != info->model);
        }
    }
    CHECK(count == 8 && w2e_model_find(1000) == NULL);
    return 0;
}
