/*
 * The store: making, opening, names, the bell, and the step with a registry.
 */

#include "stores.h"

#include <sys/mman.h>


static mlops_store_t  store;
static char           reg[UNIT_PATH_SIZE], sto[UNIT_PATH_SIZE];
static const char    *top;


/* An empty store, open for writing, and the path of a registry to be; both
 * in top. */

static void
fresh(uint64_t limit)
{
    mlops_err_t  err;

    top = unit_tmpdir();

    snprintf(reg, sizeof(reg), "%s/registry", top);
    snprintf(sto, sizeof(sto), "%s/store", top);

    stores_ok(mlops_store_create(sto, limit, (uid_t) -1, (gid_t) -1,
                                 (uid_t) -1, &err));
    stores_ok(mlops_store_open(&store, sto, 1, &err));
}


static void
test_names(void **state)
{
    size_t       i;
    char         name[80];
    const char  *good[] = { "a", "eta", "A-b_c.9", "0", "-x"};
    const char  *bad[] = { "", ".", "..", ".tmp.1", "a/b", "a b", "@a",
                           "a\n", "\xc3\xa4", "a*", "a\\", "a:b" };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        unit_ok(mlops_name_valid(good[i], strlen(good[i])), "%s", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        unit_ok(!mlops_name_valid(bad[i], strlen(bad[i])), "%s", bad[i]);
    }

    memset(name, 'a', sizeof(name));
    assert_true(mlops_name_valid(name, 64));
    assert_false(mlops_name_valid(name, 65));
    assert_false(mlops_name_valid("a\0b", 3));
}


static void
test_versions(void **state)
{
    size_t       i, j;
    const char  *good[] = { "0", "0.0", "0.5", "1", "1.0", "1.9", "1.10",
                            "2", "9", "10", "7000000000000000000000000000000",
                            "12345678901234567890123456789012" };
    const char  *bad[] = { "", "00", "01", "1.", ".1", "1..2", "1.2.3", "1.02",
                           "-1", "+1", "1a", "a", " 1", "1 ", "1e3", "0x1",
                           "123456789012345678901234567890123", "1/2" };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        unit_ok(mlops_version_valid(good[i], strlen(good[i])), "%s", good[i]);

        /* they stand in ascending order */

        for (j = 0; j < sizeof(good) / sizeof(good[0]); j++) {
            unit_ok(mlops_version_cmp(good[i], good[j])
                    == (i < j ? -1 : i > j), "%s and %s", good[i], good[j]);
        }
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        unit_ok(!mlops_version_valid(bad[i], strlen(bad[i])), "%s", bad[i]);
    }
}


static void
test_create(void **state)
{
    int              fd, i;
    char             page[MLOPS_CONTROL_SIZE + 1];
    ino_t            ino;
    uint64_t         word;
    mlops_err_t      err;
    struct stat      st;
    mlops_store_t    other;

    struct {
        const char  *name;
        mode_t       mode;
    } parts[] = {
        { "",         S_IFDIR|0755 },
        { "models",   S_IFDIR|0755 },
        { "features", S_IFDIR|0755 },
        { "metrics",  S_IFDIR|0755 },
        { "status",   S_IFDIR|0755 },
        { "rings",    S_IFDIR|02770 },
        { "control",  S_IFREG|0644 },
        { "lock",     S_IFREG|0600 }
    };

    (void) state;

    fresh(1000);

    for (i = 0; i < 8; i++) {
        assert_int_equal(lstat(stores_path(sto, "%s", parts[i].name), &st),
                         0);
        unit_ok(st.st_mode == parts[i].mode, "%s is %o", parts[i].name,
                st.st_mode);
    }

    assert_string_equal(stores_names(sto), "control features lock metrics "
                                           "models rings status ");

    /* the bytes, as the header file has them */

    fd = open(stores_path(sto, "control"), O_RDONLY);
    assert_int_equal(read(fd, page, sizeof(page)), 4096);
    assert_memory_equal(page, "mlopsctl\1\0\0\0", 12);
    memcpy(&word, page + 16, 8);
    assert_int_equal(word, 0);
    memcpy(&word, page + 24, 8);
    assert_int_equal(word, 1000);

    for (i = 32; i < 4096; i++) {
        assert_int_equal(page[i], 0);
    }

    fstat(fd, &st);
    ino = st.st_ino;
    close(fd);

    /* once more, while it is open: the same file, another limit, the bell as
     * it was; a slash at the end makes no difference */

    mlops_store_ring(&store);
    stores_ok(mlops_store_create(stores_path(sto, ""), 2000, (uid_t) -1,
                                 (gid_t) -1, (uid_t) -1, &err));
    assert_int_equal(stat(stores_path(sto, "control"), &st), 0);
    assert_int_equal(st.st_ino, ino);
    assert_int_equal(store.control->size_limit, 2000);
    assert_int_equal(mlops_store_bell(&store), 1);

    /* readers hear it, and cannot ring */

    stores_ok(mlops_store_open(&other, stores_path(sto, "//"), 0, &err));
    mlops_store_ring(&store);
    assert_int_equal(mlops_store_bell(&other), 2);
    assert_true(mlops_store_current(&other));
    stores_fails(mlops_sync(reg, &other, NULL, 0, 0, NULL, &err), "reading");
    mlops_store_close(&other);
    mlops_store_close(&other);

    /* a creation that was cut short is completed */

    unlink(stores_path(sto, "control"));
    rmdir(stores_path(sto, "rings"));
    stores_fails(mlops_store_open(&other, sto, 0, &err), "control");
    stores_ok(mlops_store_create(sto, 0, (uid_t) -1, (gid_t) -1, (uid_t) -1,
                                 &err));
    stores_ok(mlops_store_open(&other, sto, 0, &err));
    mlops_store_close(&other);

    /* removed and made anew: another store */

    assert_true(mlops_store_current(&store));
    assert_int_equal(rename(sto, stores_path(top, "gone")), 0);
    assert_false(mlops_store_current(&store));
    stores_ok(mlops_store_create(sto, 0, (uid_t) -1, (gid_t) -1, (uid_t) -1,
                                 &err));
    assert_false(mlops_store_current(&store));

    mlops_store_close(&store);
}


