#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/dequantize_s16_f32.h"
#include "ascua/lines_s16.h"
#include "ascua/quantize_f32_s16.h"
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

SHARED void quantize_f32_s16_shared(const quantize_f32_s16_t *p, const f32_t *a0, s16_t *a1) {
    quantize_f32_s16(p, a0, a1);
    KEEP_ORDER();
}

SHARED void dequantize_s16_f32_shared(const dequantize_s16_f32_t *p, const s16_t *a0, f32_t *a1) {
    dequantize_s16_f32(p, a0, a1);
    KEEP_ORDER();
}

/* quantize a: 9, 0 MACs */
STEP void golden_step_00_quantize(INSTANCE) {
    static const quantize_f32_s16_t p = {.n = 9, .scale = 0x1.47ae140000000p-14f};
    quantize_f32_s16_shared(&p, (const f32_t *)(void *)(arena + 0), (s16_t *)(void *)(arena + 36));
}

/* quantize b: 9, 0 MACs */
STEP void golden_step_01_quantize(INSTANCE) {
    static const lines_s16_t p = {.n = 9, .multiplier = 1385473313, .shift = 0,
        .below_multiplier = 1385473313, .below_shift = 0, .sign = 1, .sign_after = 1, .low = -32768,
        .high = 32767};
    lines_s16(&p, (const s16_t *)(void *)(arena + 36), (s16_t *)(void *)(arena + 0));
}

/* dequantize y: 9, 0 MACs */
STEP void golden_step_02_dequantize(INSTANCE) {
    static const dequantize_s16_f32_t p = {.n = 9, .scale = 0x1.fbe76c0000000p-14f};
    dequantize_s16_f32_shared(&p, (const s16_t *)(void *)(arena + 0),
        (f32_t *)(void *)(arena + 20));
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
    static const int32_t offsets[] = {20};
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
    if ((void *)out != (void *)(arena + 20)) {
        memcpy(out, arena + 20, 36);
    }
}

#endif
