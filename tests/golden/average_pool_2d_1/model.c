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
static ARENA _Alignas(8) int8_t arena[220];
#endif

/* average_pool2d y: 1x1x5, 0 MACs */
STEP void golden_step_00_average_pool2d(INSTANCE) {
    static const average_pool2d_s8_t p = {.ow = 1, .iw = 7, .c = 5, .kh = 6, .kw = 7, .sx = 2,
        .px = 0, .low = -128, .high = 127, .least = 0};
    static const window_t w = {.kh = 6, .sy = 2, .dy = 1, .py = 0, .ih = 6, .row = 35, .left = 0,
        .right = 0, .fill = 0};
    const int8_t *rows[6];
    for (int32_t turn = 0; turn < 1; turn++) {
        window_clipped(&w, arena + 0, turn, rows);
        average_pool2d_s8(&p, rows, arena + 212 + turn * 5);
    }
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {210};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {212};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {5};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_average_pool2d(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 210);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 212)) {
        memcpy(out, arena + 212, 5);
    }
}

#endif
