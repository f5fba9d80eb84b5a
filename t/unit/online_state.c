/*
 * States of online learning: going on from one gives the bits of never having
 * stopped; one that is damaged, foreign or of other settings is refused with
 * a sentence; a process that is killed while it saves, at each named point,
 * leaves the old state or the new one, and nothing that stays.
 *
 * The sources of the writer are compiled in here with their fault points,
 * which ask this program whether to die.
 */

#define MLOPS_FAULTS  1

#include "onlines.h"
#include "mlops_file.h"
#include "mlops_hash.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>

/* what the fault points are in */

#include "../../core/shm/mlops_file_write.c"
#include "../../workers/learn/mlops_online_state.c"


enum {
    EXAMPLES = 400,
    FEATURES = 11,
    POINTS = 32
};


typedef struct {
    uint32_t  index[EXAMPLES][FEATURES];
    float     value[EXAMPLES][FEATURES];
    double    dense[EXAMPLES][FEATURES];
    double    label[EXAMPLES];
    double    weight[EXAMPLES];
} stream_t;


static stream_t   stream;

static int        fatal = -1;           /* dies at its fatal-th point */
static int        passed;
static char       names[POINTS][32];


void
mlops_fault(const char *point)
{
    if (passed < POINTS) {
        snprintf(names[passed], sizeof(names[passed]), "%s", point);
    }

    if (passed++ == fatal) {
        (void) kill(getpid(), SIGKILL);
    }
}


static void
make_stream(void)
{
    uint32_t  i, k;
    uint64_t  seed;

    seed = 99;

    for (i = 0; i < EXAMPLES; i++) {
        for (k = 0; k < FEATURES; k++) {
            stream.index[i][k] = (uint32_t) unit_random(&seed);
            stream.value[i][k] = (float) (unit_random(&seed) >> 40)
                                 / 8388608.0f - 1;
            stream.dense[i][k] = stream.value[i][k];
        }

        stream.label[i] = unit_random(&seed) >> 63;
        stream.weight[i] = (double) (unit_random(&seed) % 4);
    }
}


static mlops_online_conf_t
conf_of(mlops_online_algorithm_t algorithm, mlops_online_loss_t loss)
{
    mlops_online_conf_t  conf;

    mlops_online_defaults(&conf, algorithm);

    conf.loss = loss;
    conf.window = 75;
    conf.l1 = 0.01;
    conf.l2 = 0.02;
    conf.forgetting = 0.99;
    conf.tag = 0x1234;

    if (algorithm == MLOPS_ONLINE_RLS) {
        conf.dense = FEATURES;

    } else {
        conf.bits = 8;
    }

    return conf;
}


/* Examples from first to below end; an infinite one among them. */

static void
learn(mlops_online_t *online, uint32_t first, uint32_t end)
{
    uint32_t          i;
    mlops_err_t       err;
    mlops_example_t   e;

    memset(&e, 0, sizeof(e));
    e.n = FEATURES;

    for (i = first; i < end; i++) {
        e.index = stream.index[i];
        e.value = stream.value[i];
        e.dense = stream.dense[i];
        e.label = (i == 31) ? INFINITY : stream.label[i];
        e.weight = stream.weight[i];

        assert_int_equal(mlops_online_learn(online, &e, NULL, &err),
                         i == 31 ? MLOPS_ERROR : MLOPS_OK);
    }
}


static void
save(const mlops_online_t *online, int dir, const char *name)
{
    mlops_err_t  err;

    unit_ok(onlines_save(online, dir, name, 0, &err) == MLOPS_OK, "%s",
            err.text);
}


static char *
slurp(const char *dir, const char *name, size_t *len)
{
    char  path[UNIT_PATH_SIZE], *data;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    data = unit_slurp(path, len);
    unit_ok(data != NULL, "no %s", path);

    return data;
}


static int
open_dir(const char *dir)
{
    int  fd;

    fd = open(dir, O_RDONLY|O_DIRECTORY);
    assert_true(fd != -1);

    return fd;
}