/* A store with one thing wrong is refused with a reason. */

static void
test_refused(void **state)
{
    int             fd;
    char            path[UNIT_PATH_SIZE];
    mlops_err_t     err;
    struct stat     st;
    mlops_store_t   s;

    (void) state;

#define refuses(part)                                                         \
    do {                                                                      \
        stores_fails(mlops_store_open(&s, sto, 0, &err), part);               \
        assert_int_equal(s.fd, -1);                                           \
        assert_null(s.control);                                               \
    } while (0)

    fresh(0);
    mlops_store_close(&store);

    snprintf(path, sizeof(path), "%s", stores_path(sto, "control"));
    chmod(path, 0644);

    fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "X", 1, 0), 1);
    refuses("magic");
    assert_int_equal(pwrite(fd, "m", 1, 0), 1);
    assert_int_equal(pwrite(fd, "\2", 1, 8), 1);
    refuses("expected abi 1, got 2");
    stores_fails(mlops_store_create(sto, 0, (uid_t) -1, (gid_t) -1,
                                    (uid_t) -1, &err), "abi 2");
    assert_int_equal(pwrite(fd, "\1", 1, 8), 1);
    assert_int_equal(ftruncate(fd, 4095), 0);
    refuses("4095");
    assert_int_equal(ftruncate(fd, 4096), 0);
    fchmod(fd, 0666);
    refuses("0666");
    fchmod(fd, 0644);
    close(fd);

    stores_ok(mlops_store_open(&s, sto, 0, &err));
    mlops_store_close(&s);

    chmod(sto, 0777);
    refuses("0777");
    chmod(sto, 0755);

    chmod(stores_path(sto, "models"), 0775);
    refuses("models");
    chmod(stores_path(sto, "models"), 0755);

    /* links in the place of things */

    rename(stores_path(sto, "models"), stores_path(sto, "m"));
    symlink("m", stores_path(sto, "models"));
    refuses("models");
    unlink(stores_path(sto, "models"));
    rename(stores_path(sto, "m"), stores_path(sto, "models"));

    rename(path, stores_path(sto, "c"));
    symlink("c", path);
    refuses("control");
    unlink(path);
    rename(stores_path(sto, "c"), path);

    rename(sto, stores_path(top, "real"));
    symlink("real", sto);
    refuses("store");
    stores_fails(mlops_store_create(sto, 0, (uid_t) -1, (gid_t) -1,
                                    (uid_t) -1, &err), "store");
    unlink(sto);
    refuses("No such file");
    rename(stores_path(top, "real"), sto);

    /* something else than a store keeps its mode */

    mkdir(stores_path(top, "home"), 01777);
    chmod(stores_path(top, "home"), 01777);
    unit_spew(stores_path(top, "home/letter"), "x", 1);
    stores_fails(mlops_store_create(stores_path(top, "home"), 0,
                                    (uid_t) -1, (gid_t) -1, (uid_t) -1,
                                    &err), "letter");
    assert_int_equal(stat(stores_path(top, "home"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 01777);

    stores_fails(mlops_store_create("/nowhere/at/all", 0, (uid_t) -1,
                                    (gid_t) -1, (uid_t) -1, &err),
                 "/nowhere/at/all");
}


static void
test_owners(void **state)
{
    mlops_err_t  err;
    struct stat  st;

    (void) state;

    if (geteuid() != 0) {
        unit_skip("only root gives files away");
    }

    fresh(0);
    mlops_store_close(&store);

    /* user= set later takes hold */

    stores_ok(mlops_store_create(sto, 0, 12345, 54321, 777, &err));

    lstat(sto, &st);
    assert_int_equal(st.st_uid, 0);
    lstat(stores_path(sto, "models"), &st);
    assert_int_equal(st.st_uid, 12345);
    assert_int_equal(st.st_gid, 54321);
    lstat(stores_path(sto, "rings"), &st);
    assert_int_equal(st.st_uid, 777);
    assert_int_equal(st.st_gid, 54321);
    assert_int_equal(st.st_mode, S_IFDIR|02770);
    lstat(stores_path(sto, "lock"), &st);
    assert_int_equal(st.st_uid, 12345);
    lstat(stores_path(sto, "control"), &st);
    assert_int_equal(st.st_uid, 12345);

    stores_ok(mlops_store_open(&store, sto, 1, &err));
    assert_int_equal(store.control->uid, 12345);

    /* what root copies belongs to the sidecars */

    stores_publish(reg, "m", 1, NULL, NULL);
    stores_ok(mlops_sync(reg, &store, NULL, 0, 1000, NULL, &err));
    lstat(stores_path(sto, "models/m"), &st);
    assert_int_equal(st.st_uid, 12345);
    lstat(stores_path(sto, "models/m/1.mlm"), &st);
    assert_int_equal(st.st_uid, 12345);
    assert_int_equal(st.st_mode, S_IFREG|0444);
    mlops_store_close(&store);

    /* rings go with the workers' account, and stay where none is named */

    stores_ok(mlops_store_create(sto, 0, 12345, 54321, (uid_t) -1, &err));
    lstat(stores_path(sto, "rings"), &st);
    assert_int_equal(st.st_uid, 777);
    stores_ok(mlops_store_create(sto, 0, 12345, 54321, 778, &err));
    lstat(stores_path(sto, "rings"), &st);
    assert_int_equal(st.st_uid, 778);
    stores_ok(mlops_store_open(&store, sto, 1, &err));
    stores_ok(mlops_store_rings(&store, 779, &err));
    mlops_store_close(&store);
    lstat(stores_path(sto, "rings"), &st);
    assert_int_equal(st.st_uid, 779);
    assert_int_equal(st.st_gid, 54321);
    assert_int_equal(st.st_mode, S_IFDIR|02770);

    /* what is the sidecars' is not taken from them again */

    stores_fails(mlops_store_create(sto, 0, 4242, 54321, 777, &err),
                 "uid 12345");

    assert_int_equal(chown(stores_path(sto, "models"), 4242, 0), 0);
    stores_fails(mlops_store_open(&store, sto, 0, &err),
                 "models belongs to uid 4242");
    assert_int_equal(chown(stores_path(sto, "models"), 12345, 0), 0);

    assert_int_equal(chown(stores_path(sto, "models/m"), 4242, 0), 0);
    stores_ok(mlops_store_open(&store, sto, 0, &err));
    assert_int_equal(mlops_store_model_dir(store.models, "m", 1, &err), -1);
    stores_has(&err, "uid 4242");
    mlops_store_close(&store);

    assert_int_equal(chown(sto, 12345, 0), 0);
    stores_fails(mlops_store_open(&store, sto, 0, &err), "uid 12345");
    stores_fails(mlops_store_create(sto, 0, (uid_t) -1, (gid_t) -1,
                                    (uid_t) -1, &err), "uid 12345");
}


static void
test_listing(void **state)
{
    int               dir;
    char              version[MLOPS_VERSION_LEN + 1];
    size_t            i;
    uint32_t          n;
    mlops_err_t       err;
    mlops_str_t      *names;
    mlops_arena_t     arena;
    mlops_alias_t    *aliases;
    mlops_version_t  *versions;

    const char  *targets[] = {
        "../2.mlm", "/etc/passwd", "2.mlm/", "2", "2.mlm.mlm", ".mlm",
        "02.mlm", "2.mlx", "./2.mlm", "2.mlm\n", "other/2.mlm",
        "123456789012345678901234567890123.mlm"
    };

    (void) state;

    fresh(0);
    mlops_arena_init(&arena, NULL, NULL);

    mkdir(stores_path(sto, "models/b"), 0755);
    mkdir(stores_path(sto, "models/a"), 0755);
    mkdir(stores_path(sto, "models/.tmp.1.1.1"), 0755);
    mkdir(stores_path(sto, "models/b c"), 0755);
    unit_spew(stores_path(sto, "models/file"), "x", 1);
    symlink("a", stores_path(sto, "models/link"));

    stores_ok(mlops_store_models(&store, &names, &n, &arena, &err));
    assert_int_equal(n, 2);
    assert_string_equal(names[0].data, "a");
    assert_string_equal(names[1].data, "b");

    assert_int_equal(mlops_store_model_dir(store.models, "link", 4, &err),
                     -1);
    assert_int_equal(mlops_store_model_dir(store.models, "none", 4, &err),
                     -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(mlops_store_model_dir(store.models, "../m", 4, &err),
                     -1);
    stores_has(&err, "name of a model");

    dir = mlops_store_model_dir(store.models, "a", 1, &err);
    assert_int_not_equal(dir, -1);

    unit_spew(stores_path(sto, "models/a/10.mlm"), "0123456789", 10);
    unit_spew(stores_path(sto, "models/a/9.mlm"), "012345678", 9);
    unit_spew(stores_path(sto, "models/a/9.5.mlm"), "01234", 5);
    unit_spew(stores_path(sto, "models/a/x.mlm"), "x", 1);
    unit_spew(stores_path(sto, "models/a/@file"), "x", 1);
    mkdir(stores_path(sto, "models/a/11.mlm"), 0755);
    symlink("10.mlm", stores_path(sto, "models/a/12.mlm"));

    stores_ok(mlops_store_versions(dir, &versions, &n, &arena, &err));
    assert_int_equal(n, 3);
    assert_string_equal(versions[0].version, "9");
    assert_string_equal(versions[1].version, "9.5");
    assert_string_equal(versions[2].version, "10");
    assert_int_equal(versions[2].bytes, 10);

    symlink("10.mlm", stores_path(sto, "models/a/@b"));
    symlink("9.5.mlm", stores_path(sto, "models/a/@a"));
    symlink("10.mlm", stores_path(sto, "models/a/@.x"));
    symlink("10.mlm", stores_path(sto, "models/a/@"));

    for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        symlink(targets[i], stores_path(sto, "models/a/@bad%zu", i));
    }

    stores_ok(mlops_store_aliases(dir, &aliases, &n, &arena, &err));
    assert_int_equal(n, 2);
    assert_string_equal(aliases[0].alias, "a");
    assert_string_equal(aliases[0].version, "9.5");
    assert_string_equal(aliases[1].alias, "b");
    assert_string_equal(aliases[1].version, "10");

    assert_int_equal(mlops_store_alias(dir, "b", 1, version), MLOPS_OK);
    assert_string_equal(version, "10");
    assert_int_equal(mlops_store_alias(dir, "none", 4, version), MLOPS_ERROR);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(mlops_store_alias(dir, "file", 4, version), MLOPS_ERROR);
    assert_int_equal(errno, 0);
    assert_int_equal(mlops_store_alias(dir, "bad1", 4, version), MLOPS_ERROR);
    assert_int_equal(errno, 0);

    close(dir);
    mlops_arena_destroy(&arena);
    mlops_store_close(&store);
}


static void
test_sync(void **state)
{
    int                changed;
    uint64_t           bell;
    mlops_err_t        err;
    mlops_map_file_t   map;
    mlops_registry_t   r;

    (void) state;

    fresh(0);

    stores_fails(mlops_sync(reg, &store, NULL, 0, 0, NULL, &err), reg);

    stores_publish(reg, "m", 1, NULL, NULL);
    stores_publish(reg, "m", 2, NULL, NULL);
    stores_publish(reg, "m", 3, "challenger", NULL);
    stores_publish(reg, "n", 4, NULL, NULL);

    /* what aliases need, and no more */

    bell = mlops_store_bell(&store);
    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, &changed, &err));
    assert_int_equal(changed, 1);
    assert_int_equal(mlops_store_bell(&store), bell + 1);
    assert_string_equal(stores_names(stores_path(sto, "models")), "m n ");
    assert_string_equal(stores_names(stores_path(sto, "models/m")),
                        "1.mlm 3.mlm @challenger @champion ");
    assert_string_equal(stores_target(stores_path(sto, "models/m/@champion")),
                        "1.mlm");
    assert_string_equal(stores_target(stores_path(sto,
                                                  "models/m/@challenger")),
                        "3.mlm");

    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, &changed, &err));
    assert_int_equal(changed, 0);
    assert_int_equal(mlops_store_bell(&store), bell + 1);

    /* a move; the image that nobody needs goes, who has mapped it keeps it */

    assert_int_equal(mlops_file_map(&map, AT_FDCWD,
                                    stores_path(sto, "models/m/1.mlm"),
                                    1 << 20, MLOPS_FILE_SEALED, 0, &err),
                     MLOPS_OK);

    stores_ok(mlops_registry_open(&r, reg, 0, 1, &err));
    stores_ok(mlops_registry_alias(&r, "m", "champion", "2", NULL, &err));
    stores_ok(mlops_sync(reg, &store, "m", 0, 0, &changed, &err));
    assert_int_equal(changed, 1);
    assert_int_equal(mlops_store_bell(&store), bell + 2);
    assert_string_equal(stores_names(stores_path(sto, "models/m")),
                        "2.mlm 3.mlm @challenger @champion ");
    assert_memory_equal(map.data, "mlopsimg", 8);
    mlops_file_unmap(&map);

    /* with missing_only what is there stays, what is not comes */

    stores_ok(mlops_registry_alias(&r, "m", "champion", "3", NULL, &err));
    stores_ok(mlops_registry_alias(&r, "m", "shadow", "1", NULL, &err));
    stores_ok(mlops_sync(reg, &store, NULL, 1, 0, &changed, &err));
    assert_int_equal(changed, 1);
    assert_string_equal(stores_names(stores_path(sto, "models/m")),
                        "1.mlm 2.mlm 3.mlm @challenger @champion @shadow ");
    assert_string_equal(stores_target(stores_path(sto, "models/m/@champion")),
                        "2.mlm");

    /* unless its image is gone */

    unlink(stores_path(sto, "models/m/2.mlm"));
    stores_ok(mlops_sync(reg, &store, NULL, 1, 0, &changed, &err));
    assert_string_equal(stores_target(stores_path(sto, "models/m/@champion")),
                        "3.mlm");

    /* an alias that is removed, a model that is removed */

    unlink(stores_path(reg, "models/m/@shadow"));
    rename(stores_path(reg, "models/n"), stores_path(reg, "n"));
    stores_ok(mlops_sync(reg, &store, "m", 0, 0, &changed, &err));
    assert_string_equal(stores_names(stores_path(sto, "models/m")),
                        "3.mlm @challenger @champion ");
    assert_string_equal(stores_names(stores_path(sto, "models")), "m n ");
    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, &changed, &err));
    assert_int_equal(changed, 1);
    assert_string_equal(stores_names(stores_path(sto, "models")), "m ");
    stores_fails(mlops_sync(reg, &store, "n", 0, 0, &changed, &err),
                 "no model \"n\"");

    /* an image of the same number and other contents is copied anew */

    chmod(stores_path(sto, "models/m/3.mlm"), 0644);
    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, &changed, &err));
    assert_int_equal(changed, 1);

    /* leftovers go */

    unit_spew(stores_path(sto, "models/m/77.mlm"), "x", 1);
    unit_spew(stores_path(sto, "models/m/.tmp.999999999.1.1"), "x", 1);
    mkdir(stores_path(sto, "models/.tmp.999999999.1.1"), 0700);
    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, &changed, &err));
    assert_int_equal(changed, 0);
    assert_string_equal(stores_names(stores_path(sto, "models/m")),
                        "3.mlm @challenger @champion ");
    assert_string_equal(stores_names(stores_path(sto, "models")), "m ");

    mlops_registry_close(&r);
    mlops_store_close(&store);
}


