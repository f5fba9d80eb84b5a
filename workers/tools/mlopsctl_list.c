/*
 * mlopsctl list, log: what the registry holds.
 *
 * Rows of fields divided by tabs, with a row of names first; in a field \t,
 * \n, \r and \\ stand for what they name.  Or one JSON array.
 */

#include "mlopsctl.h"
#include "mlops_registry.h"
#include "mlops_registry_log.h"

#include <unistd.h>
#include <yajl/yajl_gen.h>


typedef struct {
    mlops_version_t   file;
    mlops_str_t       time;
    mlops_str_t       user;
    mlops_str_t       digest;
} mlopsctl_version_t;


typedef struct {
    mlops_registry_t      registry;
    mlops_arena_t         arena;
    yajl_gen              json;         /* or NULL: TSV */
    mlopsctl_version_t   *versions;     /* of one model, ascending */
    uint32_t              n;
} mlopsctl_list_t;


typedef struct {
    int       json;
    uint32_t  n;                        /* lines so far */
} mlopsctl_lines_t;


static int mlopsctl_list_args(int argc, char **argv, const char **registry,
    int *json);
static int mlopsctl_list_model(mlopsctl_list_t *list, const mlops_str_t *name,
    mlops_err_t *err);
static int mlopsctl_list_line(void *ctx, const mlops_log_line_t *line);
static void mlopsctl_list_row(const mlops_str_t *name,
    const mlopsctl_version_t *version, const mlops_alias_t *aliases,
    uint32_t n);
static void mlopsctl_list_object(yajl_gen json, const mlops_str_t *name,
    const mlopsctl_version_t *version, const mlops_alias_t *aliases,
    uint32_t n);
static int mlopsctl_log_line(void *ctx, const mlops_log_line_t *line);
static mlops_str_t mlopsctl_keep(mlopsctl_list_t *list, const mlops_str_t *s);
static void mlopsctl_field(const mlops_str_t *s, char end);
static void mlopsctl_string(yajl_gen json, const char *data, size_t len);
static void mlopsctl_member(yajl_gen json, const char *name,
    const mlops_str_t *value);


int
mlopsctl_list(int argc, char **argv)
{
    int                   rc, json;
    size_t                len;
    uint32_t              i, n;
    mlops_err_t           err;
    mlops_str_t           one, *names;
    const char           *path;
    mlopsctl_list_t       list;
    const unsigned char  *text;

    rc = mlopsctl_list_args(argc, argv, &path, &json);

    if (rc != MLOPSCTL_DONE) {
        return rc;
    }

    if (argc - optind > 1) {
        return mlopsctl_misused("expected one model at most, got %d",
                                argc - optind);
    }

    memset(&list, 0, sizeof(list));

    if (mlops_registry_open(&list.registry, path, 0, 0, &err) != MLOPS_OK) {
        return mlopsctl_failed("%s", err.text);
    }

    mlops_arena_init(&list.arena, NULL, NULL);

    if (optind < argc) {
        one.data = argv[optind];
        one.len = strlen(argv[optind]);
        names = &one;
        n = 1;

    } else if (mlops_store_names(list.registry.models, &names, &n,
                                 &list.arena, &err)
               != MLOPS_OK)
    {
        rc = mlopsctl_failed("%s", err.text);
        goto done;
    }

    if (json) {
        list.json = yajl_gen_alloc(NULL);

        if (list.json == NULL) {
            rc = mlopsctl_failed("out of memory");
            goto done;
        }

        (void) yajl_gen_array_open(list.json);

    } else {
        printf("model\tversion\taliases\tbytes\tpublished\tuser\tdigest\n");
    }

    for (i = 0; i < n; i++) {
        if (mlopsctl_list_model(&list, &names[i], &err) != MLOPS_OK) {
            rc = mlopsctl_failed("model \"%.*s\": %s", mlops_fmt(&names[i]),
                                 err.text);
        }
    }

    if (json) {
        (void) yajl_gen_array_close(list.json);

        if (yajl_gen_get_buf(list.json, &text, &len) == yajl_gen_status_ok) {
            printf("%.*s\n", (int) len, text);

        } else {
            rc = mlopsctl_failed("out of memory");
        }

        yajl_gen_free(list.json);
    }

done:

    mlops_arena_destroy(&list.arena);
    mlops_registry_close(&list.registry);

    return (mlopsctl_flush() == MLOPSCTL_DONE) ? rc : MLOPSCTL_FAILED;
}


