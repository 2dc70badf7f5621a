#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/batch_matmul_s8.h"
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
static ARENA _Alignas(8) int8_t arena[76];
#endif

/* batch_matmul y: 4x5, 120 MACs */
STEP void golden_step_00_batch_matmul(INSTANCE) {
    static const batch_matmul_s8_t p = {.batches = 1, .loops = 1, .rows = 4, .cols = 5, .k = 6,
        .a_row = 6, .a_col = 0, .a_k = 1, .b_row = 0, .b_col = 1, .b_k = 5, .a_zero = -3,
        .b_zero = 5, .multiplier = 1521645548, .shift = -5, .zero = 11};
    batch_matmul_s8(&p, arena + 32, arena + 0, golden_00_batch_matmul_loops, arena + 56);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {32, 0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {24, 30};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {56};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {20};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_batch_matmul(NET);
}

#endif
