/*
 * Looking up features: the shared table against Redis on a unix socket, time
 * and memory, the same values in both.
 *
 *     bench_table
 *
 *     BENCH_ENTITIES=1000000     rows of the table, 50 doubles each
 *     BENCH_REPEATS=5            medians of so many measurements
 *
 * Cold means: the next entity is drawn at random from all of them, so that
 * neither its place in the index nor its row is in a cache.  Time of hashing
 * the key is part of it.  Redis and the writer that hammers have the last
 * processor, the reader the first.
 */

#include "bench.h"

#include "mlops_clock.h"
#include "mlops_file.h"
#include "mlops_num.h"
#include "mlops_plan.h"
#include "mlops_table.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>


#define WIDE       50
#define NARROW     10
#define HOT        1000
#define ROUNDS     200000
#define BATCH      10
#define PIPELINE   64
#define LIMIT_NS   2000000000ull


typedef struct {
    mlops_plan_view_t      view;
    mlops_plan_feature_t   features[WIDE];
    mlops_column_t         columns[WIDE];
    char                   names[WIDE][8];
} wide_t;


typedef struct {
    int      fd;
    pid_t    pid;
    char    *buf;               /* of an answer */
    size_t   size;
} redis_t;


static char                 dir_path[64];
static int                  dir = -1;
static int                  repeats = 5;
static uint32_t             entities = 1000000;
static wide_t               wide;
static mlops_table_t       *writer;
static mlops_table_t       *reader;
static volatile double      sink;
static redis_t              redis = { -1, -1, NULL, 0 };


static void
finish(void)
{
    char  path[128];

    if (redis.pid > 0) {
        (void) kill(redis.pid, SIGKILL);
        (void) waitpid(redis.pid, NULL, 0);
    }

    if (dir != -1) {
        mlops_table_name(&wide.view, 0, path);
        (void) unlinkat(dir, path, 0);
        (void) unlinkat(dir, "redis.sock", 0);
        (void) rmdir(dir_path);
    }
}


static void
die(const char *fmt, ...)
{
    va_list  args;

    fprintf(stderr, "bench_table: ");
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\n");

    exit(1);
}


static inline uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;

    return *state;
}


/* Values of an entity, as count, sum, mean, min and max of money give them:
 * a whole number, two decimals, all digits, two decimals twice. */

static double
value(int64_t entity, uint32_t column)
{
    uint64_t  x;

    x = ((uint64_t) entity * 64 + column + 1) * 0x9e3779b97f4a7c15ull;
    x ^= x >> 31;
    x *= 0xd1342543de82ef95ull;

    switch (column % 5) {

    case 0:
        return (double) (x >> 57);

    case 1:
        return (double) (x >> 45) / 100;

    case 2:
        return (double) (x >> 11) * 0x1p-53 * 40;

    default:
        return (double) (x >> 52) / 100;
    }
}


static size_t
value_text(char *p, int64_t entity, uint32_t column)
{
    double  f;

    f = value(entity, column);

    return (size_t) ((column % 5 == 0 ? mlops_print_int64(p, (int64_t) f)
                                      : mlops_print_double(p, f)) - p);
}


/* Names of ten features, as people choose them. */

static const char  *narrow_names[NARROW] = {
    "rides_1h", "fare_sum_1h", "fare_mean_1h", "fare_min_1h", "fare_max_1h",
    "rides_1d", "fare_sum_1d", "fare_mean_1d", "fare_min_1d", "fare_max_1d"
};


static void
pin(int last)
{
    cpu_set_t  set;

    CPU_ZERO(&set);
    CPU_SET((size_t) (last ? sysconf(_SC_NPROCESSORS_ONLN) - 1 : 0), &set);
    (void) sched_setaffinity(0, sizeof(set), &set);
}


/* The median of a measurement, which gives nanoseconds of one operation. */

static double
median(double (*measure)(void))
{
    int     i;
    double  times[32];

    for (i = 0; i < repeats; i++) {
        times[i] = measure();
    }

    return bench_median(times, (size_t) repeats);
}


/* ---- the table */

