/* A second definition of flatgrad's bits, in plain loops of C99.
 *
 * It is written from the documentation of flatgrad-core and shares no code with it. It uses fmaf (a * b + c, rounded
 * once), sqrtf (correctly rounded), the operations + - * / of float and double, and integers. Every operation rounds to
 * nearest, ties to even, and nothing is contracted: compile with -ffp-contract=off.
 *
 * usage: definition DIGITS-IMAGES DIGITS-LABELS (IDX files)
 * It prints a line for each result: its name and the SHA-256 of its floats' little-endian bytes. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PLANTED
#define PLANTED 0
#endif
#if FLT_EVAL_METHOD != 0
#error "float operations must round to float, double operations to double"
#endif

/* i = 0, 1, .., n - 1 */
#define FOR(i, n) for (int i = 0; i < (n); i++)

/* ---- Bits, memory, results ---- */

static uint32_t bits_of(float x) { union { float x; uint32_t bits; } u = {x}; return u.bits; }
static float float_of(uint32_t bits) { union { uint32_t bits; float x; } u = {bits}; return u.x; }
static uint64_t bits_of_double(double x) { union { double x; uint64_t bits; } u = {x}; return u.bits; }
static double double_of(uint64_t bits) { union { uint64_t bits; double x; } u = {bits}; return u.x; }

/* Memory for n numbers, zeros. It is never given back: the program is short. */
static float *zeros(int n) {
    float *x = calloc((size_t)n + 1, sizeof *x);
    if (x == NULL) exit(1);
    return x;
}

/* n numbers in [-1, 1): Marsaglia's xorshift, its upper 24 bits times 2^-23, minus 1. */
static float *fill(uint32_t seed, int n) {
    float *x = zeros(n);
    uint32_t s = seed * 0x9e3779b9u | 1;
    FOR(i, n) {
        s ^= s << 13, s ^= s >> 17, s ^= s << 5;
        x[i] = (float)(s >> 8) / 8388608.0f - 1.0f;
    }
    return x;
}

static uint32_t rotate(uint32_t x, int by) { return x >> by | x << (32 - by); }

/* One block of SHA-256 (FIPS 180-4). */
static void sha256_block(uint32_t state[8], const uint32_t block[16]) {
    static const uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    uint32_t w[64], s[8];
    memcpy(w, block, 16 * sizeof *w);
    memcpy(s, state, sizeof s);
    FOR(t, 64) {
        if (t >= 16) {
            uint32_t x = w[t - 15], y = w[t - 2];
            x = rotate(x, 7) ^ rotate(x, 18) ^ x >> 3, y = rotate(y, 17) ^ rotate(y, 19) ^ y >> 10;
            w[t] = w[t - 16] + x + w[t - 7] + y;
        }
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]), majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        uint32_t x = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + choice + k[t] + w[t];
        uint32_t y = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + majority;
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += x, s[0] = x + y;
    }
    FOR(i, 8) state[i] += s[i];
}

/* Prints a result: name/part, and the SHA-256 of its n numbers. */
static void print(const char *name, const char *part, int n, const float *x) {
    uint32_t block[16], state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    int words = (n + 3 + 15) / 16 * 16; /* Behind the numbers: a one, zeros, and the length in bits in two words. */
    FOR(i, words) {
        uint32_t b = i < n ? bits_of(x[i]) : 0, bytes = b << 24 | (b & 0xff00) << 8 | (b >> 8 & 0xff00) | b >> 24;
        block[i % 16] = i < n ? bytes : i == n ? 0x80000000u : i == words - 1 ? 32u * (uint32_t)n : 0;
        if (i % 16 == 15) sha256_block(state, block);
    }
    printf("%s/%s ", name, part);
    FOR(i, 8) printf("%08x%s", (unsigned)state[i], i < 7 ? "" : "\n");
}

/* ---- Sums and elementary functions ---- */

/* The sum of a run: element i is added to lane i mod 16, from 0; then lane l takes lane l + 8, l + 4, l + 2, l + 1. */
static float sum(int n, const float *x) {
    float lane[16] = {0};
    FOR(i, n) lane[i % 16] = lane[i % 16] + x[i];
    for (int half = 8; half > 0; half /= 2) FOR(l, half) lane[l] = lane[l] + lane[l + half];
    return lane[0];
}

/* c[0] x^(n-1) + .. + c[n-1] by Horner's rule, a multiplication and an addition for each coefficient. */
static float polynomial(float x, int n, const float *c) {
    float y = c[0];
    for (int i = 1; i < n; i++) y = y * x + c[i];
    return y;
}

/* 2^e for a normal number. */
static float power_of_two(int e) { return float_of((uint32_t)(e + 127) << 23); }

/* e^x = 2^n e^r: n is the integer nearest to x / ln 2, r = x - n ln 2, e^r = 1 + r + r^2 p(r). */
static float exponential(float x) {
    static const float p[6] = {1.9875691e-4f, 1.3981999e-3f, 8.333452e-3f, 4.1665796e-2f, 1.6666665e-1f, 0.5f};
    if (x != x) return x;
    x = x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x;
    float n = (x * 1.44269504f + 12582912.0f) - 12582912.0f; /* 1.5 * 2^23: rounds to an integer */
    float r = (x - n * 0.693359375f) + n * 2.1219444e-4f;    /* ln 2 in two parts */
    float y = (polynomial(r, 6, p) * (r * r) + r) + 1.0f;
    int half = (int)n / 2;
    return y * power_of_two(half) * power_of_two((int)n - half);
}

