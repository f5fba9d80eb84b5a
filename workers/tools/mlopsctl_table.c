/*
 * mlopsctl table: what the feature tables of a view hold.
 *
 * The tables of all shards are read while their writers go on: each row is
 * whole, but they are not all of one moment.
 *
 * The canonical form of a dump depends on nothing but the rows, so that two
 * of them can be compared byte by byte.  A line for each entity, sorted by
 * key (int64 as numbers, strings by bytes):
 *
 *     KEY TAB NAME=VALUE TAB NAME=VALUE ... TAB PARTITION TAB OFFSET TAB
 *     EVENT_US
 *
 * Strings are JSON strings, doubles the shortest text that reads back,
 * what is missing or not finite is null.
 */

#include "mlopsctl.h"
#include "mlopsctl_view.h"
#include "mlops_batch.h"
#include "mlops_clock.h"
#include "mlops_num.h"
#include "mlops_table.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


typedef enum {
    MLOPSCTL_FORM_TSV = 0,
    MLOPSCTL_FORM_JSON,
    MLOPSCTL_FORM_CANONICAL
} mlopsctl_form_t;


/* An entity of a dump: where it is, and its key. */

typedef struct {
    mlops_key_t   key;
    uint32_t      shard;
} mlopsctl_entity_t;


typedef struct {
    const char               *path;         /* of the store, or NULL */
    const char               *file;         /* of the plan, or NULL */
    mlopsctl_form_t           form;
    int64_t                   as_of;

    mlopsctl_view_t           plan;
    const mlops_plan_view_t  *view;
    int                       features;     /* the directory */
    uid_t                     uid;          /* who owns it */
    gid_t                     gid;
    mlops_table_t            *shards[MLOPS_SHARDS_MAX];
    const mlops_table_t      *table;        /* of the row in hand */

    /* one row */
    mlops_cell_t             *cells;
    uint64_t                 *present;
    char                     *text;
    mlops_table_found_t       found;

    mlopsctl_entity_t        *entities;
    uint32_t                  n;
    uint32_t                  cap;
} mlopsctl_table_t;


static int mlopsctl_table_args(mlopsctl_table_t *t, int argc, char **argv);
static int mlopsctl_table_run(mlopsctl_table_t *t, int argc, char **argv);
static int mlopsctl_table_features(mlopsctl_table_t *t, mlops_err_t *err);
static int mlopsctl_table_open(mlopsctl_table_t *t, mlops_err_t *err);
static void mlopsctl_table_close(mlopsctl_table_t *t);
static int mlopsctl_table_dump(mlopsctl_table_t *t, mlops_err_t *err);
static int mlopsctl_table_collect(mlopsctl_table_t *t, uint32_t shard,
    mlops_err_t *err);
static int mlopsctl_table_keep(mlopsctl_table_t *t, uint32_t shard,
    const mlops_key_t *key, mlops_err_t *err);
static int mlopsctl_table_number_cmp(const void *a, const void *b);
static int mlopsctl_table_text_cmp(const void *a, const void *b);
static int mlopsctl_table_find(mlopsctl_table_t *t, const mlops_key_t *key);
static int mlopsctl_table_expired(const mlopsctl_table_t *t);
static void mlopsctl_table_names(const mlopsctl_table_t *t);
static void mlopsctl_table_canonical(const mlopsctl_table_t *t,
    const mlops_key_t *key);
static void mlopsctl_table_tsv(const mlopsctl_table_t *t,
    const mlops_key_t *key);
static void mlopsctl_table_object(const mlopsctl_table_t *t,
    const mlops_key_t *key, int first);
static int mlopsctl_table_get(mlopsctl_table_t *t, const char *text,
    mlops_err_t *err);
static void mlopsctl_table_show(const mlopsctl_table_t *t);
static void mlopsctl_table_time(const char *name, int64_t us);
static int mlopsctl_table_load(mlopsctl_table_t *t, const char *file,
    mlops_err_t *err);
