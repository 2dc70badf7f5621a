/* A network written by hand: y = a + b (16 bytes, b's 4 repeated), z = the sum of y (4 bytes). */
#ifndef STUB_H
#define STUB_H

#include <stdint.h>

#define STUB_INPUTS 2
#define STUB_OUTPUTS 2
#define STUB_ARENA_BYTES 64

void *stub_input(int index);
void *stub_output(int index);
int32_t stub_input_bytes(int index);
int32_t stub_output_bytes(int index);
void stub_run(void);

#endif
