/* Start-up code for RISC-V in machine mode: traps, the instruction counter; then `start` in C. */
    .option arch, +zicsr

    .section .vectors, "ax"
    .global vectors
vectors:
    csrr t0, mhartid                /* all cores but the first sleep */
1:  beqz t0, 2f
    wfi
    j 1b
2:  la sp, stack_top
    la t0, trap
    csrw mtvec, t0
#ifdef __riscv_flen
    li t0, 0x2000                   /* mstatus.FS: floats are on, their registers as they are */
    csrs mstatus, t0
#endif
    j start

/* Traps never return, so they take the whole stack afresh. a0: status, a1: pc, a2: address. */
    .balign 4
trap:
    la sp, stack_top
    csrr a1, mepc
    csrr a2, mtval
    csrr t0, mcause
    li a0, 78
    bltz t0, 4f                     /* an interrupt */
    li t1, 2
    bltu t0, t1, 1f                 /* 0, 1: instruction address misaligned, access fault */
    beq t0, t1, 2f                  /* 2: illegal instruction */
    li t1, 4
    bltu t0, t1, 4f                 /* 3: breakpoint */
    li t1, 8
    bltu t0, t1, 3f                 /* 4..7: load or store misaligned, access fault */
    j 4f
1:  li a0, 76
    j 4f
2:  li a0, 75
    li a2, 0                        /* mtval has the instruction */
    j 4f
3:  li a0, 77
4:  j fault

    .text
    .global timer_start
    .type timer_start, @function
timer_start:
    ret
    .size timer_start, . - timer_start

    .global timer_ticks
    .type timer_ticks, @function
timer_ticks:
#if __riscv_xlen == 32
    csrr a1, minstreth
    csrr a0, minstret
    csrr t0, minstreth
    bne a1, t0, timer_ticks
#else
    csrr a0, minstret
#endif
    ret
    .size timer_ticks, . - timer_ticks
