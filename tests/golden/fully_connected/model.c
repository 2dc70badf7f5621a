#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/fully_connected_sums_s8.h"
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
static ARENA _Alignas(8) int8_t arena[68];
#endif

/* fully_connected y: 9, 153 MACs */
STEP void golden_step_00_fully_connected(INSTANCE) {
    static const fully_connected_sums_s8_t p = {.rows = 1, .k = 17, .oc = 9, .next = 0, .small = 1,
        .zero = 4, .low = -128, .high = 127};
    for (int32_t turn = 0; turn < 1; turn++) {
        fully_connected_sums_s8(&p, arena + 36 + turn * 17, golden_00_fully_connected_weights,
            golden_00_fully_connected_bias, golden_00_fully_connected_factors, arena + 56, turn,
            arena + 0);
    }
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {36};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {17};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {56};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {9};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_fully_connected(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 36)) {
        memcpy(arena + 36, in, 17);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 56)) {
        memcpy(out, arena + 56, 9);
    }
}

#endif
