#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/add_s16.h"
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
static ARENA _Alignas(8) int8_t arena[252];
#endif

/* sub y: 4x5x6, 0 MACs */
STEP void golden_step_00_sub(INSTANCE) {
    static const add_s16_t p = {.n = 6, .a_step = 1, .b_step = 1, .runs = 20, .loops = 1,
        .a_multiplier = 1331439820, .a_shift = -1, .a_sign = -1, .b_multiplier = 1073741824,
        .b_shift = 0, .b_sign = 1, .out_multiplier = 1533916908, .out_shift = -14, .low = -32768,
        .high = 32767};
    add_s16(&p, (const s16_t *)(void *)(arena + 240), golden_00_sub_input, golden_00_sub_loops,
        (s16_t *)(void *)(arena + 0));
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {240};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {12};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {240};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_sub(NET);
}

void golden_invoke(const int16_t *in, int16_t *out) {
    if ((const void *)in != (const void *)(arena + 240)) {
        memcpy(arena + 240, in, 12);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 240);
    }
}

#endif
