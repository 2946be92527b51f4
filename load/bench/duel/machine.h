/* What the load generator reads of the machine: clocks, processor time, stolen time; shares of a sample. */
#ifndef MACHINE_H
#define MACHINE_H

static const int64_t SECOND_NS = 1000000000;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void fail(const char *why) { fprintf(stderr, "generator: %s\n", why); exit(2); }

static double cpu_s(int pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f) fail("the server is gone");
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    char *at = strrchr(text, ')');
    unsigned long user, system;
    if (!at || sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) fail("stat");
    return (double)(user + system) / sysconf(_SC_CLK_TCK);
}

static double own_cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double steal_share(long long before[2]) {
    long long v[8] = {0};
    FILE *f = fopen("/proc/stat", "r");
    if (!f || fscanf(f, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7) != 8) fail("/proc/stat");
    fclose(f);
    long long total = 0;
    for (int i = 0; i < 8; i++) total += v[i];
    double share = total > before[0] ? (double)(v[7] - before[1]) / (total - before[0]) : 0;
    before[0] = total; before[1] = v[7];
    return share;
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double at_share(uint32_t *values, long n, double share) {
    return n ? values[(long)(share * (n - 1))] / 1000.0 : 0;
}

#endif
