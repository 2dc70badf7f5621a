/* What every board without an operating system needs: memory set-up, stack measure, fault report.
 */
#include "bare.h"

enum { PAINT = 0x5aa5c33c, SPIN_LOOPS = 1 << 20 };

extern uint32_t data_start[], data_end[], bss_start[], bss_end[];
extern const uint32_t data_load[];
int main(void);

_Noreturn void start(void) {
    const volatile uint32_t *from = data_load;
    for (volatile uint32_t *to = data_start; to < data_end; to++) {
        *to = *from++;
    }
    for (volatile uint32_t *to = bss_start; to < bss_end; to++) {
        *to = 0;
    }
    timer_start();
    io_exit(main());
}

_Noreturn void fault(enum status status, uint32_t pc, uint32_t address) {
    const struct report report = {.status = status, .fault_pc = pc, .fault_address = address};
    write_report(&report);
    io_exit((int)status);
}

/* All below the stack pointer of this function is free: what differs later is what `run` used. */
void board_infer(struct report *report, int paint) {
    volatile uint32_t *sp;
    __asm__ volatile(READ_SP : "=r"(sp));
    if (paint) {
        for (volatile uint32_t *p = stack_limit; p < sp; p++) {
            *p = PAINT;
        }
    }
    uint64_t begin = timer_ticks();
    network.run();
    report->ticks += timer_ticks() - begin;
    if (paint) {
        volatile uint32_t *p = stack_limit;
        while (p < sp && *p == PAINT) {
            p++;
        }
        report->stack_bytes = (uint32_t)((uintptr_t)sp - (uintptr_t)p);
        if (p == stack_limit) {
            report->status = STATUS_STACK;
        }
    }
}

void board_spin(struct report *report) {
    uint32_t loops = SPIN_LOOPS;
    uint64_t begin = timer_ticks();
    __asm__ volatile(COUNT_DOWN : "+r"(loops) : : "cc");
    report->spin_ticks = timer_ticks() - begin;
    report->spin_instructions = 2 * SPIN_LOOPS;
}