/* x = 2^e (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), for a positive x. */
static float split(float x, float *e) {
    int scaled = x < FLT_MIN ? 23 : 0; /* a subnormal number is multiplied by 2^23 first */
    uint32_t root = 0x3f3504f3, bits = bits_of(x * power_of_two(scaled)) + (0x3f800000 - root);
    *e = (float)((int)(bits >> 23) - 127 - scaled);
    return float_of((bits & 0x7fffff) + root) - 1.0f;
}

/* ln x = e ln 2 + f - f^2 / 2 + f^3 p(f), the largest terms last. */
static float logarithm(float x) {
    static const float p[9] = {7.0376836e-2f, -1.151461e-1f, 1.1676999e-1f, -1.2420141e-1f, 1.4249323e-1f,
                               -1.6668058e-1f, 2.0000715e-1f, -2.4999994e-1f, 3.333333e-1f};
    float e, f, z;
    if (x == 0.0f) return -INFINITY;
    if (x < 0.0f) return NAN;
    if (!(x < INFINITY)) return x;
    f = split(x, &e);
    z = f * f;
    return (f + (((f * z) * polynomial(f, 9, p) - e * 2.1219444e-4f) - 0.5f * z)) + e * 0.693359375f;
}

/* The logarithm of the sum in a softmax: FreeBSD's logf, with s = f / (2 + f) and ln(1 + f) = f - s (f - r(s^2)). */
static float log_of_sum(float x) {
    float e, f = split(x, &e), s = f / (2.0f + f), z = s * s, w = z * z;
    float even = w * (0.40000972152f + w * 0.24279078841f), odd = z * (0.66666662693f + w * 0.28498786688f);
    float half = 0.5f * f * f;
    return (((s * (half + (odd + even)) + e * 9.0580006145e-6f) - half) + f) + e * 6.9313812256e-1f;
}

/* The square root of a normal double, correctly rounded: bit after bit in integers, one bit more than a double has. */
static double square_root(double x) {
    uint64_t bits = bits_of_double(x), one = (uint64_t)1 << 52, m = bits % one + one, root = 0, rest = 0;
    int e = (int)(bits >> 52) - 1023;
    if (e % 2 != 0) m *= 2, e -= 1;
    FOR(i, 54) { /* two bits of m * 2^54 from the top, one bit of the root */
        rest = rest << 2 | (i < 27 ? m >> (52 - 2 * i) & 3 : 0);
        root <<= 1;
        if (rest > 2 * root) rest -= 2 * root + 1, root += 1;
    }
    root = (root >> 1) + (root & 1); /* never a tie: such a square has more bits than a double */
    return double_of(((uint64_t)(e / 2 + 1023) << 52) + (root - one));
}

/* x^n: the squares of x whose bits are in n, the lowest first. */
static double power(double x, int n) {
    double y = 1.0;
    for (; n > 0; n /= 2, x = x * x) y = n % 2 == 1 ? y * x : y;
    return y;
}

/* ---- Products and convolutions ---- */

/* max(0, x); a negative zero and a NaN stay. */
static float relu(float x) { return 0.0f > x ? 0.0f : x; }

/* dx = dy where the output is positive, else 0. */
static float relu_backward(float y, float dy) { return y > 0.0f ? dy : 0.0f; }

/* A matrix in memory: element (i, j) is at[i * row + j * col]. */
typedef struct { const float *at; int row, col; } Matrix;

/* c = a b (or c + a b) + bias, then relu: a is m x k, b is k x n, one bias for each column; chains of fmaf over k.
 * PLANTED is a fault that the comparison must find: the bias comes before the chain. */
static void product(int m, int n, int k, Matrix a, Matrix b, int accumulate, const float *bias, int rectify, float *c) {
    FOR(i, m) FOR(j, n) {
        float acc = accumulate ? c[i * n + j] : 0.0f;
        if (bias && PLANTED) acc = acc + bias[j];
        FOR(p, k) acc = fmaf(a.at[i * a.row + p * a.col], b.at[p * b.row + j * b.col], acc);
        if (bias && !PLANTED) acc = acc + bias[j];
        c[i * n + j] = rectify ? relu(acc) : acc;
    }
}

/* A convolution of [n, c, h, w] with a weight [oc, c / groups, kernel]; index 0 is down, 1 is across. */
typedef struct { int n, c, h, w, oc, kernel[2], stride[2], padding[2], dilation[2], groups; } Conv;

static int conv_out(const Conv *s, int axis) {
    int size = axis == 0 ? s->h : s->w;
    return (size + 2 * s->padding[axis] - s->dilation[axis] * (s->kernel[axis] - 1) - 1) / s->stride[axis] + 1;
}

typedef enum { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT } Pass;

