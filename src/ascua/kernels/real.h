/* Functions of float32 without libm: within 2 units in the last place, exact where they round. */
#ifndef ASCUA_REAL_H
#define ASCUA_REAL_H

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

/* x * 2^n, for n in -252..252 and a result that is no denormal, or 0. */
KERNEL float real_scaled(float x, int32_t n) {
    const int32_t half = n / 2;
    x *= real_of_bits((uint32_t)(half + 127) << 23);
    return x * real_of_bits((uint32_t)(n - half + 127) << 23);
}

/* exp(r) - 1 for |r| <= 0.35. */
KERNEL float real_exp_series(float r) {
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    return r + r * r * p;
}

/* exp(x), less 1 if so wanted. */
SHARED float real_exponential(float x, int32_t less) {
    if (!(x == x)) {
        return x;
    }
    if (x > 88.8f) {
        return real_infinity();
    }
    if (x < -104.0f) {
        return less ? -1.0f : 0.0f;
    }
    /* x is a multiple n of ln 2, of which the first part has few bits, and r. */
    const int32_t n = (int32_t)(x * 1.44269504f + (x < 0.0f ? -0.5f : 0.5f));
    const float r = (x - (float)n * 0.693145752f) - (float)n * 1.42860677e-6f;
    const float p = real_exp_series(r);
    if (!less) {
        return real_scaled(1.0f + p, n);
    }
    if (n == 0) {
        return p;
    }
    return n > 30 ? real_scaled(1.0f + p, n) : real_scaled(p, n) + (real_scaled(1.0f, n) - 1.0f);
}

/* The natural logarithm. */
SHARED float real_log(float x) {
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
    const float f = m - 1.0f;
    const float s = f / (2.0f + f), z = s * s;
    float p = 2.0f / 9.0f;
    p = p * z + 2.0f / 7.0f;
    p = p * z + 0.4f;
    p = p * z + 2.0f / 3.0f;
    /* log(1 + f) = f - f^2 / 2 + s (f^2 / 2 + p z). */
    const float half = 0.5f * f * f;
    const float k = (float)n;
    return k * 0.693145752f - ((half - (s * (half + z * p) + k * 1.42860677e-6f)) - f);
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

/* The sine, of x + pi / 2 if so wanted, for |x| below 2^20; beyond, of a multiple near it. */
SHARED float real_sine(float x, int32_t quarter) {
    if (!(real_abs(x) <= REAL_MOST)) {
        return real_nan();
    }
    /* r = x less n times pi / 2, in double precision. */
    const double turns = (double)x * 0.63661977236758134;
    const int64_t n = real_abs(x) < 0x1p40f ? (int64_t)(turns + (x < 0.0f ? -0.5 : 0.5)) : 0;
    const float r = (float)((double)x - (double)n * 1.5707963267948966);
    const float z = r * r;
    const int64_t q = n + quarter;
    float y;
    if (q & 1) {
        y = 2.44331571e-5f;
        y = y * z - 1.38873162e-3f;
        y = y * z + 4.16666456e-2f;
        y = 1.0f - 0.5f * z + z * z * y;
    } else {
        y = -1.95152959e-4f;
        y = y * z + 8.33216087e-3f;
        y = y * z - 1.66666546e-1f;
        y = r + r * z * y;
    }
    return q & 2 ? -y : y;
}

/* 1 / (1 + exp(-x)). */
KERNEL float real_logistic(float x) {
    const float e = real_exponential(-real_abs(x), 0);
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

KERNEL float real_tanh(float x) {
    const float size = real_abs(x);
    if (size > 9.1f) {
        return real_signed(1.0f, x);
    }
    const float e = real_exponential(2.0f * size, 1);
    return real_signed(e / (e + 2.0f), x);
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
