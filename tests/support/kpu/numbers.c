/* The rules of arithmetic that the specification names. */
#include "slow.h"

#include <math.h>

/* What does not fit 64 bits has no specified value: it is an error here. */
int64_t product(machine *m, int64_t a, int64_t b) {
    int64_t y;
    if (__builtin_mul_overflow(a, b, &y))
        fail(m, "a product leaves 64 bits");
    return y;
}

int64_t total(machine *m, int64_t a, int64_t b) {
    int64_t y;
    if (__builtin_add_overflow(a, b, &y))
        fail(m, "a sum leaves 64 bits");
    return y;
}

uint8_t clip8(int64_t v) {
    return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
}

/* Of a float that is a whole number, or too large for one. */
uint8_t clip8f(float v) {
    return v >= 255.0f ? 255 : v > 0.0f ? (uint8_t)v : 0;
}

/* Section 3.5, rc5, and the SDK for QuantizedAdd: an odd half goes one away from zero, from where
 * >> went: for p < 0 that is one below the lower neighbour. */
int64_t shift_half_up(int64_t p, int s) {
    if (s == 0)
        return p;
    int64_t g = p >> (s - 1);
    if (g & 1)
        return (g >> 1) + (g < 0 ? -1 : 1);
    return g >> 1;
}

/* Section 3.5, 0.2: a tie goes to the even neighbour; for p < 0 what does not stay where >> went
 * goes one below. */
int64_t shift_half_even(int64_t p, int s) {
    if (s == 0)
        return p;
    int64_t low = p >> s;
    uint64_t rest = (uint64_t)p & (((uint64_t)1 << s) - 1), half = (uint64_t)1 << (s - 1);
    if (rest > half || (rest == half && (low & 1)))
        return low + (p < 0 ? -1 : 1);
    return low;
}

/* Section 2.5, mcs. */
int32_t scaled(machine *m, int64_t v, int64_t mul, int s) {
    int64_t p = product(m, v, mul);
    if (s < 0 || s > 62)
        fail(m, "a shift of %d", s);
    if (s > 0)
        p = total(m, p, (int64_t)1 << (s - 1)) >> s;
    return (int32_t)(uint32_t)(uint64_t)p;
}

/* a*b + c, with one rounding or two. This file is compiled with -ffp-contract=off. */
float multiply_add(const machine *m, float a, float b, float c) {
    return m->fma ? fmaf(a, b, c) : a * b + c;
}
