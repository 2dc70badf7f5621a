/* The layers of version 3 that the SDK's runtime executes. */
#include "slow.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* A place in the main workspace, whose end is the workspace's. */
static range at_main(uint32_t start) {
    return (range){MAIN, 0, start, UINT32_MAX};
}

static const uint8_t *in_main(reader *r, uint32_t start, int64_t bytes) {
    return source(r->m, at_main(start), bytes);
}

static uint8_t *out_main(reader *r, uint32_t start, int64_t bytes) {
    return target(r->m, at_main(start), bytes);
}

static void conv(reader *r, uint32_t flags) {
    range main_out = at_main(next_u32(r));
    if (!(flags & 1))
        main_out.size = 0;
    blocks b = {0};
    b.registers = next_u32(r);
    b.weights = next_u32(r);
    b.norms = next_u32(r);
    b.activation = next_u32(r);
    convolve(r->m, b, main_out);
}

static void add(reader *r) {
    uint32_t a = next_u32(r), b = next_u32(r), out = next_u32(r), count = next_u32(r);
    const uint8_t *xs = in_main(r, a, 4 * (int64_t)count), *ys = in_main(r, b, 4 * (int64_t)count);
    uint8_t *to = out_main(r, out, 4 * (int64_t)count);
    for (uint32_t i = 0; i < count; i++)
        set_f32(to, i, f32(xs, i) + f32(ys, i));
}

static void quantized_add(reader *r) {
    uint32_t a = next_u32(r), b = next_u32(r), out = next_u32(r);
    int64_t count = ((int64_t)next_u32(r) + 7) / 8 * 8; /* as the runtime takes them */
    int32_t k[9];
    for (int i = 0; i < 9; i++)
        k[i] = next_i32(r);
    const uint8_t *xs = in_main(r, a, count), *ys = in_main(r, b, count);
    uint8_t *to = out_main(r, out, count);
    for (int i = 2; i < 9; i += 3)
        if (k[i] < 0 || k[i] > 62)
            fail(r->m, "a shift of %d", k[i]);
    for (int64_t i = 0; i < count; i++) {
        int64_t va = product(r->m, (int64_t)xs[i] + k[0], k[1]);
        int64_t vb = product(r->m, (int64_t)ys[i] + k[3], k[4]);
        int64_t v = k[2] == k[5] ? total(r->m, va, vb) >> k[2] : (va >> k[2]) + (vb >> k[5]);
        to[i] = clip8(shift_half_up(product(r->m, v, k[7]), k[8]) + k[6]);
    }
}

static void global_average_pool(reader *r) {
    uint32_t in = next_u32(r), out = next_u32(r), size = next_u32(r), channels = next_u32(r);
    const uint8_t *x = in_main(r, in, 4 * (int64_t)size * channels);
    uint8_t *to = out_main(r, out, 4 * (int64_t)channels);
    for (int64_t c = 0; c < channels; c++) {
        float sum = 0;
        for (int64_t i = 0; i < size; i++)
            sum += f32(x, c * size + i);
        set_f32(to, c, sum / (float)size);
    }
}

static float activated(machine *m, uint32_t act, float v) {
    if (act > 2)
        fail(m, "activation %u", act);
    if (act >= 1 && v < 0)
        v = 0;
    return act == 2 && v > 6 ? 6 : v;
}

/* Averages of floats, or the greatest of bytes, from 0. */
static void pool(reader *r, int average) {
    uint32_t in = next_u32(r), out = next_u32(r);
    int64_t k[12]; /* in w, h, c; out w, h, c; kernel w, h; stride w, h; pad w, h */
    for (int i = 0; i < 12; i++) {
        k[i] = next_u32(r);
        if (k[i] > 4096)
            fail(r->m, "a side of %lld", (long long)k[i]);
    }
    uint32_t act = average ? next_u32(r) : 0;
    const uint8_t *x = in_main(r, in, (average ? 4 : 1) * k[0] * k[1] * k[2]);
    uint8_t *to = out_main(r, out, (average ? 4 : 1) * k[3] * k[4] * k[5]);
    if (k[2] != k[5])
        fail(r->m, "a pool that changes channels");
    for (int64_t i = 0; i < k[5] * k[4] * k[3]; i++) {
        int64_t c = i / (k[3] * k[4]), oy = i / k[3] % k[4], ox = i % k[3];
        float sum = 0, count = 0;
        uint8_t most = 0;
        for (int64_t y = oy * k[9] - k[11]; y < oy * k[9] - k[11] + k[7]; y++)
            for (int64_t col = ox * k[8] - k[10]; col < ox * k[8] - k[10] + k[6]; col++) {
                if (y < 0 || y >= k[1] || col < 0 || col >= k[0])
                    continue;
                int64_t j = (c * k[1] + y) * k[0] + col;
                count += 1;
                if (average)
                    sum += f32(x, j);
                if (!average && x[j] > most)
                    most = x[j];
            }
        if (average)
            set_f32(to, i, activated(r->m, act, sum / count));
        if (!average)
            to[i] = most;
    }
}

