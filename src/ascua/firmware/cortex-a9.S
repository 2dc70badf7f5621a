/* Start-up code for Cortex-A9: vectors, NEON, a flat page table, caches; then `start` in C. */
    .syntax unified
    .arm

    .section .vectors, "ax"
    .balign 32
    .global vectors
vectors:
    b   reset
    b   undefined
    b   other                       /* supervisor call: semihosting never gets here */
    b   prefetch_abort
    b   data_abort
    b   other
    b   other
    b   other

reset:
    cpsid aif
    mrc p15, 0, r0, c0, c0, 5       /* MPIDR: all cores but the first sleep */
    ands r0, r0, #3
1:  wfene
    bne 1b
    ldr sp, =stack_top
    ldr r0, =vectors
    mcr p15, 0, r0, c12, c0, 0      /* VBAR */

    mrc p15, 0, r0, c1, c0, 2       /* CPACR: full access to VFP and NEON */
    orr r0, r0, #(0xf << 20)
    mcr p15, 0, r0, c1, c0, 2
    isb
    mov r0, #0x40000000             /* FPEXC.EN */
    vmsr fpexc, r0

    /* One entry a megabyte. Unmapped: the first (a null pointer faults) and all that is not below.
     * Memory: write-back, write-allocate, shareable. Peripherals and timers: device, no execution. */
    ldr r1, =page_table
    ldr r3, =0x00015c0e
    ldr r4, =0x00000c16
    ldr r6, =memory_megabytes
    mov r2, #0
2:  mov r5, #0
    cmp r2, #0
    beq 3f
    cmp r2, r6
    orrlo r5, r3, r2, lsl #20
    cmp r2, #0xe00
    orrhs r5, r4, r2, lsl #20
3:  str r5, [r1, r2, lsl #2]
    add r2, r2, #1
    cmp r2, #0x1000
    blo 2b
    mov r0, #0
    mcr p15, 0, r0, c8, c7, 0       /* TLBIALL */
    mcr p15, 0, r0, c7, c5, 0       /* ICIALLU */
    mcr p15, 0, r0, c2, c0, 2       /* TTBCR: TTBR0 alone */
    mcr p15, 0, r1, c2, c0, 0       /* TTBR0 */
    mov r0, #1
    mcr p15, 0, r0, c3, c0, 0       /* DACR: domain 0 obeys the table */
    dsb
    isb
    mrc p15, 0, r0, c1, c0, 0
    bic r0, r0, #2                  /* SCTLR.A off: unaligned loads and stores work */
    ldr r2, =0x00001805             /* MMU, data cache, branch prediction, instruction cache */
    orr r0, r0, r2
    mcr p15, 0, r0, c1, c0, 0
    isb
    b   start

/* Faults never return, so they take the whole stack afresh. r0: status, r1: pc, r2: address. */
undefined:
    mov r0, #75
    sub r1, lr, #4
    mov r2, #0
    b   4f
prefetch_abort:
    mov r0, #76
    sub r1, lr, #4
    mrc p15, 0, r2, c6, c0, 2       /* IFAR */
    b   4f
data_abort:
    mov r0, #77
    sub r1, lr, #8
    mrc p15, 0, r2, c6, c0, 0       /* DFAR */
    b   4f
other:
    mov r0, #78
    mov r1, #0
    mov r2, #0
4:  ldr sp, =stack_top
    b   fault

    .section .page_table, "aw", %nobits
    .balign 16384
page_table:
    .space 16384
