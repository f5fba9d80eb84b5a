/*
 * The registry: publishing, aliases, rollback, the log, and what dead
 * writers leave.
 */

#include "stores.h"


static char              reg[UNIT_PATH_SIZE];
static mlops_registry_t  r;


static void
fresh(void)
{
    mlops_err_t  err;

    snprintf(reg, sizeof(reg), "%s/registry", unit_tmpdir());
    stores_ok(mlops_registry_open(&r, reg, 1, 1, &err));
}


/* Publishes y = x + n; the version it became. */

static const char *
publish(const char *name, double n, const char *alias)
{
    void         *image;
    size_t        len;
    mlops_err_t   err;
    static char   version[MLOPS_VERSION_LEN + 1];

    image = stores_image(n, &len);
    stores_ok(mlops_registry_publish(&r, name, image, len, alias, NULL,
                                     version, &err));
    free(image);

    return version;
}


static const char *
at(const char *name, const char *alias)
{
    return stores_target(stores_path(reg, "models/%s/@%s", name, alias));
}


static char *
log_text(const char *name)
{
    char  *text;

    text = unit_slurp(stores_path(reg, "models/%s/log", name), NULL);
    assert_non_null(text);

    return text;
}


static void
append(const char *name, const char *text)
{
    FILE  *f;

    f = fopen(stores_path(reg, "models/%s/log", name), "a");
    fputs(text, f);
    fclose(f);
}


/* "op version alias from; …", as the library reads it. */

typedef struct {
    char    text[4096];
    size_t  len;
} said_t;


static int
say(void *ctx, const mlops_log_line_t *line)
{
    said_t  *said;

    said = ctx;
    said->len += (size_t) snprintf(said->text + said->len,
                                   sizeof(said->text) - said->len,
                                   "%.*s %.*s %.*s %.*s; ",
                                   mlops_fmt(&line->op),
                                   mlops_fmt(&line->version),
                                   mlops_fmt(&line->alias),
                                   mlops_fmt(&line->from));

    return MLOPS_OK;
}


static const char *
said(const char *name)
{
    int            dir;
    mlops_err_t    err;
    static said_t  s;

    memset(&s, 0, sizeof(s));

    dir = mlops_store_model_dir(r.models, name, strlen(name), &err);
    stores_ok(mlops_log_read(dir, say, &s, &err));
    close(dir);

    return s.text;
}


static const char *
rollback(const char *name, const char *alias)
{
    mlops_err_t  err;
    static char  version[MLOPS_VERSION_LEN + 1];

    stores_ok(mlops_registry_rollback(&r, name, alias, version, &err));

    return version;
}