/* A chain of fmaf for each element of y, dx or dw. Taps outside the image are left out. In this order of the loops a
 * chain of y runs over (c, k, l), one of dx over (o, k, l), one of dw over (n, i, j), all ascending. */
static void conv(const Conv *s, Pass pass, float *x, float *w, float *y) {
    int in = s->c / s->groups, out = s->oc / s->groups, oh = conv_out(s, 0), ow = conv_out(s, 1);
    FOR(n, s->n) FOR(o, s->oc) FOR(c, in) FOR(k, s->kernel[0]) FOR(l, s->kernel[1]) FOR(i, oh) FOR(j, ow) {
        int row = i * s->stride[0] + k * s->dilation[0] - s->padding[0];
        int col = j * s->stride[1] + l * s->dilation[1] - s->padding[1];
        if (row < 0 || row >= s->h || col < 0 || col >= s->w) continue;
        float *at_x = x + ((n * s->c + o / out * in + c) * s->h + row) * s->w + col;
        float *at_w = w + ((o * in + c) * s->kernel[0] + k) * s->kernel[1] + l;
        float *at_y = y + ((n * s->oc + o) * oh + i) * ow + j;
        if (pass == FORWARD) *at_y = fmaf(*at_w, *at_x, *at_y);
        if (pass == INPUT_GRADIENT) *at_x = fmaf(*at_w, *at_y, *at_x);
        if (pass == WEIGHT_GRADIENT) *at_w = fmaf(*at_x, *at_y, *at_w);
    }
}

/* y = (the chain from 0, + 0) + bias[o], then relu. */
static void conv_forward(const Conv *s, float *x, float *w, const float *bias, int rectify, float *y) {
    int plane = conv_out(s, 0) * conv_out(s, 1), outputs = s->n * s->oc * plane;
    FOR(i, outputs) y[i] = 0.0f;
    conv(s, FORWARD, x, w, y);
    FOR(i, outputs) y[i] = bias ? (y[i] + 0.0f) + bias[i / plane % s->oc] : y[i] + 0.0f;
    if (rectify) FOR(i, outputs) y[i] = relu(y[i]);
}

/* dx = the chain from 0, + 0; dw = the chain from dw, + 0; db = db and the planes' sums, added sample by sample. */
static void conv_backward(const Conv *s, float *x, float *w, float *dy, float *dx, float *dw, float *db) {
    int plane = conv_out(s, 0) * conv_out(s, 1), inputs = s->n * s->c * s->h * s->w;
    FOR(i, inputs) dx[i] = 0.0f;
    conv(s, INPUT_GRADIENT, dx, w, dy);
    FOR(i, inputs) dx[i] = dx[i] + 0.0f;
    conv(s, WEIGHT_GRADIENT, x, dw, dy);
    FOR(i, s->oc * (s->c / s->groups) * s->kernel[0] * s->kernel[1]) dw[i] = dw[i] + 0.0f;
    if (db) FOR(n, s->n) FOR(o, s->oc) db[o] = db[o] + sum(plane, dy + (n * s->oc + o) * plane);
}

/* ---- Batch normalization of [n, channels, spatial] ---- */

typedef struct { int n, channels, spatial; } BatchNorm;

static const float eps = 1e-5f, momentum = 0.1f;

/* The sum over a channel of (x - x_mean), times (z - z_mean) if there is a z: planes by sum(), sample after sample. */
static float channel_sum(const BatchNorm *s, int c, const float *x, float x_mean, const float *z, float z_mean) {
    float total = 0.0f;
    FOR(n, s->n) {
        float term[s->spatial];
        FOR(i, s->spatial) {
            int at = (n * s->channels + c) * s->spatial + i;
            term[i] = x[at] - x_mean;
            if (z) term[i] = term[i] * (z[at] - z_mean);
        }
        total = total + sum(s->spatial, term);
    }
    return total;
}

/* y = (x - mean) * (scale * rstd) + shift. */
static void normalize(const BatchNorm *s, const float *x, const float *scale, const float *shift, const float *mean,
                      const float *rstd, float *y) {
    FOR(i, s->n * s->channels * s->spatial) {
        int c = i / s->spatial % s->channels;
        y[i] = (x[i] - mean[c]) * (scale[c] * rstd[c]) + shift[c];
    }
}

/* Normalizes by the mean and the variance of the batch; the running variance follows the unbiased one. */
static void batch_norm(const BatchNorm *s, const float *x, const float *scale, const float *shift, float *running_mean,
                       float *running_var, float *y, float *mean, float *rstd) {
    float count = (float)(s->n * s->spatial);
    FOR(c, s->channels) {
        mean[c] = channel_sum(s, c, x, 0.0f, NULL, 0.0f) / count;
        float squares = channel_sum(s, c, x, mean[c], x, mean[c]);
        rstd[c] = 1.0f / sqrtf(squares / count + eps);
        running_mean[c] = (1.0f - momentum) * running_mean[c] + momentum * mean[c];
        running_var[c] = (1.0f - momentum) * running_var[c] + momentum * (squares / (count - 1.0f));
    }
    normalize(s, x, scale, shift, mean, rstd, y);
}

