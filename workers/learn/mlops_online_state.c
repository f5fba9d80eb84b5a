/*
 * The state of a model of online learning: a file from which learning goes
 * on with the same bits.
 *
 * Little-endian, nothing between; numbers are u64 or f64 unless said.
 *
 *     0    8   magic "mlopsonl"
 *     8    4   u32 abi, 1 or 2         12   4  u32 header_len, 384
 *     16   8   file_len
 *     24   8   checksum: XXH3-64 of bytes [32, file_len)
 *     32   4   u32 algorithm           36   4  u32 loss
 *     40   4   u32 bits                44   4  u32 dense
 *     48   4   u32 window              52   4  zero
 *     56   8   alpha                   64   8  beta
 *     72   8   l1                      80   8  l2
 *     88   8   rate                    96   8  epsilon
 *     104  8   quantile                112  8  delta
 *     120  8   clip                    128  8  forgetting
 *     136  8   ridge                   144  8  tag
 *     152  8   examples                160  8  refused
 *     168  8   right                   176  8  judged
 *     184  8   Σ weight                192  8  Σ weight × loss
 *     200  8   since: examples         208  8  since: Σ weight
 *     216  8   since: Σ weight × loss
 *     224  8   window: where the next loss goes
 *     232  8   window: how many it has
 *     240  8   bytes of labels; of abi 1 zero, of abi 2 never
 *     248  …   zero
 *     384  …   window times f32: the losses; that of a wrong side negative
 *     …    …   zero, to a multiple of 64
 *     …    …   2^bits slots of two f32, {z, n} (ftrl) or {w, n} (adagrad);
 *              of rls, dense times f64 w, as many of D, then U by columns
 *              without its diagonal
 *     …    …   labels: UTF-8, what the labels are; a fitted step writes
 *              {"target":"churned","classes":["no","yes"]}, of a target that
 *              is a number without classes
 *
 * A state without labels is written with abi 1.
 *
 * A setting that the algorithm does not use is 0.  Enumerations are those of
 * mlops_online.h, whose numbers do not change.
 */

#include "mlops_online_inner.h"
#include "mlops_file.h"
#include "mlops_hash.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define MLOPS_ONLINE_MAGIC  "mlopsonl"
#define MLOPS_ONLINE_PLAIN  1           /* abi without labels, */
#define MLOPS_ONLINE_ABI    2           /* and with */
#define MLOPS_ONLINE_HEAD   384

/* More than any number of examples makes: beyond it a float would not hold
 * what is added. */
#define MLOPS_ONLINE_LARGE  1e36f


/* Bytes 32 to 384. */

typedef struct {
    uint32_t             algorithm;
    uint32_t             loss;
    uint32_t             bits;
    uint32_t             dense;
    uint32_t             window;
    uint32_t             zero;
    double               alpha;
    double               beta;
    double               l1;
    double               l2;
    double               rate;
    double               epsilon;
    double               quantile;
    double               delta;
    double               clip;
    double               forgetting;
    double               ridge;
    uint64_t             tag;
    mlops_online_sums_t  sums;
    uint64_t             labels_len;
    unsigned char        rest[136];
} mlops_online_head_t;

_Static_assert(sizeof(mlops_online_head_t) == MLOPS_ONLINE_HEAD - 32,
               "bytes of the header");
_Static_assert(offsetof(mlops_online_head_t, sums) == 152 - 32,
               "place of the sums");
_Static_assert(offsetof(mlops_online_head_t, labels_len) == 240 - 32,
               "end of the sums");


/* A stretch of the file. */

typedef struct {
    const void  *data;
    size_t       len;
} mlops_online_piece_t;

#define MLOPS_ONLINE_PIECES  5


static void mlops_online_head(const mlops_online_t *online,
    mlops_online_head_t *head);
static void mlops_online_head_conf(const mlops_online_head_t *head,
    mlops_online_conf_t *conf);
static void *mlops_online_numbers(const mlops_online_t *online);
static size_t mlops_online_bytes(const mlops_online_conf_t *conf);
static size_t mlops_online_pad(const mlops_online_conf_t *conf);
static int mlops_online_write(int fd, const mlops_online_piece_t *pieces,
    mlops_err_t *err);
