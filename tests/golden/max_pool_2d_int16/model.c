#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/max_pool2d_s16.h"
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
static ARENA _Alignas(8) int8_t arena[460];
#endif

SHARED void max_pool2d_s16_shared(const max_pool2d_s16_t *p, const int8_t *const *a0, s16_t *a1) {
    max_pool2d_s16(p, a0, a1);
    KEEP_ORDER();
}

/* max_pool2d y: 3x4x5, 0 MACs */
STEP void golden_step_00_max_pool2d(INSTANCE) {
    static const max_pool2d_s16_t p = {.ow = 4, .iw = 7, .c = 5, .kh = 2, .kw = 2, .sx = 2, .px = 0,
        .low = -32768, .high = 32767};
    static const window_t w = {.kh = 2, .sy = 2, .dy = 1, .py = 0, .ih = 6, .row = 70, .left = 0,
        .right = 10, .fill = 0};
    const int8_t *rows[2];
    for (int32_t turn = 0; turn < 3; turn++) {
        window_clipped(&w, arena + 40, turn, rows);
        max_pool2d_s16_shared(&p, rows, (s16_t *)(void *)(arena + 0 + turn * 40));
    }
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {40};
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
    static const int32_t sizes[] = {120};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_max_pool2d(NET);
}

void golden_invoke(const int16_t *in, int16_t *out) {
    if ((const void *)in != (const void *)(arena + 40)) {
        memcpy(arena + 40, in, 420);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 120);
    }
}

#endif