/* Normalizes by the running mean and variance. */
static void batch_norm_infer(const BatchNorm *s, const float *x, const float *scale, const float *shift,
                             const float *running_mean, const float *running_var, float *y) {
    float rstd[s->channels];
    FOR(c, s->channels) rstd[c] = 1.0f / sqrtf(running_var[c] + eps);
    normalize(s, x, scale, shift, running_mean, rstd, y);
}

/* dshift = sum dy, dscale = sum dy (x - mean) * rstd,
 * dx = ((dy - dshift / count) - (x - mean) * (dscale / count * rstd)) * (scale * rstd). */
static void batch_norm_backward(const BatchNorm *s, const float *x, const float *dy, const float *scale,
                                const float *mean, const float *rstd, float *dx, float *dscale, float *dshift) {
    float count = (float)(s->n * s->spatial);
    FOR(c, s->channels) {
        dshift[c] = channel_sum(s, c, dy, 0.0f, NULL, 0.0f);
        dscale[c] = channel_sum(s, c, dy, 0.0f, x, mean[c]) * rstd[c];
    }
    FOR(i, s->n * s->channels * s->spatial) {
        int c = i / s->spatial % s->channels;
        float slope = dscale[c] / count * rstd[c];
        dx[i] = ((dy[i] - dshift[c] / count) - (x[i] - mean[c]) * slope) * (scale[c] * rstd[c]);
    }
}

/* ---- Maximum pooling, softmax cross-entropy ---- */

/* Square windows over planes of h x w. */
typedef struct { int planes, h, w, kernel, stride, padding; } Pool;

static int pool_out(const Pool *s, int size) { return (size + 2 * s->padding - s->kernel) / s->stride + 1; }

/* y = the maximum of each window: the first of equal ones, the last NaN. Where dx is given: dx = 0, then dx += dy at
 * the place of the maximum, window after window. */
static void max_pool(const Pool *s, const float *x, float *y, const float *dy, float *dx) {
    int oh = pool_out(s, s->h), ow = pool_out(s, s->w);
    if (dx) FOR(i, s->planes * s->h * s->w) dx[i] = 0.0f;
    FOR(p, s->planes) FOR(i, oh) FOR(j, ow) {
        int window = (p * oh + i) * ow + j, at = -1;
        FOR(k, s->kernel) FOR(l, s->kernel) {
            int row = i * s->stride + k - s->padding, col = j * s->stride + l - s->padding;
            if (row < 0 || row >= s->h || col < 0 || col >= s->w) continue;
            int here = (p * s->h + row) * s->w + col;
            if (at < 0 || x[here] > x[at] || x[here] != x[here]) at = here;
        }
        y[window] = x[at];
        if (dx) dx[at] = dx[at] + dy[window];
    }
}

/* y = exp(x - max) / sum of a row, and nll = -ln y = ln(sum) - (x - max). */
static void softmax(int classes, const float *x, float *y, float *nll) {
    float max = -INFINITY;
    FOR(j, classes) max = x[j] > max ? x[j] : max;
    FOR(j, classes) y[j] = exponential(x[j] - max);
    float total = sum(classes, y), log = log_of_sum(total);
    FOR(j, classes) y[j] = y[j] / total, nll[j] = log - (x[j] - max);
}

/* The samples' losses, added in order, and d = (softmax - target) * scale. The target is on + off at the label, and off
 * elsewhere. */
static float cross_entropy(int n, int classes, float smooth, float scale, const float *x, const int *label, float *d) {
    float off = smooth / (float)classes, on = 1.0f - smooth, loss = 0.0f, nll[classes];
    for (int i = 0; i < n; i++, x += classes, d += classes) {
        softmax(classes, x, d, nll);
        loss = loss + (off == 0.0f ? nll[label[i]] : on * nll[label[i]] + off * sum(classes, nll));
        FOR(j, classes) d[j] = (d[j] - (j == label[i] ? on + off : off)) * scale;
    }
    return loss;
}

/* ---- Random numbers, initial weights, dropout ---- */

typedef struct { uint64_t seed; uint32_t stream; uint64_t step; } Stream;

/* Philox 4x32-10 (Salmon et al. 2011): ten rounds on a counter, with a key. */
static void philox(uint32_t c[4], uint32_t key0, uint32_t key1) {
    for (int round = 0; round < 10; round++, key0 += 0x9e3779b9, key1 += 0xbb67ae85) {
        uint64_t a = (uint64_t)0xd2511f53 * c[0], b = (uint64_t)0xcd9e8d57 * c[2];
        c[0] = (uint32_t)(b >> 32) ^ c[1] ^ key0, c[1] = (uint32_t)b;
        c[2] = (uint32_t)(a >> 32) ^ c[3] ^ key1, c[3] = (uint32_t)a;
    }
}

/* Element i of a stream: word i mod 4 of block i / 4. The block and the step have 48 bits each. */
static uint32_t word(Stream s, uint64_t i) {
    uint64_t b = i / 4, high = (b >> 32 & 0xffff) | (s.step >> 32 & 0xffff) << 16;
    uint32_t c[4] = {(uint32_t)b, (uint32_t)high, (uint32_t)s.step, s.stream};
    philox(c, (uint32_t)s.seed, (uint32_t)(s.seed >> 32));
    return c[i % 4];
}

