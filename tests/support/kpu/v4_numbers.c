/* Operators of version 4 that compute numbers. Where nothing is specified, a comment says what is
 * taken. */
#include "v4.h"

#include <float.h>
#include <math.h>

static float binary_f32(machine *m, uint32_t op, float a, float b) {
    switch (op) {
    case 0:
        return a + b;
    case 1:
        return a - b;
    case 2:
        return a * b;
    case 3:
        return a / b;
    case 4:
        return a < b ? a : b;
    case 5:
        return a > b ? a : b;
    default:
        fail(m, "binary operator %u", op);
    }
}

void binary(reader *r) {
    range a = next_range(r), b = next_range(r), out = next_range(r);
    uint32_t op = next_u32(r);
    shape sa = next_shape(r), sb = next_shape(r), so = next_shape(r);
    float low = next_f32(r), high = next_f32(r);
    const uint8_t *x = elements(r->m, a, volume(sa)), *y = elements(r->m, b, volume(sb));
    uint8_t *to = written(r->m, out, volume(so));
    for (int64_t i = 0; i < volume(so); i++) {
        int64_t at[4];
        unravel(i, so, at);
        float v = binary_f32(r->m, op, f32(x, ravel(at, sa)), f32(y, ravel(at, sb)));
        set_f32(to, i, clamped(v, low, high));
    }
}

static int64_t binary_int(machine *m, uint32_t op, int64_t a, int64_t b) {
    switch (op) {
    case 0:
        return a + b;
    case 1:
        return a - b;
    case 2:
        return product(m, a, b);
    case 3:
        if (b == 0)
            fail(m, "a division by zero");
        return (a + b / 2) / b;
    case 4:
        return a < b ? a : b;
    case 5:
        return a > b ? a : b;
    default:
        fail(m, "binary operator %u", op);
    }
}

void quantized_binary(reader *r) {
    range a = next_range(r), b = next_range(r), out = next_range(r);
    uint32_t op = next_u32(r);
    shape sa = next_shape(r), sb = next_shape(r), so = next_shape(r);
    int32_t k[9];
    for (int i = 0; i < 9; i++)
        k[i] = next_i32(r);
    const uint8_t *x = elements(r->m, a, volume(sa)), *y = elements(r->m, b, volume(sb));
    uint8_t *to = written(r->m, out, volume(so));
    for (int64_t i = 0; i < volume(so); i++) {
        int64_t at[4];
        unravel(i, so, at);
        int64_t va = scaled(r->m, (int64_t)x[ravel(at, sa)] + k[0], k[1], k[2]);
        int64_t vb = scaled(r->m, (int64_t)y[ravel(at, sb)] + k[3], k[4], k[5]);
        int64_t v = binary_int(r->m, op, va, vb);
        to[i] = clip8((int64_t)scaled(r->m, v, k[7], k[8]) + k[6]);
    }
}

/* The chip's build has another formula than the PC's: its last bit may differ. */
void dequantize(reader *r) {
    range in = next_range(r), out = next_range(r);
    int32_t zero = next_i32(r);
    float scale = next_f32(r), factor = 1 / scale;
    int64_t count = out.size / 4;
    const uint8_t *x = source(r->m, in, count);
    uint8_t *to = target(r->m, out, 4 * count);
    for (int64_t i = 0; i < count; i++)
        set_f32(to, i,
                r->m->fma ? fmaf(x[i], factor, -(float)zero / scale)
                          : (float)((int32_t)x[i] - zero) * factor);
}

/* The chip's build rounds two at a time, to even, and an odd last one as the PC's does. */
void quantize(reader *r) {
    range in = next_range(r), out = next_range(r);
    int32_t zero = next_i32(r);
    float scale = next_f32(r);
    int64_t count = out.size;
    const uint8_t *x = source(r->m, in, 4 * count);
    uint8_t *to = target(r->m, out, count);
    for (int64_t i = 0; i < count; i++) {
        float v = multiply_add(r->m, f32(x, i), scale, (float)zero);
        int last = count % 2 && i == count - 1;
        to[i] = clip8f(r->m->fma && !last ? rintf(v) : roundf(v));
    }
}

