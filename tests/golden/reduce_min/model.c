#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/reduce_max_s8.h"
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
static ARENA _Alignas(8) int8_t arena[220];
#endif

/* reduce_min y: 7, 0 MACs */
STEP void golden_step_00_reduce_min(INSTANCE) {
    static const reduce_max_s8_t p = {.yn0 = 1, .yn1 = 1, .yn2 = 7, .ystep0 = 0, .ystep1 = 0,
        .ystep2 = 1, .xn0 = 1, .xn1 = 1, .xn2 = 30, .xstep0 = 0, .xstep1 = 0, .xstep2 = 7,
        .sign = -1};
    reduce_max_s8(&p, arena + 0, arena + 212);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {210};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {212};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {7};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_reduce_min(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 210);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 212)) {
        memcpy(out, arena + 212, 7);
    }
}

#endif
