/* One division of vectors a layer and point, and nothing else: so long takes what no form of a sigmoid does without.
   Chains of divisions are independent, so that it is the divider that is measured and not its latency. */
enum { LANES = 8, CHAINS = 16 };
typedef double vector __attribute__((vector_size(LANES * sizeof(double))));

double divide(long points, int depth, double w) {
    double all = 0;
#pragma omp parallel for schedule(static) reduction(+ : all)
    for (long first = 0; first < points; first += LANES * CHAINS) {
        vector a[CHAINS];
        for (int k = 0; k < CHAINS; k++) a[k] = (vector){} + (w + k);
        for (int l = 0; l < depth; l++)
#pragma GCC unroll 16
            for (int k = 0; k < CHAINS; k++) a[k] = w / a[k];
        for (int k = 0; k < CHAINS; k++) all += a[k][0];
    }
    return all;
}
