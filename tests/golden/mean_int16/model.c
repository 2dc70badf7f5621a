#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/sum_s16.h"
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
static ARENA _Alignas(8) int8_t arena[436];
#endif

/* mean y: 7, 0 MACs */
STEP void golden_step_00_mean(INSTANCE) {
    static const sum_s16_t p = {.yn0 = 1, .yn1 = 1, .yn2 = 7, .ystep0 = 0, .ystep1 = 0, .ystep2 = 1,
        .xn0 = 1, .xn1 = 1, .xn2 = 30, .xstep0 = 0, .xstep1 = 0, .xstep2 = 7,
        .multiplier = 954437212, .shift = -3};
    sum_s16(&p, (const s16_t *)(void *)(arena + 0), (s16_t *)(void *)(arena + 420));
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {420};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {420};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {14};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_mean(NET);
}

void golden_invoke(const int16_t *in, int16_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 420);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 420)) {
        memcpy(out, arena + 420, 14);
    }
}

#endif
