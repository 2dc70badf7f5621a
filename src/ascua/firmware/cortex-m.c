/* Start-up code for Cortex-M: vector table, coprocessors, faults, and SysTick as the timer. */
#include "bare.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYST_CSR REGISTER(0xe000e010)
#define SYST_RVR REGISTER(0xe000e014)
#define SYST_CVR REGISTER(0xe000e018)
#define CCR REGISTER(0xe000ed14)
#define SHCSR REGISTER(0xe000ed24)
#define CFSR REGISTER(0xe000ed28)
#define MMFAR REGISTER(0xe000ed34)
#define BFAR REGISTER(0xe000ed38)
#define CPACR REGISTER(0xe000ed88)

enum { MMARVALID = 1 << 7, STKERR = 3 << 11 | 3 << 3, STKOF = 1 << 20, BFARVALID = 1 << 15 };
enum { CLOCK_PROCESSOR = 4, INTERRUPT_AT_ZERO = 2, ENABLE = 1, SYSTICK_MASK = 0xffffff };

static volatile uint32_t timer_wraps;

/* Entered by reset with the stack pointer at stack_top. */
static void reset(void) {
#if __ARM_ARCH_ISA_THUMB >= 2 /* ARMv6-M has none of these registers, and hard faults alone */
    CPACR |= 0xf << 20;       /* floating point and MVE; ignored where there is neither */
    SHCSR |= 0xf << 16;       /* memory, bus, usage and secure faults apart from hard faults */
    CCR |= 1 << 4;            /* a division by zero is a fault */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    start();
}

/* `frame`: r0-r3, r12, lr, pc, xpsr as the core stacked them; `number`: of the exception. */
__attribute__((used)) _Noreturn static void report_exception(const uint32_t *frame,
                                                             uint32_t number) {
    static const uint8_t statuses[] = {STATUS_HARD_FAULT, STATUS_MEMORY_FAULT, STATUS_BUS_FAULT,
                                       STATUS_USAGE_FAULT, STATUS_SECURE_FAULT};
    uint32_t cause = __ARM_ARCH_ISA_THUMB >= 2 ? CFSR : 0;
    uint32_t address = 0;
    if (cause & MMARVALID) {
        address = MMFAR;
    } else if (cause & BFARVALID) {
        address = BFAR;
    }
    int stacked = frame >= stack_limit && frame + 8 <= stack_top;
    if (!stacked || cause & (STKERR | STKOF)) {
        fault(STATUS_STACK, 0, address);
    }
    uint32_t kind = number - 3;
    fault(kind < sizeof statuses ? statuses[kind] : STATUS_INTERRUPT, frame[6], address);
}

/* Takes a fresh stack: the old one may be what failed. */
__attribute__((naked)) static void exception(void) {
    __asm__("mov r0, sp\n\t"
            "mrs r1, ipsr\n\t"
            "ldr r2, =stack_top\n\t"
            "mov sp, r2\n\t"
            "ldr r2, =report_exception\n\t"
            "bx r2");
}

static void systick(void) {
    timer_wraps++;
}

typedef void (*vector)(void);
extern const vector vectors[16];
__attribute__((section(".vectors"), used)) const vector vectors[16] = {
    [0] = (vector)stack_top, [1] = reset,      [2] = exception,  [3] = exception,
    [4] = exception,         [5] = exception,  [6] = exception,  [7] = exception,
    [8] = exception,         [9] = exception,  [10] = exception, [11] = exception,
    [12] = exception,        [13] = exception, [14] = exception, [15] = systick,
};

void timer_start(void) {
    SYST_CSR = CLOCK_PROCESSOR;
    SYST_RVR = SYSTICK_MASK;
    SYST_CVR = 0;
    SYST_CSR = CLOCK_PROCESSOR | INTERRUPT_AT_ZERO | ENABLE;
}

/* The counter runs from 0 to SYSTICK_MASK and down to 0 again, where the interrupt counts. */
uint64_t timer_ticks(void) {
    uint32_t wraps;
    uint32_t left;
    do {
        wraps = timer_wraps;
        left = SYST_CVR;
    } while (wraps != timer_wraps);
    return (uint64_t)wraps * (SYSTICK_MASK + 1) + (-left & SYSTICK_MASK);
}