static void
make_wide(void)
{
    uint32_t              i;
    mlops_plan_feature_t  *f;

    wide.view.name.data = "wide";
    wide.view.name.len = 4;
    wide.view.entity_type = MLOPS_TYPE_INT64;
    wide.view.entity_bytes = 8;
    wide.view.shards = 1;
    wide.view.sets = 1;
    wide.view.features_n = WIDE;
    wide.view.features = wide.features;
    wide.view.row.n = WIDE;
    wide.view.row.columns = wide.columns;

    for (i = 0; i < WIDE; i++) {
        f = &wide.features[i];
        snprintf(wide.names[i], sizeof(wide.names[i]), "f%u", (unsigned) i);
        f->name.data = wide.names[i];
        f->name.len = strlen(wide.names[i]);
        f->type = MLOPS_TYPE_FP64;
        f->first = i;
        f->width = 1;
        wide.columns[i].name = f->name;
        wide.columns[i].type = MLOPS_TYPE_FP64;
        wide.columns[i].kind = MLOPS_CELL_DOUBLE;
    }
}


static void
put(int64_t entity, double shift, uint32_t *hint)
{
    uint32_t              i;
    uint64_t              present;
    mlops_key_t           key;
    mlops_table_row_t     row;
    static mlops_cell_t   cells[WIDE];

    for (i = 0; i < WIDE; i++) {
        cells[i].f = value(entity, i) + shift;
    }

    memset(&row, 0, sizeof(row));
    memset(&key, 0, sizeof(key));

    key.number = entity;
    present = (1ull << WIDE) - 1;
    row.valid_us = INT64_MAX;
    row.partition = -1;
    row.cells = cells;
    row.present = &present;

    if (mlops_table_put(writer, &key, mlops_key_hash(MLOPS_TYPE_INT64, &key),
                        hint, &row)
        != MLOPS_OK)
    {
        die("no room for an entity");
    }
}


static void
make_table(void)
{
    char         tmp[MLOPS_TMP_SIZE], name[MLOPS_TABLE_NAME_SIZE];
    int64_t      i;
    uint32_t     hint;
    mlops_err_t  err;

    make_wide();

    writer = mlops_table_create(dir, &wide.view, 0, entities, (uid_t) -1,
                                (gid_t) -1, tmp, &err);

    if (writer == NULL || mlops_table_commit(writer, tmp, &err) != MLOPS_OK) {
        die("%s", err.text);
    }

    for (i = 0; i < entities; i++) {
        hint = UINT32_MAX;
        put(i, 0, &hint);
    }

    mlops_table_name(&wide.view, 0, name);
    reader = mlops_table_open(dir, name, (uid_t) -1, &err);

    if (reader == NULL) {
        die("%s", err.text);
    }
}


static uint64_t  seed = 88172645463325252ull;


static double
gets_of(uint32_t range, uint32_t n, int64_t base)
{
    uint32_t              i, found;
    double                sum;
    uint64_t              present, start;
    mlops_key_t           key;
    mlops_table_found_t   at;
    static mlops_cell_t   cells[WIDE];

    memset(&key, 0, sizeof(key));
    found = 0;
    sum = 0;
    start = mlops_clock_ns();

    for (i = 0; i < n; i++) {
        key.number = base + (int64_t) (next_random(&seed) % range);

        if (mlops_table_get(reader, &key,
                            mlops_key_hash(MLOPS_TYPE_INT64, &key), 0,
                            INT64_MIN, cells, &present, NULL, &at)
            == MLOPS_OK)
        {
            found++;
            sum += cells[i % WIDE].f;
        }
    }

    sink = sum;

    if (found != (base == 0 ? n : 0)) {
        die("%u of %u entities were found", found, n);
    }

    return (double) (mlops_clock_ns() - start) / n;
}


static double get_hot(void) { return gets_of(HOT, 5 * ROUNDS, 0); }


static double get_cold(void) { return gets_of(entities, ROUNDS, 0); }


static double
get_miss(void)
{
    return gets_of(entities, ROUNDS, (int64_t) 1 << 40);
}


/* A request of ten entities, as the join does it. */

static double
get_batch(void)
{
    uint32_t              i, k, n;
    double                sum;
    uint64_t              present, start, hash[BATCH];
    mlops_key_t           key[BATCH];
    mlops_table_found_t   at;
    static mlops_cell_t   cells[BATCH][WIDE];

    memset(key, 0, sizeof(key));
    n = ROUNDS / BATCH;
    sum = 0;
    start = mlops_clock_ns();

    for (i = 0; i < n; i++) {
        for (k = 0; k < BATCH; k++) {
            key[k].number = (int64_t) (next_random(&seed) % entities);
            hash[k] = mlops_key_hash(MLOPS_TYPE_INT64, &key[k]);
            mlops_table_prefetch(reader, hash[k]);
        }

        for (k = 0; k < BATCH; k++) {
            if (k == 0) {
                mlops_table_prefetch_row(reader, hash[0]);
            }

            if (k + 1 < BATCH) {
                mlops_table_prefetch_row(reader, hash[k + 1]);
            }

            if (mlops_table_get(reader, &key[k], hash[k], 0, INT64_MIN,
                                cells[k], &present, NULL, &at)
                != MLOPS_OK)
            {
                die("an entity was not found");
            }
        }

        sum += cells[i % BATCH][i % WIDE].f;
    }

    sink = sum;

    return (double) (mlops_clock_ns() - start) / n;
}