static void quantize(reader *r) {
    uint32_t in = next_u32(r), out = next_u32(r), count = next_u32(r);
    float scale = next_f32(r), bias = next_f32(r), factor = 1 / scale;
    const uint8_t *x = in_main(r, in, 4 * (int64_t)count);
    uint8_t *to = out_main(r, out, count);
    for (uint32_t i = 0; i < count; i++)
        to[i] = clip8f(roundf((f32(x, i) - bias) * factor));
}

/* `channels` with a scale and a bias each. */
static void dequantize(reader *r, int channelwise) {
    uint32_t in = next_u32(r), out = next_u32(r), channels = 1;
    if (channelwise)
        channels = next_u32(r);
    int64_t size = next_u32(r);
    const uint8_t *x = in_main(r, in, size * channels);
    uint8_t *to = out_main(r, out, 4 * size * channels);
    for (int64_t c = 0; c < channels; c++) {
        float scale = next_f32(r), bias = next_f32(r);
        for (int64_t i = c * size; i < (c + 1) * size; i++)
            set_f32(to, i, multiply_add(r->m, x[i], scale, bias));
    }
}

static void requantize(reader *r) {
    uint32_t in = next_u32(r), out = next_u32(r), count = next_u32(r);
    uint64_t table = next_bytes(r, 256);
    const uint8_t *x = in_main(r, in, count);
    uint8_t *to = out_main(r, out, count);
    for (uint32_t i = 0; i < count; i++)
        to[i] = (uint8_t)word(r->m, table + x[i], 1);
}

/* The C library's expf is within an ulp or so of any other's; over a softmax they differ by a few
 * 1e-8, and the specification asks for no more than that. */
static void softmax(reader *r) {
    uint32_t in = next_u32(r), out = next_u32(r), channels = next_u32(r);
    const uint8_t *x = in_main(r, in, 4 * (int64_t)channels);
    uint8_t *to = out_main(r, out, 4 * (int64_t)channels);
    float most = FLT_MIN, sum = 0;
    for (uint32_t c = 0; c < channels; c++)
        if (f32(x, c) > most)
            most = f32(x, c);
    for (uint32_t c = 0; c < channels; c++) {
        float e = expf(f32(x, c) - most);
        set_f32(to, c, e);
        sum += e;
    }
    for (uint32_t c = 0; c < channels; c++)
        set_f32(to, c, f32(to, c) / sum);
}

static void logistic(reader *r) {
    uint32_t in = next_u32(r), out = next_u32(r), channels = next_u32(r);
    const uint8_t *x = in_main(r, in, 4 * (int64_t)channels);
    uint8_t *to = out_main(r, out, 4 * (int64_t)channels);
    for (uint32_t c = 0; c < channels; c++)
        set_f32(to, c, 1 / (1 + expf(-f32(x, c))));
}

/* No formula is specified: squares summed in order, at least 1e-10, one over the root, a product.
 */
static void l2_normalization(reader *r) {
    uint32_t in = next_u32(r), out = next_u32(r), channels = next_u32(r);
    const uint8_t *x = in_main(r, in, 4 * (int64_t)channels);
    uint8_t *to = out_main(r, out, 4 * (int64_t)channels);
    float sum = 0;
    for (uint32_t c = 0; c < channels; c++)
        sum = multiply_add(r->m, f32(x, c), f32(x, c), sum);
    float factor = 1 / sqrtf(sum > 1e-10f ? sum : 1e-10f);
    for (uint32_t c = 0; c < channels; c++)
        set_f32(to, c, f32(x, c) * factor);
}

static void concat(reader *r) {
    uint32_t out = next_u32(r), n = next_u32(r);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t start = next_u32(r), size = next_u32(r);
        memmove(out_main(r, out, size), in_main(r, start, size), size);
        out += size;
    }
}