static void
resume(mlops_online_algorithm_t algorithm, mlops_online_loss_t loss)
{
    int                       dir;
    char                     *one, *two;
    size_t                    len, two_len;
    mlops_err_t               err;
    const char               *path;
    mlops_online_t           *whole, *half, *rest;
    mlops_online_conf_t       conf;
    mlops_online_progress_t   a, b;

    path = unit_tmpdir();
    dir = open_dir(path);
    conf = conf_of(algorithm, loss);

    whole = onlines_create(&conf);
    learn(whole, 0, EXAMPLES);
    save(whole, dir, "whole");

    half = onlines_create(&conf);
    learn(half, 0, 217);
    save(half, dir, "half");
    mlops_online_destroy(half);

    rest = mlops_online_load(dir, "half", &conf, &err);
    unit_ok(rest != NULL, "%s", err.text);
    assert_true(mlops_online_origin(rest) != 0);
    learn(rest, 217, EXAMPLES);
    save(rest, dir, "rest");

    one = slurp(path, "whole", &len);
    two = slurp(path, "rest", &two_len);
    assert_int_equal(len, two_len);
    assert_memory_equal(one, two, len);

    mlops_online_progress(whole, 1, &a);
    mlops_online_progress(rest, 1, &b);
    assert_int_equal(a.refused, 1);
    assert_int_equal(a.examples, EXAMPLES - 1);
    assert_true(a.loss == b.loss && a.window_loss == b.window_loss
                && a.window_n == 75);

    free(one);
    free(two);
    mlops_online_destroy(whole);
    mlops_online_destroy(rest);
    close(dir);
}


static void
test_resume(void **state)
{
    (void) state;

    resume(MLOPS_ONLINE_FTRL, MLOPS_ONLINE_LOGISTIC);
    resume(MLOPS_ONLINE_FTRL, MLOPS_ONLINE_POISSON);
    resume(MLOPS_ONLINE_ADAGRAD, MLOPS_ONLINE_HUBER);
    resume(MLOPS_ONLINE_ADAGRAD, MLOPS_ONLINE_QUANTILE);
    resume(MLOPS_ONLINE_RLS, MLOPS_ONLINE_SQUARED);
}


/* The header against the bytes that it documents, and the table against the
 * formula of a first example: z = g, n = g². */

static void
test_layout(void **state)
{
    int                   dir;
    char                 *data;
    float                 pair[2], x;
    size_t                len;
    double                number;
    uint32_t              u32, index;
    uint64_t              u64;
    const char           *path;
    mlops_err_t           err;
    mlops_online_t       *online;
    mlops_example_t       e;
    mlops_online_conf_t   conf;

    (void) state;

    path = unit_tmpdir();
    dir = open_dir(path);
    conf = conf_of(MLOPS_ONLINE_FTRL, MLOPS_ONLINE_LOGISTIC);
    online = onlines_create(&conf);

    x = 0.5f;
    index = 256 + 17;
    memset(&e, 0, sizeof(e));
    e.index = &index;
    e.value = &x;
    e.n = 1;
    e.label = 1;
    e.weight = 2;
    assert_int_equal(mlops_online_learn(online, &e, NULL, &err), MLOPS_OK);

    save(online, dir, "s");
    mlops_online_destroy(online);
    data = slurp(path, "s", &len);

    /* 384, the window of 75 floats to a multiple of 64, 256 pairs */

    assert_int_equal(len, 384 + 320 + 256 * 8);
    assert_memory_equal(data, "mlopsonl", 8);

    memcpy(&u32, data + 8, 4);
    assert_int_equal(u32, 1);
    memcpy(&u64, data + 24, 8);
    assert_true(u64 == mlops_hash(data + 32, len - 32, 0));
    memcpy(&u32, data + 40, 4);
    assert_int_equal(u32, 8);
    memcpy(&number, data + 72, 8);
    assert_true(number == 0.01);
    memcpy(&u64, data + 144, 8);
    assert_int_equal(u64, 0x1234);
    memcpy(&u64, data + 152, 8);
    assert_int_equal(u64, 1);
    memcpy(&number, data + 184, 8);
    assert_true(number == 2);
    memcpy(&number, data + 192, 8);
    assert_true(fabs(number - 2 * log(2)) < 1e-15);
    memcpy(&u64, data + 232, 8);
    assert_int_equal(u64, 1);
    memcpy(&x, data + 384, 4);
    assert_true(x == -(float) log(2));          /* 0 is not above 0: wrong */

    memcpy(pair, data + 384 + 320 + 17 * 8, 8);
    assert_true(pair[0] == -0.5f && pair[1] == 0.25f);

    free(data);
    close(dir);
}


