/* A network of no steps: what the harness alone is measured with. */
#ifndef EMPTY_H
#define EMPTY_H

#include <stdint.h>

#define EMPTY_INPUTS 1
#define EMPTY_OUTPUTS 1
#define EMPTY_ARENA_BYTES 4

void *empty_input(int index);
void *empty_output(int index);
int32_t empty_input_bytes(int index);
int32_t empty_output_bytes(int index);
void empty_run(void);

#endif