/* What is wrong in the registry never reaches the store. */

static void
test_sync_bad_registry(void **state)
{
    int          fd, changed;
    char         v2[UNIT_PATH_SIZE], *bytes;
    size_t       len, i;
    mlops_err_t  err;
    const char  *held = "1.mlm @champion ";

    (void) state;

    len = 0;
    fresh(0);

    stores_publish(reg, "m", 1, NULL, NULL);
    stores_publish(reg, "z", 1, NULL, NULL);
    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, NULL, &err));
    stores_publish(reg, "m", 2, "champion", NULL);

    snprintf(v2, sizeof(v2), "%s", stores_path(reg, "models/m/2.mlm"));
    bytes = unit_slurp(v2, &len);
    assert_non_null(bytes);
    chmod(v2, 0644);

#define stays(part)                                                           \
    do {                                                                      \
        stores_fails(mlops_sync(reg, &store, "m", 0, 0, &changed, &err),      \
                     part);                                                   \
        stores_has(&err, "\"m\"");                                            \
        assert_int_equal(changed, 0);                                         \
        assert_string_equal(stores_names(stores_path(sto, "models/m")),       \
                            held);                                            \
        assert_string_equal(stores_target(stores_path(sto,                    \
                                              "models/m/@champion")),         \
                            "1.mlm");                                         \
    } while (0)

    bytes[len - 1] ^= 1;
    unit_spew(v2, bytes, len);
    stays("checksum");
    bytes[len - 1] ^= 1;

    for (i = 1; i < len; i += 31) {
        unit_spew(v2, bytes, i);
        stays(i < 32 ? "too short" : "length");
    }

    unit_spew(v2, "", 0);
    stays("got 0");

    unlink(v2);
    stays("2.mlm");

    symlink("1.mlm", v2);
    stays("2.mlm");
    unlink(v2);

    mkfifo(v2, 0644);
    stays("regular");
    unlink(v2);

    /* other models follow all the same, and the next one after a repair */

    stores_publish(reg, "z", 2, "champion", NULL);
    stores_fails(mlops_sync(reg, &store, NULL, 0, 0, &changed, &err), "2.mlm");
    assert_int_equal(changed, 1);
    assert_string_equal(stores_target(stores_path(sto, "models/z/@champion")),
                        "2.mlm");

    unit_spew(v2, bytes, len);
    stores_ok(mlops_sync(reg, &store, "m", 0, 0, &changed, &err));
    assert_string_equal(stores_target(stores_path(sto, "models/m/@champion")),
                        "2.mlm");
    held = "2.mlm @champion ";

    /* links that are none of ours */

    unlink(stores_path(reg, "models/m/@champion"));
    symlink("../../etc/passwd", stores_path(reg, "models/m/@champion"));
    stores_fails(mlops_sync(reg, &store, NULL, 0, 0, &changed, &err),
                 "stays as it is");
    assert_int_equal(changed, 0);
    assert_string_equal(stores_names(stores_path(sto, "models/m")), held);
    unlink(stores_path(reg, "models/m/@champion"));
    symlink("2.mlm", stores_path(reg, "models/m/@champion"));

    /* the directories themselves */

    rename(stores_path(reg, "models/m"), stores_path(reg, "m"));
    symlink("../m", stores_path(reg, "models/m"));
    stores_fails(mlops_sync(reg, &store, "m", 0, 0, &changed, &err), "m");
    assert_string_equal(stores_names(stores_path(sto, "models/m")), held);
    unlink(stores_path(reg, "models/m"));
    rename(stores_path(reg, "m"), stores_path(reg, "models/m"));

    chmod(stores_path(reg, "models"), 0777);
    stores_fails(mlops_sync(reg, &store, NULL, 0, 0, &changed, &err), "0777");
    chmod(stores_path(reg, "models"), 0755);

    chmod(reg, 0777);
    stores_fails(mlops_sync(reg, &store, NULL, 0, 0, &changed, &err), "0777");
    chmod(reg, 0755);

    rename(stores_path(reg, "models"), stores_path(reg, "elsewhere"));
    stores_fails(mlops_sync(reg, &store, NULL, 0, 0, &changed, &err),
                 "models");
    symlink("elsewhere", stores_path(reg, "models"));
    stores_fails(mlops_sync(reg, &store, NULL, 0, 0, &changed, &err),
                 "models");
    assert_string_equal(stores_names(stores_path(sto, "models/m")), held);
    unlink(stores_path(reg, "models"));
    rename(stores_path(reg, "elsewhere"), stores_path(reg, "models"));

    if (geteuid() == 0) {
        assert_int_equal(chown(stores_path(reg, "models"), 4242, 0), 0);
        stores_fails(mlops_sync(reg, &store, "m", 0, 0, &changed, &err),
                     "uid 4242");
        assert_int_equal(chown(stores_path(reg, "models"), 0, 0), 0);
        assert_int_equal(chown(v2, 4242, 0), 0);
        unlink(stores_path(sto, "models/m/2.mlm"));
        stores_fails(mlops_sync(reg, &store, "m", 0, 0, &changed, &err),
                     "uid 4242");
        assert_int_equal(chown(v2, 0, 0), 0);
    }

    /* somebody else at work */

    fd = mlops_file_lock(store.fd, "lock", 0, &err);
    stores_fails(mlops_sync(reg, &store, NULL, 0, 20, &changed, &err),
                 "lock");
    close(fd);
    stores_ok(mlops_sync(reg, &store, NULL, 0, 20, &changed, &err));

    free(bytes);
    mlops_store_close(&store);
}


