#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/select_s8.h"
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
static ARENA _Alignas(8) int8_t arena[272];
#endif

/* select_v2 y: 4x5x6, 0 MACs */
STEP void golden_step_00_select_v2(INSTANCE) {
    static const select_s8_t p = {.n = 30, .condition_step = 1, .a_step = 1, .b_step = 0,
        .condition_at = 0, .a_at = 1, .b_at = 2, .runs = 4, .loops = 1, .size = 1};
    select_s8(&p, arena + 240, arena + 0, golden_00_select_v2_b, golden_00_select_v2_loops,
        arena + 120);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {240, 0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {30, 120};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {120};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {120};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_select_v2(NET);
}

#endif
