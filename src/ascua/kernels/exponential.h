/* The exponential and the reciprocal of gemmlowp in fixed point; Qn has n bits before the point. */
#ifndef ASCUA_EXPONENTIAL_H
#define ASCUA_EXPONENTIAL_H

#include "fixed.h"

/* round(a * b / 2^31), half up; either may be negative, not both -2^31. */
KERNEL int32_t mul_q0(int32_t a, int32_t b) {
    return rounding_doubling_high_mul(a, b);
}

/* exp(x) in Q0; x is in Q5, at most 0. */
SHARED int32_t exp_q5(int32_t x) {
    /* exp(-2^i / 4) in Q0 */
    static const int32_t powers[] = {1672461947, 1302514674, 790015084, 290630308,
                                     39332535,   720401,     242};
    const int32_t quarter = (int32_t)1 << 24;
    if (x == 0) {
        return INT32_MAX;
    }
    /* x is a negative quarter at most, f, less a multiple of quarters. */
    const int32_t f = (x & (quarter - 1)) - quarter;
    const uint32_t quarters = (uint32_t)(f - x) / ((uint32_t)1 << 24);
    /* exp(f) by the series of exp around -1/8, up to the fourth power. */
    const int32_t t = f * 32 + ((int32_t)1 << 28);
    const int32_t t2 = mul_q0(t, t);
    const int32_t t3 = mul_q0(t2, t);
    const int32_t t4 = rounding_shift_right(mul_q0(t2, t2), 2);
    const int32_t third = mul_q0(t4 + t3, 715827883);
    const int32_t rest = rounding_shift_right(third + t2, 1);
    int32_t y = 1895147668 + mul_q0(t + rest, 1895147668);
    for (int32_t i = 0; i < 7; i++) {
        if (quarters >> i & 1) {
            y = mul_q0(y, powers[i]);
        }
    }
    return y;
}

/* 1 / (1 + x) in Q0 by three steps of Newton's method; x is in Q0, at least 0. */
KERNEL int32_t reciprocal_q0(int32_t x) {
    const int32_t half = (int32_t)(((uint32_t)x + INT32_MAX + 1) / 2);
    int32_t y = 1515870810 + mul_q0(half, -1010580540); /* 48/17 - 32/17 half, in Q2 */
    for (int32_t i = 0; i < 3; i++) {
        const int32_t error = ((int32_t)1 << 29) - mul_q0(half, y);
        y += mul_q0(y, error) * 4;
    }
    return y >= (int32_t)1 << 30 ? INT32_MAX : y * 2;
}

#endif
