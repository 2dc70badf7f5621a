/* Functions of float32 without libm, in double precision: but for few values, the nearest float. */
#ifndef ASCUA_REAL_H
#define ASCUA_REAL_H

#include "int32.h"
#include "kernel.h"

/* Products are rounded before they are added, whatever the core can: results are the same on all.
 */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

/* The greatest float, and values beyond it. */
#define REAL_MOST 0x1.fffffep+127f

KERNEL uint32_t real_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

KERNEL float real_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

KERNEL float real_infinity(void) {
    return real_of_bits(0x7f800000u);
}

KERNEL float real_nan(void) {
    return real_of_bits(0x7fc00000u);
}

KERNEL float real_abs(float x) {
    return real_of_bits(real_bits(x) & 0x7fffffffu);
}

/* x with the sign of s. */
KERNEL float real_signed(float x, float s) {
    return real_of_bits((real_bits(x) & 0x7fffffffu) | (real_bits(s) & 0x80000000u));
}

/* Whether x is so large that it is whole, infinite, or NaN. */
KERNEL int32_t real_is_whole(float x) {
    return (real_bits(x) & 0x7f800000u) >= 0x4b000000u;
}

/* The whole number at or below x. */
KERNEL float real_floor(float x) {
    if (real_is_whole(x)) {
        return x;
    }
    const float whole = (float)(int32_t)x;
    return real_signed(whole > x ? whole - 1.0f : whole, x);
}

KERNEL float real_ceil(float x) {
    return -real_floor(-x);
}

/* The nearest whole number; of two, the even one. */
KERNEL float real_round(float x) {
    if (real_is_whole(x)) {
        return x;
    }
    int32_t whole = (int32_t)x;
    const float rest = real_abs(x - (float)whole);
    if (rest > 0.5f || (rest == 0.5f && (whole & 1))) {
        whole += x < 0.0f ? -1 : 1;
    }
    return real_signed((float)whole, x);
}

