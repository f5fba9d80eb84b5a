/*
 * The log of a model: reading and appending lines.
 */

#include "mlops_registry_log.h"
#include "mlops_clock.h"
#include "mlops_doc.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <yajl/yajl_gen.h>


#define MLOPS_LOG_FILE  "log"


static int mlops_log_parse(const char *text, size_t len,
    mlops_log_line_t *line, mlops_arena_t *arena);
static void mlops_log_member(const mlops_doc_t *doc, const char *key,
    mlops_str_t *value);
static int mlops_log_put(yajl_gen gen, const char *key,
    const mlops_str_t *value);
static void mlops_log_time(char *text, size_t size);
static void mlops_log_user(char *text, size_t size);
static int mlops_log_open(const mlops_registry_t *registry, int dir,
    mlops_err_t *err);


int
mlops_log_read(int dir, mlops_log_line_pt handler, void *ctx,
    mlops_err_t *err)
{
    int               fd, rc;
    char             *text;
    FILE             *file;
    size_t            size;
    ssize_t           len;
    mlops_arena_t     arena;
    mlops_log_line_t  line;

    fd = openat(dir, MLOPS_LOG_FILE,
                O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        return (errno == ENOENT) ? MLOPS_OK
                                 : mlops_file_fail(err, "open()", dir,
                                                   MLOPS_LOG_FILE);
    }

    file = fdopen(fd, "r");

    if (file == NULL) {
        (void) mlops_file_fail(err, "fdopen()", dir, MLOPS_LOG_FILE);
        (void) close(fd);
        return MLOPS_ERROR;
    }

    rc = MLOPS_OK;
    text = NULL;
    size = 0;

    while (rc == MLOPS_OK && (len = getline(&text, &size, file)) > 0) {

        /* a line without its end was torn, or is being written */

        if (text[len - 1] != '\n' || len > MLOPS_LOG_LINE) {
            continue;
        }

        mlops_arena_init(&arena, NULL, NULL);

        if (mlops_log_parse(text, (size_t) len - 1, &line, &arena)
            == MLOPS_OK)
        {
            rc = handler(ctx, &line);
        }

        mlops_arena_destroy(&arena);
    }

    if (ferror(file)) {
        rc = mlops_file_fail(err, "read()", dir, MLOPS_LOG_FILE);

    } else if (rc != MLOPS_OK) {
        (void) mlops_err_set(err, "out of memory");
    }

    free(text);
    (void) fclose(file);

    return rc;
}


mlops_str_t
mlops_log_text(const mlops_log_line_t *line, mlops_arena_t *arena,
    mlops_err_t *err)
{
    int                   rc;
    char                  when[64], who[256], *p;
    size_t                len;
    yajl_gen              gen;
    mlops_str_t           text = mlops_null_str, time, user;
    const unsigned char  *buf;

    if (line->note.len > MLOPS_LOG_NOTE_LEN) {
        (void) mlops_err_set(err, "the note: expected at most %d bytes, got "
                             "%zu", MLOPS_LOG_NOTE_LEN, line->note.len);
        return text;
    }

    mlops_log_time(when, sizeof(when));
    mlops_log_user(who, sizeof(who));

    time.data = when;
    time.len = strlen(when);
    user.data = who;
    user.len = strlen(who);

    gen = yajl_gen_alloc(NULL);

    if (gen == NULL) {
        (void) mlops_err_set(err, "out of memory");
        return text;
    }

    (void) yajl_gen_config(gen, yajl_gen_validate_utf8, 1);

    rc = (yajl_gen_map_open(gen) == yajl_gen_status_ok
          && mlops_log_put(gen, "time", &time) == MLOPS_OK
          && mlops_log_put(gen, "user", &user) == MLOPS_OK
          && mlops_log_put(gen, "op", &line->op) == MLOPS_OK
          && mlops_log_put(gen, "version", &line->version) == MLOPS_OK
          && mlops_log_put(gen, "alias", &line->alias) == MLOPS_OK
          && mlops_log_put(gen, "from", &line->from) == MLOPS_OK
          && mlops_log_put(gen, "digest", &line->digest) == MLOPS_OK);

    if (rc && mlops_log_put(gen, "note", &line->note) != MLOPS_OK) {
        (void) mlops_err_set(err, "the note: expected UTF-8");
        goto done;
    }

    if (!rc || yajl_gen_map_close(gen) != yajl_gen_status_ok
        || yajl_gen_get_buf(gen, &buf, &len) != yajl_gen_status_ok)
    {
        (void) mlops_err_set(err, "out of memory");
        goto done;
    }

    p = mlops_arena_alloc(arena, len + 1);

    if (p == NULL) {
        (void) mlops_err_set(err, "out of memory");
        goto done;
    }

    memcpy(p, buf, len);
    p[len] = '\n';

    text.data = p;
    text.len = len + 1;

done:

    yajl_gen_free(gen);

    return text;
}


