/*
 * A state of online learning of any bytes: the reader never reads beyond
 * them, and either refuses all of it or has a model that learns on, whose
 * weights are finite, and that is saved as the same bytes.
 */

#include "fuzz.h"
#include "mlops_file.h"
#include "mlops_hash.h"
#include "mlops_online.h"

#include <math.h>
#include <string.h>


#define FUZZ_HEAD  384


/* What is fixed, the sizes and the checksum are made good, so that what is
 * behind them is reached. */

static void
fuzz_mend(char *p, size_t size)
{
    uint32_t            n[5];
    uint64_t            labels;
    mlops_file_head_t   file;

    if (size < FUZZ_HEAD) {
        return;
    }

    memcpy(n, p + 32, sizeof(n));

    n[0] %= 3;
    n[1] %= 5;
    n[2] = n[0] == 2 ? 0 : 4 + n[2] % 3;
    n[3] = n[0] == 2 ? 1 + n[3] % 8 : 0;
    n[4] %= 20;
    memcpy(p + 32, n, sizeof(n));

    memcpy(&labels, p + 240, sizeof(labels));
    labels %= 64;
    memcpy(p + 240, &labels, sizeof(labels));

    memcpy(file.magic, "mlopsonl", 8);
    file.abi = labels ? 2 : 1;
    file.header_len = FUZZ_HEAD;
    file.file_len = size;
    file.checksum = mlops_hash(p + sizeof(file), size - sizeof(file), 0);
    memcpy(p, &file, sizeof(file));
}


static void
fuzz_learn(mlops_online_t *online)
{
    float                       value[3] = { 1, -0.5f, 1e9f };
    double                      dense[8] = { 1, 2, 3, -4, 5e5, 6, 0, 8 };
    uint32_t                    i, index[3] = { 1, 99, 1 };
    mlops_err_t                 err;
    mlops_example_t             e;
    mlops_online_answer_t       answer;
    mlops_online_progress_t     progress;
    const mlops_online_conf_t  *conf;

    conf = mlops_online_conf(online);
    memset(&e, 0, sizeof(e));
    e.index = index;
    e.value = value;
    e.n = conf->dense ? conf->dense : 3;
    e.dense = dense;
    e.label = 1;
    e.weight = 1;

    for (i = 0; i < 3; i++) {
        (void) mlops_online_learn(online, &e, &answer, &err);
    }

    mlops_online_progress(online, 1, &progress);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int               dir, fd;
    char             *copy, *again, tmp[MLOPS_TMP_SIZE];
    mlops_err_t       err;
    mlops_online_t   *online;

    if (size == 0) {
        return 0;
    }

    dir = fuzz_dir();
    copy = fuzz_copy(data, size);
    again = malloc(size);
    check(again != NULL);

    if (data[0] & 1) {
        fuzz_mend(copy, size);
    }

    fd = openat(dir, "state", O_RDWR|O_CREAT|O_TRUNC, 0600);
    check(fd != -1);
    check(write(fd, copy, size) == (ssize_t) size);
    check(close(fd) == 0);

    online = mlops_online_load(dir, "state", NULL, &err);

    if (online != NULL) {
        check(mlops_online_save(online, dir, "again", 0, tmp, &err)
              == MLOPS_OK);
        check(mlops_online_digest(online) == mlops_online_origin(online));
        check(mlops_file_commit(dir, tmp, "again", 0, 0, &err) == MLOPS_OK);
        fd = openat(dir, "again", O_RDONLY);
        check(fd != -1);
        check(read(fd, again, size) == (ssize_t) size);
        check(close(fd) == 0);
        check(memcmp(copy, again, size) == 0);
        (void) unlinkat(dir, "again", 0);

        fuzz_learn(online);
        mlops_online_destroy(online);
    }

    (void) unlinkat(dir, "state", 0);
    free(copy);
    free(again);

    return 0;
}
