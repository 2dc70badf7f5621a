#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/prelu_s8.h"
#include "ascua/window.h"

#ifdef GOLDEN_ON
#define INSTANCE struct golden_instance *const net
#define INSTANCE_AND INSTANCE,
#define NET net
#define NET_AND net,
#define arena ((int8_t *)net->arena)
#else
#define INSTANCE void
#define INSTANCE_AND
#define NET
#define NET_AND
#ifdef GOLDEN_ARENA_SECTION
#define ARENA __attribute__((section(GOLDEN_ARENA_SECTION)))
#else
#define ARENA
#endif
static ARENA _Alignas(8) int8_t arena[120];
#endif

/* prelu y: 4x5x6, 0 MACs */
STEP void golden_step_00_prelu(INSTANCE) {
    static const prelu_s8_t p = {.n = 6, .a_step = 1, .b_step = 1, .runs = 20, .loops = 1,
        .x_zero = -3, .alpha_zero = 5, .multiplier = 1533916908, .shift = 0,
        .alpha_multiplier = 1521645548, .alpha_shift = -5, .zero = 11};
    prelu_s8(&p, arena + 0, golden_00_prelu_input, golden_00_prelu_loops, arena + 0);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {120};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {120};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_prelu(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 120);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 120);
    }
}

#endif