int
mlops_log_append(const mlops_registry_t *registry, int dir,
    const mlops_str_t *text, mlops_err_t *err)
{
    int          fd;
    ssize_t      n;
    struct stat  st;

    fd = mlops_log_open(registry, dir, err);

    if (fd == -1) {
        return MLOPS_ERROR;
    }

    if (fstat(fd, &st) == -1) {
        (void) mlops_file_fail(err, "fstat()", dir, MLOPS_LOG_FILE);
        (void) close(fd);
        return MLOPS_ERROR;
    }

    mlops_fault("log-opened");

    n = write(fd, text->data, text->len);

    mlops_fault("log-written");

    if (n == -1) {
        (void) mlops_file_fail(err, "write()", dir, MLOPS_LOG_FILE);
        goto failed;
    }

    if ((size_t) n != text->len) {
        (void) mlops_err_set(err, "no space left for the log: %zu bytes are "
                             "needed", text->len);
        goto failed;
    }

    if (fsync(fd) == -1) {
        (void) mlops_file_fail(err, "fsync()", dir, MLOPS_LOG_FILE);
        goto failed;
    }

    mlops_fault("log-synced");

    (void) close(fd);

    return MLOPS_OK;

failed:

    /* what cannot be taken back is closed by the next writer */

    if (ftruncate(fd, st.st_size) == -1) {
        (void) mlops_err_prefix(err, "the line could not be taken back");
    }

    (void) close(fd);

    return MLOPS_ERROR;
}


int
mlops_log_mend(int dir, mlops_err_t *err)
{
    int          fd, rc;
    char         last;
    struct stat  st;

    fd = openat(dir, MLOPS_LOG_FILE,
                O_RDWR|O_APPEND|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        return (errno == ENOENT) ? MLOPS_OK
                                 : mlops_file_fail(err, "open()", dir,
                                                   MLOPS_LOG_FILE);
    }

    if (fstat(fd, &st) == -1) {
        rc = mlops_file_fail(err, "fstat()", dir, MLOPS_LOG_FILE);

    } else if (!S_ISREG(st.st_mode)) {
        rc = mlops_err_set(err, "the log is not a regular file");

    } else if (st.st_size > 0
               && (pread(fd, &last, 1, st.st_size - 1) != 1
                   || (last != '\n' && write(fd, "\n", 1) != 1)))
    {
        rc = mlops_file_fail(err, "write()", dir, MLOPS_LOG_FILE);

    } else {
        rc = MLOPS_OK;
    }

    mlops_fault("mend-torn");

    (void) close(fd);

    return rc;
}


