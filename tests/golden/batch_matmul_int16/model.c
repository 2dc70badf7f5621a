#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/batch_matmul_s16.h"
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
static ARENA _Alignas(8) int8_t arena[148];
#endif

/* batch_matmul y: 4x5, 120 MACs */
STEP void golden_step_00_batch_matmul(INSTANCE) {
    static const batch_matmul_s16_t p = {.batches = 1, .loops = 1, .rows = 4, .cols = 5, .k = 6,
        .a_row = 6, .a_col = 0, .a_k = 1, .b_row = 0, .b_col = 1, .b_k = 5, .multiplier = 23218,
        .shift = 28};
    batch_matmul_s16(&p, (const s16_t *)(void *)(arena + 60), (const s16_t *)(void *)(arena + 0),
        golden_00_batch_matmul_loops, (s16_t *)(void *)(arena + 108));
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {60, 0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {48, 60};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {108};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {40};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_batch_matmul(NET);
}

#endif
