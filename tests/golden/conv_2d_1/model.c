#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/conv2d_1x1_pairs_s8.h"
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

/* conv2d y: 6x7x8, 2688 MACs */
STEP void golden_step_00_conv2d(INSTANCE) {
    static const conv2d_1x1_pairs_s8_t p = {.n = 42, .ic = 8, .oc = 8, .small = 1, .zero = 4,
        .low = -128, .high = 127};
    conv2d_1x1_pairs_s8(&p, arena + 80, golden_00_conv2d_weights, golden_00_conv2d_fours,
        golden_00_conv2d_requant, arena + 64, arena + 0);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {80};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {336};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {64};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {336};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_conv2d(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 80)) {
        memcpy(arena + 80, in, 336);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 64)) {
        memcpy(out, arena + 64, 336);
    }
}

#endif