/* The same tree has two meanings, and only one of them may be pruned. */

static void
test_sync_same(void **state)
{
    char               version[MLOPS_VERSION_LEN + 1];
    void              *image;
    size_t             len;
    mlops_err_t        err;
    mlops_store_t      other;
    mlops_registry_t   r;
    const char        *all = "1.mlm 2.mlm 3.mlm @champion log ";

    (void) state;

    fresh(0);

    stores_publish(reg, "m", 1, NULL, NULL);
    stores_publish(reg, "m", 2, NULL, NULL);
    stores_publish(reg, "m", 3, NULL, NULL);

    /* a registry is not made a store */

    stores_fails(mlops_store_create(reg, 0, (uid_t) -1, (gid_t) -1,
                                    (uid_t) -1, &err), "it is a registry");
    assert_string_equal(stores_names(reg), "lock models ");

    /* nor is one pruned that has been made one by hand, by whatever path */

    assert_int_equal(link(stores_path(sto, "control"),
                          stores_path(reg, "control")), 0);
    stores_ok(mlops_store_open(&other, reg, 1, &err));
    stores_fails(mlops_sync(reg, &other, NULL, 0, 0, NULL, &err),
                 "is the store itself");
    symlink(reg, stores_path(top, "by"));
    stores_fails(mlops_sync(stores_path(top, "by"), &other, NULL, 0, 0, NULL,
                            &err), "is the store itself");
    mlops_store_close(&other);
    assert_string_equal(stores_names(stores_path(reg, "models/m")), all);
    unlink(stores_path(reg, "control"));

    /* nothing is published into a store */

    stores_fails(mlops_registry_open(&r, sto, 1, 1, &err), "is a store");
    stores_ok(mlops_registry_open(&r, sto, 0, 0, &err));
    image = stores_image(1, &len);
    stores_fails(mlops_registry_publish(&r, "m", image, len, NULL, NULL,
                                        version, &err), "reading");
    free(image);
    mlops_registry_close(&r);

    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, NULL, &err));
    assert_string_equal(stores_names(stores_path(reg, "models/m")), all);

    mlops_store_close(&store);
}