/* w uniform in [-bound, bound], bound = 1 / sqrt(fan_in) in double: 24 bits of each word, times 2^-24, are u. */
static void fan_in_uniform(Stream s, int fan_in, int n, float *w) {
    float bound = (float)(1.0 / square_root((double)fan_in));
    FOR(i, n) w[i] = -bound + (bound - -bound) * ((float)(word(s, (uint64_t)i) >> 8) / 16777216.0f);
}

/* y = x / (1 - p), or 0 where the word is below p * 2^32 (rounded down to an even number). */
static void dropout(Stream s, uint64_t first, float p, int n, const float *x, float *y) {
    uint64_t threshold = 2 * (uint64_t)((double)p * 2147483648.0);
    float scale = (float)(1.0 / (1.0 - (double)p));
    FOR(i, n) y[i] = word(s, first + (uint64_t)i) < threshold ? 0.0f : x[i] * scale;
}

/* ---- Optimizers ---- */

/* g = grad + decay * w, buffer = momentum * buffer + g (step 1: g), w = w - lr * buffer. */
static void sgd_step(float lr, float factor, float decay, int step, int n, const float *grad, float *w, float *buffer) {
    FOR(i, n) {
        float g = decay != 0.0f ? grad[i] + decay * w[i] : grad[i];
        buffer[i] = step == 1 ? g : factor * buffer[i] + 1.0f * g;
        w[i] = w[i] - lr * buffer[i];
    }
}

typedef struct { float lr; double beta1, beta2; float eps, decay; int decoupled, amsgrad; } Adam;

/* m and v: averages of g and g^2; w = w - step_size * m / (sqrt(v or its maximum so far) / root + eps), where
 * step_size = lr / (1 - beta1^step) and root = sqrt(1 - beta2^step) are computed in double. */
static void adam_step(const Adam *o, int step, int n, const float *grad, float *w, float *m, float *v, float *top) {
    float step_size = (float)((double)o->lr / (1.0 - power(o->beta1, step)));
    float root = (float)square_root(1.0 - power(o->beta2, step));
    float shrink = o->decoupled ? (float)(1.0 - (double)o->lr * (double)o->decay) : 1.0f;
    float rest1 = (float)(1.0 - o->beta1), beta2 = (float)o->beta2, rest2 = (float)(1.0 - o->beta2);
    FOR(i, n) {
        float p = w[i] * shrink;
        float g = o->decay != 0.0f && !o->decoupled ? grad[i] + o->decay * p : grad[i];
        m[i] = o->beta1 > 0.5 ? m[i] + rest1 * (g - m[i]) : g - (1.0f - rest1) * (g - m[i]);
        v[i] = beta2 * v[i] + rest2 * g * g;
        if (o->amsgrad) top[i] = top[i] > v[i] ? top[i] : v[i];
        w[i] = p - step_size * m[i] / (sqrtf(o->amsgrad ? top[i] : v[i]) / root + o->eps);
    }
}

/* ---- A network and its training ---- */

enum { BATCH = 16, PIXELS = 64, DIGITS = 1797, TRAIN = DIGITS - DIGITS / 5 }; /* BATCH is the most samples of a step */

static unsigned char images[16 + PIXELS * DIGITS], labels[8 + DIGITS];

/* CONV is 3x3 with padding 1 and size channels, MAX_POOL 2x2, DROPOUT drops three of ten, DENSE has size outputs. */
typedef enum { CONV, BATCH_NORM, RELU, MAX_POOL, FLATTEN, DROPOUT, DENSE } Kind;
typedef struct { Kind kind; int size, no_bias; } Description;

/* A layer: weight and bias (or scale and shift) and their gradients, averages of a batch norm, output and gradient. */
typedef struct {
    Kind kind;
    int in, out, weights, biases;
    Conv conv; BatchNorm norm; Pool pool;
    float *w, *b, *dw, *db, mean[16], var[16], saved[16], rstd[16], y[BATCH * 512], dy[BATCH * 512];
} Layer;

static struct {
    int n, count, parameters;
    uint64_t seed;
    float w[4096], dw[4096], m[4096], v[4096], dx[BATCH * PIXELS];
    Layer layer[9];
} net;

/* Parameters stand layer by layer, weight before bias. Layer i draws its weights from stream 2 i and its biases from
 * stream 2 i + 1, at step 0. Scales start at 1, shifts at 0, running means at 0, running variances at 1. */