static void
test_publish(void **state)
{
    int              rc;
    char            *text, digest[64];
    void            *image;
    size_t           len;
    uint64_t         checksum;
    struct stat      st;
    mlops_err_t      err;
    unsigned char   *file;

    (void) state;

    fresh();

    assert_string_equal(publish("m", 1, NULL), "1");
    assert_string_equal(at("m", "champion"), "1.mlm");
    assert_string_equal(publish("m", 2, NULL), "2");
    assert_string_equal(at("m", "champion"), "1.mlm");
    assert_string_equal(publish("m", 3, "champion"), "3");
    assert_string_equal(at("m", "champion"), "3.mlm");
    assert_string_equal(publish("m", 4, "challenger"), "4");
    assert_string_equal(at("m", "challenger"), "4.mlm");
    assert_string_equal(publish("n", 5, "challenger"), "1");
    assert_string_equal(at("n", "champion"), "1.mlm");
    assert_string_equal(at("n", "challenger"), "1.mlm");

    assert_string_equal(stores_names(reg), "lock models ");
    assert_string_equal(stores_names(stores_path(reg, "models/m")),
                        "1.mlm 2.mlm 3.mlm 4.mlm @challenger @champion log ");
    assert_int_equal(lstat(stores_path(reg, "models/m/4.mlm"), &st), 0);
    assert_int_equal(st.st_mode, S_IFREG|0444);
    assert_int_equal(st.st_nlink, 1);

    image = stores_image(4, &len);
    file = (unsigned char *) unit_slurp(stores_path(reg, "models/m/4.mlm"),
                                        NULL);
    assert_memory_equal(file, image, len);

    assert_string_equal(said("m"), "publish 1 champion ; publish 2  ; "
                                   "publish 3 champion 1; "
                                   "publish 4 challenger ; ");
    assert_string_equal(said("n"), "publish 1 champion ; "
                                   "alias 1 challenger ; ");

    /* the digest is the checksum that stands at byte 24 of the image */

    memcpy(&checksum, file + 24, 8);
    snprintf(digest, sizeof(digest), "\"digest\":\"xxh3:%016llx\"",
             (unsigned long long) checksum);
    text = log_text("m");
    assert_non_null(strstr(text, digest));
    assert_int_equal(strncmp(text, "{\"time\":\"20", 11), 0);

    /* a file that is no model leaves nothing, not even a directory */

    file[len - 1] ^= 1;
    stores_fails(mlops_registry_publish(&r, "new", file, len, NULL, NULL,
                                        digest, &err), "checksum");
    assert_string_equal(digest, "");
    stores_fails(mlops_registry_publish(&r, "new", image, len - 1, NULL, NULL,
                                        digest, &err), "");
    stores_fails(mlops_registry_publish(&r, "new", image, 0, NULL, NULL,
                                        digest, &err), "got 0");
    assert_false(stores_exists(stores_path(reg, "models/new")));

    /* names */

    stores_fails(mlops_registry_publish(&r, "../x", image, len, NULL, NULL,
                                        digest, &err), "../x");
    stores_fails(mlops_registry_publish(&r, "", image, len, NULL, NULL,
                                        digest, &err), "name");
    stores_fails(mlops_registry_publish(&r, "m", image, len, "a/b", NULL,
                                        digest, &err), "a/b");

    /* notes: any text, one line; not UTF-8 is refused and leaves nothing */

    stores_ok(mlops_registry_publish(&r, "m", image, len, NULL,
                                     "a \"note\"\nof two\tlines, \xc3\xa4",
                                     digest, &err));
    assert_string_equal(digest, "5");
    free(text);
    text = log_text("m");
    assert_non_null(strstr(text, "\"note\":\"a \\\"note\\\"\\nof two\\tlines, "
                                 "\xc3\xa4\"}\n"));
    free(text);

    stores_fails(mlops_registry_publish(&r, "m", image, len, NULL, "\xff",
                                        digest, &err), "UTF-8");
    assert_false(stores_exists(stores_path(reg, "models/m/6.mlm")));
    stores_fails(mlops_registry_publish(&r, "new", image, len, NULL, "\xff",
                                        digest, &err), "UTF-8");
    assert_false(stores_exists(stores_path(reg, "models/new")));

    /* an image at an odd address */

    file = realloc(file, len + 1);
    memcpy(file + 1, image, len);
    rc = mlops_registry_publish(&r, "m", file + 1, len, NULL, NULL, digest,
                                &err);
    assert_int_equal(rc, MLOPS_OK);
    assert_string_equal(digest, "6");

    free(file);
    free(image);
    mlops_registry_close(&r);
}


static void
test_numbers(void **state)
{
    int          i;
    void        *image;
    char         version[MLOPS_VERSION_LEN + 1];
    size_t       len;
    mlops_err_t  err;

    (void) state;

    fresh();

    for (i = 1; i <= 9; i++) {
        publish("m", i, NULL);
    }

    assert_string_equal(publish("m", 10, NULL), "10");
    assert_string_equal(publish("m", 11, NULL), "11");

    /* a version that was removed does not come back as something else */

    unlink(stores_path(reg, "models/m/11.mlm"));
    assert_string_equal(publish("m", 12, NULL), "12");

    /* revisions: the integer part counts */

    image = stores_image(13, &len);
    unit_spew(stores_path(reg, "models/m/41.7.mlm"), image, len);
    assert_string_equal(publish("m", 14, NULL), "42");

    unit_spew(stores_path(reg, "models/m/18446744073709551999.mlm"), image,
              len);
    assert_string_equal(publish("m", 15, NULL), "18446744073709552000");

    unit_spew(stores_path(reg, "models/m/99999999999999999999.mlm"), image,
              len);
    assert_string_equal(publish("m", 16, NULL), "100000000000000000000");

    unit_spew(stores_path(reg, "models/m/"
                               "99999999999999999999999999999999.mlm"),
              image, len);
    stores_fails(mlops_registry_publish(&r, "m", image, len, NULL, NULL,
                                        version, &err),
                 "no version after 99999999999999999999999999999999");

    free(image);
    mlops_registry_close(&r);
}


