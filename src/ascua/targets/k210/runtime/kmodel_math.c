/* Arithmetic of the layers that the CPU computes: floats in the order that their bits depend on. */
#include "kmodel_layer.h"

#include <math.h>
#include <string.h>

uint8_t kmodel_byte(int64_t x) {
    return (uint8_t)(x < 0 ? 0 : x > UINT8_MAX ? UINT8_MAX : x);
}

void kmodel_look_up(const uint8_t *table, const uint8_t *x, uint8_t *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        y[i] = table[x[i]];
    }
}

uint8_t kmodel_rounded_byte(float x) {
    double y = x; /* in which a half is added exactly */
    y += y < 0 ? -0.5 : 0.5;
    if (!(y > 0)) {
        return 0;
    }
    return (uint8_t)(y >= UINT8_MAX ? UINT8_MAX : (int)y);
}

float kmodel_total(float start, const float *x, size_t count) {
    float sum = start;
    const float *end = x + count, *eights = x + count / 8 * 8;
    while (x < eights) { /* one after the other: its bits depend on that */
        sum += x[0];
        sum += x[1];
        sum += x[2];
        sum += x[3];
        sum += x[4];
        sum += x[5];
        sum += x[6];
        sum += x[7];
        x += 8;
    }
    while (x < end) {
        sum += *x++;
    }
    return sum;
}

/* Sums of `N` rows at once, each in order: what they have in common is loaded once. */
#define DOT(N)                                                                      \
    static void dot_##N(const float *x, const float *w, float *y, uint32_t count) { \
        float sums[N] = {0};                                                        \
        const float *rows[N];                                                       \
        for (int r = 0; r < N; r++) {                                               \
            rows[r] = w + (size_t)r * count;                                        \
        }                                                                           \
        uint32_t i = 0;                                                             \
        for (; i + 8 <= count; i += 8) {                                            \
            for (int k = 0; k < 8; k++) {                                           \
                for (int r = 0; r < N; r++) {                                       \
                    sums[r] += x[k] * rows[r][k];                                   \
                }                                                                   \
            }                                                                       \
            x += 8;                                                                 \
            for (int r = 0; r < N; r++) {                                           \
                rows[r] += 8;                                                       \
            }                                                                       \
        }                                                                           \
        for (; i < count; i++, x++) {                                               \
            for (int r = 0; r < N; r++) {                                           \
                sums[r] += *x * *rows[r]++;                                         \
            }                                                                       \
        }                                                                           \
        for (int r = 0; r < N; r++) {                                               \
            y[r] = sums[r];                                                         \
        }                                                                           \
    }
DOT(8)
DOT(1)

void kmodel_dot(const float *x, const float *w, float *y, uint32_t rows, uint32_t count) {
    for (; rows >= 8; rows -= 8, y += 8, w += 8 * (size_t)count) {
        dot_8(x, w, y, count);
    }
    for (; rows > 0; rows--, y++, w += count) {
        dot_1(x, w, y, count);
    }
}

/* e**x by 2**(n / 64), whose bits are in a table less n << 46, and a polynomial of what is left of
 * x. Off by less than 2**-51, so that it is the nearest float but for one of millions, and on every
 * computer the same one. */
