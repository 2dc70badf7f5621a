/* The KPU: one layer is convolution, batch-norm, activation table, pooling, write back. */
#include "slow.h"

#include <string.h>

/* How a map lies in KPU RAM, in lines of 64 bytes. */
typedef struct {
    int64_t line, channel, row, groups;
} layout;

typedef struct {
    int64_t ic, oc, iw, ih, ow, oh, coef, loads, para;
    int64_t kernel, depthwise, pool, pad;
    int64_t shr_w, shr_x, arg_w, arg_x, arg_add, dma_total;
    layout in, out;
} registers;

/* Section 1.6, from the width of a map. */
static layout layout_of(int64_t line, int64_t w, int64_t h) {
    layout y = {line, 0, (w + LINE - 1) / LINE, w <= 16 ? 4 : w <= 32 ? 2 : 1};
    y.channel = y.row * h;
    return y;
}

static uint64_t byte_of(layout p, int64_t c, int64_t y, int64_t x) {
    int64_t line = p.line + (c / p.groups) * p.channel + y * p.row;
    return (uint64_t)(line * LINE + (c % p.groups) * (LINE / p.groups) + x);
}

uint64_t kpu_byte(int64_t line, int64_t w, int64_t h, int64_t c, int64_t y, int64_t x) {
    return byte_of(layout_of(line, w, h), c, y, x);
}

static uint8_t *pixel(machine *m, layout p, int64_t c, int64_t y, int64_t x) {
    uint64_t at = byte_of(p, c, y, x);
    if (at >= KPU_BYTES)
        fail(m, "byte %llu of KPU RAM", (unsigned long long)at);
    return m->kpu + at;
}

void upload(machine *m, int64_t line, const uint8_t *chw, int64_t c, int64_t h, int64_t w) {
    layout p = layout_of(line, w, h);
    for (int64_t k = 0; k < c; k++)
        for (int64_t y = 0; y < h; y++)
            for (int64_t x = 0; x < w; x++)
                *pixel(m, p, k, y, x) = *chw++;
}

/* Bits low … low+n-1 of a register. */
static int64_t bits(machine *m, uint64_t block_at, int index, int low, int n) {
    uint64_t value = word(m, block_at + 8 * (uint64_t)index, 8) >> low;
    return (int64_t)(value & (((uint64_t)1 << n) - 1));
}

static int64_t sign_extended(int64_t v, int n) {
    return v >= (int64_t)1 << (n - 1) ? v - ((int64_t)1 << n) : v;
}

static int64_t pool_stride(int64_t pool) {
    static const int64_t strides[] = {1, 2, 2, 4, 4, 2, 2, 4, 1, 1};
    return strides[pool];
}

/* Section 1.5. */
static registers read_registers(machine *m, uint64_t at) {
    registers r = {0};
    r.depthwise = bits(m, at, 0, 3, 1);
    r.in.line = bits(m, at, 1, 0, 15);
    r.out.line = bits(m, at, 1, 32, 15);
    r.ic = bits(m, at, 2, 0, 10) + 1;
    r.oc = bits(m, at, 2, 32, 10) + 1;
    r.coef = bits(m, at, 2, 48, 10) + 1;
    r.iw = bits(m, at, 3, 0, 10) + 1;
    r.ih = bits(m, at, 3, 10, 9) + 1;
    r.ow = bits(m, at, 3, 32, 10) + 1;
    r.oh = bits(m, at, 3, 42, 9) + 1;
    r.kernel = bits(m, at, 4, 0, 3) ? 3 : 1;
    r.pool = bits(m, at, 4, 4, 4);
    r.pad = bits(m, at, 4, 24, 8);
    r.loads = bits(m, at, 5, 1, 6) + 1;
    r.para = bits(m, at, 5, 15, 17);
    r.in.channel = bits(m, at, 7, 0, 15);
    r.in.row = bits(m, at, 7, 16, 4);
    r.in.groups = bits(m, at, 7, 28, 3);
    r.out.channel = bits(m, at, 8, 0, 15);
    r.out.row = bits(m, at, 8, 16, 4);
    r.out.groups = bits(m, at, 8, 20, 3);
    r.shr_w = bits(m, at, 9, 0, 4);
    r.shr_x = bits(m, at, 9, 4, 4);
    r.arg_w = sign_extended(bits(m, at, 9, 8, 24), 24);
    r.arg_x = sign_extended(bits(m, at, 9, 32, 24), 24);
    r.arg_add = sign_extended(bits(m, at, 10, 0, 40), 40);
    r.dma_total = bits(m, at, 11, 32, 32) + 1;
    if (bits(m, at, 4, 0, 3) > 1)
        fail(m, "no kernel but 1x1 and 3x3");
    if (r.pool > 9)
        fail(m, "pool code %d", (int)r.pool);
    if (bits(m, at, 4, 3, 1) || bits(m, at, 4, 8, 2) || bits(m, at, 6, 0, 16))
        fail(m, "a register is set that no compiler sets");
    if (r.depthwise && (r.ic != r.oc || r.pool))
        fail(m, "a depthwise layer of another kind");
    if (r.ow != r.iw / pool_stride(r.pool) || r.oh != r.ih / pool_stride(r.pool))
        fail(m, "the output has another size than the input's, pooled");
    if (r.dma_total != r.ow * r.oh * r.oc)
        fail(m, "dma_total_byte");
    layout in = layout_of(r.in.line, r.iw, r.ih), out = layout_of(r.out.line, r.ow, r.oh);
    if (memcmp(&in, &r.in, sizeof in) || memcmp(&out, &r.out, sizeof out))
        fail(m, "addresses do not fit the sizes");
    return r;
}

