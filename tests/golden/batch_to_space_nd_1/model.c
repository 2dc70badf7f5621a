#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/conv2d_s8.h"
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
static ARENA _Alignas(8) int8_t arena[212];
#endif

/* conv2d y: 3x5x4, 1620 MACs */
STEP void golden_step_00_conv2d(INSTANCE) {
    static const conv2d_s8_t p = {.ow = 5, .oc = 4, .step = 3, .kh = 3, .runs = 3, .run = 3,
        .gap = 6, .small = 1, .zero = 4, .low = -128, .high = 127};
    static const window_t w = {.kh = 3, .sy = 1, .dy = 2, .py = 0, .ih = 7, .row = 27, .left = 0,
        .right = 0, .fill = -9};
    const int8_t *rows[3];
    for (int32_t turn = 0; turn < 3; turn++) {
        window_clipped(&w, arena + 20, turn, rows);
        conv2d_s8(&p, rows, golden_00_conv2d_weights, golden_00_conv2d_requant,
            arena + 0 + turn * 20);
    }
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {20};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {189};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {60};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_conv2d(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 20)) {
        memcpy(arena + 20, in, 189);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 60);
    }
}

#endif
