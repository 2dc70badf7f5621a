#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/transpose_conv_s8.h"
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
static ARENA _Alignas(8) int8_t arena[540];
#endif

/* transpose_conv y: 8x10x6, 3240 MACs */
STEP void golden_step_00_transpose_conv(INSTANCE) {
    static const transpose_conv_s8_t p = {.ih = 4, .iw = 5, .ic = 3, .oh = 8, .ow = 10, .oc = 6,
        .kh = 3, .kw = 3, .sy = 2, .sx = 2, .py = 0, .px = 0, .offset = 3, .small = 1, .zero = 4,
        .low = -128, .high = 127};
    transpose_conv_s8(&p, arena + 480, golden_00_transpose_conv_weights,
        golden_00_transpose_conv_requant, arena + 0);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {480};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {60};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {480};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_transpose_conv(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 480)) {
        memcpy(arena + 480, in, 60);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 480);
    }
}

#endif
