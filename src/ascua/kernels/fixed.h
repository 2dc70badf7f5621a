/* Requantisation as TFLM's reference kernels compute it: double rounding. Twin of fixed.py. */
#ifndef ASCUA_FIXED_H
#define ASCUA_FIXED_H

#include "kernel.h"

/* One output channel: bias with the input's zero point folded in, factor m / 2^31 * 2^shift. */
typedef struct {
    int32_t bias;
    int32_t multiplier;
    int32_t shift; /* -31..30; to the left where positive */
} requant_t;

/* A factor m / 2^31 * 2^shift, as in requant_t. */
typedef struct {
    int32_t multiplier;
    int32_t shift;
} factor_t;

/* The i-th of the signed numbers of 4 bits in v. */
KERNEL int32_t nibble(uint32_t v, int32_t i) {
    return (int32_t)(v << (28 - 4 * i)) >> 28;
}

/* Four such numbers from two bytes, the lower first, at an even address. */
KERNEL uint32_t nibbles(const uint8_t *bytes) {
    const uint8_t *b = __builtin_assume_aligned(bytes, 2);
    return (uint32_t)b[0] | (uint32_t)b[1] << 8;
}

KERNEL int32_t clamp(int32_t v, int32_t low, int32_t high) {
    v = v < low ? low : v;
    return v > high ? high : v;
}

#ifdef __ARM_FEATURE_SAT
/* v in the range of int8: one instruction. The __ssat() of arm_acle.h hides a conversion that
   warnings tell of. */
KERNEL int32_t saturate(int32_t v) {
    return (int32_t)__builtin_arm_ssat(v, 8);
}
#else
/* v in the range of int8. */
KERNEL int32_t saturate(int32_t v) {
    return clamp(v, -128, 127);
}
#endif

/* v in [low, high], a part of the range of int8. */
KERNEL int8_t clamp_s8(int32_t v, int32_t low, int32_t high) {
    if (__builtin_constant_p(low) && low == -128 && __builtin_constant_p(high) && high == 127) {
        return (int8_t)saturate(v);
    }
    return (int8_t)clamp(v, low, high);
}

/* round(a * b / 2^31), half up; b is in [0, 2^31). */
KERNEL int32_t rounding_doubling_high_mul(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + ((int32_t)1 << 30)) >> 31);
}

/* round(x / 2^e), half away from zero; e is in [1, 31], x above -2^31. */
KERNEL int32_t rounding_shift_right(int32_t x, int32_t e) {
    /* One bit is kept for the rounding, so that no sum passes int32. */
    return (((x - (x < 0)) >> (e - 1)) + 1) >> 1;
}

/* x * multiplier / 2^31 * 2^shift. */
KERNEL int32_t multiply_by_quantized_multiplier(int32_t x, int32_t multiplier, int32_t shift) {
    if (shift >= 0) {
        return rounding_doubling_high_mul((int32_t)((uint32_t)x << shift), multiplier);
    }
    return rounding_shift_right(rounding_doubling_high_mul(x, multiplier), -shift);
}

/* An accumulator as int8. Rare in convolutions: one copy, so that its size counts once. */
SHARED int8_t requantize(int32_t acc, const requant_t *q, int32_t zero, int32_t low, int32_t high) {
    acc = multiply_by_quantized_multiplier(acc, q->multiplier, q->shift);
    return (int8_t)clamp(acc + zero, low, high);
}

/* rounding_doubling_high_mul() of |a| < 2^30, by products of 32 bits: no sum of them passes int32.
 */
KERNEL int32_t high_mul_by_halves(int32_t a, int32_t b) {
    const int32_t a_low = (int16_t)a, b_low = (uint16_t)b;
    const int32_t a_high = (a - a_low) >> 16, b_high = b >> 16;
    const int32_t middle = ((a_low * b_low) >> 16) + a_high * b_low + a_low * b_high;
    return a_high * b_high * 2 + (((middle >> 14) + 1) >> 1);
}

/* The same of |a| < 2^30, as is best for the core. */
KERNEL int32_t high_mul_small(int32_t a, int32_t b) {
#if UINTPTR_MAX > 0xffffffffu
    return rounding_doubling_high_mul(a, b);
#elif ASCUA_LONG_MULTIPLY
    /* The upper word of the doubled product, but for its rounding. */
    const int64_t product = (int64_t)(a * 2) * b;
    return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
#else
    return high_mul_by_halves(a, b);
#endif
}

/* The same where the shift is to the right and |acc| < 2^30: half as many instructions. */
KERNEL int8_t requantize_small(int32_t acc, const requant_t *q, int32_t zero, int32_t low,
                               int32_t high) {
    acc = high_mul_small(acc, q->multiplier);
    /* As rounding_shift_right, the zero point added before the last bit is dropped. A half below 0
       goes away from it, which makes no difference where nothing below the zero point is left. */
    if (!(__builtin_constant_p(low >= zero) && low >= zero)) {
        acc -= acc < 0;
    }
    acc = ((acc >> ~q->shift) + 1 + 2 * zero) >> 1;
    return clamp_s8(acc, low, high);
}

/* The same, rounded once: half up. */
SHARED int8_t requantize_once(int32_t acc, const requant_t *q, int32_t zero, int32_t low,
                              int32_t high) {
    const int32_t right = 31 - q->shift;
    const int64_t rounded = ((int64_t)acc * q->multiplier + ((int64_t)1 << (right - 1))) >> right;
    const int64_t y = rounded + zero;
    return (int8_t)(y < low ? low : y > high ? high : y);
}

/* A sum as int8; `small` states that requantize_small() may be used, as nearly always. */
KERNEL int8_t requantize_sum(uint32_t acc, const requant_t *q, int32_t small, int32_t zero,
                             int32_t low, int32_t high) {
    return small ? requantize_small((int32_t)acc, q, zero, low, high)
                 : requantize((int32_t)acc, q, zero, low, high);
}

#endif