/* A store that vanishes, and one that takes its place. */

static void
test_sync_gone(void **state)
{
    int          changed;
    mlops_err_t  err;

    (void) state;

    fresh(0);
    stores_publish(reg, "m", 1, NULL, NULL);

    rename(sto, stores_path(top, "away"));
    stores_fails(mlops_sync(reg, &store, NULL, 0, 0, &changed, &err),
                 "the one that was opened is gone");

    stores_ok(mlops_store_create(sto, 0, (uid_t) -1, (gid_t) -1, (uid_t) -1,
                                 &err));
    changed = 1;
    stores_fails(mlops_sync(reg, &store, NULL, 0, 0, &changed, &err), sto);
    assert_int_equal(changed, 0);
    assert_string_equal(stores_names(stores_path(top, "away/models")), "");

    mlops_store_close(&store);
}


/* What cannot be read is neither missing nor removed.  (To root all can be:
 * somebody else looks.) */

static void
test_unreadable(void **state)
{
    int               dir, status;
    char              version[MLOPS_VERSION_LEN + 1];
    pid_t             pid;
    uint32_t          n;
    mlops_err_t       err;
    mlops_alias_t    *aliases;
    mlops_arena_t     arena;
    mlops_version_t  *versions;

    (void) state;

    if (geteuid() != 0) {
        unit_skip("only root becomes somebody else");
    }

    fresh(0);
    stores_publish(reg, "m", 1, NULL, NULL);

    /* names may be listed, but nothing more be asked about them */

    assert_int_equal(chmod(stores_path(reg, "models/m"), 0744), 0);
    dir = open(stores_path(reg, "models/m"), O_RDONLY|O_DIRECTORY);
    assert_int_not_equal(dir, -1);

    pid = fork();

    if (pid == 0) {

        if (setgid(12345) == -1 || setuid(12345) == -1) {
            _exit(9);
        }

        mlops_arena_init(&arena, NULL, NULL);

        if (mlops_store_alias(dir, "champion", 8, version) == MLOPS_OK
            || errno != EACCES)
        {
            _exit(1);
        }

        if (mlops_store_aliases(dir, &aliases, &n, &arena, &err) == MLOPS_OK
            || strstr(err.text, "denied") == NULL)
        {
            _exit(2);
        }

        if (mlops_store_versions(dir, &versions, &n, &arena, &err) == MLOPS_OK
            || strstr(err.text, "denied") == NULL)
        {
            _exit(3);
        }

        _exit(0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);

    close(dir);
    mlops_store_close(&store);
}


/* An image in the store that was damaged is not linked to again. */

static void
test_sync_damaged_store(void **state)
{
    int               fd;
    char              path[UNIT_PATH_SIZE], *was, *now;
    size_t            len, n;
    mlops_err_t       err;
    mlops_registry_t  r;

    (void) state;

    len = 0;
    fresh(0);

    stores_publish(reg, "m", 1, NULL, NULL);
    stores_publish(reg, "m", 2, "next", NULL);
    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, NULL, &err));

    snprintf(path, sizeof(path), "%s", stores_path(sto, "models/m/2.mlm"));
    was = unit_slurp(path, &len);

    chmod(path, 0644);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "????", 4, (off_t) len - 4), 4);
    fchmod(fd, 0444);
    close(fd);

    stores_ok(mlops_registry_open(&r, reg, 0, 1, &err));
    stores_ok(mlops_registry_alias(&r, "m", "champion", "2", NULL, &err));
    mlops_registry_close(&r);
    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, NULL, &err));

    now = unit_slurp(path, &n);
    assert_int_equal(n, len);
    assert_memory_equal(now, was, len);

    free(was);
    free(now);
    mlops_store_close(&store);
}


