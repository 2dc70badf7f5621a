/* Sums and requantisation of int16 layers, as TFLM's reference kernels have them: 64 bits. */
#ifndef ASCUA_WIDE_H
#define ASCUA_WIDE_H

#include "fixed.h"

/* One output channel: factor m / 2^shift, or where sums are `short`, m / 2^31 * 2^shift. */
typedef struct {
    int32_t multiplier;
    int32_t shift;
} requant_s16_t;

/* So many products of int16 and int8 sum up to less than 2^31. */
#define WIDE_PIECE 511

/* Adds n products of x with w[n][4] to four sums. */
KERNEL void wide_dot4(int64_t *sum, const s16_t *x, const int8_t *w, int32_t n) {
    while (n > 0) {
        const int32_t piece = n < WIDE_PIECE ? n : WIDE_PIECE;
        int32_t a = 0, b = 0, c = 0, d = 0;
        for (int32_t i = 0; i < piece; i++) {
            const int32_t v = *x++;
            a += v * w[0];
            b += v * w[1];
            c += v * w[2];
            d += v * w[3];
            w += 4;
        }
        sum[0] += a;
        sum[1] += b;
        sum[2] += c;
        sum[3] += d;
        n -= piece;
    }
}

/* The same for one sum, of products of values `x_step` and `w_step` apart. */
KERNEL int64_t wide_dot(const s16_t *x, int32_t x_step, const int8_t *w, int32_t w_step,
                        int32_t n) {
    int64_t sum = 0;
    while (n > 0) {
        const int32_t piece = n < WIDE_PIECE ? n : WIDE_PIECE;
        int32_t a = 0;
        for (int32_t i = 0; i < piece; i++) {
            a += (int32_t)*x * *w;
            x += x_step;
            w += w_step;
        }
        sum += a;
        n -= piece;
    }
    return sum;
}

/* v in [low, high], a part of the range of int16. */
KERNEL int16_t clamp_s16(int32_t v, int32_t low, int32_t high) {
    return (int16_t)clamp(v, low, high);
}

/* A sum below 2^47 as int16; reduced to 32 bits where sums are `short_sums`. */
KERNEL int16_t requantize_s16(int64_t sum, const requant_s16_t *q, int32_t short_sums, int32_t low,
                              int32_t high) {
    if (short_sums) {
        const int32_t v = (int32_t)(uint32_t)(uint64_t)sum;
        return clamp_s16(multiply_by_quantized_multiplier(v, q->multiplier, q->shift), low, high);
    }
    const int64_t half = (int64_t)1 << (q->shift - 1);
    return clamp_s16((int32_t)((sum * q->multiplier + half) >> q->shift), low, high);
}

#endif