static mlops_online_t *mlops_online_read(const char *data, size_t len,
    const mlops_online_conf_t *conf, mlops_err_t *err);
static int mlops_online_read_head(const char *data, size_t len,
    mlops_online_head_t *head, mlops_online_conf_t *conf, mlops_err_t *err);
static int mlops_online_zeros(const unsigned char *p, size_t len);
static int mlops_online_same(const mlops_online_conf_t *state,
    const mlops_online_conf_t *conf, mlops_err_t *err);
static int mlops_online_sane(const mlops_online_t *online,
    mlops_err_t *err);


/* What stands behind the head of the file; returns how many bytes. */

static size_t
mlops_online_pieces(const mlops_online_t *online, mlops_online_head_t *head,
    mlops_online_piece_t *pieces)
{
    size_t             i, len;
    static const char  zeros[64];

    mlops_online_head(online, head);

    pieces[0].data = head;
    pieces[0].len = sizeof(mlops_online_head_t);
    pieces[1].data = online->window;
    pieces[1].len = online->conf.window * sizeof(float);
    pieces[2].data = zeros;
    pieces[2].len = mlops_online_pad(&online->conf);
    pieces[3].data = mlops_online_numbers(online);
    pieces[3].len = mlops_online_bytes(&online->conf);
    pieces[4].data = online->labels;
    pieces[4].len = online->labels_len;

    for (i = 0, len = 0; i < MLOPS_ONLINE_PIECES; i++) {
        len += pieces[i].len;
    }

    return len;
}


static uint64_t
mlops_online_checksum(const mlops_online_piece_t *pieces)
{
    size_t        i;
    mlops_hash_t  hash;

    mlops_hash_init(&hash, 0);

    for (i = 0; i < MLOPS_ONLINE_PIECES; i++) {
        if (pieces[i].len > 0) {
            mlops_hash_update(&hash, pieces[i].data, pieces[i].len);
        }
    }

    return mlops_hash_value(&hash);
}


uint64_t
mlops_online_digest(const mlops_online_t *online)
{
    mlops_online_head_t   head;
    mlops_online_piece_t  pieces[MLOPS_ONLINE_PIECES];

    (void) mlops_online_pieces(online, &head, pieces);

    return mlops_online_checksum(pieces);
}


int
mlops_online_save(const mlops_online_t *online, int dir, const char *name,
    int durable, char tmp[MLOPS_TMP_SIZE], mlops_err_t *err)
{
    int                   fd;
    mlops_file_head_t     file;
    mlops_online_head_t   head;
    mlops_online_piece_t  pieces[MLOPS_ONLINE_PIECES];

    (void) mlops_file_sweep(dir);

    memcpy(file.magic, MLOPS_ONLINE_MAGIC, 8);
    file.abi = online->labels_len ? MLOPS_ONLINE_ABI : MLOPS_ONLINE_PLAIN;
    file.header_len = MLOPS_ONLINE_HEAD;
    file.file_len = sizeof(file)
                    + mlops_online_pieces(online, &head, pieces);
    file.checksum = mlops_online_checksum(pieces);

    fd = mlops_file_begin(dir, file.file_len, tmp, err);

    if (fd == -1) {
        return mlops_err_prefix(err, "%s", name);
    }

    if (mlops_file_put(fd, &file, sizeof(file)) != MLOPS_OK) {
        (void) mlops_file_fail(err, "write()", dir, tmp);
        goto failed;
    }

    if (mlops_online_write(fd, pieces, err) != MLOPS_OK
        || mlops_file_seal(fd, 0640, (uid_t) -1, (gid_t) -1, durable, err)
           != MLOPS_OK)
    {
        goto failed;
    }

    (void) close(fd);

    return MLOPS_OK;

failed:

    (void) close(fd);
    (void) unlinkat(dir, tmp, 0);

    return mlops_err_prefix(err, "%s", name);
}


static int
mlops_online_write(int fd, const mlops_online_piece_t *pieces,
    mlops_err_t *err)
{
    size_t  i;

    for (i = 0; i < MLOPS_ONLINE_PIECES; i++) {

        if (mlops_file_put(fd, pieces[i].data, pieces[i].len) != MLOPS_OK) {
            return mlops_file_fail(err, "write()", fd, "");
        }

        mlops_fault("online-piece");
    }

    return MLOPS_OK;
}


