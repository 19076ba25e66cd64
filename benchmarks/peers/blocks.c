/* ∂C/∂b₁ of a tied sigmoid chain with the quadratic cost over a grid, as sign and logarithm, for |z| < 700.
   Vectors run over the points of a block, which fits the first-level cache; the layers are the loop outside of it. */
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK = 512 };

/* g = mantissa · 2^exponent, by its bits, which the compiler turns into vector instructions */
static inline double mantissa_of(double g, double *exponent) {
    int64_t bits;
    memcpy(&bits, &g, sizeof bits);
    *exponent += (double)(((bits >> 52) & 0x7ff) - 1023);
    bits = (bits & ~(0x7ffLL << 52)) | (1023LL << 52);
    memcpy(&g, &bits, sizeof g);
    return g;
}

static void block(double w, const double *b, int count, int depth, int longest, double x, double y, double *sign,
                  double *log_abs) {
    _Alignas(64) double a[BLOCK], g[BLOCK], exponent[BLOCK];
    for (int i = 0; i < count; i++) {
        a[i] = x;
        g[i] = 1 / w;
        exponent[i] = 0;
    }
    for (int l = 1; l <= depth; l++) {
#pragma omp simd aligned(a, g : 64)
        for (int i = 0; i < count; i++) {
            double e = exp(-(w * a[i] + b[i])), s = 1 / (1 + e);
            g[i] *= w * e * (s * s);
            a[i] = s;
        }
        if (l % longest == 0) {
#pragma omp simd aligned(g, exponent : 64)
            for (int i = 0; i < count; i++) g[i] = mantissa_of(g[i], &exponent[i]);
        }
    }
#pragma omp simd aligned(a, g, exponent : 64)
    for (int i = 0; i < count; i++) {
        double value = g[i] * (a[i] - y);
        sign[i] = value > 0 ? 1 : value < 0 ? -1 : 0;
        log_abs[i] = log(fabs(value)) + 0.6931471805599453 * exponent[i];
    }
}

void map(int lines, int places, int depth, int longest, double x, double y, const double *w, const double *b,
         double *sign, double *log_abs) {
#pragma omp parallel for schedule(static)
    for (int i = 0; i < lines; i++)
        for (int j = 0; j < places; j += BLOCK) {
            int count = places - j < BLOCK ? places - j : BLOCK;
            long at = (long)i * places + j;
            block(w[i], b + j, count, depth, longest, x, y, sign + at, log_abs + at);
        }
}
