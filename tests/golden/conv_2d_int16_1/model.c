#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/conv2d_grouped_s16.h"
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
static ARENA _Alignas(8) int8_t arena[1164];
#endif

/* conv2d y: 6x7x10, 11340 MACs */
STEP void golden_step_00_conv2d(INSTANCE) {
    static const conv2d_grouped_s16_t p = {.ow = 7, .oc = 10, .step = 6, .kh = 3, .runs = 3,
        .run = 3, .gap = 6, .short_sums = 0, .low = -32768, .high = 32767, .groups = 2};
    static const window_t w = {.kh = 3, .sy = 1, .dy = 1, .py = 1, .ih = 6, .row = 84, .left = 12,
        .right = 12, .fill = 0};
    const int8_t *rows[3];
    for (int32_t turn = 0; turn < 6; turn++) {
        window_padded(&w, arena + 140, turn, arena + 840, rows);
        conv2d_grouped_s16(&p, rows, golden_00_conv2d_weights, golden_00_conv2d_bias,
            golden_00_conv2d_requant, (s16_t *)(void *)(arena + 0 + turn * 140));
    }
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {140};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {504};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {840};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_conv2d(NET);
}

void golden_invoke(const int16_t *in, int16_t *out) {
    if ((const void *)in != (const void *)(arena + 140)) {
        memcpy(arena + 140, in, 504);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 840);
    }
}

#endif