static void
test_alias(void **state)
{
    char         *bytes;
    size_t        len;
    mlops_err_t   err;

    (void) state;

    len = 0;
    fresh();

    publish("m", 1, NULL);
    publish("m", 2, NULL);
    publish("m", 3, NULL);

    stores_ok(mlops_registry_alias(&r, "m", "champion", "3", "why", &err));
    assert_string_equal(at("m", "champion"), "3.mlm");

    /* there already: no line */

    stores_ok(mlops_registry_alias(&r, "m", "champion", "3", NULL, &err));
    stores_ok(mlops_registry_alias(&r, "m", "old", "1", NULL, &err));
    assert_string_equal(said("m"), "publish 1 champion ; publish 2  ; "
                                   "publish 3  ; alias 3 champion 1; "
                                   "alias 1 old ; ");

    stores_fails(mlops_registry_alias(&r, "m", "champion", "4", NULL, &err),
                 "no version 4");
    stores_fails(mlops_registry_alias(&r, "m", "champion", "../1", NULL,
                                      &err), "no version");
    stores_fails(mlops_registry_alias(&r, "m", "", "1", NULL, &err), "alias");
    stores_fails(mlops_registry_alias(&r, "x", "champion", "1", NULL, &err),
                 "no model \"x\"");
    assert_false(stores_exists(stores_path(reg, "models/x")));

    /* no alias ever points to what does not load */

    bytes = unit_slurp(stores_path(reg, "models/m/2.mlm"), &len);
    chmod(stores_path(reg, "models/m/2.mlm"), 0644);
    bytes[len - 1] ^= 1;
    unit_spew(stores_path(reg, "models/m/2.mlm"), bytes, len);
    free(bytes);

    stores_fails(mlops_registry_alias(&r, "m", "champion", "2", NULL, &err),
                 "model \"m\": version 2: ");
    stores_has(&err, "checksum");
    assert_string_equal(at("m", "champion"), "3.mlm");

    unlink(stores_path(reg, "models/m/2.mlm"));
    symlink("1.mlm", stores_path(reg, "models/m/2.mlm"));
    stores_fails(mlops_registry_alias(&r, "m", "champion", "2", NULL, &err),
                 "2.mlm");

    mlops_registry_close(&r);
}


static void
test_rollback(void **state)
{
    int          i;
    char         version[MLOPS_VERSION_LEN + 1];
    mlops_err_t  err;

    (void) state;

    fresh();

    for (i = 1; i <= 6; i++) {
        publish("m", i, "champion");
    }

    assert_string_equal(rollback("m", NULL), "5");
    assert_string_equal(at("m", "champion"), "5.mlm");
    assert_string_equal(rollback("m", "champion"), "4");

    /* forward, and the way back leads past what was rolled back */

    stores_ok(mlops_registry_alias(&r, "m", "champion", "6", NULL, &err));
    assert_string_equal(rollback("m", NULL), "4");

    /* a removed version is passed over */

    unlink(stores_path(reg, "models/m/3.mlm"));
    assert_string_equal(rollback("m", NULL), "2");
    assert_string_equal(rollback("m", NULL), "1");
    stores_fails(mlops_registry_rollback(&r, "m", NULL, version, &err),
                 "at version 1: there is none before it");
    assert_string_equal(version, "");
    assert_string_equal(at("m", "champion"), "1.mlm");

    /* to and fro */

    stores_ok(mlops_registry_alias(&r, "m", "champion", "2", NULL, &err));
    stores_ok(mlops_registry_alias(&r, "m", "champion", "1", NULL, &err));
    assert_string_equal(rollback("m", NULL), "2");
    assert_string_equal(rollback("m", NULL), "1");

    stores_fails(mlops_registry_rollback(&r, "m", "none", version, &err),
                 "no alias \"none\"");
    stores_fails(mlops_registry_rollback(&r, "x", NULL, version, &err),
                 "no model \"x\"");

    /* what does not load is refused, not passed over */

    stores_ok(mlops_registry_alias(&r, "m", "champion", "4", NULL, &err));
    stores_ok(mlops_registry_alias(&r, "m", "champion", "5", NULL, &err));
    chmod(stores_path(reg, "models/m/4.mlm"), 0644);
    unit_spew(stores_path(reg, "models/m/4.mlm"), "x", 1);
    stores_fails(mlops_registry_rollback(&r, "m", NULL, version, &err),
                 "version 4");
    assert_string_equal(at("m", "champion"), "5.mlm");

    mlops_registry_close(&r);
}


