/* Fully connected layer: two weights in each halfword, four outputs at a time. */
#ifndef ASCUA_FULLY_CONNECTED_S8_DSP_H
#define ASCUA_FULLY_CONNECTED_S8_DSP_H

#include "dsp.h"
#include "fully_connected_s8.h"

typedef struct {
    int32_t rows, k, oc, next, small, zero, low, high; /* as in fully_connected_s8_t */
} fully_connected_s8_dsp_t;

/* Sums of two outputs: `a` of the weights in the lower bytes of halfwords, `both` of these and 256
   times those of the other output. */
typedef struct {
    uint32_t a, both;
} fully_connected_s8_dsp_sums_t;

/* Adds two products for each of two outputs. */
KERNEL void fully_connected_s8_dsp_tap(fully_connected_s8_dsp_sums_t *s, uint32_t x, uint32_t w) {
    s->a = smlad(x, sxtb16(w), s->a);
    s->both = smlad(x, w, s->both);
}

/* The sum of the output whose weights lie in the upper bytes: below 2^23 for 504 inputs. */
KERNEL uint32_t fully_connected_s8_dsp_upper(fully_connected_s8_dsp_sums_t s) {
    return (uint32_t)((int32_t)(s.both - s.a) >> 8);
}

KERNEL uint32_t fully_connected_s8_dsp_word(const uint8_t *w) {
    uint32_t v;
    memcpy(&v, __builtin_assume_aligned(w, 4), 4);
    return v;
}

/* Adds four products for each of two outputs; x has four inputs. */
KERNEL const uint8_t *fully_connected_s8_dsp_pair(fully_connected_s8_dsp_sums_t *s, uint32_t x,
                                                  const uint8_t *w) {
    fully_connected_s8_dsp_tap(s, sxtb16(x), fully_connected_s8_dsp_word(w));
    fully_connected_s8_dsp_tap(s, sxtb16_odd(x), fully_connected_s8_dsp_word(w + 4));
    return w + 8;
}

/* The same of four outputs: compilers make 22 instructions of it, and spare no register. */
KERNEL const uint8_t *fully_connected_s8_dsp_four(fully_connected_s8_dsp_sums_t *s,
                                                  fully_connected_s8_dsp_sums_t *t, uint32_t x,
                                                  const uint8_t *w) {
#if ASCUA_DSP
    uint32_t odd, w0, w1, low;
    __asm__("ldrd %[w0], %[w1], [%[w]], #8\n\t"
            "sxtb16 %[odd], %[x], ror #8\n\t"
            "sxtb16 %[x], %[x]\n\t"
            "sxtb16 %[low], %[w0]\n\t"
            "smlad %[s], %[x], %[w0], %[s]\n\t"
            "smlad %[a], %[x], %[low], %[a]\n\t"
            "sxtb16 %[low], %[w1]\n\t"
            "smlad %[s], %[odd], %[w1], %[s]\n\t"
            "smlad %[a], %[odd], %[low], %[a]\n\t"
            "ldrd %[w0], %[w1], [%[w]], #8\n\t"
            "sxtb16 %[low], %[w0]\n\t"
            "smlad %[t], %[x], %[w0], %[t]\n\t"
            "smlad %[b], %[x], %[low], %[b]\n\t"
            "sxtb16 %[low], %[w1]\n\t"
            "smlad %[t], %[odd], %[w1], %[t]\n\t"
            "smlad %[b], %[odd], %[low], %[b]"
            : [s] "+r"(s->both), [a] "+r"(s->a), [t] "+r"(t->both), [b] "+r"(t->a), [x] "+r"(x),
              [w] "+r"(w), [odd] "=&r"(odd), [w0] "=&r"(w0), [w1] "=&r"(w1), [low] "=&r"(low)
            :
            : "memory");
    return w;
#else
    w = fully_connected_s8_dsp_pair(s, x, w);
    return fully_connected_s8_dsp_pair(t, x, w);
#endif
}

/* The same of two outputs or four. */
KERNEL const uint8_t *fully_connected_s8_dsp_taps(fully_connected_s8_dsp_sums_t *s,
                                                  fully_connected_s8_dsp_sums_t *t, int32_t four,
                                                  uint32_t x, const uint8_t *w) {
    return four ? fully_connected_s8_dsp_four(s, t, x, w) : fully_connected_s8_dsp_pair(s, x, w);
}