int
mlopsctl_log(int argc, char **argv)
{
    int                rc, dir;
    mlops_err_t        err;
    const char        *path, *name;
    mlopsctl_lines_t   lines;
    mlops_registry_t   registry;

    lines.n = 0;
    rc = mlopsctl_list_args(argc, argv, &path, &lines.json);

    if (rc != MLOPSCTL_DONE) {
        return rc;
    }

    if (argc - optind != 1) {
        return mlopsctl_misused("expected one model, got %d", argc - optind);
    }

    name = argv[optind];

    if (mlops_registry_open(&registry, path, 0, 0, &err) != MLOPS_OK) {
        return mlopsctl_failed("%s", err.text);
    }

    dir = mlops_store_model_dir(registry.models, name, strlen(name),
                                &err);

    if (dir == -1) {
        rc = mlopsctl_failed("%s", err.text);
        goto done;
    }

    if (lines.json) {
        printf("[");

    } else {
        printf("time\top\tversion\talias\tfrom\tuser\tdigest\tnote\n");
    }

    if (mlops_log_read(dir, mlopsctl_log_line, &lines, &err) != MLOPS_OK) {
        rc = mlopsctl_failed("model \"%s\": %s", name, err.text);
    }

    if (lines.json) {
        printf("%s]\n", lines.n ? "\n" : "");
    }

    (void) close(dir);

done:

    mlops_registry_close(&registry);

    return (mlopsctl_flush() == MLOPSCTL_DONE) ? rc : MLOPSCTL_FAILED;
}


static int
mlopsctl_list_args(int argc, char **argv, const char **registry, int *json)
{
    int                         c;
    static const struct option  options[] = {
        { "registry", required_argument, NULL, 'r' },
        { "json", no_argument, NULL, 'j' },
        { NULL, 0, NULL, 0 }
    };

    *registry = NULL;
    *json = 0;

    while ((c = mlopsctl_option(argc, argv, "r:j", options)) != -1) {

        if (c == 'r') {
            *registry = optarg;

        } else if (c == 'j') {
            *json = 1;

        } else {
            return MLOPSCTL_USAGE;
        }
    }

    return (*registry != NULL) ? MLOPSCTL_DONE
                               : mlopsctl_misused("-r REGISTRY is missing");
}


static int
mlopsctl_list_model(mlopsctl_list_t *list, const mlops_str_t *name,
    mlops_err_t *err)
{
    int               dir, rc;
    uint32_t          i, n;
    mlops_alias_t    *aliases;
    mlops_version_t  *versions;

    dir = mlops_store_model_dir(list->registry.models, name->data, name->len,
                                err);

    if (dir == -1) {
        return MLOPS_ERROR;
    }

    rc = MLOPS_ERROR;

    if (mlops_store_versions(dir, &versions, &list->n, &list->arena, err)
        != MLOPS_OK
        || mlops_store_aliases(dir, &aliases, &n, &list->arena, err)
           != MLOPS_OK)
    {
        goto done;
    }

    list->versions = mlops_arena_calloc(&list->arena, list->n + 1,
                                        sizeof(mlopsctl_version_t));

    if (list->versions == NULL) {
        (void) mlops_err_set(err, "out of memory");
        goto done;
    }

    for (i = 0; i < list->n; i++) {
        list->versions[i].file = versions[i];
    }

    rc = mlops_log_read(dir, mlopsctl_list_line, list, err);

    for (i = 0; i < list->n; i++) {

        if (list->json != NULL) {
            mlopsctl_list_object(list->json, name, &list->versions[i],
                                 aliases, n);

        } else {
            mlopsctl_list_row(name, &list->versions[i], aliases, n);
        }
    }

done:

    (void) close(dir);

    return rc;
}


/* Takes what the line says of a version's birth. */

static int
mlopsctl_list_line(void *ctx, const mlops_log_line_t *line)
{
    int               cmp;
    char              name[MLOPS_VERSION_LEN + 1];
    uint32_t          lo, hi, mid;
    mlopsctl_list_t  *list;

    list = ctx;

    /* other lines may name a version and a digest as well */

    if (line->version.len == 0 || line->digest.len == 0
        || (!mlops_str_is(&line->op, "publish")
            && !mlops_str_is(&line->op, "recover")))
    {
        return MLOPS_OK;
    }

    memcpy(name, line->version.data, line->version.len);
    name[line->version.len] = '\0';

    for (lo = 0, hi = list->n; lo < hi; /* void */ ) {
        mid = lo + (hi - lo) / 2;
        cmp = mlops_version_cmp(name, list->versions[mid].file.version);

        if (cmp == 0) {
            list->versions[mid].time = mlopsctl_keep(list, &line->time);
            list->versions[mid].user = mlopsctl_keep(list, &line->user);
            list->versions[mid].digest = mlopsctl_keep(list, &line->digest);
            break;
        }

        if (cmp < 0) {
            hi = mid;

        } else {
            lo = mid + 1;
        }
    }

    return MLOPS_OK;
}