/* A log line whose link never moved: taken back, and said so. */

static void
test_line_without_link(void **state)
{
    (void) state;

    fresh();

    publish("m", 1, NULL);
    publish("m", 2, "champion");
    publish("m", 3, NULL);

    append("m", "{\"op\":\"alias\",\"version\":\"3\",\"alias\":\"champion\","
                "\"from\":\"2\"}\n");
    publish("m", 4, NULL);
    assert_string_equal(said("m"), "publish 1 champion ; "
                                   "publish 2 champion 1; publish 3  ; "
                                   "alias 3 champion 2; "
                                   "recover 2 champion 3; publish 4  ; ");
    assert_string_equal(rollback("m", NULL), "1");

    /* of a rollback: the way back is as it was */

    publish("m", 5, "champion");
    append("m", "{\"op\":\"rollback\",\"version\":\"1\","
                "\"alias\":\"champion\",\"from\":\"5\"}\n");
    publish("m", 6, "champion");
    assert_string_equal(rollback("m", NULL), "5");
    assert_string_equal(rollback("m", NULL), "1");

    /* of an alias that never was */

    append("m", "{\"op\":\"alias\",\"version\":\"2\",\"alias\":\"new\"}\n");
    publish("m", 7, NULL);
    assert_non_null(strstr(said("m"), "alias 2 new ; recover  new 2; "));

    /* a link that somebody moved, made or removed by hand */

    unlink(stores_path(reg, "models/m/@champion"));
    symlink("4.mlm", stores_path(reg, "models/m/@champion"));
    symlink("2.mlm", stores_path(reg, "models/m/@hand"));
    publish("m", 8, NULL);
    assert_non_null(strstr(said("m"), "recover 4 champion 1; "
                                      "recover 2 hand ; publish 8"));
    assert_string_equal(rollback("m", NULL), "1");
    unlink(stores_path(reg, "models/m/@hand"));
    publish("m", 9, NULL);
    assert_non_null(strstr(said("m"), "recover  hand 2; publish 9"));

    mlops_registry_close(&r);
}


/* The first version got its line, but no link: the next one is champion. */

static void
test_first_without_link(void **state)
{
    (void) state;

    fresh();

    publish("m", 1, NULL);
    unlink(stores_path(reg, "models/m/@champion"));
    assert_string_equal(publish("m", 2, NULL), "2");
    assert_string_equal(at("m", "champion"), "2.mlm");
    assert_string_equal(said("m"), "publish 1 champion ; "
                                   "recover  champion 1; "
                                   "publish 2 champion ; ");

    mlops_registry_close(&r);
}


static void
test_version_without_line(void **state)
{
    void    *image;
    char    *text, digest[64];
    size_t   len;
    uint64_t checksum;

    (void) state;

    fresh();

    publish("m", 1, NULL);
    image = stores_image(2, &len);
    memcpy(&checksum, (char *) image + 24, 8);
    unit_spew(stores_path(reg, "models/m/2.mlm"), image, len);
    free(image);

    assert_string_equal(publish("m", 3, NULL), "3");
    assert_string_equal(said("m"), "publish 1 champion ; recover 2  ; "
                                   "publish 3  ; ");

    text = log_text("m");
    snprintf(digest, sizeof(digest), "\"version\":\"2\","
             "\"digest\":\"xxh3:%016llx\"", (unsigned long long) checksum);
    assert_non_null(strstr(text, digest));
    free(text);

    mlops_registry_close(&r);
}


