/* The timer of Cortex-A9: the 64-bit global timer of its private peripherals. */
#include "bare.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define TIMER_LOW REGISTER(0xf8f00200)
#define TIMER_HIGH REGISTER(0xf8f00204)
#define TIMER_CONTROL REGISTER(0xf8f00208)

void timer_start(void) {
    TIMER_CONTROL = 1;
}

uint64_t timer_ticks(void) {
    uint32_t high;
    uint32_t low;
    do {
        high = TIMER_HIGH;
        low = TIMER_LOW;
    } while (high != TIMER_HIGH);
    return (uint64_t)high << 32 | low;
}
