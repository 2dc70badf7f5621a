#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/average_pool2d_s8.h"
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
static ARENA _Alignas(8) int8_t arena[416];
#endif

/* average_pool2d y: 3x4x9, 0 MACs */
STEP void golden_step_00_average_pool2d(INSTANCE) {
    static const average_pool2d_s8_t p = {.ow = 4, .iw = 7, .c = 9, .kh = 2, .kw = 2, .sx = 2,
        .px = 0, .low = -128, .high = 127, .least = 0};
    static const window_t w = {.kh = 2, .sy = 2, .dy = 1, .py = 0, .ih = 6, .row = 63, .left = 0,
        .right = 9, .fill = 0};
    const int8_t *rows[2];
    for (int32_t turn = 0; turn < 3; turn++) {
        window_clipped(&w, arena + 36, turn, rows);
        average_pool2d_s8(&p, rows, arena + 0 + turn * 36);
    }
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {36};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {378};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {108};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_average_pool2d(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 36)) {
        memcpy(arena + 36, in, 378);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 108);
    }
}

#endif
