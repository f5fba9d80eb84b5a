/*
 * Making a feature table, and taking over one that another writer left.
 *
 * A table that is being made has a temporary name; it becomes visible whole.
 * A table that was left is repaired while readers go on: nothing that a
 * reader can find right is ever made wrong on the way.
 */

#include "mlops_table.h"
#include "mlops_table_map.h"
#include "mlops_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>


/* Where a check of the index has come to. */

typedef struct {
    mlops_table_t   *table;
    uint64_t        *seen;              /* a bit a row: it has an entry */
    uint64_t        *passed;            /* of each bucket, counted anew */
    uint64_t         rows_n;
} mlops_table_repair_t;


static int mlops_table_fill(int fd, size_t len,
    const mlops_table_header_t *header, const mlops_table_column_t *columns,
    mlops_err_t *err);
static mlops_table_header_t *mlops_table_old(int dir, const char *name);
static uid_t mlops_table_owner(int features);
static int mlops_table_writer(mlops_table_t *table, int features,
    mlops_err_t *err);
static int mlops_table_same(const mlops_table_t *table,
    const mlops_plan_view_t *view, uint32_t shard, mlops_err_t *err);
static int mlops_table_repair(mlops_table_t *table, mlops_err_t *err);
static void mlops_table_repair_entries(mlops_table_repair_t *repair);
static int mlops_table_repair_entry(mlops_table_repair_t *repair,
    uint32_t bucket, uint64_t entry);
static void mlops_table_repair_rows(mlops_table_repair_t *repair);
static uint64_t mlops_table_row_hash(const mlops_table_t *table,
    const mlops_word_t *row, int *good);


mlops_table_t *
mlops_table_create(int features, const mlops_plan_view_t *view,
    uint32_t shard, uint32_t capacity, uid_t uid, gid_t gid, char tmp[],
    mlops_err_t *err)
{
    int                    fd, code;
    size_t                 len;
    mlops_table_t         *table;
    mlops_table_header_t   header;
    mlops_table_column_t  *columns;

    if (capacity == 0 || capacity == UINT32_MAX) {
        (void) mlops_err_set(err, "view \"%.*s\": expected room for 1 to %u "
                             "entities, got %u", mlops_fmt(&view->name),
                             UINT32_MAX - 1, (unsigned) capacity);
        errno = EINVAL;
        return NULL;
    }

    columns = calloc((size_t) view->row.n + 1, sizeof(*columns));

    if (columns == NULL) {
        (void) mlops_err_set(err, "out of memory: %u columns",
                             (unsigned) view->row.n);
        errno = ENOMEM;
        return NULL;
    }

    fd = -1;
    table = NULL;
    len = (size_t) mlops_table_file_bytes(view, capacity);

    if (mlops_table_form(view, shard, capacity, &header, columns, err)
        != MLOPS_OK)
    {
        errno = EINVAL;
        goto done;
    }

    fd = mlops_file_begin(features, len, tmp, err);

    if (fd == -1) {
        (void) mlops_err_prefix(err, "view \"%.*s\": a table of %u entities",
                                mlops_fmt(&view->name), (unsigned) capacity);
        goto done;
    }

    mlops_fault("table_reserved");

    if (mlops_table_fill(fd, len, &header, columns, err) == MLOPS_OK
        && mlops_file_seal(fd, 0644, uid, gid, 0, err) == MLOPS_OK)
    {
        table = mlops_table_map(fd, len, 1, err);

        if (table != NULL
            && mlops_table_writer(table, features, err) != MLOPS_OK)
        {
            mlops_table_close(table);
            table = NULL;
        }

    } else {
        code = errno;
        (void) close(fd);
        errno = code;
    }

    if (table == NULL) {
        code = errno;
        (void) unlinkat(features, tmp, 0);
        errno = code;
    }

    mlops_fault("table_created");

done:

    free(columns);

    return table;
}


/* Room is there already, zeros: header, partitions and columns are left. */