void conv_input(machine *m, uint64_t at, int64_t shape[4]) {
    registers r = read_registers(m, at);
    memcpy(shape, (int64_t[]){r.in.line, r.ic, r.ih, r.iw}, 4 * sizeof *shape);
}

/* The kernel of an output channel, out of the load that brings it; answers the sum of it. */
static int64_t kernel_of(machine *m, const registers *r, uint64_t weights, int64_t o, int64_t taps,
                         int32_t *kernel) {
    int bytes = m->wide ? 2 : 1;
    int64_t load = o / r->coef, sum = 0;
    if (load >= r->loads)
        fail(m, "channel %d is in no load", (int)o);
    if (r->para != taps * bytes * r->coef)
        fail(m, "para_size %d", (int)r->para);
    uint64_t at = weights + (uint64_t)(load * r->para + o % r->coef * taps * bytes);
    for (int64_t i = 0; i < taps; i++) {
        kernel[i] = (int32_t)word(m, at + (uint64_t)(i * bytes), bytes);
        sum += kernel[i];
    }
    return sum;
}

/* The input bytes under the kernel at (y, x): [channel][ky][kx]. */
static void window(machine *m, const registers *r, int64_t y, int64_t x, int32_t *taps) {
    int64_t reach = r->kernel / 2;
    for (int64_t c = 0; c < r->ic; c++)
        for (int64_t ky = y - reach; ky <= y + reach; ky++)
            for (int64_t kx = x - reach; kx <= x + reach; kx++) {
                int inside = ky >= 0 && ky < r->ih && kx >= 0 && kx < r->iw;
                *taps++ = inside ? *pixel(m, r->in, c, ky, kx) : (int32_t)r->pad;
            }
}

/* Batch-norm and activation of a sum. */
static uint8_t finished(machine *m, blocks b, int64_t o, int64_t acc) {
    int64_t norm = (int64_t)word(m, b.norms + 8 * (uint64_t)o, 8);
    int64_t mul = sign_extended(norm & 0xFFFFFF, 24);
    int64_t add = sign_extended(norm >> 24 & 0xFFFFFFFF, 32);
    int64_t t = total(m, product(m, acc, mul) >> (norm >> 56 & 15), add);
    int segment = 15;
    int64_t start = 0;
    uint64_t entry = 0;
    for (; segment >= 0; segment--) {
        entry = word(m, b.activation + 8 * (uint64_t)segment, 8);
        start = sign_extended((int64_t)(entry >> 24 & 0xFFFFFFFFF), 36);
        /* Below all segments, where nothing is specified, the first counts. */
        if (segment == 0 || (m->half_even ? start < t : start <= t))
            break;
    }
    int shift = (int)(entry & 0xFF);
    int64_t slope = sign_extended((int64_t)(entry >> 8 & 0xFFFF), 16);
    int64_t bias = (int64_t)word(m, b.activation + 128 + (uint64_t)segment, 1);
    if (shift > 63)
        fail(m, "shift_number %d", shift);
    int64_t p = product(m, total(m, t, -start), slope);
    return clip8((m->half_even ? shift_half_even(p, shift) : shift_half_up(p, shift)) + bias);
}

