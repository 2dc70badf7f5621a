#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/max_pool2d_s8.h"
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
static ARENA _Alignas(8) int8_t arena[784];
#endif

SHARED void max_pool2d_s8_shared(const max_pool2d_s8_t *p, const int8_t *const *a0, int8_t *a1) {
    max_pool2d_s8(p, a0, a1);
    KEEP_ORDER();
}

/* max_pool2d y: 3x4x17, 0 MACs */
STEP void golden_step_00_max_pool2d(INSTANCE) {
    static const max_pool2d_s8_t p = {.ow = 4, .iw = 7, .c = 17, .kh = 2, .kw = 2, .sx = 2, .px = 0,
        .low = -128, .high = 127};
    static const window_t w = {.kh = 2, .sy = 2, .dy = 1, .py = 0, .ih = 6, .row = 119, .left = 0,
        .right = 17, .fill = 0};
    const int8_t *rows[2];
    for (int32_t turn = 0; turn < 3; turn++) {
        window_clipped(&w, arena + 68, turn, rows);
        max_pool2d_s8_shared(&p, rows, arena + 0 + turn * 68);
    }
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {68};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {714};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {204};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_max_pool2d(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 68)) {
        memcpy(arena + 68, in, 714);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 204);
    }
}

#endif
