/* Functions of one float32 value. */
#ifndef ASCUA_UNARY_F32_H
#define ASCUA_UNARY_F32_H

#include "real.h"

enum {
    UNARY_ABS,
    UNARY_CEIL,
    UNARY_COS,
    UNARY_ELU,
    UNARY_EXP,
    UNARY_FLOOR,
    UNARY_HARD_SWISH,
    UNARY_LEAKY_RELU,
    UNARY_LOG,
    UNARY_LOGISTIC,
    UNARY_NEG,
    UNARY_RELU,
    UNARY_RELU6,
    UNARY_ROUND,
    UNARY_RSQRT,
    UNARY_SIN,
    UNARY_SQRT,
    UNARY_SQUARE,
    UNARY_TANH
};

typedef struct {
    int32_t n;        /* elements */
    int32_t function; /* one of the above */
    float alpha;      /* of LEAKY_RELU */
} unary_f32_t;

KERNEL float unary_f32_of(const unary_f32_t *p, float x) {
    switch (p->function) {
    case UNARY_ABS:
        return real_abs(x);
    case UNARY_CEIL:
        return real_ceil(x);
    case UNARY_COS:
        return real_sine(x, 1);
    case UNARY_ELU:
        return x < 0.0f ? real_exp_less_1(x) : x;
    case UNARY_EXP:
        return real_exp(x);
    case UNARY_FLOOR:
        return real_floor(x);
    case UNARY_HARD_SWISH: {
        const float s = x + 3.0f;
        return x * (s < 0.0f ? 0.0f : s > 6.0f ? 6.0f : s) / 6.0f;
    }
    case UNARY_LEAKY_RELU:
        return x > 0.0f ? x : x * p->alpha;
    case UNARY_LOG:
        return real_log(x);
    case UNARY_LOGISTIC:
        return real_logistic(x);
    case UNARY_NEG:
        return -x;
    case UNARY_RELU:
        return x < 0.0f ? 0.0f : x;
    case UNARY_RELU6:
        return x < 0.0f ? 0.0f : x > 6.0f ? 6.0f : x;
    case UNARY_ROUND:
        return real_round(x);
    case UNARY_RSQRT:
        return 1.0f / real_sqrt(x);
    case UNARY_SIN:
        return real_sine(x, 0);
    case UNARY_SQRT:
        return real_sqrt(x);
    case UNARY_SQUARE:
        return x * x;
    default:
        return real_tanh(x);
    }
}

/* y[n] from x[n]. */
KERNEL void unary_f32(const unary_f32_t *p, const f32_t *x, f32_t *y) {
    for (int32_t i = 0; i < p->n; i++) {
        *y++ = unary_f32_of(p, *x++);
    }
    KEEP_ORDER();
}

#endif