static void
test_torn_log(void **state)
{
    char        *text;
    mlops_err_t  err;

    (void) state;

    fresh();

    publish("m", 1, NULL);
    publish("m", 2, "champion");

    append("m", "{\"op\":\"alias\",\"version\":\"1\",\"ali");
    assert_string_equal(said("m"), "publish 1 champion ; "
                                   "publish 2 champion 1; ");
    publish("m", 3, NULL);
    assert_string_equal(said("m"), "publish 1 champion ; "
                                   "publish 2 champion 1; publish 3  ; ");
    text = log_text("m");
    assert_non_null(strstr(text, "\"version\":\"1\",\"ali\n{\"time\""));
    free(text);

    /* lines of others, and no lines at all, are kept and passed over */

    append("m", "\n[1]\n\"x\"\n{\"op\":\"gate\",\"version\":\"9\"}\nrubbish\n"
                "{\"op\":\"alias\",\"alias\":\"../x\",\"version\":\"1\"}\n"
                "{\"op\":\"alias\",\"alias\":\"y\",\"version\":\"one\"}\n"
                "{\"op\":7,\"alias\":[]}\n\x01\x02\n{\"op\":\"tag\"");
    assert_string_equal(publish("m", 4, NULL), "4");
    assert_non_null(strstr(said("m"), "; gate 9  ; "));
    text = log_text("m");
    assert_non_null(strstr(text, "rubbish\n"));
    assert_non_null(strstr(text, "{\"op\":\"tag\"\n{"));
    free(text);

    /* without a log all is there still; it is written anew */

    unlink(stores_path(reg, "models/m/log"));
    assert_string_equal(said("m"), "");
    assert_string_equal(publish("m", 5, NULL), "5");
    assert_string_equal(said("m"), "recover 1  ; recover 2  ; recover 3  ; "
                                   "recover 4  ; recover 2 champion ; "
                                   "publish 5  ; ");

    /* a log that is no file */

    unlink(stores_path(reg, "models/m/log"));
    symlink("/etc/passwd", stores_path(reg, "models/m/log"));
    stores_fails(mlops_registry_alias(&r, "m", "champion", "1", NULL, &err),
                 "log");
    unlink(stores_path(reg, "models/m/log"));
    mkfifo(stores_path(reg, "models/m/log"), 0644);
    stores_fails(mlops_registry_alias(&r, "m", "champion", "1", NULL, &err),
                 "log");
    assert_string_equal(at("m", "champion"), "2.mlm");

    mlops_registry_close(&r);
}


static void
test_open(void **state)
{
    void              *image;
    char               version[MLOPS_VERSION_LEN + 1];
    size_t             len;
    mlops_err_t        err;
    struct stat        st;
    mlops_registry_t   o;

    (void) state;

    snprintf(reg, sizeof(reg), "%s/registry", unit_tmpdir());
    stores_fails(mlops_registry_open(&r, reg, 0, 0, &err), reg);
    assert_false(stores_exists(reg));

    stores_ok(mlops_registry_open(&r, reg, 1, 1, &err));
    image = stores_image(1, &len);

    /* readers need no lock, and write nothing */

    stores_ok(mlops_registry_open(&o, reg, 0, 0, &err));
    stores_fails(mlops_registry_publish(&o, "m", image, len, NULL, NULL,
                                        version, &err), "reading");
    mlops_registry_close(&o);
    mlops_registry_close(&o);

    /* what dead writers left is swept at the door */

    publish("m", 1, NULL);
    mlops_registry_close(&r);
    unit_spew(stores_path(reg, ".tmp.999999999.1.0"), "x", 1);
    mkdir(stores_path(reg, "models/.tmp.999999999.1.0"), 0755);
    unit_spew(stores_path(reg, "models/m/.tmp.999999999.1.0"), "x", 1);
    symlink("9.mlm", stores_path(reg, "models/m/.tmp.999999999.1.1"));
    stores_ok(mlops_registry_open(&r, reg, 0, 1, &err));
    assert_string_equal(stores_names(reg), "lock models ");
    assert_string_equal(stores_names(stores_path(reg, "models")), "m ");
    assert_string_equal(stores_names(stores_path(reg, "models/m")),
                        "1.mlm @champion log ");
    mlops_registry_close(&r);

    chmod(reg, 0777);
    stores_fails(mlops_registry_open(&r, reg, 0, 1, &err), "0777");
    chmod(reg, 0755);

    rename(stores_path(reg, "models"), stores_path(reg, "m"));
    symlink("m", stores_path(reg, "models"));
    stores_fails(mlops_registry_open(&r, reg, 0, 0, &err), "models");
    unlink(stores_path(reg, "models"));
    rename(stores_path(reg, "m"), stores_path(reg, "models"));

    /* root writes in the owner's name */

    if (geteuid() == 0) {
        assert_int_equal(chown(stores_path(reg, "models"), 12345, 54321), 0);
        stores_fails(mlops_registry_open(&r, reg, 0, 1, &err), "uid 12345");
        assert_int_equal(chown(reg, 12345, 54321), 0);
        unlink(stores_path(reg, "lock"));
        stores_ok(mlops_registry_open(&r, reg, 1, 1, &err));
        publish("n", 1, NULL);
        mlops_registry_close(&r);

        lstat(stores_path(reg, "lock"), &st);
        assert_int_equal(st.st_uid, 12345);
        lstat(stores_path(reg, "models/n"), &st);
        assert_int_equal(st.st_uid, 12345);
        lstat(stores_path(reg, "models/n/log"), &st);
        assert_int_equal(st.st_uid, 12345);
        assert_int_equal(st.st_gid, 54321);
        lstat(stores_path(reg, "models/n/1.mlm"), &st);
        assert_int_equal(st.st_uid, 12345);
    }

    free(image);
}


