#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/compare_s8.h"
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
static ARENA _Alignas(8) int8_t arena[48];
#endif

/* not_equal y: 4x5, 0 MACs */
STEP void golden_step_00_not_equal(INSTANCE) {
    static const compare_s8_t p = {.n = 5, .a_step = 1, .b_step = 1, .runs = 4, .loops = 1,
        .a_zero = -3, .a_multiplier = 1717986944, .a_shift = -4, .b_zero = 5,
        .b_multiplier = 1717986944, .b_shift = -4, .below = 1, .equal = 0, .above = 1};
    compare_s8(&p, arena + 0, arena + 40, golden_00_not_equal_loops,
        (uint8_t *)(void *)(arena + 20));
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0, 40};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {20, 5};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {20};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {20};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_not_equal(NET);
}

#endif
