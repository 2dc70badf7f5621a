#include "golden.h"

#include "golden_weights.h"
#include "ascua/arg_max_s8.h"
#include "ascua/window.h"

static _Alignas(8) int8_t arena[108];

/* arg_max y: 3x4, 0 MACs */
STEP void golden_step_00_arg_max(void) {
    static const arg_max_s8_t p = {.outer = 12, .n = 5, .inner = 1, .sign = 1};
    arg_max_s8(&p, arena + 0, (int32_t *)(void *)(arena + 60));
}

void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {60};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {60};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {48};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_arg_max();
}

void golden_invoke(const int8_t *in, int32_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 60);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 60)) {
        memcpy(out, arena + 60, 48);
    }
}