static void
test_limit(void **state)
{
    void              *image;
    char               part[64];
    size_t             len;
    mlops_err_t        err;

    (void) state;

    image = stores_image(1, &len);
    free(image);

    fresh(2 * len);

    stores_publish(reg, "m", 1, NULL, NULL);
    stores_publish(reg, "m", 2, "two", NULL);
    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, NULL, &err));

    stores_publish(reg, "m", 3, "three", NULL);
    snprintf(part, sizeof(part), "limit is %zu bytes: %zu are needed beside "
             "the %zu", 2 * len, len, 2 * len);
    stores_fails(mlops_sync(reg, &store, NULL, 0, 0, NULL, &err), part);
    stores_has(&err, "alias \"three\" stays as it is");
    assert_string_equal(stores_names(stores_path(sto, "models/m")),
                        "1.mlm 2.mlm @champion @two ");

    /* the new image has to have room beside the one it replaces; what nobody
     * needs does not count */

    unlink(stores_path(reg, "models/m/@two"));
    unlink(stores_path(reg, "models/m/@three"));
    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, NULL, &err));
    unit_spew(stores_path(sto, "models/m/9.mlm"), part, strlen(part));
    stores_publish(reg, "m", 4, "champion", NULL);
    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, NULL, &err));
    assert_string_equal(stores_names(stores_path(sto, "models/m")),
                        "4.mlm @champion ");

    /* models that come together count together; one that is replaced does
     * not count twice */

    chmod(stores_path(sto, "models/m/4.mlm"), 0644);
    stores_publish(reg, "n", 1, NULL, NULL);
    stores_publish(reg, "o", 1, NULL, NULL);
    stores_fails(mlops_sync(reg, &store, NULL, 0, 0, NULL, &err), part);
    assert_string_equal(stores_names(stores_path(sto, "models")), "m n ");

    mlops_store_close(&store);
}


