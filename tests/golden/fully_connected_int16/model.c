#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/fully_connected_s16.h"
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
static ARENA _Alignas(8) int8_t arena[56];
#endif

/* fully_connected y: 9, 153 MACs */
STEP void golden_step_00_fully_connected(INSTANCE) {
    static const fully_connected_s16_t p = {.rows = 1, .k = 17, .oc = 9, .short_sums = 0,
        .low = -32768, .high = 32767};
    fully_connected_s16(&p, (const s16_t *)(void *)(arena + 0), golden_00_fully_connected_weights,
        golden_00_fully_connected_bias, golden_00_fully_connected_requant,
        (s16_t *)(void *)(arena + 36));
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {34};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {36};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {18};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_fully_connected(NET);
}

void golden_invoke(const int16_t *in, int16_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 34);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 36)) {
        memcpy(out, arena + 36, 18);
    }
}

#endif