static double
put_cold(void)
{
    uint32_t  i, hint;
    uint64_t  start;

    start = mlops_clock_ns();

    for (i = 0; i < ROUNDS; i++) {
        hint = UINT32_MAX;
        put((int64_t) (next_random(&seed) % entities), 0, &hint);
    }

    return (double) (mlops_clock_ns() - start) / ROUNDS;
}


/* Gets while another process puts as fast as it can. */

static double
get_hammered(double *puts_ns)
{
    pid_t               pid;
    double              ns;
    uint32_t            hint;
    uint64_t            start, before;
    _Atomic uint64_t   *puts;

    puts = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                -1, 0);

    if (puts == MAP_FAILED) {
        die("mmap(): %s", strerror(errno));
    }

    pid = fork();

    if (pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(1);

        for ( ;; ) {
            hint = UINT32_MAX;
            put((int64_t) (next_random(&seed) % entities), 0, &hint);
            atomic_store_explicit(puts, *puts + 1, memory_order_relaxed);
        }
    }

    while (atomic_load_explicit(puts, memory_order_relaxed) == 0) {
        (void) sched_yield();
    }

    before = *puts;
    start = mlops_clock_ns();
    ns = median(get_cold);
    *puts_ns = (double) (mlops_clock_ns() - start) / (double) (*puts - before);

    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, NULL, 0);
    (void) munmap(puts, 4096);

    return ns;
}


/* ---- Redis */

static int
redis_start(void)
{
    int                 i;
    char                path[100];
    struct sockaddr_un  addr;

    if (access("/usr/bin/redis-server", X_OK) != 0) {
        printf("redis-server is not installed: no comparison\n");
        return 0;
    }

    snprintf(path, sizeof(path), "%s/redis.sock", dir_path);
    redis.pid = fork();

    if (redis.pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(1);
        (void) !freopen("/dev/null", "w", stdout);
        execl("/usr/bin/redis-server", "redis-server", "--port", "0",
              "--unixsocket", path, "--save", "", "--appendonly", "no",
              "--dir", dir_path, (char *) NULL);
        _exit(127);
    }

    memset(&addr, 0, sizeof(addr));
    addr.sun_family = AF_UNIX;
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);

    for (i = 0; i < 500; i++) {
        redis.fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0);

        if (connect(redis.fd, (struct sockaddr *) &addr, sizeof(addr)) == 0) {
            redis.size = 1 << 20;
            redis.buf = malloc(redis.size);
            return redis.buf != NULL;
        }

        (void) close(redis.fd);
        (void) usleep(10000);
    }

    die("redis-server does not answer");

    return 0;
}


static size_t
redis_words(char *p, uint32_t n)
{
    return (size_t) sprintf(p, "*%u\r\n", (unsigned) n);
}


static size_t
redis_word(char *p, const char *word, size_t len)
{
    size_t  at;

    at = (size_t) sprintf(p, "$%zu\r\n", len);
    memcpy(p + at, word, len);
    memcpy(p + at + len, "\r\n", 2);

    return at + len + 2;
}


static void
redis_send(const char *data, size_t len)
{
    ssize_t  n;

    while (len > 0) {
        n = write(redis.fd, data, len);

        if (n <= 0) {
            die("write to Redis: %s", strerror(errno));
        }

        data += n;
        len -= (size_t) n;
    }
}


/* Reads until n lines have come; returns the bytes. */

static size_t
redis_lines(uint32_t n)
{
    char     *p;
    size_t    len, seen;
    ssize_t   got;

    for (len = 0, seen = 0; n > 0; /* void */ ) {
        got = read(redis.fd, redis.buf + len, redis.size - 1 - len);

        if (got <= 0) {
            die("read from Redis: %s", strerror(errno));
        }

        len += (size_t) got;

        while (n > 0 && (p = memchr(redis.buf + seen, '\n', len - seen))) {
            seen = (size_t) (p - redis.buf) + 1;
            n--;
        }
    }

    redis.buf[len] = '\0';

    return len;
}


static size_t
redis_key(char *p, const char *kind, int64_t entity)
{
    char  key[32];

    return redis_word(p, key, (size_t) snprintf(key, sizeof(key), "%s:%lld",
                                                kind, (long long) entity));
}


