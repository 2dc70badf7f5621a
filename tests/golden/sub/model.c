#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/sub_s8.h"
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
static ARENA _Alignas(8) int8_t arena[128];
#endif

/* sub y: 4x5x6, 0 MACs */
STEP void golden_step_00_sub(INSTANCE) {
    static const sub_s8_t p = {.n = 6, .a_step = 1, .b_step = 1, .runs = 20, .loops = 1, .swap = 1,
        .a_zero = 5, .a_multiplier = 1331439820, .a_shift = -1, .b_zero = -3,
        .b_multiplier = 1073741824, .b_shift = 0, .out_multiplier = 1533916908, .out_shift = -19,
        .zero = 11, .low = -128, .high = 127};
    sub_s8(&p, arena + 120, golden_00_sub_input, golden_00_sub_loops, arena + 0);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {120};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {6};
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
    golden_step_00_sub(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 120)) {
        memcpy(arena + 120, in, 6);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 120);
    }
}

#endif