/* Section 3.2: pixel (y, x) of a pooled map of h × w. */
static uint8_t pooled(const uint8_t *map, int64_t w, int64_t h, int64_t pool, int64_t y,
                      int64_t x) {
    int64_t stride = pool_stride(pool), size = pool == 3 || pool == 4 ? 4 : 2;
    int64_t sum = 0, most = 0;
    if (pool == 0)
        return map[y * w + x];
    if (pool == 5 || pool == 7)
        return map[stride * y * w + stride * x];
    if (pool == 6)
        return map[2 * y * w + 2 * x + 1];
    for (int64_t j = 0; j < size; j++)
        for (int64_t i = 0; i < size; i++) {
            int64_t py = stride * y + j, px = stride * x + i;
            if (py >= h)
                py = h - 1; /* codes 8 and 9 alone: the edge again */
            if (px >= w)
                px = w - 1;
            uint8_t v = map[py * w + px];
            sum += v;
            if (v > most)
                most = v;
        }
    return (uint8_t)(pool == 1 || pool == 3 || pool == 9 ? most : sum / (size * size));
}

static int64_t sum_of(const int32_t *taps, int64_t n) {
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += taps[i];
    return sum;
}

static int64_t dot(const int32_t *x, const int32_t *w, int64_t n) {
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (int64_t)x[i] * w[i];
    return sum;
}

/* The whole map before pooling: [oc][ih][iw]. */
static uint8_t *convolved(machine *m, const registers *r, blocks b) {
    int64_t area = r->kernel * r->kernel, n = r->depthwise ? area : area * r->ic;
    int32_t *kernels = block(m, (uint64_t)(r->oc * n) * sizeof *kernels);
    int64_t *kernel_sums = block(m, (uint64_t)r->oc * sizeof *kernel_sums);
    int32_t *taps = block(m, (uint64_t)(area * r->ic) * sizeof *taps);
    uint8_t *map = block(m, (uint64_t)(r->oc * r->ih * r->iw));
    int64_t added = product(m, r->arg_add, r->depthwise ? 1 : r->ic);
    for (int64_t o = 0; o < r->oc; o++)
        kernel_sums[o] = kernel_of(m, r, b.weights, o, n, kernels + o * n);
    for (int64_t y = 0; y < r->ih; y++)
        for (int64_t x = 0; x < r->iw; x++) {
            window(m, r, y, x, taps);
            int64_t all = r->depthwise ? 0 : sum_of(taps, n);
            for (int64_t o = 0; o < r->oc; o++) {
                const int32_t *own = r->depthwise ? taps + o * n : taps;
                int64_t sum_x = r->depthwise ? sum_of(own, n) : all;
                int64_t acc = dot(own, kernels + o * n, n);
                acc += (r->arg_x * sum_x) >> r->shr_x;
                acc += (r->arg_w * kernel_sums[o]) >> r->shr_w;
                acc = total(m, acc, added);
                map[(o * r->ih + y) * r->iw + x] = finished(m, b, o, acc);
            }
        }
    return map;
}

/* Runs a layer. Its map stays in KPU RAM; `main_out` (size 0: none) gets it too, as plain CHW. */
void convolve(machine *m, blocks b, range main_out) {
    registers r = read_registers(m, b.registers);
    const uint8_t *map = convolved(m, &r, b);
    uint8_t *chw = main_out.size ? target(m, main_out, r.dma_total) : NULL;
    for (int64_t o = 0; o < r.oc; o++)
        for (int64_t y = 0; y < r.oh; y++)
            for (int64_t x = 0; x < r.ow; x++) {
                uint8_t v = pooled(map + o * r.ih * r.iw, r.iw, r.ih, r.pool, y, x);
                *pixel(m, r.out, o, y, x) = v;
                if (chw)
                    *chw++ = v;
            }
}
