#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/add_s8.h"
#include "ascua/conv2d_1x1_pairs_s8.h"
#include "ascua/conv2d_pairs_s8.h"
#include "ascua/depthwise_conv2d_3x3_s8.h"
#include "ascua/fully_connected_s8.h"
#include "ascua/max_pool2d_s8.h"
#include "ascua/softmax_s8.h"
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
static ARENA _Alignas(8) int8_t arena[1560];
#endif

/* conv2d conv: 9x9x8, 17496 MACs */
STEP void golden_step_00_conv2d(INSTANCE) {
    static const conv2d_pairs_s8_t p = {.ow = 9, .oc = 8, .step = 3, .kh = 3, .runs = 1, .run = 9,
        .gap = 3, .small = 1, .zero = -128, .low = -128, .high = 127};
    static const window_t w = {.kh = 3, .sy = 1, .dy = 1, .py = 1, .ih = 9, .row = 27, .left = 3,
        .right = 3, .fill = -128};
    const int8_t *rows[3];
    for (int32_t turn = 0; turn < 9; turn++) {
        window_padded(&w, arena + 288, turn, arena + 872, rows);
        conv2d_pairs_s8(&p, rows, golden_00_conv2d_weights, golden_00_conv2d_fours,
            golden_00_conv2d_requant, arena + 0 + turn * 72, arena + 648);
    }
}

/* depthwise_conv2d depthwise: 9x9x8, 5832 MACs */
STEP void golden_step_01_depthwise_conv2d(INSTANCE) {
    static const depthwise_conv2d_3x3_s8_t p = {.ow = 9, .c = 8, .step = 8, .gap = 8, .small = 1,
        .zero = -128, .low = -128, .high = 127};
    static const window_t w = {.kh = 3, .sy = 1, .dy = 1, .py = 1, .ih = 9, .row = 72, .left = 8,
        .right = 8, .fill = -128};
    const int8_t *rows[3];
    for (int32_t turn = 0; turn < 9; turn++) {
        window_padded(&w, arena + 0, turn, arena + 1296, rows);
        depthwise_conv2d_3x3_s8(&p, rows, golden_01_depthwise_conv2d_weights,
            golden_01_depthwise_conv2d_requant, arena + 648 + turn * 72);
    }
}

/* conv2d pointwise: 9x9x8, 5184 MACs */
STEP void golden_step_02_conv2d(INSTANCE) {
    static const conv2d_1x1_pairs_s8_t p = {.n = 81, .ic = 8, .oc = 8, .small = 1, .zero = -5,
        .low = -128, .high = 127};
    conv2d_1x1_pairs_s8(&p, arena + 648, golden_02_conv2d_weights, golden_02_conv2d_fours,
        golden_02_conv2d_requant, arena + 648, arena + 1296);
}

/* add sum: 9x9x8, 0 MACs */
STEP void golden_step_03_add(INSTANCE) {
    static const add_s8_t p = {.n = 648, .swap = 1, .same = 0, .coarse = -5, .fine = -128,
        .multiplier = 1431655765, .shift = 1, .out_multiplier = 1610612736, .out_shift = 19,
        .zero = -60, .low = -128, .high = 127};
    add_s8(&p, arena + 0, arena + 648, arena + 0);
}

/* max_pool2d pool: 4x4x8, 0 MACs */
STEP void golden_step_04_max_pool2d(INSTANCE) {
    static const max_pool2d_s8_t p = {.ow = 4, .iw = 9, .c = 8, .kh = 2, .kw = 2, .sx = 2, .px = 0,
        .low = -128, .high = 127};
    static const window_t w = {.kh = 2, .sy = 2, .dy = 1, .py = 0, .ih = 9, .row = 72, .left = 0,
        .right = 0, .fill = 0};
    const int8_t *rows[2];
    for (int32_t turn = 0; turn < 4; turn++) {
        window_clipped(&w, arena + 0, turn, rows);
        max_pool2d_s8(&p, rows, arena + 648 + turn * 32);
    }
}

/* fully_connected logits: 5, 640 MACs */
STEP void golden_step_05_fully_connected(INSTANCE) {
    static const fully_connected_s8_t p = {.rows = 1, .k = 128, .oc = 5, .next = 1, .small = 1,
        .zero = 3, .low = -128, .high = 127};
    fully_connected_s8(&p, arena + 648, golden_05_fully_connected_weights,
        golden_05_fully_connected_bias, golden_05_fully_connected_factors, arena + 20);
}

/* softmax probabilities: 5, 0 MACs */
STEP void golden_step_06_softmax(INSTANCE) {
    static const softmax_s8_t p = {.rows = 1, .depth = 5, .multiplier = 1717986944, .shift = 23,
        .least = -248};
    softmax_s8(&p, arena + 20, arena + 28, arena + 0);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {288};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {243};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {28};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {5};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_conv2d(NET);
    golden_step_01_depthwise_conv2d(NET);
    golden_step_02_conv2d(NET);
    golden_step_03_add(NET);
    golden_step_04_max_pool2d(NET);
    golden_step_05_fully_connected(NET);
    golden_step_06_softmax(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 288)) {
        memcpy(arena + 288, in, 243);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 28)) {
        memcpy(out, arena + 28, 5);
    }
}

#endif