static int
mlops_table_fill(int fd, size_t len, const mlops_table_header_t *header,
    const mlops_table_column_t *columns, mlops_err_t *err)
{
    int                       rc;
    char                     *head;
    size_t                    size;
    uint32_t                  i;
    mlops_table_partition_t  *partitions;

    size = header->index_off;
    head = calloc(1, size);

    if (head == NULL) {
        errno = ENOMEM;
        return mlops_err_set(err, "out of memory: %zu bytes", size);
    }

    memcpy(head, header, MLOPS_TABLE_FIXED);
    memcpy(head + MLOPS_TABLE_COLUMNS_OFF, columns,
           header->columns_n * sizeof(*columns));

    partitions = (mlops_table_partition_t *) (head + MLOPS_TABLE_HEADER_SIZE);

    for (i = 0; i < MLOPS_PARTITIONS_MAX; i++) {
        atomic_store_explicit(&partitions[i].offset, -1,
                              memory_order_relaxed);
        atomic_store_explicit(&partitions[i].clock_us, INT64_MIN,
                              memory_order_relaxed);
    }

    /* where the file system cannot reserve, the length is still wanted */

    rc = ftruncate(fd, (off_t) len);

    if (rc == 0) {
        rc = mlops_file_put(fd, head, size);
    }

    free(head);

    return (rc == 0) ? MLOPS_OK : mlops_file_fail(err, "write()", fd, "");
}


int
mlops_table_commit(mlops_table_t *table, const char *tmp, mlops_err_t *err)
{
    int                    rc;
    char                   name[MLOPS_TABLE_NAME_SIZE];
    mlops_str_t            view_name;
    mlops_plan_view_t      view;
    mlops_table_header_t  *old;

    view_name.data = table->header->view;
    view_name.len = strnlen(table->header->view, 64);

    memset(&view, 0, sizeof(view));
    view.name = view_name;
    view.hash = table->header->definition;

    mlops_table_name(&view, table->header->shard, name);

    old = mlops_table_old(table->dir, name);

    mlops_fault("table_commit");

    if (old != NULL) {
        atomic_store_explicit(&old->superseded, 1, memory_order_release);
        mlops_fault("table_superseded");
    }

    rc = mlops_file_commit(table->dir, tmp, name, 0, 0, err);

    if (old != NULL) {

        if (rc != MLOPS_OK) {
            atomic_store_explicit(&old->superseded, 0, memory_order_release);
        }

        (void) munmap(old, MLOPS_TABLE_HEADER_SIZE);
    }

    mlops_fault("table_committed");

    return rc;
}


/* The header of the file that is going to be replaced; NULL where there is
 * none, or what is there is no table of ours. */

static mlops_table_header_t *
mlops_table_old(int dir, const char *name)
{
    int           fd;
    void         *page;
    size_t        len;
    mlops_err_t   err;

    fd = mlops_table_file(dir, name, 1, mlops_table_owner(dir), &len, &err);

    if (fd == -1) {
        return NULL;
    }

    page = MAP_FAILED;

    if (len >= MLOPS_TABLE_HEADER_SIZE) {
        page = mmap(NULL, MLOPS_TABLE_HEADER_SIZE, PROT_READ|PROT_WRITE,
                    MAP_SHARED, fd, 0);
    }

    (void) close(fd);

    if (page == MAP_FAILED) {
        return NULL;
    }

    if (memcmp(page, MLOPS_TABLE_MAGIC, 8) != 0) {
        (void) munmap(page, MLOPS_TABLE_HEADER_SIZE);
        return NULL;
    }

    return page;
}


/* A writer that is root gives its tables to whom the directory belongs. */

static uid_t
mlops_table_owner(int features)
{
    struct stat  st;

    return fstat(features, &st) == 0 ? st.st_uid : (uid_t) -1;
}


