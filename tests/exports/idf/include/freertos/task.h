/* As much of FreeRTOS as an example takes. */
#pragma once

#include "FreeRTOS.h"

void vTaskDelay(TickType_t ticks);
