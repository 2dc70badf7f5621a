/* One "network": loops that are counted. */
#ifndef KMODEL_LOOPS_H
#define KMODEL_LOOPS_H

#include <stdint.h>

void *loops_input(int index);
void *loops_output(int index);
int32_t loops_input_bytes(int index);
int32_t loops_output_bytes(int index);
void loops_run(void);

#endif