static void start(int n, uint64_t seed, int count, const Description *layers) {
    int c = 1, h = 8, w = 8;
    memset(&net, 0, sizeof net);
    net.n = n, net.seed = seed, net.count = count;
    FOR(i, count) {
        Layer *l = &net.layer[i];
        l->kind = layers[i].kind;
        l->in = c * h * w;
        int size = l->kind == BATCH_NORM ? c : layers[i].size, fan_in = l->kind == CONV ? 9 * c : l->in;
        l->weights = l->kind == BATCH_NORM ? size : size * fan_in;
        l->biases = layers[i].no_bias ? 0 : size;
        l->conv = (Conv){n, c, h, w, size, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1};
        l->norm = (BatchNorm){n, c, h * w};
        l->pool = (Pool){n * c, h, w, 2, 2, 0};
        if (size > 0) c = size;
        if (l->kind == MAX_POOL) h /= 2, w /= 2;
        if (l->kind == DENSE) h = w = 1;
        l->out = c * h * w;
        l->w = net.w + net.parameters, l->b = l->w + l->weights;
        l->dw = net.dw + net.parameters, l->db = l->dw + l->weights;
        net.parameters += l->weights + l->biases;
        if (l->kind == BATCH_NORM) FOR(j, c) l->w[j] = l->var[j] = 1.0f;
        if (l->kind == BATCH_NORM) continue;
        fan_in_uniform((Stream){seed, 2 * (uint32_t)i, 0}, fan_in, l->weights, l->w);
        fan_in_uniform((Stream){seed, 2 * (uint32_t)i + 1, 0}, fan_in, l->biases, l->b);
    }
}

/* Layer i in a step, counted from 0: its output, or, where dx is given, the gradients of its input, weight and bias.
 * Dropout draws from stream 2^31 + i of that step; sample s has the elements from s * features on. */
static void pass(int i, int step, float *x, float *dx) {
    Layer *l = &net.layer[i];
    int n = net.n, len = n * l->in;
    Matrix in = {x, l->in, 1}, in_t = {x, 1, l->in}, w = {l->w, l->out, 1}, w_t = {l->w, 1, l->out};
    Matrix out = {l->dy, l->out, 1};
    Stream noise = {net.seed, 0x80000000u + (uint32_t)i, (uint64_t)step};
    if (dx) FOR(j, l->weights + l->biases) l->dw[j] = 0.0f;
    if (l->kind == CONV && !dx) conv_forward(&l->conv, x, l->w, l->biases > 0 ? l->b : NULL, 0, l->y);
    if (l->kind == CONV && dx) conv_backward(&l->conv, x, l->w, l->dy, dx, l->dw, l->biases > 0 ? l->db : NULL);
    if (l->kind == BATCH_NORM && !dx) batch_norm(&l->norm, x, l->w, l->b, l->mean, l->var, l->y, l->saved, l->rstd);
    if (l->kind == BATCH_NORM && dx) batch_norm_backward(&l->norm, x, l->dy, l->w, l->saved, l->rstd, dx, l->dw, l->db);
    if (l->kind == RELU) FOR(j, len) *(dx ? &dx[j] : &l->y[j]) = dx ? relu_backward(l->y[j], l->dy[j]) : relu(x[j]);
    if (l->kind == MAX_POOL) max_pool(&l->pool, x, l->y, l->dy, dx);
    if (l->kind == FLATTEN) memcpy(dx ? dx : l->y, dx ? l->dy : x, (size_t)len * sizeof *x);
    if (l->kind == DROPOUT) dropout(noise, 0, 0.3f, len, dx ? l->dy : x, dx ? dx : l->y);
    if (l->kind == DENSE && !dx) product(n, l->out, l->in, in, w, 0, l->b, 0, l->y);
    if (l->kind == DENSE && dx) {
        product(n, l->in, l->out, out, w_t, 0, NULL, 0, dx);
        product(l->in, l->out, n, in_t, out, 0, NULL, 0, l->dw);
        FOR(s, n) FOR(o, l->out) l->db[o] = l->db[o] + l->dy[s * l->out + o];
    }
}

/* One step, counted from 0: forward, mean loss, backward, and Adam, or SGD with momentum where there is no Adam.
 * Sample i of an epoch is digit (769 i + 331 epoch) mod TRAIN of those that are left without every fifth. */
static void train_step(int step, const Adam *adam) {
    float x[BATCH * PIXELS];
    int label[BATCH], steps = TRAIN / net.n;
    FOR(s, net.n) {
        int t = (769 * (step % steps * net.n + s) + 331 * (step / steps)) % TRAIN, digit = t + t / 4;
        FOR(p, PIXELS) x[s * PIXELS + p] = (float)images[16 + digit * PIXELS + p] / 16.0f;
        label[s] = labels[8 + digit];
    }
    Layer *l = net.layer, *last = &l[net.count - 1];
    FOR(i, net.count) pass(i, step, i > 0 ? l[i - 1].y : x, NULL);
    cross_entropy(net.n, last->out, 0.0f, 1.0f / (float)net.n, last->y, label, last->dy);
    for (int i = net.count - 1; i >= 0; i--) pass(i, step, i > 0 ? l[i - 1].y : x, i > 0 ? l[i - 1].dy : net.dx);
    if (adam) adam_step(adam, step + 1, net.parameters, net.dw, net.w, net.m, net.v, NULL);
    else sgd_step(0.01f, 0.9f, 0.0f, step + 1, net.parameters, net.dw, net.w, net.m);
}

/* ---- The results ---- */

static void products(void) {
    enum { M = 23, N = 19, K = 13 };
    Matrix a = {fill(1, M * K), K, 1}, b = {fill(2, K * N), N, 1};
    float *c = zeros(M * N), *added_to = fill(4, M * N);
    product(M, N, K, a, b, 0, fill(3, N), 1, c);
    print("product", "bias_relu", M * N, c);
    product(M, N, K, a, b, 1, NULL, 0, added_to);
    print("product", "accumulated", M * N, added_to);
}