static int
mlops_log_parse(const char *text, size_t len, mlops_log_line_t *line,
    mlops_arena_t *arena)
{
    mlops_err_t   err;
    mlops_doc_t  *doc;

    doc = mlops_doc_parse(text, len, 0, arena, &err);

    if (doc == NULL || doc->type != MLOPS_DOC_OBJECT) {
        return MLOPS_ERROR;
    }

    memset(line, 0, sizeof(*line));

    mlops_log_member(doc, "time", &line->time);
    mlops_log_member(doc, "user", &line->user);
    mlops_log_member(doc, "op", &line->op);
    mlops_log_member(doc, "version", &line->version);
    mlops_log_member(doc, "alias", &line->alias);
    mlops_log_member(doc, "from", &line->from);
    mlops_log_member(doc, "digest", &line->digest);
    mlops_log_member(doc, "note", &line->note);

    line->text.data = text;
    line->text.len = len;

    if (!mlops_version_valid(line->version.data, line->version.len)) {
        line->version.len = 0;
    }

    if (!mlops_version_valid(line->from.data, line->from.len)) {
        line->from.len = 0;
    }

    if (!mlops_name_valid(line->alias.data, line->alias.len)) {
        line->alias.len = 0;
    }

    return MLOPS_OK;
}


static void
mlops_log_member(const mlops_doc_t *doc, const char *key, mlops_str_t *value)
{
    mlops_doc_t  *member;

    member = mlops_doc_get(doc, key);

    if (member != NULL && member->type == MLOPS_DOC_STRING) {
        *value = member->v.text;
    }
}


static int
mlops_log_put(yajl_gen gen, const char *key, const mlops_str_t *value)
{
    if (value->len == 0) {
        return MLOPS_OK;
    }

    if (yajl_gen_string(gen, (const unsigned char *) key, strlen(key))
        != yajl_gen_status_ok
        || yajl_gen_string(gen, (const unsigned char *) value->data,
                           value->len)
           != yajl_gen_status_ok)
    {
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


static void
mlops_log_time(char *text, size_t size)
{
    time_t     sec;
    int64_t    ms;
    struct tm  tm;

    ms = mlops_wall_ms();
    sec = (time_t) (ms / 1000);

    (void) gmtime_r(&sec, &tm);

    (void) snprintf(text, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                    tm.tm_min, tm.tm_sec, (int) (ms % 1000));
}


/* The person behind a sudo: only root can have been put there by it. */

static void
mlops_log_user(char *text, size_t size)
{
    const char     *name;
    struct passwd  *pw;

    name = (geteuid() == 0) ? getenv("SUDO_USER") : NULL;

    if (name == NULL || !mlops_name_valid(name, strlen(name))) {
        pw = getpwuid(getuid());
        name = (pw != NULL) ? pw->pw_name : NULL;
    }

    if (name != NULL && mlops_name_valid(name, strlen(name))) {
        (void) snprintf(text, size, "%s", name);

    } else {
        (void) snprintf(text, size, "uid:%ld", (long) getuid());
    }
}


static int
mlops_log_open(const mlops_registry_t *registry, int dir, mlops_err_t *err)
{
    int   fd;
    char  tmp[MLOPS_TMP_SIZE];

    fd = openat(dir, MLOPS_LOG_FILE, O_WRONLY|O_APPEND|O_NOFOLLOW|O_NONBLOCK
                                    |O_CLOEXEC);

    if (fd == -1 && errno == ENOENT) {

        if (mlops_file_write(dir, NULL, 0, 0644, registry->uid, registry->gid,
                             0, tmp, err) != MLOPS_OK
            || mlops_file_commit(dir, tmp, MLOPS_LOG_FILE, 1, 1, err)
               != MLOPS_OK)
        {
            return -1;
        }

        fd = openat(dir, MLOPS_LOG_FILE, O_WRONLY|O_APPEND|O_NOFOLLOW
                                         |O_NONBLOCK|O_CLOEXEC);
    }

    if (fd == -1) {
        (void) mlops_file_fail(err, "open()", dir, MLOPS_LOG_FILE);
    }

    return fd;
}
