#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/mean_s8.h"
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
static ARENA _Alignas(8) int8_t arena[284];
#endif

/* mean y: 9, 0 MACs */
STEP void golden_step_00_mean(INSTANCE) {
    static const mean_s8_t p = {.outer = 1, .n = 30, .inner = 9, .offset = 90,
        .multiplier = 954437212, .shift = -3, .zero = 4};
    mean_s8(&p, arena + 0, arena + 272);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {270};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {272};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {9};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_mean(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 270);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 272)) {
        memcpy(out, arena + 272, 9);
    }
}

#endif