static void mlopsctl_table_key(const mlopsctl_table_t *t,
    const mlops_key_t *key);
static void mlopsctl_table_value(const mlopsctl_table_t *t, uint32_t column);
static void mlopsctl_table_quoted(const char *data, size_t len, int quotes);
static void mlopsctl_table_plain(const char *data, size_t len);


int
mlopsctl_table(int argc, char **argv)
{
    int                rc;
    mlopsctl_table_t  *t;

    t = calloc(1, sizeof(*t));

    if (t == NULL) {
        return mlopsctl_failed("out of memory");
    }

    rc = mlopsctl_table_args(t, argc, argv);

    if (rc == MLOPSCTL_DONE) {
        rc = mlopsctl_table_run(t, argc - optind, argv + optind);
    }

    free(t);

    return (mlopsctl_flush() == MLOPSCTL_DONE) ? rc : MLOPSCTL_FAILED;
}


static int
mlopsctl_table_args(mlopsctl_table_t *t, int argc, char **argv)
{
    int          c, overflow;
    const char  *end;

    static const struct option  options[] = {
        { "store", required_argument, NULL, 's' },
        { "plan", required_argument, NULL, 'p' },
        { "canonical", no_argument, NULL, 'c' },
        { "json", no_argument, NULL, 'j' },
        { "as-of", required_argument, NULL, 't' },
        { NULL, 0, NULL, 0 }
    };

    t->as_of = INT64_MIN;

    while ((c = mlopsctl_option(argc, argv, "s:p:", options)) != -1) {

        switch (c) {

        case 's':
            t->path = optarg;
            break;

        case 'p':
            t->file = optarg;
            break;

        case 'c':
            t->form = MLOPSCTL_FORM_CANONICAL;
            break;

        case 'j':
            t->form = MLOPSCTL_FORM_JSON;
            break;

        case 't':
            end = optarg + strlen(optarg);

            if (mlops_parse_int64(optarg, end, &t->as_of, &overflow) != end
                || overflow)
            {
                return mlopsctl_misused("--as-of: expected microseconds since "
                                        "1970-01-01, got \"%s\"", optarg);
            }

            break;

        default:
            return MLOPSCTL_USAGE;
        }
    }

    return (t->path != NULL || t->file != NULL)
           ? MLOPSCTL_DONE : mlopsctl_misused("-s STORE is missing");
}


static int
mlopsctl_table_run(mlopsctl_table_t *t, int argc, char **argv)
{
    int          rc, words;
    mlops_err_t  err;
    const char  *verb;

    verb = argc > 0 ? argv[0] : "";
    words = strcmp(verb, "dump") == 0 ? 2
            : strcmp(verb, "get") == 0 || strcmp(verb, "load") == 0 ? 3 : 0;

    if (words == 0) {
        return mlopsctl_misused("expected dump, get or load, got \"%s\"",
                                verb);
    }

    if (argc != words) {
        return mlopsctl_misused("%s: expected %d words behind it, got %d",
                                verb, words - 1, argc - 1);
    }

    rc = MLOPS_ERROR;
    t->features = -1;

    if (mlopsctl_view_open(&t->plan, t->path, t->file, argv[1], &err)
        != MLOPS_OK
        || mlopsctl_table_features(t, &err) != MLOPS_OK)
    {
        goto done;
    }

    if (verb[0] == 'l') {
        rc = mlopsctl_table_load(t, argv[2], &err);

    } else if (mlopsctl_table_open(t, &err) == MLOPS_OK) {
        rc = (verb[0] == 'd') ? mlopsctl_table_dump(t, &err)
                              : mlopsctl_table_get(t, argv[2], &err);
    }

done:

    mlopsctl_table_close(t);
    mlopsctl_view_close(&t->plan);

    if (rc == MLOPS_AGAIN) {
        return MLOPSCTL_FAILED;
    }

    return (rc == MLOPS_OK) ? MLOPSCTL_DONE : mlopsctl_failed("%s", err.text);
}