mlops_table_t *
mlops_table_attach(int features, const mlops_plan_view_t *view,
    uint32_t shard, mlops_err_t *err)
{
    int             fd;
    char            name[MLOPS_TABLE_NAME_SIZE];
    size_t          len;
    mlops_table_t  *table;

    mlops_table_name(view, shard, name);

    fd = mlops_table_file(features, name, 1, mlops_table_owner(features),
                          &len, err);

    if (fd == -1) {
        return NULL;
    }

    table = mlops_table_map(fd, len, 1, err);

    if (table == NULL) {
        (void) mlops_err_prefix(err, "feature table \"%s\"", name);
        return NULL;
    }

    if (mlops_table_same(table, view, shard, err) != MLOPS_OK
        || mlops_table_writer(table, features, err) != MLOPS_OK
        || mlops_table_repair(table, err) != MLOPS_OK)
    {
        (void) mlops_err_prefix(err, "feature table \"%s\"", name);
        mlops_table_close(table);
        return NULL;
    }

    return table;
}


/* What every writer has: the lock, the directory, room for free rows. */

static int
mlops_table_writer(mlops_table_t *table, int features, mlops_err_t *err)
{
    if (mlops_table_lock(table->fd, F_WRLCK, MLOPS_TABLE_LOCK_WRITER)
        != MLOPS_OK)
    {
        if (errno == EACCES) {
            errno = EAGAIN;
        }

        if (errno == EAGAIN) {
            return mlops_err_set(err, "it has another writer (pid %llu)",
                                 (unsigned long long) atomic_load_explicit(
                                     &table->header->writer_pid,
                                     memory_order_acquire));
        }

        return mlops_file_fail(err, "fcntl(F_OFD_SETLK)", table->fd, "");
    }

    table->dir = fcntl(features, F_DUPFD_CLOEXEC, 0);

    if (table->dir == -1) {
        return mlops_file_fail(err, "fcntl(F_DUPFD_CLOEXEC)", features, "");
    }

    /* pages of it are there only once rows are freed */

    table->free_rows = malloc((size_t) table->capacity * sizeof(uint32_t));

    if (table->free_rows == NULL) {
        errno = ENOMEM;
        return mlops_err_set(err, "out of memory: %zu bytes",
                             (size_t) table->capacity * sizeof(uint32_t));
    }

    atomic_store_explicit(&table->header->writer_pid, (uint64_t) getpid(),
                          memory_order_release);

    return MLOPS_OK;
}


/* Is it what this view would make with the same capacity? */

static int
mlops_table_same(const mlops_table_t *table, const mlops_plan_view_t *view,
    uint32_t shard, mlops_err_t *err)
{
    int                    rc;
    mlops_table_header_t   header;
    mlops_table_column_t  *columns;

    columns = calloc((size_t) view->row.n + 1, sizeof(*columns));

    if (columns == NULL) {
        errno = ENOMEM;
        return mlops_err_set(err, "out of memory: %u columns",
                             (unsigned) view->row.n);
    }

    rc = mlops_table_form(view, shard, table->capacity, &header, columns,
                          err);
    free(columns);

    if (rc != MLOPS_OK) {
        errno = EINVAL;
        return MLOPS_ERROR;
    }

    if (header.checksum != table->header->checksum) {
        errno = EINVAL;
        return mlops_err_set(err, "it belongs to another definition of view "
                             "\"%.*s\"", mlops_fmt(&view->name));
    }

    return MLOPS_OK;
}


static int
mlops_table_repair(mlops_table_t *table, mlops_err_t *err)
{
    int                   rc;
    uint32_t              b;
    mlops_table_repair_t  repair;

    memset(&repair, 0, sizeof(repair));

    repair.table = table;
    repair.seen = calloc(((size_t) table->capacity + 63) / 64,
                         sizeof(uint64_t));
    repair.passed = calloc(table->buckets_n, sizeof(uint64_t));

    if (repair.seen == NULL || repair.passed == NULL) {
        errno = ENOMEM;
        rc = mlops_err_set(err, "out of memory: checking %u rows",
                           (unsigned) table->capacity);
        goto done;
    }

    mlops_table_repair_entries(&repair);
    mlops_table_repair_rows(&repair);

    /* last: while an entry stands, those before it are passed */

    for (b = 0; b < table->buckets_n; b++) {
        if (mlops_word_load(mlops_table_bucket(table, b)) != repair.passed[b])
        {
            mlops_word_store(mlops_table_bucket(table, b), repair.passed[b]);
        }
    }

    atomic_store_explicit(&table->header->rows_n, repair.rows_n,
                          memory_order_release);

    /* it has its name: nobody came to replace it */

    atomic_store_explicit(&table->header->superseded, 0,
                          memory_order_release);

    rc = MLOPS_OK;

done:

    free(repair.seen);
    free(repair.passed);

    return rc;
}