static void convolution(const char *name, Conv s, uint32_t seed) {
    int outputs = s.n * s.oc * conv_out(&s, 0) * conv_out(&s, 1), inputs = s.n * s.c * s.h * s.w;
    int weights = s.oc * s.c / s.groups * s.kernel[0] * s.kernel[1];
    float *x = fill(seed, inputs), *w = fill(seed + 1, weights), *dy = fill(seed + 2, outputs);
    float *y = zeros(outputs), *dx = zeros(inputs), *dw = zeros(weights), *db = zeros(s.oc);
    conv_forward(&s, x, w, fill(seed + 3, s.oc), 1, y);
    print(name, "bias_relu", outputs, y);
    conv_backward(&s, x, w, dy, dx, dw, db);
    print(name, "input_gradient", inputs, dx);
    print(name, "weight_gradient", weights, dw);
    print(name, "bias_gradient", s.oc, db);
    conv_backward(&s, x, w, dy, dx, dw = fill(seed + 4, weights), db = fill(seed + 5, s.oc));
    print(name, "weight_gradient_accumulated", weights, dw);
    print(name, "bias_gradient_accumulated", s.oc, db);
}

static void normalization(const char *name, BatchNorm s, uint32_t seed) {
    int n = s.n * s.channels * s.spatial, c = s.channels;
    float *x = fill(seed, n), *dy = fill(seed + 1, n), *scale = fill(seed + 2, c), *shift = fill(seed + 3, c);
    float *mean = fill(seed + 4, c), *var = fill(seed + 5, c), *saved_mean = zeros(c), *rstd = zeros(c);
    float *y = zeros(n), *dx = zeros(n), *dscale = zeros(c), *dshift = zeros(c);
    FOR(i, c) var[i] = var[i] + 1.5f;
    batch_norm(&s, x, scale, shift, mean, var, y, saved_mean, rstd);
    print(name, "training", n, y);
    print(name, "saved_mean", c, saved_mean);
    print(name, "saved_inverse_deviation", c, rstd);
    print(name, "running_mean", c, mean);
    print(name, "running_variance", c, var);
    batch_norm_backward(&s, x, dy, scale, saved_mean, rstd, dx, dscale, dshift);
    print(name, "input_gradient", n, dx);
    print(name, "scale_gradient", c, dscale);
    print(name, "shift_gradient", c, dshift);
    batch_norm_infer(&s, x, scale, shift, mean, var, y);
    print(name, "inference", n, y);
}

static void pooling(const char *name, Pool s) {
    int inputs = s.planes * s.h * s.w, outputs = s.planes * pool_out(&s, s.h) * pool_out(&s, s.w);
    float *x = fill(50, inputs), *dy = fill(51, outputs), *y = zeros(outputs), *dx = zeros(inputs);
    FOR(i, inputs) x[i] = x[i] < 0.0f ? -INFINITY : (float)(int)(4.0f * x[i]); /* many are equal */
    max_pool(&s, x, y, dy, dx);
    print(name, "forward", outputs, y);
    print(name, "input_gradient", inputs, dx);
}

static void elements(void) {
    enum { N = 333 };
    float *x = fill(60, N), *dy = fill(61, N);
    x[5] = -0.0f;
    FOR(i, N) x[i] = relu(x[i]);
    print("relu", "forward", N, x);
    FOR(i, N) dy[i] = relu_backward(x[i], dy[i]);
    print("relu", "input_gradient", N, dy);
    static const float edges[14] = {0.0f, -0.0f, INFINITY, -INFINITY, 88.72284f, 88.73f, -87.34f, -103.97f, /* of exp */
                                    0.0f, -0.0f, INFINITY, 1.0f, 0.99999994f, 1.0000001f};                  /* of ln */
    float *y = zeros(408);
    x = fill(62, 400);
    FOR(i, 408) y[i] = exponential(i < 400 ? 110.0f * x[i] : edges[i - 400]);
    print("math", "exp", 408, y);
    FOR(i, 406) y[i] = logarithm(i < 400 ? float_of(5347737u * (uint32_t)(i + 1)) : edges[8 + i - 400]);
    print("math", "ln", 406, y);
}

static void losses(void) {
    enum { ROWS = 7, CLASSES = 10, N = ROWS * CLASSES };
    float *x = fill(63, N), *y = zeros(N), nll[CLASSES];
    int label[ROWS];
    FOR(i, N) x[i] = 4.0f * x[i];
    FOR(i, ROWS) softmax(CLASSES, x + i * CLASSES, y + i * CLASSES, nll), label[i] = 3 * i % CLASSES;
    print("softmax", "forward", N, y);
    FOR(smooth, 2) {
        const char *name = smooth ? "cross_entropy_label_smoothing" : "cross_entropy";
        float loss = cross_entropy(ROWS, CLASSES, smooth ? 0.1f : 0.0f, 1.0f / 7.0f, x, label, y);
        print(name, "loss", 1, &loss);
        print(name, "gradient", N, y);
    }
}