/* Of layout 2 is one with labels; one without stays what it was. */

static void
test_labels(void **state)
{
    int                   dir;
    char                 *plain, *data, *again;
    size_t                len, more, n;
    uint32_t              u32;
    uint64_t              u64;
    const char           *path;
    mlops_err_t           err;
    mlops_str_t           text;
    mlops_online_t       *online;
    mlops_online_conf_t   conf;

    static const char  labels[] = "{\"target\":\"y\"}";

    (void) state;

    path = unit_tmpdir();
    dir = open_dir(path);
    conf = conf_of(MLOPS_ONLINE_FTRL, MLOPS_ONLINE_LOGISTIC);
    online = onlines_create(&conf);
    learn(online, 0, 50);
    assert_int_equal(mlops_online_get_labels(online).len, 0);
    save(online, dir, "plain");

    n = sizeof(labels) - 1;
    assert_int_equal(mlops_online_set_labels(online, labels, n, &err),
                     MLOPS_OK);
    save(online, dir, "labelled");
    mlops_online_destroy(online);

    plain = slurp(path, "plain", &len);
    data = slurp(path, "labelled", &more);
    assert_int_equal(more, len + n);
    assert_memory_equal(plain + 32, data + 32, 240 - 32);
    assert_memory_equal(plain + 248, data + 248, len - 248);
    assert_memory_equal(data + len, labels, n);

    memcpy(&u32, plain + 8, 4);
    assert_int_equal(u32, 1);
    memcpy(&u32, data + 8, 4);
    assert_int_equal(u32, 2);
    memcpy(&u64, data + 240, 8);
    assert_int_equal(u64, n);

    online = mlops_online_load(dir, "labelled", &conf, &err);
    unit_ok(online != NULL, "%s", err.text);
    text = mlops_online_get_labels(online);
    assert_int_equal(text.len, n);
    assert_memory_equal(text.data, labels, n);
    save(online, dir, "again");
    again = slurp(path, "again", &len);
    assert_int_equal(len, more);
    assert_memory_equal(again, data, more);

    /* what was there before is replaced, or taken away */

    assert_int_equal(mlops_online_set_labels(online, "x", 1, &err),
                     MLOPS_OK);
    assert_int_equal(mlops_online_get_labels(online).len, 1);
    assert_int_equal(mlops_online_set_labels(online, NULL, 0, &err),
                     MLOPS_OK);
    save(online, dir, "again");
    mlops_online_destroy(online);
    free(again);
    again = slurp(path, "again", &len);
    assert_int_equal(len, more - n);
    assert_memory_equal(again, plain, len);

    free(again);
    free(plain);
    free(data);
    close(dir);
}


/* Writes bytes as a state and expects that it is refused for this. */

static void
refused(const char *path, int dir, const char *data, size_t len,
    const mlops_online_conf_t *conf, const char *reason)
{
    char             file[UNIT_PATH_SIZE];
    mlops_err_t      err;
    mlops_online_t  *online;

    snprintf(file, sizeof(file), "%s/bad", path);
    unit_spew(file, data, len);

    online = mlops_online_load(dir, "bad", conf, &err);
    unit_ok(online == NULL, "accepted, expected: %s", reason);
    unit_ok(strstr(err.text, reason) != NULL && strncmp(err.text, "bad", 3)
            == 0, "expected: %s\ngot:      %s", reason, err.text);
}


static void
mend(char *data, size_t len)
{
    uint64_t  checksum;

    checksum = mlops_hash(data + 32, len - 32, 0);
    memcpy(data + 24, &checksum, 8);
}


/* Sizes of labels that are none, or not those of the file. */