/* Two writers at once: each version once, none left out. */

static void
test_two_writers(void **state)
{
    int            i, j, status, dir;
    char           part[64];
    pid_t          pids[2];
    uint32_t       n;
    mlops_err_t    err;
    mlops_arena_t  arena;

    mlops_version_t  *versions;

    (void) state;

    fresh();
    mlops_registry_close(&r);

    for (i = 0; i < 2; i++) {
        pids[i] = fork();

        if (pids[i] == 0) {

            for (j = 0; j < 15; j++) {
                stores_publish(reg, "m", 100 * i + j, "champion", NULL);
            }

            _exit(0);
        }
    }

    for (i = 0; i < 2; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }

    stores_ok(mlops_registry_open(&r, reg, 0, 0, &err));
    mlops_arena_init(&arena, NULL, NULL);
    dir = mlops_store_model_dir(r.models, "m", 1, &err);
    stores_ok(mlops_store_versions(dir, &versions, &n, &arena, &err));
    assert_int_equal(n, 30);
    assert_string_equal(versions[29].version, "30");
    assert_string_equal(at("m", "champion"), "30.mlm");

    for (i = 1; i < 30; i++) {
        snprintf(part, sizeof(part), "publish %d champion %d; ", i + 1, i);
        assert_non_null(strstr(said("m"), part));
    }

    close(dir);
    mlops_arena_destroy(&arena);
    mlops_registry_close(&r);
}


/* A full disk: what does not fit leaves the registry as it was. */

static void
test_full(void **state)
{
    int          i;
    void        *image;
    char         version[MLOPS_VERSION_LEN + 1], *page;
    FILE        *f;
    size_t       len;
    mlops_err_t  err;
    const char  *dir;

    (void) state;

    dir = unit_tmpdir();

    if (mount("tmpfs", dir, "tmpfs", 0, "size=64k") == -1) {
        unit_skip("no tmpfs may be mounted here");
    }

    snprintf(reg, sizeof(reg), "%s/registry", dir);
    stores_ok(mlops_registry_open(&r, reg, 1, 1, &err));
    publish("m", 1, NULL);

    page = calloc(1, 4096);
    f = fopen(stores_path(dir, "big"), "w");
    setvbuf(f, NULL, _IONBF, 0);

    for (i = 0; i < 16 && fwrite(page, 4096, 1, f) == 1; i++) {
        /* void */
    }

    fclose(f);

    image = stores_image(2, &len);
    stores_fails(mlops_registry_publish(&r, "m", image, len, NULL, NULL,
                                        version, &err), "bytes are needed");
    assert_string_equal(stores_names(stores_path(reg, "models/m")),
                        "1.mlm @champion log ");
    assert_string_equal(said("m"), "publish 1 champion ; ");

    unlink(stores_path(dir, "big"));
    assert_string_equal(publish("m", 2, "champion"), "2");

    free(image);
    free(page);
    mlops_registry_close(&r);
    assert_int_equal(umount2(dir, MNT_DETACH), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_publish),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_alias),
        cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_line_without_link),
        cmocka_unit_test(test_first_without_link),
        cmocka_unit_test(test_version_without_line),
        cmocka_unit_test(test_torn_log),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_two_writers),
        cmocka_unit_test(test_full)
    };

    return unit_run(tests);
}