static void
mlops_online_head(const mlops_online_t *online, mlops_online_head_t *head)
{
    const mlops_online_conf_t  *conf;

    conf = &online->conf;
    memset(head, 0, sizeof(mlops_online_head_t));

    head->algorithm = conf->algorithm;
    head->loss = conf->loss;
    head->bits = conf->bits;
    head->dense = conf->dense;
    head->window = conf->window;
    head->alpha = conf->alpha;
    head->beta = conf->beta;
    head->l1 = conf->l1;
    head->l2 = conf->l2;
    head->rate = conf->rate;
    head->epsilon = conf->epsilon;
    head->quantile = conf->quantile;
    head->delta = conf->delta;
    head->clip = conf->clip;
    head->forgetting = conf->forgetting;
    head->ridge = conf->ridge;
    head->tag = conf->tag;
    head->sums = online->sums;
    head->labels_len = online->labels_len;
}


static void
mlops_online_head_conf(const mlops_online_head_t *head,
    mlops_online_conf_t *conf)
{
    memset(conf, 0, sizeof(mlops_online_conf_t));

    conf->algorithm = head->algorithm;
    conf->loss = head->loss;
    conf->bits = head->bits;
    conf->dense = head->dense;
    conf->window = head->window;
    conf->alpha = head->alpha;
    conf->beta = head->beta;
    conf->l1 = head->l1;
    conf->l2 = head->l2;
    conf->rate = head->rate;
    conf->epsilon = head->epsilon;
    conf->quantile = head->quantile;
    conf->delta = head->delta;
    conf->clip = head->clip;
    conf->forgetting = head->forgetting;
    conf->ridge = head->ridge;
    conf->tag = head->tag;
}


/* The table, or what RLS knows, in one piece. */

static void *
mlops_online_numbers(const mlops_online_t *online)
{
    return online->table ? (void *) online->table : online->rls.w;
}


static size_t
mlops_online_bytes(const mlops_online_conf_t *conf)
{
    if (conf->algorithm == MLOPS_ONLINE_RLS) {
        return mlops_online_rls_numbers(conf->dense) * sizeof(double);
    }

    return sizeof(mlops_online_slot_t) << conf->bits;
}


static size_t
mlops_online_pad(const mlops_online_conf_t *conf)
{
    size_t  len;

    len = conf->window * sizeof(float);

    return mlops_align(len, 64) - len;
}


int
mlops_online_set_labels(mlops_online_t *online, const char *text, size_t len,
    mlops_err_t *err)
{
    char  *copy;

    if (len > MLOPS_ONLINE_LABELS) {
        return mlops_err_set(err, "expected names of the target and its "
                             "classes of at most %d bytes, got %zu",
                             MLOPS_ONLINE_LABELS, len);
    }

    copy = NULL;

    if (len > 0) {
        copy = malloc(len);

        if (copy == NULL) {
            return mlops_err_set(err, "out of memory");
        }

        memcpy(copy, text, len);
    }

    free(online->labels);
    online->labels = copy;
    online->labels_len = len;

    return MLOPS_OK;
}


mlops_str_t
mlops_online_get_labels(const mlops_online_t *online)
{
    mlops_str_t  text;

    text.data = online->labels;
    text.len = online->labels_len;

    return text;
}


mlops_online_t *
mlops_online_load(int dir, const char *name, const mlops_online_conf_t *conf,
    mlops_err_t *err)
{
    size_t             max;
    mlops_online_t    *online;
    mlops_map_file_t   map;

    max = MLOPS_ONLINE_HEAD + MLOPS_ONLINE_WINDOW_MAX * sizeof(float)
          + (sizeof(mlops_online_slot_t) << MLOPS_ONLINE_BITS_MAX)
          + MLOPS_ONLINE_LABELS;

    if (mlops_file_map(&map, dir, name, max, 0, (uid_t) -1, err)
        != MLOPS_OK)
    {
        return NULL;
    }

    online = mlops_online_read(map.data, map.len, conf, err);

    mlops_file_unmap(&map);

    if (online == NULL) {
        (void) mlops_err_prefix(err, "%s", name);
    }

    return online;
}