static void
mlopsctl_list_row(const mlops_str_t *name, const mlopsctl_version_t *version,
    const mlops_alias_t *aliases, uint32_t n)
{
    uint32_t     i;
    const char  *comma;

    printf("%.*s\t%s\t", mlops_fmt(name), version->file.version);

    for (i = 0, comma = ""; i < n; i++) {
        if (strcmp(aliases[i].version, version->file.version) == 0) {
            printf("%s%s", comma, aliases[i].alias);
            comma = ",";
        }
    }

    printf("\t%llu\t", (unsigned long long) version->file.bytes);

    mlopsctl_field(&version->time, '\t');
    mlopsctl_field(&version->user, '\t');
    mlopsctl_field(&version->digest, '\n');
}


static void
mlopsctl_list_object(yajl_gen json, const mlops_str_t *name,
    const mlopsctl_version_t *version, const mlops_alias_t *aliases,
    uint32_t n)
{
    uint32_t     i;
    mlops_str_t  number;

    number.data = version->file.version;
    number.len = strlen(version->file.version);

    (void) yajl_gen_map_open(json);

    mlopsctl_member(json, "model", name);
    mlopsctl_member(json, "version", &number);
    mlopsctl_string(json, "aliases", 7);
    (void) yajl_gen_array_open(json);

    for (i = 0; i < n; i++) {
        if (strcmp(aliases[i].version, version->file.version) == 0) {
            mlopsctl_string(json, aliases[i].alias, strlen(aliases[i].alias));
        }
    }

    (void) yajl_gen_array_close(json);
    mlopsctl_string(json, "bytes", 5);
    (void) yajl_gen_integer(json, (long long) version->file.bytes);
    mlopsctl_member(json, "published", &version->time);
    mlopsctl_member(json, "user", &version->user);
    mlopsctl_member(json, "digest", &version->digest);

    (void) yajl_gen_map_close(json);
}


static int
mlopsctl_log_line(void *ctx, const mlops_log_line_t *line)
{
    mlopsctl_lines_t  *lines;

    lines = ctx;

    if (lines->json) {
        printf("%s\n%.*s", lines->n ? "," : "", mlops_fmt(&line->text));

    } else {
        mlopsctl_field(&line->time, '\t');
        mlopsctl_field(&line->op, '\t');
        mlopsctl_field(&line->version, '\t');
        mlopsctl_field(&line->alias, '\t');
        mlopsctl_field(&line->from, '\t');
        mlopsctl_field(&line->user, '\t');
        mlopsctl_field(&line->digest, '\t');
        mlopsctl_field(&line->note, '\n');
    }

    lines->n++;

    return MLOPS_OK;
}


static mlops_str_t
mlopsctl_keep(mlopsctl_list_t *list, const mlops_str_t *s)
{
    mlops_str_t  kept = mlops_null_str;

    kept.data = mlops_arena_copy(&list->arena, s->data, s->len);

    if (kept.data != NULL) {
        kept.len = s->len;
    }

    return kept;
}


/* Other control characters become '?', those of two bytes (U+0080 to U+009F)
 * as well: a terminal would obey them. */

static void
mlopsctl_field(const mlops_str_t *s, char end)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < s->len; i++) {
        c = (unsigned char) s->data[i];

        if (c == '\t') {
            fputs("\\t", stdout);

        } else if (c == '\n') {
            fputs("\\n", stdout);

        } else if (c == '\r') {
            fputs("\\r", stdout);

        } else if (c == '\\') {
            fputs("\\\\", stdout);

        } else if (c == 0xc2 && i + 1 < s->len
                   && (unsigned char) s->data[i + 1] < 0xa0)
        {
            putchar('?');
            i++;

        } else {
            putchar((c < 0x20 || c == 0x7f) ? '?' : c);
        }
    }

    putchar(end);
}


static void
mlopsctl_string(yajl_gen json, const char *data, size_t len)
{
    (void) yajl_gen_string(json, (const unsigned char *) data, len);
}


/* What nobody knows is null. */

static void
mlopsctl_member(yajl_gen json, const char *name, const mlops_str_t *value)
{
    mlopsctl_string(json, name, strlen(name));

    if (value->len == 0) {
        (void) yajl_gen_null(json);

    } else {
        mlopsctl_string(json, value->data, value->len);
    }
}
