#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/average_pool2d_s8.h"
#include "ascua/concatenation_s8.h"
#include "ascua/move_s8.h"
#include "ascua/window.h"

#ifdef GOLDEN_ON
#define INSTANCE struct golden_instance *const net
#define INSTANCE_AND INSTANCE,
#define NET net
#define NET_AND net,
#define arena ((int8_t *)net->arena)
#define states ((int8_t *)net->states)
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
static ARENA _Alignas(8) int8_t arena[52];
static _Alignas(8) int8_t states[24] = {
-3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3};

#endif

/* slice later: 3x1x6, 0 MACs */
STEP void golden_step_00_slice(INSTANCE) {
    static const move_s8_t p = {.offset = 6, .n0 = 1, .n1 = 1, .n2 = 1, .n3 = 1, .step0 = 0,
        .step1 = 0, .step2 = 0, .step3 = 0, .n = 1, .step = 0, .run = 18};
    move_s8(&p, states + 0, arena + 24);
}

/* concatenation joined: 4x1x6, 0 MACs */
STEP void golden_step_01_concatenation(INSTANCE) {
    static const concatenation_s8_t p = {.inputs = 2, .turns = 1};
    const int8_t *const xs[] = {arena + 24, arena + 44};
    concatenation_s8(&p, xs, golden_01_concatenation_sizes, arena + 0);
}

/* average_pool2d y: 1x1x6, 0 MACs */
STEP void golden_step_02_average_pool2d(INSTANCE) {
    static const average_pool2d_s8_t p = {.ow = 1, .iw = 1, .c = 6, .kh = 4, .kw = 1, .sx = 1,
        .px = 0, .low = -128, .high = 127, .least = 0};
    static const window_t w = {.kh = 4, .sy = 1, .dy = 1, .py = 0, .ih = 4, .row = 6, .left = 0,
        .right = 0, .fill = 0};
    const int8_t *rows[4];
    for (int32_t turn = 0; turn < 1; turn++) {
        window_clipped(&w, arena + 0, turn, rows);
        average_pool2d_s8(&p, rows, arena + 24 + turn * 6);
    }
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {44};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {6};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {24};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {6};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_slice(NET);
    golden_step_01_concatenation(NET);
    golden_step_02_average_pool2d(NET);
    memcpy(states + 0, arena + 0, 24);
}

void golden_reset(void) {
    memset(states + 0, -3, 24);
}

void *golden_states(void) {
    return states;
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 44)) {
        memcpy(arena + 44, in, 6);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 24)) {
        memcpy(out, arena + 24, 6);
    }
}

#endif