/* 2^n, for n in -1022..1023. */
KERNEL double real_power_of_2(int32_t n) {
    const uint64_t bits = (uint64_t)(n + 1023) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* c[0] x^(n - 1) + ... + c[n - 1]. */
KERNEL double real_polynomial(const double *c, int32_t n, double x) {
    double p = c[0];
    for (int32_t i = 1; i < n; i++) {
        p = p * x + c[i];
    }
    return p;
}

/* exp(x) for |x| <= 200, to 1e-12 of it: what is rounded to float is nearly always the nearest. */
SHARED double real_exponential(double x) {
    /* Of |r| <= ln(2) / 2: 1 / i!. */
    static const double series[] = {1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
                                    1.0 / 5040,     1.0 / 720,     1.0 / 120,    1.0 / 24,
                                    1.0 / 6,        0.5,           1.0,          1.0};
    const int32_t n = (int32_t)(x * 1.4426950408889634 + (x < 0.0 ? -0.5 : 0.5));
    const double r = x - (double)n * 0.6931471805599453;
    return real_polynomial(series, 12, r) * real_power_of_2(n);
}

/* exp(x). */
KERNEL float real_exp(float x) {
    if (!(x <= 90.0f)) {
        return x == x ? real_infinity() : x;
    }
    return x < -110.0f ? 0.0f : (float)real_exponential((double)x);
}

/* exp(x) - 1 for x below 0. */
KERNEL float real_exp_less_1(float x) {
    const double v = (double)x;
    if (x > -1e-4f) {
        return (float)(v + v * v * (0.5 + v / 6.0));
    }
    return x < -110.0f ? -1.0f : (float)(real_exponential(v) - 1.0);
}

/* The natural logarithm. */
SHARED float real_log(float x) {
    /* log((1 + s) / (1 - s)) / s = 2 + 2 s^2 / 3 + ... */
    static const double series[] = {2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13, 2.0 / 11,
                                    2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3,  2.0};
    if (!(x > 0.0f)) {
        return x == 0.0f ? -real_infinity() : real_nan();
    }
    if (x > REAL_MOST) {
        return x;
    }
    int32_t n = 0;
    if (x < 0x1p-126f) {
        x *= 0x1p24f;
        n = -24;
    }
    /* x = 2^n m, with m between the roots of 1/2 and 2. */
    n += (int32_t)(real_bits(x) >> 23) - 127;
    float m = real_of_bits((real_bits(x) & 0x7fffffu) | 0x3f800000u);
    if (m > 1.41421356f) {
        m *= 0.5f;
        n++;
    }
    const double s = ((double)m - 1.0) / ((double)m + 1.0);
    return (float)((double)n * 0.6931471805599453 + s * real_polynomial(series, 10, s * s));
}

/* The square root, rounded to the nearest. */
SHARED float real_sqrt(float x) {
    if (!(x > 0.0f)) {
        return x == 0.0f ? x : real_nan();
    }
    if (x > REAL_MOST) {
        return x;
    }
    int32_t e = 0;
    if (x < 0x1p-126f) {
        x *= 0x1p24f;
        e = -12;
    }
    /* The mantissa times 2 or 4, as a whole number of 25 or 26 bits whose exponent is even. */
    const int32_t exponent = (int32_t)(real_bits(x) >> 23) - 127;
    const int32_t even = exponent & 1 ? exponent - 1 : exponent;
    uint32_t rest = ((real_bits(x) & 0x7fffffu) | 0x800000u) << (exponent & 1 ? 2 : 1);
    uint32_t root = 0, sum = 0;
    for (uint32_t bit = 1u << 24; bit; bit >>= 1) {
        const uint32_t t = sum + bit;
        if (t <= rest) {
            sum = t + bit;
            rest -= t;
            root += bit;
        }
        rest <<= 1;
    }
    root += (rest != 0) & (root & 1);
    return real_of_bits((root >> 1) + ((uint32_t)(even / 2 + e + 126) << 23));
}

/* The sine, of x + pi / 2 if so wanted; far out, of a value near x. */
SHARED float real_sine(float x, int32_t quarter) {
    if (!(real_abs(x) <= REAL_MOST)) {
        return real_nan();
    }
    /* r = x less n times pi / 2, in double precision. */
    const double turns = (double)x * 0.63661977236758134;
    const int64_t n = real_abs(x) < 0x1p40f ? (int64_t)(turns + (x < 0.0f ? -0.5 : 0.5)) : 0;
    const double r = (double)x - (double)n * 1.5707963267948966, z = r * r;
    /* (-1)^i / (2 i + 1)! and (-1)^i / (2 i)!, the last ones first. */
    static const double sine[] = {1.0 / 6227020800.0, -1.0 / 39916800, 1.0 / 362880, -1.0 / 5040,
                                  1.0 / 120,          -1.0 / 6,        1.0};
    static const double cosine[] = {
        -1.0 / 87178291200.0, 1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320,
        -1.0 / 720,           1.0 / 24,        -0.5,           1.0};
    const int64_t q = n + quarter;
    const double y = q & 1 ? real_polynomial(cosine, 8, z) : r * real_polynomial(sine, 7, z);
    return (float)(q & 2 ? -y : y);
}

/* 1 / (1 + exp(-x)). */
KERNEL float real_logistic(float x) {
    if (!(real_abs(x) <= 110.0f)) {
        return x > 0.0f ? 1.0f : x < 0.0f ? 0.0f : x;
    }
    const double e = real_exponential(-(double)real_abs(x));
    return (float)((x < 0.0f ? e : 1.0) / (1.0 + e));
}

KERNEL float real_tanh(float x) {
    const float size = real_abs(x);
    if (!(size <= 10.0f)) {
        return x == x ? real_signed(1.0f, x) : x;
    }
    const double v = (double)x;
    if (size < 1e-3f) {
        return (float)(v - v * v * v / 3.0);
    }
    const double e = real_exponential(2.0 * v);
    return (float)((e - 1.0) / (e + 1.0));
}

/* What a division of a by b leaves, of the sign of a; exact. */
SHARED float real_rest(float a, float b) {
    if (!(real_abs(a) <= REAL_MOST) || !(real_abs(b) > 0.0f)) {
        return real_nan();
    }
    float rest = real_abs(a);
    const float size = real_abs(b);
    while (rest >= size) {
        /* The greatest multiple by a power of two: more than half of the rest, so that the
           difference is exact. */
        float part = size;
        while (part <= rest * 0.5f) {
            part += part;
        }
        rest -= part;
    }
    return real_signed(rest, a);
}

#endif