static void fully_connected(reader *r) {
    uint32_t in = next_u32(r), out = next_u32(r), ic = next_u32(r), oc = next_u32(r);
    uint32_t act = next_u32(r);
    const uint8_t *x = in_main(r, in, 4 * (int64_t)ic);
    uint8_t *to = out_main(r, out, 4 * (int64_t)oc);
    reader bias = *r;
    next_bytes(&bias, 4 * (uint64_t)ic * oc);
    for (uint32_t o = 0; o < oc; o++) {
        float sum = 0;
        for (uint32_t i = 0; i < ic; i++)
            sum = multiply_add(r->m, f32(x, i), next_f32(r), sum);
        set_f32(to, o, activated(r->m, act, sum + next_f32(&bias)));
    }
}

static void flatten(reader *r) {
    uint32_t in = next_u32(r), out = next_u32(r);
    int64_t w = next_u32(r), h = next_u32(r), c = next_u32(r);
    const uint8_t *x = in_main(r, in, 4 * w * h * c);
    uint8_t *to = out_main(r, out, 4 * w * h * c);
    for (int64_t i = 0; i < c * h * w; i++) {
        int64_t channel = i / (h * w), place = i % (h * w);
        set_f32(to, place * c + channel, f32(x, i));
    }
}

/* No formula is specified: TensorFlow's, in float32. */
static int64_t nearest(int64_t i, int64_t in, int64_t out, int align_corners) {
    int ends = align_corners && out > 1;
    float scale = ends ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
    int64_t y = (int64_t)(align_corners ? roundf((float)i * scale) : floorf((float)i * scale));
    return y < in - 1 ? y : in - 1;
}

static void resize(reader *r, int size) {
    uint32_t in = next_u32(r), out = next_u32(r);
    int64_t w = next_u32(r), h = next_u32(r), c = next_u32(r), ow = next_u32(r), oh = next_u32(r);
    int align_corners = next_u32(r) != 0;
    const uint8_t *x = in_main(r, in, size * w * h * c);
    uint8_t *to = out_main(r, out, size * ow * oh * c);
    for (int64_t i = 0; i < c * oh * ow; i++) {
        int64_t y = nearest(i / ow % oh, h, oh, align_corners);
        int64_t col = nearest(i % ow, w, ow, align_corners);
        memcpy(to + size * i, x + size * ((i / (oh * ow) * h + y) * w + col), (size_t)size);
    }
}

static void add_padding(reader *r) {
    uint32_t in = next_u32(r), line = next_u32(r), channels = next_u32(r);
    const uint8_t *x = in_main(r, in, channels);
    for (uint32_t c = 0; c < channels; c++) {
        uint64_t at = (uint64_t)line * LINE + c / 4 * 256 + c % 4 * 16;
        if (at >= KPU_BYTES)
            fail(r->m, "byte %llu of KPU RAM", (unsigned long long)at);
        r->m->kpu[at] = x[c];
    }
}

static void remove_padding(reader *r) {
    uint32_t in = next_u32(r), out = next_u32(r), channels = next_u32(r);
    const uint8_t *x = in_main(r, in, 16 * (int64_t)channels);
    uint8_t *to = out_main(r, out, channels);
    for (uint32_t c = 0; c < channels; c++)
        to[c] = x[16 * c];
}

static void kpu_upload(reader *r) {
    uint32_t in = next_u32(r), line = next_u32(r);
    int64_t w = next_u32(r), h = next_u32(r), c = next_u32(r);
    upload(r->m, line, in_main(r, in, w * h * c), c, h, w);
}

void v3_layer(machine *m, uint32_t type, reader body) {
    reader *r = &body;
    uint32_t flags = next_u32(r);
    switch (type) {
    case 1:
        add(r);
        break;
    case 2:
        quantized_add(r);
        break;
    case 5:
        global_average_pool(r);
        break;
    case 8:
        pool(r, 0);
        break;
    case 9:
        pool(r, 1);
        break;
    case 11:
        quantize(r);
        break;
    case 12:
        dequantize(r, 0);
        break;
    case 13:
        requantize(r);
        break;
    case 14:
        l2_normalization(r);
        break;
    case 15:
        softmax(r);
        break;
    case 16:
    case 17:
        concat(r);
        break;
    case 18:
        fully_connected(r);
        break;
    case 20:
        flatten(r);
        break;
    case 22:
        resize(r, 4);
        break;
    case 23:
        resize(r, 1);
        break;
    case 24:
        dequantize(r, 1);
        break;
    case 25:
        logistic(r);
        break;
    case 10240:
        conv(r, flags);
        break;
    case 10241:
        add_padding(r);
        break;
    case 10242:
        remove_padding(r);
        break;
    case 10243:
        kpu_upload(r);
        break;
    default:
        fail(m, "the runtime has no layer of type %u", type);
    }
}
