/* What every kernel header needs: fixed-width types and how kernels are placed in code. */
#ifndef ASCUA_KERNEL_H
#define ASCUA_KERNEL_H

#include <stdint.h>
#include <string.h>

/* Reassociated sums need more registers than there are: 2.43 against 2.80 instructions a
   multiply-accumulate of a 3x3 convolution on Cortex-M3 (GCC 12.2). */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-reassoc")
#endif

/* Loads stay on their side: GCC would move them all to the front, out of registers. */
#define KEEP_ORDER() __asm__ volatile("" ::: "memory")

/* Assembly takes nearly all registers, of which compilers keep some to themselves: without
   optimisation, and on a microcontroller for position-independent code. */
#if defined(__GNUC__) && defined(__OPTIMIZE__) && !defined(ASCUA_PLAIN_C) && \
    !(defined(__PIC__) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M')
#define ASCUA_ASSEMBLY 1
#else
#define ASCUA_ASSEMBLY 0
#endif

/* Assembly of 32-bit Arm: all but the first Thumb's, and not where vectors lie on the stack. Beside
   it there is plain C, for other cores and where ASCUA_PLAIN_C is defined. */
#if ASCUA_ASSEMBLY && defined(__arm__) && (defined(__thumb2__) || !defined(__thumb__)) && \
    !defined(__ARM_FEATURE_MVE)
#define ASCUA_ARM_32 1
#else
#define ASCUA_ARM_32 0
#endif

/* The same with one register more, which GCC lacks on microcontrollers with floating point: they
   have the DSP extension too, and kernels of their own. */
#if ASCUA_ARM_32 && !(defined(__ARM_FP) && __ARM_ARCH_PROFILE == 'M')
#define ASCUA_ARM_32_INTEGER 1
#else
#define ASCUA_ARM_32_INTEGER 0
#endif

/* Assembly of the first Thumb, of Cortex-M0: it begins with `.syntax unified`. */
#if ASCUA_ASSEMBLY && defined(__thumb__) && !defined(__thumb2__)
#define ASCUA_THUMB_1 1
#else
#define ASCUA_THUMB_1 0
#endif

/* Whether a product of 64 bits is a few instructions: of the first Thumb's it is a function's. */
#if defined(__thumb__) && !defined(__thumb2__)
#define ASCUA_LONG_MULTIPLY 0
#else
#define ASCUA_LONG_MULTIPLY 1
#endif

/* A kernel is inlined into the step that calls it: its parameters are constants there. Zephyr's
   build defines another KERNEL on the command line. */
#undef KERNEL
#define KERNEL static inline __attribute__((always_inline, unused))

/* Where a library puts the code of its steps, and of what they share. */
#ifndef PLACED
#define PLACED
#endif

/* A step is one symbol: sizes and instruction counts are attributed to it. Nothing is concluded
   from its body for its callers (noipa), so that no call of it is ever taken for a dead one. */
#define STEP static PLACED __attribute__((noinline))
#ifdef __has_attribute
#if __has_attribute(noipa)
#undef STEP
#define STEP static PLACED __attribute__((noipa))
#endif
#endif

/* An array of bytes that is written as a string, without the zero at its end. */
#ifdef __has_attribute
#if __has_attribute(nonstring)
#define UNTERMINATED __attribute__((nonstring))
#endif
#endif
#ifndef UNTERMINATED
#define UNTERMINATED
#endif

/* int16 and float32 values of a tensor, int32 of scratch. The arena that holds them is declared as
   an array of int8_t, which C lets nobody read as these; with this attribute GCC and Clang do. */
typedef int16_t __attribute__((may_alias)) s16_t;
typedef int32_t __attribute__((may_alias)) s32_t;
typedef float __attribute__((may_alias)) f32_t;

/* Code that several steps share. A kernel in it is followed by KEEP_ORDER(): where GCC 12 makes an
   address of a loop's counter it may take the store for none, and drop the call. */
#define SHARED static PLACED __attribute__((noinline, unused))

#endif
