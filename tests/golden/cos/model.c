#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/dequantize_s16_f32.h"
#include "ascua/quantize_f32_s8.h"
#include "ascua/unary_f32.h"
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
static ARENA _Alignas(8) int8_t arena[360];
#endif

/* dequantize a: 1x60, 0 MACs */
STEP void golden_step_00_dequantize(INSTANCE) {
    static const dequantize_s16_f32_t p = {.n = 60, .scale = 0x1.3a92a40000000p-12f};
    dequantize_s16_f32(&p, (const s16_t *)(void *)(arena + 240), (f32_t *)(void *)(arena + 0));
}

/* cos r: 1x60, 0 MACs */
STEP void golden_step_01_cos(INSTANCE) {
    static const unary_f32_t p = {.n = 60, .function = 2, .alpha = 0x0.0p+0f};
    unary_f32(&p, (const f32_t *)(void *)(arena + 0), (f32_t *)(void *)(arena + 0));
}

/* quantize y: 1x60, 0 MACs */
STEP void golden_step_02_quantize(INSTANCE) {
    static const quantize_f32_s8_t p = {.n = 60, .zero = 7, .scale = 0x1.eb851e0000000p-6f};
    quantize_f32_s8(&p, (const f32_t *)(void *)(arena + 0), arena + 240);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {240};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {120};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {240};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {60};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_dequantize(NET);
    golden_step_01_cos(NET);
    golden_step_02_quantize(NET);
}

void golden_invoke(const int16_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 240)) {
        memcpy(arena + 240, in, 120);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 240)) {
        memcpy(out, arena + 240, 60);
    }
}

#endif
