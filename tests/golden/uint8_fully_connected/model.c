#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/fully_connected_u8.h"
#include "ascua/shift_u8_s8.h"
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
static ARENA _Alignas(8) int8_t arena[40];
#endif

/* quantize x/int8: 17, 0 MACs */
STEP void golden_step_00_quantize(INSTANCE) {
    static const shift_u8_s8_t p = {.n = 17};
    shift_u8_s8(&p, arena + 0, arena + 20);
}

/* fully_connected y/int8: 9, 153 MACs */
STEP void golden_step_01_fully_connected(INSTANCE) {
    static const fully_connected_u8_t p = {.rows = 1, .k = 17, .oc = 9, .next = 0, .zero = 4,
        .low = -128, .high = 127, .offset = 35};
    fully_connected_u8(&p, arena + 20, golden_01_fully_connected_weights,
        golden_01_fully_connected_bias, golden_01_fully_connected_factors, arena + 0);
}

/* quantize y: 9, 0 MACs */
STEP void golden_step_02_quantize(INSTANCE) {
    static const shift_u8_s8_t p = {.n = 9};
    shift_u8_s8(&p, arena + 0, arena + 12);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {17};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {12};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {9};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_quantize(NET);
    golden_step_01_fully_connected(NET);
    golden_step_02_quantize(NET);
}

void golden_invoke(const uint8_t *in, uint8_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 17);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 12)) {
        memcpy(out, arena + 12, 9);
    }
}

#endif
