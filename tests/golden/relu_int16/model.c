#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/lines_s16.h"
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
static ARENA _Alignas(8) int8_t arena[512];
#endif

/* relu Relu (0.05, -3) (0.05, -3) (): 256, 0 MACs */
STEP void golden_step_00_relu(INSTANCE) {
    static const lines_s16_t p = {.n = 256, .multiplier = 1073741824, .shift = 1,
        .below_multiplier = 1073741824, .below_shift = 1, .sign = 1, .sign_after = 1, .low = 0,
        .high = 32767};
    lines_s16(&p, (const s16_t *)(void *)(arena + 0), (s16_t *)(void *)(arena + 0));
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {512};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {512};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_relu(NET);
}

void golden_invoke(const int16_t *in, int16_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 512);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 0)) {
        memcpy(out, arena + 0, 512);
    }
}

#endif