enum { STEPS = 64, EXPONENT = 46 };
static const uint64_t POWERS[STEPS] = {
    0x3ff0000000000000, 0x3fefec9a3e778061, 0x3fefd9b0d3158574, 0x3fefc74518759bc8,
    0x3fefb5586cf9890f, 0x3fefa3ec32d3d1a2, 0x3fef9301d0125b51, 0x3fef829aaea92de0,
    0x3fef72b83c7d517b, 0x3fef635beb6fcb75, 0x3fef54873168b9aa, 0x3fef463b88628cd6,
    0x3fef387a6e756238, 0x3fef2b4565e27cdd, 0x3fef1e9df51fdee1, 0x3fef1285a6e4030b,
    0x3fef06fe0a31b715, 0x3feefc08b26416ff, 0x3feef1a7373aa9cb, 0x3feee7db34e59ff7,
    0x3feedea64c123422, 0x3feed60a21f72e2a, 0x3feece086061892d, 0x3feec6a2b5c13cd0,
    0x3feebfdad5362a27, 0x3feeb9b2769d2ca7, 0x3feeb42b569d4f82, 0x3feeaf4736b527da,
    0x3feeab07dd485429, 0x3feea76f15ad2148, 0x3feea47eb03a5585, 0x3feea23882552225,
    0x3feea09e667f3bcd, 0x3fee9fb23c651a2f, 0x3fee9f75e8ec5f74, 0x3fee9feb564267c9,
    0x3feea11473eb0187, 0x3feea2f336cf4e62, 0x3feea589994cce13, 0x3feea8d99b4492ed,
    0x3feeace5422aa0db, 0x3feeb1ae99157736, 0x3feeb737b0cdc5e5, 0x3feebd829fde4e50,
    0x3feec49182a3f090, 0x3feecc667b5de565, 0x3feed503b23e255d, 0x3feede6b5579fdbf,
    0x3feee89f995ad3ad, 0x3feef3a2b84f15fb, 0x3feeff76f2fb5e47, 0x3fef0c1e904bc1d2,
    0x3fef199bdd85529c, 0x3fef27f12e57d14b, 0x3fef3720dcef9069, 0x3fef472d4a07897c,
    0x3fef5818dcfba487, 0x3fef69e603db3285, 0x3fef7c97337b9b5f, 0x3fef902ee78b3ff6,
    0x3fefa4afa2a490da, 0x3fefba1bee615a27, 0x3fefd0765b6e4540, 0x3fefe7c1819e90d8,
};
static const double PER_STEP = 0x1.62e42fefa39efp-7,
                    PER_STEP_LOW = 0x1.abc9e3b39803fp-62; /* log(2) / 64 */
static const double STEPS_PER = 0x1.71547652b82fep+6;
static const double ROUNDING = 0x1.8p+52; /* whose sum with a small number has that rounded below */
#define LIMIT 150.0f                      /* beyond it floats are 0 or infinite */

static inline float exponential(float x) {
    if (!(x > -LIMIT && x < LIMIT)) {
        return x > 0 ? INFINITY : x < 0 ? 0 : x;
    }
    double shifted = x * STEPS_PER + ROUNDING, steps = shifted - ROUNDING;
    uint64_t n;
    memcpy(&n, &shifted, sizeof n);
    double r = fma(-steps, PER_STEP_LOW, fma(-steps, PER_STEP, x));
    double p = fma(r, 1.0 / 120, 1.0 / 24);
    p = fma(p, r, 1.0 / 6);
    p = fma(p, r, 1.0 / 2);
    p = fma(p, r, 1);
    uint64_t bits = POWERS[n % STEPS] + (n << EXPONENT);
    double power;
    memcpy(&power, &bits, sizeof power);
    return (float)fma(power * r, p, power);
}

float kmodel_exp(float x) {
    return exponential(x);
}

void kmodel_exps(const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        y[i] = exponential(x[i]);
    }
}

static float largest(float most, const float *x, size_t count) {
    for (; count >= 4; count -= 4, x += 4) {
        most = x[0] > most ? x[0] : most;
        most = x[1] > most ? x[1] : most;
        most = x[2] > most ? x[2] : most;
        most = x[3] > most ? x[3] : most;
    }
    for (; count > 0; count--, x++) {
        most = *x > most ? *x : most;
    }
    return most;
}

static void divide(float *y, size_t count, float by) {
    for (; count >= 4; count -= 4, y += 4) {
        y[0] /= by;
        y[1] /= by;
        y[2] /= by;
        y[3] /= by;
    }
    for (; count > 0; count--) {
        *y++ /= by;
    }
}

void kmodel_softmax(const float *x, float *y, uint32_t count, float least, float beta) {
    float most = largest(least, x, count), sum = 0;
    if (beta == 1) {
        for (uint32_t i = 0; i < count; i++) {
            sum += y[i] = exponential(x[i] - most);
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            sum += y[i] = exponential((x[i] - most) * beta);
        }
    }
    divide(y, count, sum);
}

uint32_t kmodel_before(uint32_t i, uint32_t size, uint32_t out, bool aligned, float *behind) {
    float step =
        aligned && out > 1 ? (float)(size - 1) / (float)(out - 1) : (float)size / (float)out;
    float place = (float)i * step;
    uint32_t before = (uint32_t)place;
    before = before < size ? before : size - 1;
    *behind = place - (float)before;
    return before;
}
