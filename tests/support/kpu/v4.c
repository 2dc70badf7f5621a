/* The operators of version 4, by their numbers; what they share; those of the KPU. */
#include "v4.h"

shape next_shape(reader *r) {
    shape y;
    int64_t all = 1;
    for (int i = 0; i < 4; i++) {
        all *= y.n[i] = next_i32(r);
        if (y.n[i] < 0 || all > 1 << 28)
            fail(r->m, "a side of %lld", (long long)y.n[i]);
    }
    return y;
}

int64_t volume(shape s) {
    return s.n[0] * s.n[1] * s.n[2] * s.n[3];
}

int64_t width(range r) {
    return r.dtype ? 1 : 4;
}

const uint8_t *elements(machine *m, range r, int64_t count) {
    return source(m, r, count * width(r));
}

uint8_t *written(machine *m, range r, int64_t count) {
    return target(m, r, count * width(r));
}

void unravel(int64_t i, shape whole, int64_t at[4]) {
    for (int d = 3; d >= 0; d--) {
        at[d] = i % whole.n[d];
        i /= whole.n[d];
    }
}

int64_t ravel(const int64_t at[4], shape part) {
    int64_t i = 0;
    for (int d = 0; d < 4; d++)
        i = i * part.n[d] + (part.n[d] == 1 ? 0 : at[d]);
    return i;
}

float clamped(float v, float low, float high) {
    return v < low ? low : v > high ? high : v;
}

float reduced(machine *m, uint32_t op, float sum, float v) {
    switch (op) {
    case 0:
    case 3:
        return sum + v;
    case 1:
        return v < sum ? v : sum;
    case 2:
        return v > sum ? v : sum;
    default:
        fail(m, "reduction %u", op);
    }
}

static void kpu_upload(reader *r) {
    range in = next_range(r), out = next_range(r);
    shape s = next_shape(r);
    if (out.memory != KPU || out.start % LINE || s.n[0] != 1)
        fail(r->m, "no place in the KPU");
    upload(r->m, out.start / LINE, source(r->m, in, volume(s)), s.n[1], s.n[2], s.n[3]);
}

/* Section 2.4: three fields of the registers say how many bytes are skipped before a block. */
static void kpu_conv2d(reader *r) {
    range main_out = next_range(r);
    int32_t batches = next_i32(r);
    next_i32(r); /* reserved */
    if (batches != 1)
        fail(r->m, "%d batches", batches);
    blocks b = {0};
    b.registers = next_bytes(r, 96);
    uint64_t channels = (word(r->m, b.registers + 16, 8) >> 32 & 1023) + 1;
    b.norms = r->at + word(r->m, b.registers + 36, 4);
    b.activation = b.norms + 8 * channels + word(r->m, b.registers + 60, 4);
    b.weights = b.activation + 144 + word(r->m, b.registers + 44, 4);
    convolve(r->m, b, main_out);
}

void v4_layer(machine *m, uint32_t opcode, reader body) {
    reader *r = &body;
    switch (opcode) {
    case 0x00:
        binary(r);
        break;
    case 0x01:
        concat(r);
        break;
    case 0x02:
        conv2d(r, 0);
        break;
    case 0x03:
        dequantize(r);
        break;
    case 0x04:
        matmul(r);
        break;
    case 0x05:
        pad(r);
        break;
    case 0x06:
        quantize(r);
        break;
    case 0x07:
        reduce(r);
        break;
    case 0x08:
        reduce_window2d(r);
        break;
    case 0x09:
        memory_copy(r);
        break;
    case 0x0A:
        resize_image(r);
        break;
    case 0x0B:
        softmax(r);
        break;
    case 0x0C:
        transpose(r);
        break;
    case 0x0D:
        strided_slice(r);
        break;
    case 0x0E:
        unary(r);
        break;
    case 0x0F:
        conv2d(r, 1);
        break;
    case 0x10:
        quantized_matmul(r);
        break;
    case 0x11:
        quantized_binary(r);
        break;
    case 0x12:
        table_lookup1d(r);
        break;
    case 0x13:
        conv2d_transpose(r);
        break;
    case 0x2001:
        kpu_upload(r);
        break;
    case 0x2002:
        kpu_conv2d(r);
        break;
    default:
        fail(m, "no operator %x that runs", opcode);
    }
}
