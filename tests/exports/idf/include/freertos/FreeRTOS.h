/* As much of FreeRTOS as an example takes. */
#pragma once

#include <stdint.h>

typedef uint32_t TickType_t;
