#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/dequantize_s8_f32.h"
#include "ascua/lut_s8.h"
#include "ascua/quantize_f32_s8.h"
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

SHARED void lut_s8_shared(const lut_s8_t *p, const int8_t *a0, const int8_t *a1, int8_t *a2) {
    lut_s8(p, a0, a1, a2);
    KEEP_ORDER();
}

/* quantize a: 9, 0 MACs */
STEP void golden_step_00_quantize(INSTANCE) {
    static const quantize_f32_s8_t p = {.n = 9, .zero = 3, .scale = 0x1.47ae140000000p-6f};
    quantize_f32_s8(&p, (const f32_t *)(void *)(arena + 0), arena + 36);
}

/* quantize b: 9, 0 MACs */
STEP void golden_step_01_quantize(INSTANCE) {
    static const lut_s8_t p = {.n = 9};
    lut_s8_shared(&p, arena + 36, golden_01_quantize_table, arena + 0);
}

/* dequantize y: 9, 0 MACs */
STEP void golden_step_02_dequantize(INSTANCE) {
    static const dequantize_s8_f32_t p = {.n = 9, .zero = -9, .scale = 0x1.fbe76c0000000p-6f};
    dequantize_s8_f32(&p, arena + 0, (f32_t *)(void *)(arena + 12));
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {36};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {12};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {36};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_quantize(NET);
    golden_step_01_quantize(NET);
    golden_step_02_dequantize(NET);
}

void golden_invoke(const float *in, float *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 36);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 12)) {
        memcpy(out, arena + 12, 36);
    }
}

#endif