static void
mlops_table_repair_entries(mlops_table_repair_t *repair)
{
    uint32_t        b, i;
    uint64_t        entry;
    mlops_word_t   *bucket;
    mlops_table_t  *table;

    table = repair->table;

    for (b = 0; b < table->buckets_n; b++) {
        bucket = mlops_table_bucket(table, b);

        for (i = 1; i <= MLOPS_TABLE_ENTRIES; i++) {
            entry = mlops_word_load(bucket + i);

            if (entry != 0 && !mlops_table_repair_entry(repair, b, entry)) {
                mlops_word_store(bucket + i, 0);
                mlops_fault("table_repaired");
            }
        }
    }
}


/* Does the entry lead to a live row that nobody else leads to, and whose key
 * belongs there? */

static int
mlops_table_repair_entry(mlops_table_repair_t *repair, uint32_t bucket,
    uint64_t entry)
{
    int                  good;
    uint32_t             b, row;
    uint64_t             hash;
    mlops_table_t       *table;
    const mlops_word_t  *words;

    table = repair->table;
    row = (uint32_t) entry - 1;

    if (row >= table->capacity || mlops_bit(repair->seen, row)) {
        return 0;
    }

    words = mlops_table_row(table, row);

    if (!(mlops_word_load(words) & MLOPS_TABLE_LIVE)) {
        return 0;
    }

    hash = mlops_table_row_hash(table, words, &good);

    if (!good || hash >> 32 != entry >> 32) {
        return 0;
    }

    mlops_bit_set(repair->seen, row);

    for (b = mlops_table_home(table, hash); b != bucket;
         b = mlops_table_after(table, b))
    {
        repair->passed[b]++;
    }

    return 1;
}


/* Rows without an entry are free; from fresh on none has been used. */

static void
mlops_table_repair_rows(mlops_table_repair_t *repair)
{
    uint32_t        i;
    uint64_t        ctl;
    mlops_word_t   *row;
    mlops_table_t  *table;

    table = repair->table;
    table->fresh = 0;
    table->free_n = 0;

    for (i = 0; i < table->capacity; i++) {
        row = mlops_table_row(table, i);
        ctl = mlops_word_load(row);

        if (mlops_bit(repair->seen, i)) {
            repair->rows_n++;

            for ( /* void */ ; table->fresh < i; table->fresh++) {
                table->free_rows[table->free_n++] = table->fresh;
            }

            table->fresh = i + 1;
            continue;
        }

        if (ctl & MLOPS_TABLE_LIVE) {
            mlops_word_store(row, (ctl | MLOPS_TABLE_LIVE
                                   | MLOPS_TABLE_SLOT) + 1);
            mlops_fault("table_repaired");
        }
    }
}


/* Of the key that stands in a row; good is 0 where none can. */

static uint64_t
mlops_table_row_hash(const mlops_table_t *table, const mlops_word_t *row,
    int *good)
{
    mlops_key_t  key;

    key.number = (int64_t) mlops_word_load(row + 1);
    key.text.len = (uint32_t) key.number;
    key.text.data = (const char *) (row + 1) + 4;

    *good = table->key_type == MLOPS_TYPE_INT64
            || (key.text.len != 0 && key.text.len <= table->key_max);

    return *good ? mlops_key_hash(table->key_type, &key) : 0;
}


int
mlops_table_read(const mlops_table_t *table)
{
    struct flock  lock;

    memset(&lock, 0, sizeof(lock));

    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = MLOPS_TABLE_LOCK_READER;
    lock.l_len = 1;

    return fcntl(table->fd, F_OFD_GETLK, &lock) == -1
           || lock.l_type != F_UNLCK;
}
