#include "golden.h"

#include "golden_weights.h"
#include "ascua/minimum_s8.h"
#include "ascua/window.h"

static _Alignas(8) int8_t arena[360];

/* minimum y: 4x5x6, 0 MACs */
STEP void golden_step_00_minimum(void) {
    static const minimum_s8_t p = {.n = 120, .a_step = 1, .b_step = 1, .runs = 1, .loops = 1};
    minimum_s8(&p, arena + 0, arena + 120, golden_00_minimum_loops, arena + 240);
}

void *golden_input(int index) {
    static const int32_t offsets[] = {0, 120};
    return arena + offsets[index];
}

int32_t golden_input_bytes(int index) {
    static const int32_t sizes[] = {120, 120};
    return sizes[index];
}

void *golden_output(int index) {
    static const int32_t offsets[] = {240};
    return arena + offsets[index];
}

int32_t golden_output_bytes(int index) {
    static const int32_t sizes[] = {120};
    return sizes[index];
}

void golden_run(void) {
    golden_step_00_minimum();
}