static void random_numbers(void) {
    enum { N = 333 };
    Stream s = {0x0123456789abcdefu, 5, 0x000200000003u};
    float *x = fill(70, N), *y = zeros(2 * N);
    FOR(i, N) y[2 * i] = (float)(word(s, 0x1000000003u + (uint64_t)i) >> 16); /* the upper half of each word */
    FOR(i, N) y[2 * i + 1] = (float)(word(s, 0x1000000003u + (uint64_t)i) & 0xffff);
    print("random", "philox_words", 2 * N, y);
    dropout(s, 1001, 0.3f, N, x, y);
    print("random", "dropout", N, y);
    fan_in_uniform((Stream){9, 4, 0}, 27, N, y);
    print("random", "fan_in_uniform", N, y);
}

static void optimizers(void) {
    enum { N = 333 };
    const char *names[4] = {"adam", "adam_amsgrad_weight_decay", "adam_decoupled_weight_decay", "adam_small_betas"};
    static const Adam forms[4] = {{3e-3f, 0.9, 0.999, 1e-8f, 0.0f, 0, 0}, {3e-3f, 0.9, 0.999, 1e-8f, 0.1f, 0, 1},
                                  {3e-3f, 0.9, 0.999, 1e-8f, 0.1f, 1, 0}, {3e-3f, 0.4, 0.7, 1e-8f, 0.0f, 0, 0}};
    float *w = fill(80, N), *buffer = zeros(N);
    for (int step = 1; step <= 3; step++) sgd_step(0.1f, 0.9f, 0.01f, step, N, fill(80 + (uint32_t)step, N), w, buffer);
    print("sgd_momentum_weight_decay", "parameters", N, w);
    print("sgd_momentum_weight_decay", "momentum", N, buffer);
    FOR(f, 4) {
        float *m = zeros(N), *v = zeros(N), *top = zeros(N);
        w = fill(80, N);
        for (int step = 1; step <= 5; step++) adam_step(&forms[f], step, N, fill(80 + (uint32_t)step, N), w, m, v, top);
        print(names[f], "parameters", N, w);
        print(names[f], "average", N, m);
        print(names[f], "average_of_squares", N, v);
    }
}

static void trainings(void) {
    static const Description digits[8] = {{CONV, 8, 0}, {RELU, 0, 0},     {MAX_POOL, 0, 0}, {CONV, 16, 0},
                                          {RELU, 0, 0}, {MAX_POOL, 0, 0}, {FLATTEN, 0, 0},  {DENSE, 10, 0}};
    static const Description noisy[9] = {{CONV, 8, 1}, {BATCH_NORM, 0, 0}, {RELU, 0, 0},
                                         {MAX_POOL, 0, 0}, {CONV, 16, 0}, {RELU, 0, 0},
                                         {FLATTEN, 0, 0}, {DROPOUT, 0, 0}, {DENSE, 10, 0}};
    static const Adam adam = {3e-3f, 0.9, 0.999, 1e-8f, 0.0f, 0, 0};
    FOR(sgd, 2) {
        const char *name = sgd ? "digits_sgd" : "digits_adam";
        start(4, 1, 8, digits);
        FOR(step, 3 * (TRAIN / 4)) {
            train_step(step, sgd ? NULL : &adam);
            if (step == 19) print(name, "weights_after_20_steps", net.parameters, net.w);
        }
        print(name, "weights_after_3_epochs", net.parameters, net.w);
    }
    start(16, 7, 9, noisy);
    FOR(step, 60) train_step(step, &adam);
    print("digits_batch_norm_dropout", "weights_after_60_steps", net.parameters, net.w);
    print("digits_batch_norm_dropout", "running_means", 8, net.layer[1].mean);
    print("digits_batch_norm_dropout", "running_variances", 8, net.layer[1].var);
}

static void read_file(const char *path, unsigned char *to, size_t n) {
    FILE *file = fopen(path, "rb");
    if (file == NULL || fread(to, 1, n, file) != n) fprintf(stderr, "definition: cannot read %s\n", path), exit(1);
    fclose(file);
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: definition DIGITS-IMAGES DIGITS-LABELS\n"), 2;
    read_file(argv[1], images, sizeof images);
    read_file(argv[2], labels, sizeof labels);
    products();
    convolution("conv_general", (Conv){3, 4, 9, 11, 6, {3, 2}, {2, 1}, {1, 2}, {1, 2}, 2}, 10);
    convolution("conv_3x3", (Conv){2, 5, 8, 7, 7, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1}, 20);
    convolution("conv_depthwise", (Conv){2, 8, 7, 9, 8, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 8}, 30);
    normalization("batch_norm_7x6", (BatchNorm){5, 3, 42}, 40);
    normalization("batch_norm_37", (BatchNorm){4, 5, 37}, 41);
    normalization("batch_norm_1", (BatchNorm){6, 20, 1}, 42);
    pooling("max_pool_2x2", (Pool){6, 9, 10, 2, 2, 0});
    pooling("max_pool_3x3_stride_2_padding_1", (Pool){6, 9, 10, 3, 2, 1});
    losses();
    elements();
    random_numbers();
    optimizers();
    trainings();
    return 0;
}
