/* A network of no steps: what the harness alone is measured with. */
#include "empty.h"

static uint8_t arena[EMPTY_ARENA_BYTES];

void *empty_input(int index) {
    return arena + index;
}

void *empty_output(int index) {
    return arena + index;
}

int32_t empty_input_bytes(int index) {
    return index + 1;
}

int32_t empty_output_bytes(int index) {
    return index + 1;
}

void empty_run(void) {
}
