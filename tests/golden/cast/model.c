#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/cast_s32.h"
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
static ARENA _Alignas(8) int8_t arena[96];
#endif

/* cast 1: 3x4, 0 MACs */
STEP void golden_step_00_cast(INSTANCE) {
    static const cast_s32_t p = {.n = 12, .x_bytes = 4, .y_bytes = 4, .x_real = 1, .y_real = 0,
        .truth = 0, .low = (-2147483647 - 1), .high = 2147483647};
    cast_s32(&p, arena + 0, arena + 48);
}

/* cast 2: 3x4, 0 MACs */
STEP void golden_step_01_cast(INSTANCE) {
    static const cast_s32_t p = {.n = 12, .x_bytes = 4, .y_bytes = 2, .x_real = 0, .y_real = 0,
        .truth = 0, .low = -32768, .high = 32767};
    cast_s32(&p, arena + 48, arena + 0);
}

/* cast 3: 3x4, 0 MACs */
STEP void golden_step_02_cast(INSTANCE) {
    static const cast_s32_t p = {.n = 12, .x_bytes = 2, .y_bytes = 1, .x_real = 0, .y_real = 0,
        .truth = 0, .low = -128, .high = 127};
    cast_s32(&p, arena + 0, arena + 24);
}

/* cast 4: 3x4, 0 MACs */
STEP void golden_step_03_cast(INSTANCE) {
    static const cast_s32_t p = {.n = 12, .x_bytes = 1, .y_bytes = 1, .x_real = 0, .y_real = 0,
        .truth = 1, .low = 0, .high = 1};
    cast_s32(&p, arena + 24, arena + 0);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {48};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {12};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_cast(NET);
    golden_step_01_cast(NET);
    golden_step_02_cast(NET);
    golden_step_03_cast(NET);
}

void golden_invoke(const float *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 48);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 12);
    }
}

#endif