void matmul(reader *r) {
    range a = next_range(r), b = next_range(r), out = next_range(r);
    int64_t rows = next_i32(r), inner = next_i32(r), cols = next_i32(r);
    float low = next_f32(r), high = next_f32(r);
    if (rows < 0 || inner < 0 || cols < 0)
        fail(r->m, "a matrix without a size");
    const uint8_t *x = elements(r->m, a, rows * inner), *y = elements(r->m, b, inner * cols);
    uint8_t *to = written(r->m, out, rows * cols);
    for (int64_t j = 0; j < cols; j++) {
        float bias = next_f32(r); /* where the sum starts */
        for (int64_t row = 0; row < rows; row++) {
            float sum = bias;
            for (int64_t i = 0; i < inner; i++)
                sum = multiply_add(r->m, f32(x, row * inner + i), f32(y, i * cols + j), sum);
            set_f32(to, row * cols + j, clamped(sum, low, high));
        }
    }
}

void quantized_matmul(reader *r) {
    range a = next_range(r), b = next_range(r), out = next_range(r);
    int64_t rows = next_i32(r), inner = next_i32(r), cols = next_i32(r);
    int64_t off_a = next_i32(r), off_b = next_i32(r), mul = next_i32(r);
    int32_t shift = next_i32(r), off_out = next_i32(r);
    if (rows < 0 || inner < 0 || cols < 0)
        fail(r->m, "a matrix without a size");
    const uint8_t *x = elements(r->m, a, rows * inner), *y = elements(r->m, b, inner * cols);
    uint8_t *to = written(r->m, out, rows * cols);
    for (int64_t j = 0; j < cols; j++) {
        int64_t bias = next_i32(r);
        for (int64_t row = 0; row < rows; row++) {
            int64_t sum = bias;
            for (int64_t i = 0; i < inner; i++)
                sum += (x[row * inner + i] + off_a) * (y[i * cols + j] + off_b);
            to[row * cols + j] = clip8((int64_t)scaled(r->m, sum, mul, shift) + off_out);
        }
    }
}

void reduce(reader *r) {
    range in = next_range(r), out = next_range(r);
    uint32_t op = next_u32(r);
    shape s = next_shape(r), so = next_shape(r);
    float init = next_f32(r), share = (float)volume(so) / (float)volume(s);
    const uint8_t *x = elements(r->m, in, volume(s));
    uint8_t *to = written(r->m, out, volume(so));
    for (int64_t i = 0; i < volume(so); i++)
        set_f32(to, i, init);
    for (int64_t i = 0; i < volume(s); i++) {
        int64_t at[4];
        unravel(i, s, at);
        int64_t j = ravel(at, so);
        set_f32(to, j, reduced(r->m, op, f32(to, j), f32(x, i)));
    }
    for (int64_t i = 0; op == 0 && i < volume(so); i++)
        set_f32(to, i, f32(to, i) * share);
}

/* Of each row of `inner`: e^((x - greatest)·beta) over their sum. */
void softmax(reader *r) {
    range in = next_range(r), out = next_range(r);
    int64_t inner = next_i32(r), outer = next_i32(r);
    float beta = next_f32(r);
    const uint8_t *x = elements(r->m, in, inner * outer);
    uint8_t *to = written(r->m, out, inner * outer);
    for (int64_t row = 0; row < outer; row++) {
        float most = -FLT_MAX, sum = 0;
        for (int64_t i = row * inner; i < (row + 1) * inner; i++)
            if (f32(x, i) > most)
                most = f32(x, i);
        for (int64_t i = row * inner; i < (row + 1) * inner; i++) {
            float e = expf((f32(x, i) - most) * beta);
            set_f32(to, i, e);
            sum += e;
        }
        for (int64_t i = row * inner; i < (row + 1) * inner; i++)
            set_f32(to, i, f32(to, i) / sum);
    }
}

static float unary_f32(machine *m, uint32_t op, float v) {
    switch (op) {
    case 0:
        return fabsf(v);
    case 1:
        return ceilf(v);
    case 2:
        return cosf(v);
    case 3:
        return expf(v);
    case 4:
        return floorf(v);
    case 5:
        return logf(v);
    case 6:
        return -v;
    case 7:
        return 1 / sqrtf(v);
    case 8:
        return sinf(v);
    case 9:
        return v * v;
    default:
        fail(m, "unary operator %u", op);
    }
}

void unary(reader *r) {
    range in = next_range(r), out = next_range(r);
    uint32_t op = next_u32(r);
    int64_t count = out.size / 4;
    const uint8_t *x = source(r->m, in, 4 * count);
    uint8_t *to = target(r->m, out, 4 * count);
    for (int64_t i = 0; i < count; i++)
        set_f32(to, i, unary_f32(r->m, op, f32(x, i)));
}