static int
mlopsctl_table_features(mlopsctl_table_t *t, mlops_err_t *err)
{
    char         path[MLOPS_PLAN_PATH_SIZE + 16];
    struct stat  st;

    t->view = t->plan.view;

    (void) snprintf(path, sizeof(path), "%s/features", t->plan.store);

    t->features = open(path, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (t->features == -1 || fstat(t->features, &st) == -1) {
        return mlops_file_fail(err, "open()", AT_FDCWD, path);
    }

    t->uid = st.st_uid;
    t->gid = st.st_gid;

    return MLOPS_OK;
}


static int
mlopsctl_table_open(mlopsctl_table_t *t, mlops_err_t *err)
{
    char      name[MLOPS_TABLE_NAME_SIZE];
    size_t    columns;
    uint32_t  i;

    for (i = 0; i < t->view->shards; i++) {
        mlops_table_name(t->view, i, name);
        t->shards[i] = mlops_table_open(t->features, name, t->uid,
                                        err);

        if (t->shards[i] != NULL) {
            continue;
        }

        return (errno == ENOENT)
               ? mlops_err_prefix(err, "view \"%.*s\" has no table yet",
                                  mlops_fmt(&t->view->name))
               : MLOPS_ERROR;
    }

    columns = mlops_table_header(t->shards[0])->columns_n;

    if (columns != t->view->row.n) {
        return mlops_err_set(err, "the table has %zu columns, the view %u",
                             columns, (unsigned) t->view->row.n);
    }

    t->cells = calloc(columns, sizeof(mlops_cell_t));
    t->present = calloc(mlops_row_words((uint32_t) columns),
                        sizeof(uint64_t));
    t->text = malloc(mlops_table_text_size(t->shards[0]));

    if (t->cells == NULL || t->present == NULL || t->text == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    return MLOPS_OK;
}


static void
mlopsctl_table_close(mlopsctl_table_t *t)
{
    uint32_t  i;

    for (i = 0; i < MLOPS_SHARDS_MAX; i++) {
        mlops_table_close(t->shards[i]);
    }

    if (t->features != -1) {
        (void) close(t->features);
    }

    free(t->entities);
    free(t->cells);
    free(t->present);
    free(t->text);
}


static int
mlopsctl_table_dump(mlopsctl_table_t *t, mlops_err_t *err)
{
    uint32_t            i, n;
    const mlops_key_t  *key;

    for (i = 0; i < t->view->shards; i++) {
        if (mlopsctl_table_collect(t, i, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    if (t->n != 0) {
        qsort(t->entities, t->n, sizeof(mlopsctl_entity_t),
              (t->view->entity_type == MLOPS_TYPE_INT64)
              ? mlopsctl_table_number_cmp : mlopsctl_table_text_cmp);
    }

    if (t->form == MLOPSCTL_FORM_TSV) {
        mlopsctl_table_names(t);

    } else if (t->form == MLOPSCTL_FORM_JSON) {
        printf("[");
    }

    for (i = 0, n = 0; i < t->n; i++) {
        key = &t->entities[i].key;
        t->table = t->shards[t->entities[i].shard];

        /* it may have gone meanwhile */

        if (mlopsctl_table_find(t, key) != MLOPS_OK
            || mlopsctl_table_expired(t))
        {
            continue;
        }

        if (t->form == MLOPSCTL_FORM_TSV) {
            mlopsctl_table_tsv(t, key);

        } else if (t->form == MLOPSCTL_FORM_JSON) {
            mlopsctl_table_object(t, key, n == 0);

        } else {
            mlopsctl_table_canonical(t, key);
        }

        n++;
    }

    if (t->form == MLOPSCTL_FORM_JSON) {
        printf("%s]\n", n ? "\n" : "");
    }

    return MLOPS_OK;
}


static int
mlopsctl_table_collect(mlopsctl_table_t *t, uint32_t shard, mlops_err_t *err)
{
    int          rc;
    uint32_t     cursor;
    mlops_key_t  key;

    t->table = t->shards[shard];
    cursor = 0;

    for ( ;; ) {
        rc = mlops_table_next(t->table, &cursor, mlops_wall_us(), t->as_of,
                              &key, t->cells, t->present, t->text,
                              &t->found);

        if (rc == MLOPS_LIMIT) {
            return MLOPS_OK;
        }

        if (rc == MLOPS_OK
            && mlopsctl_table_keep(t, shard, &key, err) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }
}


static int
mlopsctl_table_keep(mlopsctl_table_t *t, uint32_t shard,
    const mlops_key_t *key, mlops_err_t *err)
{
    uint32_t            cap;
    mlopsctl_entity_t  *entity, *grown;

    if (t->n == t->cap) {
        cap = t->cap ? 2 * t->cap : 1024;
        grown = realloc(t->entities, cap * sizeof(*grown));

        if (grown == NULL) {
            return mlops_err_set(err, "out of memory: %u entities",
                                 (unsigned) cap);
        }

        t->entities = grown;
        t->cap = cap;
    }

    entity = &t->entities[t->n++];
    entity->key = *key;
    entity->shard = shard;

    if (t->view->entity_type == MLOPS_TYPE_INT64) {
        return MLOPS_OK;
    }

    entity->key.text.data = mlops_arena_copy(&t->plan.arena, key->text.data,
                                             key->text.len);

    return (entity->key.text.data != NULL)
           ? MLOPS_OK : mlops_err_set(err, "out of memory: %u entities",
                                      (unsigned) t->n);
}


static int
mlopsctl_table_number_cmp(const void *a, const void *b)
{
    int64_t  x, y;

    x = ((const mlopsctl_entity_t *) a)->key.number;
    y = ((const mlopsctl_entity_t *) b)->key.number;

    return (x > y) - (x < y);
}


static int
mlopsctl_table_text_cmp(const void *a, const void *b)
{
    int                 rc;
    const mlops_str_t  *x, *y;

    x = &((const mlopsctl_entity_t *) a)->key.text;
    y = &((const mlopsctl_entity_t *) b)->key.text;

    rc = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

    return rc ? rc : (x->len > y->len) - (x->len < y->len);
}


static int
mlopsctl_table_find(mlopsctl_table_t *t, const mlops_key_t *key)
{
    return mlops_table_get(t->table, key,
                           mlops_key_hash(t->view->entity_type, key),
                           mlops_wall_us(), t->as_of, t->cells, t->present,
                           t->text, &t->found);
}


static int
mlopsctl_table_expired(const mlopsctl_table_t *t)
{
    return mlops_table_status(t->table, &t->found, t->present, 0, 0)
           == MLOPS_STATUS_OUTSIDE_MAX_AGE;
}


static void
mlopsctl_table_names(const mlopsctl_table_t *t)
{
    uint32_t            i;
    const mlops_str_t  *name;

    name = &t->view->event.columns[t->view->entity].name;
    mlopsctl_table_plain(name->data, name->len);

    for (i = 0; i < t->view->row.n; i++) {
        name = &t->view->row.columns[i].name;
        putchar('\t');
        mlopsctl_table_plain(name->data, name->len);
    }

    printf("\tpartition\toffset\tevent_us\n");
}


static void
mlopsctl_table_canonical(const mlopsctl_table_t *t, const mlops_key_t *key)
{
    uint32_t            i;
    const mlops_str_t  *name;

    mlopsctl_table_key(t, key);

    for (i = 0; i < t->view->row.n; i++) {
        name = &t->view->row.columns[i].name;

        putchar('\t');
        mlopsctl_table_quoted(name->data, name->len, 0);
        putchar('=');
        mlopsctl_table_value(t, i);
    }

    printf("\t%d\t%lld\t%lld\n", (int) t->found.partition,
           (long long) t->found.offset, (long long) t->found.event_us);
}


/* A missing value is an empty field. */

static void
mlopsctl_table_tsv(const mlopsctl_table_t *t, const mlops_key_t *key)
{
    uint32_t       i;
    mlops_cell_t   cell;

    if (t->view->entity_type == MLOPS_TYPE_INT64) {
        printf("%lld", (long long) key->number);

    } else {
        mlopsctl_table_plain(key->text.data, key->text.len);
    }

    for (i = 0; i < t->view->row.n; i++) {
        cell = t->cells[i];
        putchar('\t');

        if (!mlops_bit(t->present, i)) {
            continue;
        }

        if (t->view->row.columns[i].type == MLOPS_TYPE_BYTES) {
            mlopsctl_table_plain(t->text + cell.s.off, cell.s.len);

        } else {
            mlopsctl_table_value(t, i);
        }
    }

    printf("\t%d\t%lld\t%lld\n", (int) t->found.partition,
           (long long) t->found.offset, (long long) t->found.event_us);
}


static void
mlopsctl_table_object(const mlopsctl_table_t *t, const mlops_key_t *key,
    int first)
{
    uint32_t            i;
    const mlops_str_t  *name;

    printf("%s\n{\"key\":", first ? "" : ",");
    mlopsctl_table_key(t, key);
    printf(",\"values\":{");

    for (i = 0; i < t->view->row.n; i++) {
        name = &t->view->row.columns[i].name;

        if (i != 0) {
            putchar(',');
        }

        mlopsctl_table_quoted(name->data, name->len, 1);
        putchar(':');
        mlopsctl_table_value(t, i);
    }

    printf("},\"partition\":%d,\"offset\":%lld,\"event_us\":%lld}",
           (int) t->found.partition, (long long) t->found.offset,
           (long long) t->found.event_us);
}


static int
mlopsctl_table_get(mlopsctl_table_t *t, const char *text, mlops_err_t *err)
{
    uint64_t     hash;
    uint32_t     shard;
    mlops_key_t  key;
    mlops_str_t  word;

    word.data = text;
    word.len = strlen(text);

    if (mlops_key_parse(t->view->entity_type, &word, t->view->entity_bytes,
                        &key, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    hash = mlops_key_hash(t->view->entity_type, &key);
    shard = mlops_key_shard(hash, t->view->shards);
    t->table = t->shards[shard];

    if (mlopsctl_table_find(t, &key) != MLOPS_OK) {
        printf("NOT_FOUND\n");
        return MLOPS_AGAIN;
    }

    if (t->form == MLOPSCTL_FORM_CANONICAL) {
        mlopsctl_table_canonical(t, &key);
        return MLOPS_OK;
    }

    if (t->form == MLOPSCTL_FORM_JSON) {
        printf("[");
        mlopsctl_table_object(t, &key, 1);
        printf("\n]\n");
        return MLOPS_OK;
    }

    printf("%-12s", "key");
    mlopsctl_table_key(t, &key);
    printf("\n%-12s%u of %u, definition %016llx\n", "shard",
           (unsigned) shard, (unsigned) t->view->shards,
           (unsigned long long) t->view->hash);

    mlopsctl_table_show(t);

    return MLOPS_OK;
}


static void
mlopsctl_table_show(const mlopsctl_table_t *t)
{
    int                 width;
    uint32_t            i;
    const mlops_str_t  *name;

    if (t->found.partition >= 0) {
        printf("%-12s%d, offset %lld\n", "partition",
               (int) t->found.partition, (long long) t->found.offset);
    }

    mlopsctl_table_time("event", t->found.event_us);
    mlopsctl_table_time("now", t->found.now_us);
    mlopsctl_table_time("valid until", t->found.valid_us);

    for (i = 0, width = 0; i < t->view->row.n; i++) {
        name = &t->view->row.columns[i].name;

        if ((int) name->len > width) {
            width = (int) name->len;
        }
    }

    for (i = 0; i < t->view->row.n; i++) {
        name = &t->view->row.columns[i].name;
        printf("  %-16s  ",
               mlops_status_name(mlops_table_status(t->table, &t->found,
                                                    t->present, i, 0)));
        mlopsctl_table_quoted(name->data, name->len, 0);
        printf("%*s", width - (int) name->len + 2, "");
        mlopsctl_table_value(t, i);
        putchar('\n');
    }
}


static void
mlopsctl_table_time(const char *name, int64_t us)
{
    char       text[32];
    int64_t    s, rest;
    time_t     when;
    struct tm  tm;

    s = us / 1000000;
    rest = us % 1000000;

    if (rest < 0) {
        rest += 1000000;
        s--;
    }

    when = (time_t) s;

    if (us == INT64_MAX) {
        printf("%-12sfor ever\n", name);

    } else if (gmtime_r(&when, &tm) != NULL
               && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) != 0)
    {
        printf("%-12s%s.%06lldZ, %lld\n", name, text, (long long) rest,
               (long long) us);

    } else {
        printf("%-12s%lld\n", name, (long long) us);
    }
}


static int
mlopsctl_table_load(mlopsctl_table_t *t, const char *file, mlops_err_t *err)
{
    mlops_batch_stats_t  stats;

    if (mlops_batch_load(t->view, t->features, t->uid, t->gid,
                         file, &stats, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    printf("%.*s: %llu rows, %llu entities, %llu bytes in %u %s\n",
           mlops_fmt(&t->view->name), (unsigned long long) stats.rows,
           (unsigned long long) stats.entities,
           (unsigned long long) stats.bytes, (unsigned) t->view->shards,
           t->view->shards == 1 ? "table" : "tables");

    return MLOPS_OK;
}


static void
mlopsctl_table_key(const mlopsctl_table_t *t, const mlops_key_t *key)
{
    if (t->view->entity_type == MLOPS_TYPE_INT64) {
        printf("%lld", (long long) key->number);

    } else {
        mlopsctl_table_quoted(key->text.data, key->text.len, 1);
    }
}


static void
mlopsctl_table_value(const mlopsctl_table_t *t, uint32_t column)
{
    char           text[MLOPS_DOUBLE_LEN], *end;
    mlops_cell_t   cell;

    cell = t->cells[column];

    if (!mlops_bit(t->present, column)) {
        printf("null");
        return;
    }

    switch (t->view->row.columns[column].type) {

    case MLOPS_TYPE_BYTES:
        mlopsctl_table_quoted(t->text + cell.s.off, cell.s.len, 1);
        return;

    case MLOPS_TYPE_INT64:
        end = mlops_print_int64(text, cell.i);
        break;

    default:

        /* one that is not finite prints as null */

        end = mlops_print_double(text, cell.f);
    }

    (void) fwrite(text, 1, (size_t) (end - text), stdout);
}


/* A JSON string: what need not be escaped is not. */

static void
mlopsctl_table_quoted(const char *data, size_t len, int quotes)
{
    size_t         i;
    const char    *known;
    unsigned char  c;

    static const char  plain[] = "\"\\\b\f\n\r\t";
    static const char  names[] = "\"\\bfnrt";

    if (quotes) {
        putchar('"');
    }

    for (i = 0; i < len; i++) {
        c = (unsigned char) data[i];
        known = (c != 0) ? strchr(plain, c) : NULL;

        if (known != NULL) {
            putchar('\\');
            putchar(names[known - plain]);

        } else if (c < 0x20) {
            printf("\\u%04x", c);

        } else {
            putchar(c);
        }
    }

    if (quotes) {
        putchar('"');
    }
}


/* A field of TSV: \t, \n, \r and \\ stand for what they name; other control
 * bytes become '?'. */

static void
mlopsctl_table_plain(const char *data, size_t len)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < len; i++) {
        c = (unsigned char) data[i];

        if (c == '\t') {
            fputs("\\t", stdout);

        } else if (c == '\n') {
            fputs("\\n", stdout);

        } else if (c == '\r') {
            fputs("\\r", stdout);

        } else if (c == '\\') {
            fputs("\\\\", stdout);

        } else {
            putchar((c < 0x20 || c == 0x7f) ? '?' : c);
        }
    }
}