/* HSET of n entities with so many fields. */

static void
redis_load(const char *kind, uint32_t n, uint32_t fields)
{
    char        *out, text[MLOPS_DOUBLE_LEN], name[16];
    size_t       len;
    uint32_t     i, k, sent;
    const char  *field;

    out = malloc((size_t) PIPELINE * (fields * 64 + 128));

    if (out == NULL) {
        die("out of memory");
    }

    for (i = 0; i < n; i += sent) {
        for (sent = 0, len = 0; sent < PIPELINE && i + sent < n; sent++) {
            len += redis_words(out + len, 2 + 2 * fields);
            len += redis_word(out + len, "HSET", 4);
            len += redis_key(out + len, kind, i + sent);

            for (k = 0; k < fields; k++) {
                (void) snprintf(name, sizeof(name), "f%u", (unsigned) k);
                field = (fields == NARROW) ? narrow_names[k] : name;
                len += redis_word(out + len, field, strlen(field));
                len += redis_word(out + len, text,
                                  value_text(text, i + sent, k));
            }
        }

        redis_send(out, len);
        (void) redis_lines(sent);
    }

    free(out);
}


static uint64_t
redis_memory(void)
{
    char  *p;

    redis_send("*2\r\n$4\r\nINFO\r\n$6\r\nmemory\r\n", 26);
    (void) redis_lines(3);
    p = strstr(redis.buf, "used_memory:");

    while (strstr(redis.buf, "mem_fragmentation_bytes") == NULL) {
        (void) usleep(1000);
        (void) !read(redis.fd, redis.buf + strlen(redis.buf), 4096);
    }

    return p ? strtoull(p + 12, NULL, 10) : 0;
}


static uint32_t  redis_n;


/* One HMGET of all fields, there and back, with the numbers parsed as the
 * table has them. */

static double
redis_get(void)
{
    char      out[2048], name[8], *p, *end;
    double    sum, number;
    size_t    len;
    uint32_t  i, k, n;
    uint64_t  start;

    sum = 0;
    n = 20000;
    start = mlops_clock_ns();

    for (i = 0; i < n; i++) {
        len = redis_words(out, 2 + WIDE);
        len += redis_word(out + len, "HMGET", 5);
        len += redis_key(out + len, "wide",
                         (int64_t) (next_random(&seed) % redis_n));

        for (k = 0; k < WIDE; k++) {
            len += redis_word(out + len, name,
                              (size_t) snprintf(name, sizeof(name), "f%u",
                                                (unsigned) k));
        }

        redis_send(out, len);
        len = redis_lines(1 + 2 * WIDE);
        p = redis.buf;
        end = p + len;

        for (k = 0; k < WIDE; k++) {
            p = memchr(p, '$', (size_t) (end - p));

            if (p == NULL) {
                die("Redis: expected %d values", WIDE);
            }

            p = memchr(p, '\n', (size_t) (end - p));
            (void) mlops_parse_double(p + 1, end, &number);
            sum += number;
        }

        if (mlops_clock_ns() - start > LIMIT_NS) {
            n = i + 1;
        }
    }

    sink = sum;

    return (double) (mlops_clock_ns() - start) / n;
}


/* ---- memory of one entity with ten features */