static void
test_labels_damage(void **state)
{
    int                   dir;
    char                 *data;
    size_t                len;
    uint32_t              u32;
    uint64_t              u64;
    const char           *path;
    mlops_err_t           err;
    mlops_online_t       *online;
    mlops_online_conf_t   conf;

    (void) state;

    path = unit_tmpdir();
    dir = open_dir(path);
    conf = conf_of(MLOPS_ONLINE_RLS, MLOPS_ONLINE_SQUARED);
    online = onlines_create(&conf);
    assert_int_equal(mlops_online_set_labels(online, "abc", 3, &err),
                     MLOPS_OK);
    unit_ok(mlops_online_set_labels(online, "", (size_t) 1 << 21, &err)
            == MLOPS_ERROR, "too long, and taken");
    save(online, dir, "good");
    mlops_online_destroy(online);
    data = slurp(path, "good", &len);

    u64 = 4;
    memcpy(data + 240, &u64, 8);
    mend(data, len);
    refused(path, dir, data, len, NULL, "not a state that can be used: "
            "expected ");
    u64 = UINT64_MAX - 3;
    memcpy(data + 240, &u64, 8);
    mend(data, len);
    refused(path, dir, data, len, NULL, "its labels");
    u64 = 0;
    memcpy(data + 240, &u64, 8);
    mend(data, len);
    refused(path, dir, data, len, NULL, "its labels");
    u64 = 3;
    memcpy(data + 240, &u64, 8);
    u32 = 1;
    memcpy(data + 8, &u32, 4);
    mend(data, len);
    refused(path, dir, data, len, NULL, "its labels");

    free(data);
    close(dir);
}


static void
test_damage(void **state)
{
    int                   dir;
    char                 *data, *copy;
    float                 bad;
    size_t                len, i;
    uint32_t              u32;
    uint64_t              u64;
    const char           *path;
    mlops_online_t       *online;
    mlops_online_conf_t   conf, other;

    (void) state;

    path = unit_tmpdir();
    dir = open_dir(path);
    conf = conf_of(MLOPS_ONLINE_FTRL, MLOPS_ONLINE_LOGISTIC);
    online = onlines_create(&conf);
    learn(online, 0, 100);
    save(online, dir, "good");
    mlops_online_destroy(online);
    data = slurp(path, "good", &len);
    copy = malloc(len + 8);
    assert_non_null(copy);

    for (i = 32; i < len; i += 41) {
        memcpy(copy, data, len);
        copy[i] ^= 0x40;
        refused(path, dir, copy, len, NULL, "damaged: its checksum");
    }

    refused(path, dir, data, len - 1, NULL, "damaged: expected 2752 bytes, "
            "got 2751");
    refused(path, dir, data, 383, NULL, "not the state of an online learner");
    refused(path, dir, "x", 1, NULL, "not the state of an online learner");
    memcpy(copy, data, len);
    memset(copy + len, 0, 8);
    refused(path, dir, copy, len + 8, NULL, "damaged: expected 2752");

    memcpy(copy, data, len);
    memcpy(copy, "mlopsckp", 8);
    refused(path, dir, copy, len, NULL, "not the state");

    memcpy(copy, data, len);
    u32 = 3;
    memcpy(copy + 8, &u32, 4);
    refused(path, dir, copy, len, NULL, "a state of layout 3: expected 1 or "
            "2");

    /* with a checksum that fits */

    memcpy(copy, data, len);
    u32 = 28;
    memcpy(copy + 40, &u32, 4);
    mend(copy, len);
    refused(path, dir, copy, len, NULL, "not a state that can be used: "
            "expected 2147484352 bytes");

    memcpy(copy, data, len);
    bad = NAN;
    memcpy(copy + len - 8, &bad, 4);
    mend(copy, len);
    refused(path, dir, copy, len, NULL, "a number in it is not finite");

    memcpy(copy, data, len);
    bad = -1;
    memcpy(copy + len - 4, &bad, 4);
    mend(copy, len);
    refused(path, dir, copy, len, NULL, "negative where it cannot be");

    memcpy(copy, data, len);
    copy[300] = 1;
    mend(copy, len);
    refused(path, dir, copy, len, NULL, "bytes that are to be 0 are not");

    memcpy(copy, data, len);
    copy[384 + 300] = 1;
    mend(copy, len);
    refused(path, dir, copy, len, NULL, "bytes that are to be 0 are not");

    memcpy(copy, data, len);
    u64 = 75;
    memcpy(copy + 224, &u64, 8);
    mend(copy, len);
    refused(path, dir, copy, len, NULL, "its counters contradict");

    memcpy(copy, data, len);
    copy[88 + 7] = 0x40;                        /* a rate, of ftrl */
    mend(copy, len);
    refused(path, dir, copy, len, NULL, "settings that ftrl does not have");

    memcpy(copy, data, len);
    u32 = 77;
    memcpy(copy + 32, &u32, 4);
    mend(copy, len);
    refused(path, dir, copy, len, NULL, "there is no algorithm 77");

    /* of other settings */

    other = conf;
    other.alpha = 0.2;
    refused(path, dir, data, len, &other, "alpha: the state was learned with "
            "0.1, expected 0.2");
    other = conf;
    other.bits = 9;
    refused(path, dir, data, len, &other, "a state of 8 bits");
    other = conf;
    other.tag = 1;
    refused(path, dir, data, len, &other, "other features");
    other = conf;
    other.loss = MLOPS_ONLINE_SQUARED;
    refused(path, dir, data, len, &other, "ftrl with loss \"logistic\": "
            "expected ftrl with \"squared\"");

    free(data);
    free(copy);
    close(dir);
}


