/* Arithmetic of the layers that the CPU computes: floats in the order that their bits depend on. */
#include "kmodel_layer.h"

#include <math.h>
#include <string.h>

#ifdef __FAST_MATH__
#error "Compile this with -fno-fast-math: sums in another order have other bits."
#endif

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

/* One after the other: its bits depend on that. */
static inline float add_eight(float sum, const float *x) {
    sum += x[0];
    sum += x[1];
    sum += x[2];
    sum += x[3];
    sum += x[4];
    sum += x[5];
    sum += x[6];
    return sum + x[7];
}

float kmodel_total(float start, const float *x, size_t count) {
    float sum = start;
    const float *end = x + count;
    for (; end - x >= 16; x += 16) {
        sum = add_eight(add_eight(sum, x), x + 8);
    }
    while (x < end) {
        sum += *x++;
    }
    return sum;
}

/* Adds eight products, in order. */
static inline float add_products(float sum, const float *x, const float *w) {
    sum += x[0] * w[0];
    sum += x[1] * w[1];
    sum += x[2] * w[2];
    sum += x[3] * w[3];
    sum += x[4] * w[4];
    sum += x[5] * w[5];
    sum += x[6] * w[6];
    return sum + x[7] * w[7];
}

/* Four rows at once: what they have in common is loaded once, and the sum of each goes in order. */
static void four_rows(const float *x, const float *w, float *y, size_t count) {
    const float *v = w + count, *u = v + count, *t = u + count, *end = w + count;
    float a = 0, b = 0, c = 0, d = 0;
    for (; end - w >= 8; x += 8, w += 8, v += 8, u += 8, t += 8) {
        a = add_products(a, x, w);
        b = add_products(b, x, v);
        c = add_products(c, x, u);
        d = add_products(d, x, t);
    }
    for (; w < end; x++) {
        a += *x * *w++;
        b += *x * *v++;
        c += *x * *u++;
        d += *x * *t++;
    }
    y[0] = a;
    y[1] = b;
    y[2] = c;
    y[3] = d;
}

void kmodel_dot(const float *x, const float *w, float *y, uint32_t rows, uint32_t count) {
    for (; rows >= 4; rows -= 4, y += 4, w += 4 * (size_t)count) {
        four_rows(x, w, y, count);
    }
    for (; rows > 0; rows--) {
        float sum = 0;
        for (uint32_t i = 0; i < count; i++) {
            sum += x[i] * *w++;
        }
        *y++ = sum;
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

/* Sixteen columns at once, by words of eight bytes, where words lie at multiples of eight. A
 * register holds the sums of columns c and c + 4; where the lower one is negative, it has taken one
 * from the upper one, which gets it back. */
static void sum_words(const uint8_t *p, int64_t offset, const uint8_t *w, uint32_t inner,
                      uint32_t columns, int64_t *sums) {
    enum { LANES = 4 };
    const uint64_t lanes = 0x000000ff000000ff;
    uint64_t s[2][LANES] = {{0}};
    for (const uint8_t *end = p + inner; p < end; p++, w += columns) {
        const uint64_t *words = (const uint64_t *)(const void *)w;
        uint64_t v = (uint64_t)(*p + offset), q = words[0], r = words[1];
        s[0][0] += (q & lanes) * v;
        s[0][1] += (q >> 8 & lanes) * v;
        s[0][2] += (q >> 16 & lanes) * v;
        s[0][3] += (q >> 24 & lanes) * v;
        s[1][0] += (r & lanes) * v;
        s[1][1] += (r >> 8 & lanes) * v;
        s[1][2] += (r >> 16 & lanes) * v;
        s[1][3] += (r >> 24 & lanes) * v;
    }
    for (int i = 0; i < 2; i++, sums += 2 * LANES) {
        for (int l = 0; l < LANES; l++) {
            int32_t low = (int32_t)(uint32_t)s[i][l];
            sums[l] = low;
            sums[LANES + l] = (int32_t)(uint32_t)((s[i][l] - (uint64_t)(int64_t)low) >> 32);
        }
    }
}

uint32_t kmodel_columns(const uint8_t *p, int64_t offset, const uint8_t *w, uint32_t inner,
                        uint32_t columns, uint32_t left, int64_t *sums) {
    const uint32_t most = INT32_MAX / (2 * UINT8_MAX * UINT8_MAX); /* then they have 32 bits */
    if (left >= KMODEL_COLUMNS && ((uintptr_t)w | columns) % sizeof(uint64_t) == 0 &&
        inner <= most && offset >= -UINT8_MAX && offset <= UINT8_MAX) {
        sum_words(p, offset, w, inner, columns, sums);
        return KMODEL_COLUMNS;
    }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < inner; i++, w += columns) {
        sum += (uint64_t)(p[i] + offset) * *w;
    }
    sums[0] = (int64_t)sum;
    return 1;
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
