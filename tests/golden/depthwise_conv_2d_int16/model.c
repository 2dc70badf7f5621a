#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/depthwise_conv2d_s16.h"
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
static ARENA _Alignas(8) int8_t arena[692];
#endif

/* depthwise_conv2d y: 6x7x5, 1890 MACs */
STEP void golden_step_00_depthwise_conv2d(INSTANCE) {
    static const depthwise_conv2d_s16_t p = {.ow = 7, .ic = 5, .multiplier = 1, .kh = 3, .kw = 3,
        .step = 5, .gap = 5, .low = -32768, .high = 32767};
    static const window_t w = {.kh = 3, .sy = 1, .dy = 1, .py = 1, .ih = 6, .row = 70, .left = 10,
        .right = 10, .fill = 0};
    const int8_t *rows[3];
    for (int32_t turn = 0; turn < 6; turn++) {
        window_padded(&w, arena + 0, turn, arena + 420, rows);
        depthwise_conv2d_s16(&p, rows, golden_00_depthwise_conv2d_weights,
            golden_00_depthwise_conv2d_bias, golden_00_depthwise_conv2d_requant,
            (s16_t *)(void *)(arena + 0 + turn * 70));
    }
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {420};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {420};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_depthwise_conv2d(NET);
}

void golden_invoke(const int16_t *in, int16_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 420);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 420);
    }
}

#endif