static mlops_online_t *
mlops_online_read(const char *data, size_t len,
    const mlops_online_conf_t *conf, mlops_err_t *err)
{
    void                 *numbers;
    size_t                bytes, at;
    mlops_online_t       *online;
    mlops_file_head_t     file;
    mlops_online_conf_t   own;
    mlops_online_head_t   head;

    if (mlops_online_read_head(data, len, &head, &own, err) != MLOPS_OK
        || (conf != NULL && mlops_online_same(&own, conf, err) != MLOPS_OK))
    {
        return NULL;
    }

    /* its length is known to fit before there is a table of it */

    at = MLOPS_ONLINE_HEAD + own.window * sizeof(float)
         + mlops_online_pad(&own);
    bytes = mlops_online_bytes(&own);

    if (len != at + bytes + head.labels_len) {
        (void) mlops_err_set(err, "not a state that can be used: expected "
                             "%zu bytes, got %zu",
                             at + bytes + (size_t) head.labels_len, len);
        return NULL;
    }

    online = mlops_online_create(&own, err);
    if (online == NULL) {
        return NULL;
    }

    numbers = mlops_online_numbers(online);
    if (!mlops_online_zeros((const unsigned char *) data + at
                            - mlops_online_pad(&own),
                            mlops_online_pad(&own)))
    {
        (void) mlops_err_set(err, "not a state that can be used: bytes that "
                             "are to be 0 are not");
        goto failed;
    }

    memcpy(numbers, data + at, bytes);

    if (own.window > 0) {
        memcpy(online->window, data + MLOPS_ONLINE_HEAD,
               own.window * sizeof(float));
    }

    online->sums = head.sums;

    if (mlops_online_set_labels(online, data + at + bytes,
                                (size_t) head.labels_len, err)
        != MLOPS_OK)
    {
        goto failed;
    }

    if (mlops_online_sane(online, err) != MLOPS_OK) {
        goto failed;
    }

    memcpy(&file, data, sizeof(file));
    online->origin = file.checksum;

    return online;

failed:

    mlops_online_destroy(online);

    return NULL;
}


static int
mlops_online_read_head(const char *data, size_t len,
    mlops_online_head_t *head, mlops_online_conf_t *conf, mlops_err_t *err)
{
    mlops_file_head_t    file;
    mlops_online_conf_t  tidy;

    if (len < MLOPS_ONLINE_HEAD
        || memcmp(data, MLOPS_ONLINE_MAGIC, sizeof(file.magic)) != 0)
    {
        return mlops_err_set(err, "not the state of an online learner");
    }

    memcpy(&file, data, sizeof(file));

    if ((file.abi != MLOPS_ONLINE_PLAIN && file.abi != MLOPS_ONLINE_ABI)
        || file.header_len != MLOPS_ONLINE_HEAD)
    {
        return mlops_err_set(err, "a state of layout %u: expected %d or %d",
                             (unsigned) file.abi, MLOPS_ONLINE_PLAIN,
                             MLOPS_ONLINE_ABI);
    }

    if (file.file_len != len) {
        return mlops_err_set(err, "damaged: expected %llu bytes, got %zu",
                             (unsigned long long) file.file_len, len);
    }

    if (file.checksum != mlops_hash(data + sizeof(file), len - sizeof(file),
                                    0))
    {
        return mlops_err_set(err, "damaged: its checksum does not fit its "
                             "bytes");
    }

    memcpy(head, data + sizeof(file), sizeof(mlops_online_head_t));
    mlops_online_head_conf(head, conf);

    if (head->zero != 0 || !mlops_online_zeros(head->rest,
                                               sizeof(head->rest)))
    {
        return mlops_err_set(err, "not a state that can be used: bytes that "
                             "are to be 0 are not");
    }

    if (head->labels_len > MLOPS_ONLINE_LABELS
        || (head->labels_len != 0) != (file.abi == MLOPS_ONLINE_ABI))
    {
        return mlops_err_set(err, "not a state that can be used: its labels "
                             "have %llu bytes, in layout %u",
                             (unsigned long long) head->labels_len,
                             (unsigned) file.abi);
    }

    if (mlops_online_check(conf, err) != MLOPS_OK) {
        return mlops_err_prefix(err, "not a state that can be used");
    }

    tidy = *conf;
    mlops_online_tidy(&tidy);

    if (memcmp(&tidy, conf, sizeof(tidy)) != 0) {
        return mlops_err_set(err, "not a state that can be used: it has "
                             "settings that %s does not have",
                             mlops_online_algorithm_name(conf->algorithm));
    }

    return MLOPS_OK;
}


