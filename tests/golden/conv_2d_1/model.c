#include "golden.h"

#include "golden_weights.h"
#include "ascua/conv2d_s8.h"
#include "ascua/window.h"

static _Alignas(8) int8_t arena[672];

/* conv2d y: 6x7x8, 2688 MACs */
STEP void golden_step_00_conv2d(void) {
    static const conv2d_s8_t p = {.ow = 7, .oc = 8, .step = 8, .kh = 1, .runs = 1, .run = 8,
        .gap = 8, .small = 1, .zero = 4, .low = -128, .high = 127};
    static const window_t w = {.kh = 1, .sy = 1, .dy = 1, .py = 0, .ih = 6, .row = 56, .left = 0,
        .right = 0, .fill = -3};
    const int8_t *rows[1];
    for (int32_t oy = 0; oy < 6; oy++) {
        window_clipped(&w, arena + 0, oy, rows);
        conv2d_s8(&p, rows, golden_00_conv2d_weights, golden_00_conv2d_requant,
            arena + 336 + oy * 56);
    }
}

void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {336};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {336};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {336};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_conv2d();
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 336);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 336)) {
        memcpy(out, arena + 336, 336);
    }
}