/* Adds both sums of each pair to sums[2], or [4]. */
KERNEL void fully_connected_s8_dsp_add(uint32_t *sums, int32_t four,
                                       fully_connected_s8_dsp_sums_t s,
                                       fully_connected_s8_dsp_sums_t t) {
    sums[0] += s.a;
    sums[1] += fully_connected_s8_dsp_upper(s);
    if (four) {
        sums[2] += t.a;
        sums[3] += fully_connected_s8_dsp_upper(t);
    }
}

/* Adds k products to sums[2], or [4]; answers where the weights end. */
KERNEL const uint8_t *fully_connected_s8_dsp_dot(uint32_t *sums, int32_t four, const int8_t *x,
                                                 int32_t k, const uint8_t *w) {
    for (int32_t left = k & ~7; left > 0; left -= 504) {
        /* Few enough at a time that the sums of two outputs can be told apart. */
        fully_connected_s8_dsp_sums_t s = {0, 0}, t = {0, 0};
        for (const int8_t *end = x + (left < 504 ? left : 504); x != end; x += 8) {
            w = fully_connected_s8_dsp_taps(&s, &t, four, four_bytes(x), w);
            w = fully_connected_s8_dsp_taps(&s, &t, four, four_bytes(x + 4), w);
        }
        fully_connected_s8_dsp_add(sums, four, s, t);
    }
    if (k & 7) {
        fully_connected_s8_dsp_sums_t s = {0, 0}, t = {0, 0};
        if (k & 4) {
            w = fully_connected_s8_dsp_taps(&s, &t, four, four_bytes(x), w);
            x += 4;
        }
        if (k & 3) {
            uint32_t rest = 0;
            memcpy(&rest, x, (size_t)(k & 3));
            w = fully_connected_s8_dsp_taps(&s, &t, four, rest, w);
        }
        fully_connected_s8_dsp_add(sums, four, s, t);
    }
    return w;
}

/* Writes n outputs. */
KERNEL int8_t *fully_connected_s8_dsp_store(const fully_connected_s8_t *p, const uint32_t *sums,
                                            int32_t n, const int32_t *bias, const factor_t *f,
                                            int8_t *y) {
    for (int32_t i = 0; i < n; i++) {
        const uint32_t sum = sums[i] + (uint32_t)bias[i];
        *y++ = fully_connected_s8_requantize(p, 0, sum, f + i * p->next);
    }
    return y;
}

/* y[rows][oc] from x[rows][k], weights[oc / 4][k / 4][2][4] then [(oc % 4) / 2][k / 4][4] of two
   outputs each (k, and what is left of oc, rounded up; inputs in the order 0, 2, 1, 3), bias[oc]
   and factors[oc], or one factor. */
KERNEL void fully_connected_s8_dsp(const fully_connected_s8_dsp_t *p, const int8_t *x,
                                   const uint8_t *weights, const int32_t *bias,
                                   const factor_t *factors, int8_t *y) {
    const fully_connected_s8_t plain = {p->rows,  p->k,    p->oc,  p->next,
                                        p->small, p->zero, p->low, p->high};
    for (int32_t row = 0; row < p->rows; row++) {
        const uint8_t *w = weights;
        int32_t oc = 0;
        for (; oc + 4 <= p->oc; oc += 4) {
            uint32_t s[4] = {0, 0, 0, 0};
            w = fully_connected_s8_dsp_dot(s, 1, x, p->k, w);
            y = fully_connected_s8_dsp_store(&plain, s, 4, bias + oc, factors + oc * p->next, y);
        }
        for (int32_t rest = p->oc & 3; rest > 0; rest -= 2) {
            uint32_t s[2] = {0, 0};
            w = fully_connected_s8_dsp_dot(s, 0, x, p->k, w);
            y = fully_connected_s8_dsp_store(&plain, s, rest > 1 ? 2 : 1, bias + oc,
                                             factors + oc * p->next, y);
            oc += 2;
        }
        x += p->k;
    }
}

#endif
