#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/conv2d_grouped_u8.h"
#include "ascua/shift_u8_s8.h"
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
static ARENA _Alignas(8) int8_t arena[840];
#endif

/* quantize x/int8: 6x7x6, 0 MACs */
STEP void golden_step_00_quantize(INSTANCE) {
    static const shift_u8_s8_t p = {.n = 252};
    shift_u8_s8(&p, arena + 0, arena + 252);
}

/* conv2d y/int8: 6x7x10, 11340 MACs */
STEP void golden_step_01_conv2d(INSTANCE) {
    static const conv2d_grouped_u8_t p = {.ow = 7, .oc = 10, .step = 6, .kh = 3, .runs = 3,
        .run = 3, .gap = 6, .small = 1, .zero = 4, .low = -128, .high = 127, .offset = 35,
        .groups = 2};
    static const window_t w = {.kh = 3, .sy = 1, .dy = 1, .py = 1, .ih = 6, .row = 42, .left = 6,
        .right = 6, .fill = -3};
    const int8_t *rows[3];
    for (int32_t turn = 0; turn < 6; turn++) {
        window_padded(&w, arena + 252, turn, arena + 504, rows);
        conv2d_grouped_u8(&p, rows, golden_01_conv2d_weights, golden_01_conv2d_requant,
            arena + 0 + turn * 70);
    }
}

/* quantize y: 6x7x10, 0 MACs */
STEP void golden_step_02_quantize(INSTANCE) {
    static const shift_u8_s8_t p = {.n = 420};
    shift_u8_s8(&p, arena + 0, arena + 420);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {252};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {420};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {420};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_quantize(NET);
    golden_step_01_conv2d(NET);
    golden_step_02_quantize(NET);
}

void golden_invoke(const uint8_t *in, uint8_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 252);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 420)) {
        memcpy(out, arena + 420, 420);
    }
}

#endif