static void
memory(uint64_t redis_bytes)
{
    char                      json[2048];
    size_t                    len;
    uint32_t                  i;
    mlops_err_t               err;
    mlops_arena_t             arena;
    mlops_plan_t              plan;
    mlops_plan_where_t        where;
    const mlops_plan_view_t  *view;

    static const char  *functions[] = {
        "count()", "sum(x)", "mean(x)", "min(x)", "max(x)"
    };

    len = (size_t) snprintf(json, sizeof(json),
        "{\"abi\":1,\"time\":\"2026-01-01T00:00:00Z\",\"nodes\":["
        "[\"b\",1,\"mlops_kafka\",\"k\",[[\"b\",2,\"bootstrap.servers\","
        "\"127.0.0.1:9\"]]],"
        "[\"b\",3,\"mlops_state\",\"/tmp/state\"],"
        "[\"b\",4,\"mlops_store\",\"/tmp/store\"],"
        "[\"b\",5,\"mlops_view\",\"v\",["
        "[\"b\",6,\"source\",\"kafka=k\",\"topic=t\"],"
        "[\"b\",7,\"entity\",\"id\",\"int64\"],"
        "[\"b\",8,\"event_time\",\"ts\",\"unit=ms\"]");

    for (i = 0; i < NARROW; i++) {
        len += (size_t) snprintf(json + len, sizeof(json) - len,
            ",[\"b\",%u,\"feature\",\"%s\",\"%s\",\"window=%s\"]",
            9 + (unsigned) i, narrow_names[i], functions[i % 5],
            i < 5 ? "1h" : "1d");
    }

    len += (size_t) snprintf(json + len, sizeof(json) - len, "]]]}");

    mlops_arena_init(&arena, NULL, NULL);
    mlops_plan_init(&plan, &arena);
    memset(&where, 0, sizeof(where));

    if (mlops_plan_read(&plan, json, len, &where, &err) != MLOPS_OK) {
        die("%s (line %u)", err.text, (unsigned) where.line);
    }

    view = &plan.views[0];

    printf("memory of an entity with %d features, int64 key: table %u bytes, "
           "window state %u\n", NARROW, (unsigned) view->row_bytes,
           (unsigned) view->state_bytes);
    printf("| memory of an entity with 10 features, values only |"
           " %u bytes |", (unsigned) view->row_bytes);

    if (redis_bytes != 0) {
        printf(" Redis %llu bytes | %.2fx |  |  |\n",
               (unsigned long long) redis_bytes,
               (double) redis_bytes / view->row_bytes);

    } else {
        printf("  |  |  |  |\n");
    }

    printf("| the same with the state of ten windows (1h and 1d, 12 hops),"
           " which Redis does not have | %u bytes |  |  |  |  |\n",
           (unsigned) (view->row_bytes + view->state_bytes));

    mlops_arena_destroy(&arena);
}


static uint64_t
bench_redis(double cold)
{
    double    ns;
    uint32_t  n;
    uint64_t  before, bytes;

    if (!redis_start()) {
        return 0;
    }

    n = entities < 200000 ? entities : 200000;

    before = redis_memory();
    redis_load("narrow", n, NARROW);
    bytes = (redis_memory() - before) / n;

    redis_n = n < 100000 ? n : 100000;
    redis_load("wide", redis_n, WIDE);
    ns = median(redis_get);

    printf("redis HMGET of %d, unix socket       %10.0f ns\n", WIDE, ns);
    printf("| feature lookup, %d values, shared table (cold) against Redis"
           " on a unix socket | %.2f us | %.1f us | %.0fx | 2 us / 100 us |"
           " 0.3 us / 60 us |\n", WIDE, cold / 1000, ns / 1000, ns / cold);

    return bytes;
}


int
main(void)
{
    double       hot, cold, miss, batch, hammered, puts, hammer_ns;
    uint64_t     redis_bytes;
    const char  *base, *text;

    text = getenv("BENCH_ENTITIES");

    if (text != NULL && atoi(text) > 0) {
        entities = (uint32_t) atoi(text);
    }

    text = getenv("BENCH_REPEATS");

    if (text != NULL && atoi(text) > 0) {
        repeats = atoi(text) < 32 ? atoi(text) : 31;
    }

    base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(dir_path, sizeof(dir_path), "%s/mlops-bench.XXXXXX", base);

    if (mkdtemp(dir_path) == NULL) {
        die("mkdtemp(): %s", strerror(errno));
    }

    dir = open(dir_path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    (void) atexit(finish);
    setvbuf(stdout, NULL, _IOLBF, 0);

    pin(0);
    make_table();

    /* once around: pages of the reader's mapping are there */

    (void) gets_of(entities, entities, 0);

    hot = median(get_hot);
    cold = median(get_cold);
    miss = median(get_miss);
    batch = median(get_batch);
    puts = median(put_cold);
    hammered = get_hammered(&hammer_ns);

    printf("%u entities of %d doubles, %llu MiB\n", (unsigned) entities, WIDE,
           (unsigned long long) (mlops_table_header(writer)->file_len >> 20));
    printf("get, hot                            %10.0f ns\n", hot);
    printf("get, cold                           %10.0f ns\n", cold);
    printf("get, no such entity                 %10.0f ns\n", miss);
    printf("get, cold, a writer every %4.0f ns   %10.0f ns\n", hammer_ns,
           hammered);
    printf("put, cold                           %10.0f ns\n", puts);
    printf("get of %d, cold                     %10.0f ns\n", BATCH, batch);

    redis_bytes = bench_redis(cold);

    printf("| %d rows x %d features from the shared table, cold | %.2f us |"
           "  |  | 20 us |  |\n", BATCH, WIDE, batch / 1000);
    printf("| the lookup while a writer puts a row every %.0f ns | %.2f us |"
           "  |  |  |  |\n", hammer_ns, hammered / 1000);

    memory(redis_bytes);

    mlops_table_close(reader);
    mlops_table_close(writer);

    return 0;
}