static int
mlops_online_zeros(const unsigned char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (p[i] != 0) {
            return 0;
        }
    }

    return 1;
}


static int
mlops_online_same(const mlops_online_conf_t *state,
    const mlops_online_conf_t *conf, mlops_err_t *err)
{
    size_t                       i;
    double                       a, b;
    mlops_online_conf_t          own, other;
    const mlops_online_range_t  *range;

    other = *state;
    own = *conf;
    mlops_online_tidy(&own);

    if (state->algorithm != own.algorithm || state->loss != own.loss) {
        return mlops_err_set(err, "a state of %s with loss \"%s\": expected "
                             "%s with \"%s\"",
                             mlops_online_algorithm_name(state->algorithm),
                             mlops_online_loss_name(state->loss),
                             mlops_online_algorithm_name(own.algorithm),
                             mlops_online_loss_name(own.loss));
    }

    if (state->bits != own.bits || state->dense != own.dense
        || state->window != own.window)
    {
        return mlops_err_set(err, "a state of %u bits, %u coordinates and a "
                             "window of %u: expected %u, %u and %u",
                             (unsigned) state->bits, (unsigned) state->dense,
                             (unsigned) state->window, (unsigned) own.bits,
                             (unsigned) own.dense, (unsigned) own.window);
    }

    for (i = 0; i < MLOPS_ONLINE_RANGES; i++) {
        range = &mlops_online_ranges[i];
        a = *mlops_online_setting(&other, range);
        b = *mlops_online_setting(&own, range);

        if (a != b) {
            return mlops_err_set(err, "%s: the state was learned with %.9g, "
                                 "expected %.9g", range->name, a, b);
        }
    }

    if (state->tag != own.tag) {
        return mlops_err_set(err, "a state of other features: it was learned "
                             "from inputs of other names or in another "
                             "order");
    }

    return MLOPS_OK;
}


/* A checksum that fits does not mean that we wrote it. */

static int
mlops_online_sane(const mlops_online_t *online, mlops_err_t *err)
{
    size_t                      i, n;
    const double               *numbers;
    const mlops_online_sums_t  *sums;

    sums = &online->sums;

    if (sums->window_n > online->conf.window
        || (online->conf.window > 0 ? sums->window_at >= online->conf.window
                                    : sums->window_at != 0)
        || sums->right > sums->judged || sums->judged > sums->examples
        || !isfinite(sums->weight) || sums->weight < 0
        || !isfinite(sums->loss) || sums->loss < 0
        || !isfinite(sums->since_weight) || !isfinite(sums->since_loss))
    {
        return mlops_err_set(err, "not a state that can be used: its counters "
                             "contradict each other");
    }

    for (i = 0; i < online->conf.window; i++) {
        if (!isfinite(online->window[i])) {
            goto failed;
        }
    }

    for (i = 0; online->table != NULL && i <= online->mask; i++) {
        if (!(fabsf(online->table[i].a) <= MLOPS_ONLINE_LARGE)
            || !(online->table[i].n >= 0)
            || online->table[i].n > MLOPS_ONLINE_LARGE)
        {
            goto failed;
        }
    }

    if (online->table == NULL) {
        numbers = mlops_online_numbers(online);
        n = mlops_online_bytes(&online->conf) / sizeof(double);

        for (i = 0; i < n; i++) {
            if (!(fabs(numbers[i]) <= MLOPS_ONLINE_LARGE)) {
                goto failed;
            }
        }

        for (i = 0; i < online->conf.dense; i++) {
            if (online->rls.d[i] < 0) {
                goto failed;
            }
        }
    }

    return MLOPS_OK;

failed:

    return mlops_err_set(err, "not a state that can be used: a number in it "
                         "is not finite, too large, or negative where it "
                         "cannot be");
}