static void
test_full(void **state)
{
    int          fd;
    char         part[64], *bytes;
    size_t       len;
    mlops_err_t  err;
    const char  *dir;

    (void) state;

    len = 0;
    dir = unit_tmpdir();

    if (mount("tmpfs", dir, "tmpfs", 0, "size=64k") == -1) {
        unit_skip("no tmpfs may be mounted here");
    }

    fresh(0);
    stores_publish(reg, "m", 1, NULL, NULL);
    mlops_store_close(&store);

    snprintf(sto, sizeof(sto), "%s/store", dir);
    stores_ok(mlops_store_create(sto, 0, (uid_t) -1, (gid_t) -1, (uid_t) -1,
                                 &err));
    stores_ok(mlops_store_open(&store, sto, 1, &err));
    assert_true(mlops_store_on_tmpfs(&store));

    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, NULL, &err));
    assert_string_equal(stores_names(stores_path(sto, "models/m")),
                        "1.mlm @champion ");

    /* full up to the last page */

    fd = open(stores_path(sto, "features/big"), O_CREAT|O_WRONLY, 0644);
    bytes = calloc(1, 4096);

    while (write(fd, bytes, 4096) > 0) {
        /* void */
    }

    close(fd);
    free(bytes);

    stores_publish(reg, "m", 2, "champion", NULL);
    bytes = unit_slurp(stores_path(reg, "models/m/2.mlm"), &len);
    free(bytes);

    snprintf(part, sizeof(part), "no space left: %zu bytes are needed, 0 "
             "are free", len);
    stores_fails(mlops_sync(reg, &store, NULL, 0, 0, NULL, &err), part);
    assert_string_equal(stores_names(stores_path(sto, "models/m")),
                        "1.mlm @champion ");

    unlink(stores_path(sto, "features/big"));
    stores_ok(mlops_sync(reg, &store, NULL, 0, 0, NULL, &err));
    assert_string_equal(stores_names(stores_path(sto, "models/m")),
                        "2.mlm @champion ");

    mlops_store_close(&store);

    /* not even a control file */

    snprintf(sto, sizeof(sto), "%s/other", dir);
    fd = open(stores_path(dir, "big"), O_CREAT|O_WRONLY, 0644);
    bytes = calloc(1, 4096);

    while (write(fd, bytes, 4096) > 0) {
        /* void */
    }

    close(fd);
    free(bytes);

    stores_fails(mlops_store_create(sto, 0, (uid_t) -1, (gid_t) -1,
                                    (uid_t) -1, &err),
                 "4096 bytes are needed");
    assert_false(stores_exists(stores_path(sto, "control")));

    assert_int_equal(umount2(dir, MNT_DETACH), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_sync),
        cmocka_unit_test(test_sync_bad_registry),
        cmocka_unit_test(test_sync_same),
        cmocka_unit_test(test_sync_gone),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_sync_damaged_store),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_full)
    };

    return unit_run(tests);
}
