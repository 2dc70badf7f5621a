#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/conv2d_pairs_s8.h"
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
static ARENA _Alignas(8) int8_t arena[736];
#endif

/* conv2d y: 9x17x3, 8262 MACs */
STEP void golden_step_00_conv2d(INSTANCE) {
    static const conv2d_pairs_s8_t p = {.ow = 17, .oc = 3, .step = 2, .kh = 3, .runs = 1, .run = 6,
        .gap = 2, .small = 1, .zero = 4, .low = -128, .high = 127};
    static const window_t w = {.kh = 3, .sy = 1, .dy = 1, .py = 1, .ih = 9, .row = 34, .left = 2,
        .right = 2, .fill = -3};
    const int8_t *rows[3];
    for (int32_t turn = 0; turn < 9; turn++) {
        window_padded(&w, arena + 88, turn, arena + 620, rows);
        conv2d_pairs_s8(&p, rows, golden_00_conv2d_weights, golden_00_conv2d_fours,
            golden_00_conv2d_requant, arena + 0 + turn * 51, arena + 460);
    }
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {88};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {306};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {459};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_conv2d(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 88)) {
        memcpy(arena + 88, in, 306);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 459);
    }
}

#endif
