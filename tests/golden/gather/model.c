#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
#define GOLDEN_INTERNAL
#include "golden.h"

#include "golden_weights.h"
#include "ascua/gather_s8.h"
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
static ARENA _Alignas(8) int8_t arena[108];
#endif

/* gather y: 4x4x3, 0 MACs */
STEP void golden_step_00_gather(INSTANCE) {
    static const gather_s8_t p = {.n0 = 1, .n1 = 1, .n2 = 1, .n3 = 4, .n4 = 4, .run = 3};
    gather_s8(&p, arena + 0, golden_00_gather_places, arena + 60);
}

#ifndef GOLDEN_ON
void *golden_input(int index) {
    static const int32_t offsets[] = {0};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {60};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {60};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {48};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_gather(NET);
}

void golden_invoke(const int8_t *in, int8_t *out) {
    if ((const void *)in != (const void *)(arena + 0)) {
        memcpy(arena + 0, in, 60);
    }
    golden_run();
    if ((void *)out != (void *)(arena + 60)) {
        memcpy(out, arena + 60, 48);
    }
}

#endif