static uint32_t
entries(const char *path)
{
    DIR            *stream_of;
    uint32_t        n;
    struct dirent  *entry;

    stream_of = opendir(path);
    assert_non_null(stream_of);

    for (n = 0; (entry = readdir(stream_of)) != NULL; /* void */ ) {
        n += strcmp(entry->d_name, ".") != 0
             && strcmp(entry->d_name, "..") != 0;
    }

    closedir(stream_of);

    return n;
}


/* The old state is of 100 examples, the new one of 200. */

static void
test_kill(void **state)
{
    int                       dir, status, all, i, before, after;
    pid_t                     pid;
    mlops_err_t               err;
    const char               *path;
    mlops_online_t           *old, *new, *found;
    mlops_online_conf_t       conf;
    mlops_online_progress_t   progress;

    (void) state;

    path = unit_tmpdir();
    dir = open_dir(path);
    conf = conf_of(MLOPS_ONLINE_ADAGRAD, MLOPS_ONLINE_LOGISTIC);
    old = onlines_create(&conf);
    learn(old, 0, 100);
    new = onlines_create(&conf);
    learn(new, 0, 200);

    fatal = -1;
    passed = 0;
    assert_int_equal(onlines_save(old, dir, "s", 1, &err), MLOPS_OK);
    all = passed;
    assert_true(all > 8 && all <= POINTS);
    before = 0;
    after = 0;

    for (i = 0; i < all; i++) {
        fatal = -1;
        assert_int_equal(onlines_save(old, dir, "s", 1, &err), MLOPS_OK);
        assert_int_equal(entries(path), 1);

        pid = fork();
        assert_true(pid != -1);

        if (pid == 0) {
            fatal = i;
            passed = 0;
            (void) onlines_save(new, dir, "s", 1, &err);
            _exit(0);
        }

        assert_int_equal(waitpid(pid, &status, 0), pid);
        unit_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
                "nobody died at point %d, %s", i, names[i]);

        found = mlops_online_load(dir, "s", &conf, &err);
        unit_ok(found != NULL, "killed at %s: %s", names[i], err.text);
        mlops_online_progress(found, 0, &progress);
        mlops_online_destroy(found);

        if (progress.examples == 199) {
            after++;

        } else {
            assert_int_equal(progress.examples, 99);
            assert_int_equal(after, 0);
            before++;
        }
    }

    unit_note("killed at %d points: %d with the old state, %d with the new "
              "one", all, before, after);
    assert_true(before > 0 && after > 0);

    fatal = -1;
    assert_int_equal(onlines_save(new, dir, "s", 0, &err), MLOPS_OK);
    assert_int_equal(entries(path), 1);

    /* where it cannot be written there is an error, and nothing else */

    assert_int_equal(onlines_save(new, -1, "no/s", 0, &err), MLOPS_ERROR);
    unit_ok(strncmp(err.text, "no/s: ", 6) == 0, "%s", err.text);
    assert_int_equal(entries(path), 1);

    mlops_online_destroy(old);
    mlops_online_destroy(new);
    close(dir);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_labels_damage),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_kill)
    };

    make_stream();

    return unit_run(tests);
}
