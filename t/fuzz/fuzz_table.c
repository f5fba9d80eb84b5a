/*
 * Fuzz target: arbitrary bytes as a feature table.  Readers get and walk;
 * a writer takes it over, repairs it and goes on.
 *
 * The first byte says what to do: 1 makes the checksum right, so that the
 * checks behind it are met; 2 opens it for writing.  304 bytes of a header
 * follow, then what stands behind the partitions (columns, index, rows), so
 * that inputs are short.  The file has the length that its header says, up to
 * a limit.
 */

#include "fuzz.h"

#include "mlops_table.h"

/* the repair, without a directory and a name */

#include "../../core/feature/mlops_table_create.c"


#define FUZZ_HEADER  304
#define FUZZ_MAX     (512u << 10)


static uint64_t
fuzz_checksum(const char *file, size_t len)
{
    size_t       i, n;
    uint32_t     columns_n;
    static char  all[224 + 64 * MLOPS_TABLE_COLUMN_FIXED];
    mlops_key_t  key;

    memcpy(&columns_n, file + 68, 4);
    memcpy(all, file + 32, 224);
    n = 224;

    for (i = 0; i < columns_n && i < 64
                && MLOPS_TABLE_COLUMNS_OFF + (i + 1) * 192 <= len; i++)
    {
        memcpy(all + n, file + MLOPS_TABLE_COLUMNS_OFF + i * 192,
               MLOPS_TABLE_COLUMN_FIXED);
        n += MLOPS_TABLE_COLUMN_FIXED;
    }

    key.text.data = all;
    key.text.len = n;

    return mlops_key_hash(MLOPS_TYPE_BYTES, &key);
}


/* The file of an input; -1 where there is none. */

static int
fuzz_file(const uint8_t *data, size_t size, size_t *len)
{
    int       fd;
    char     *file;
    uint64_t  want, sum;

    memcpy(&want, data + 1 + 16, 8);

    *len = (want >= MLOPS_TABLE_COLUMNS_OFF && want <= FUZZ_MAX)
           ? (size_t) want : MLOPS_TABLE_COLUMNS_OFF + 4096;

    file = calloc(1, *len);
    fd = memfd_create("fuzz_table", MFD_CLOEXEC);

    check(file != NULL && fd != -1);

    memcpy(file, data + 1, FUZZ_HEADER);

    size -= 1 + FUZZ_HEADER;
    memcpy(file + MLOPS_TABLE_COLUMNS_OFF, data + 1 + FUZZ_HEADER,
           size < *len - MLOPS_TABLE_COLUMNS_OFF
           ? size : *len - MLOPS_TABLE_COLUMNS_OFF);

    if (data[0] & 1) {
        sum = fuzz_checksum(file, *len);
        memcpy(file + 24, &sum, 8);
    }

    check(mlops_file_put(fd, file, *len) == MLOPS_OK);

    free(file);

    return fd;
}


/* All rows, and each of them by its key: lengths stay within bounds. */

static uint32_t
fuzz_walk(const mlops_table_t *table, mlops_cell_t *cells, uint64_t *present,
    char *text, int get)
{
    int                          rc;
    char                         copy[1024];
    uint32_t                     cursor, i, n;
    uint64_t                     hash;
    mlops_key_t                  key;
    mlops_table_found_t          found;
    const mlops_table_column_t  *columns;

    columns = mlops_table_columns(table);

    for (cursor = 0, n = 0; /* void */ ; /* void */ ) {
        rc = mlops_table_next(table, &cursor, 5, INT64_MIN, &key, cells,
                              present, text, &found);

        if (rc == MLOPS_LIMIT) {
            return n;
        }

        if (rc != MLOPS_OK) {
            continue;
        }

        n++;

        for (i = 0; i < table->columns_n; i++) {

            (void) mlops_table_status(table, &found, present, i, 7);

            check(columns[i].type != MLOPS_TYPE_BYTES
                  || (cells[i].s.len <= columns[i].bytes
                      && (size_t) cells[i].s.off + cells[i].s.len
                         <= mlops_table_text_size(table)));
        }

        if (!get || key.text.len > sizeof(copy)) {
            continue;
        }

        memcpy(copy, key.text.data, key.text.len);
        key.text.data = copy;
        hash = mlops_key_hash(table->key_type, &key);

        mlops_table_prefetch(table, hash);
        mlops_table_prefetch_row(table, hash);
        (void) mlops_table_get(table, &key, hash, 9, 3, cells, present, text,
                               &found);
    }
}


/* Fills the table and empties it, after a repair. */

static void
fuzz_write(mlops_table_t *table, mlops_cell_t *cells, uint64_t *present,
    char *text)
{
    char               name[16];
    uint32_t           hint, i, n;
    uint64_t           hash;
    mlops_err_t        err;
    mlops_key_t        key;
    mlops_table_row_t  row;

    check(mlops_table_writer(table, table->fd, &err) == MLOPS_OK);
    check(mlops_table_repair(table, &err) == MLOPS_OK);

    n = fuzz_walk(table, cells, present, text, 1);

    check(n == table->header->rows_n);

    memset(&row, 0, sizeof(row));
    memset(cells, 0, 2 * MLOPS_VIEW_COLUMNS_MAX * sizeof(mlops_cell_t));
    row.cells = cells;
    row.present = present;

    for (i = 0; i < 4096; i++) {
        key.number = (int64_t) i << 40;
        key.text.len = (size_t) snprintf(name, sizeof(name), "%u",
                                         (unsigned) i % 1000);
        key.text.data = name;

        hash = mlops_key_hash(table->key_type, &key);
        hint = i;

        if (mlops_table_put(table, &key, hash, &hint, &row) != MLOPS_OK) {
            break;
        }

        if (i % 3 == 0) {
            check(mlops_table_remove(table, &key, hash, hint) == MLOPS_OK);
        }
    }

    check(fuzz_walk(table, cells, present, text, 1)
          == table->header->rows_n);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             fd;
    char           *text;
    size_t          len;
    mlops_err_t     err;
    mlops_table_t  *table;

    static mlops_cell_t  cells[2 * MLOPS_VIEW_COLUMNS_MAX];
    static uint64_t      present[2 * MLOPS_VIEW_COLUMNS_MAX / 64];

    if (size < 1 + FUZZ_HEADER) {
        return 0;
    }

    fd = fuzz_file(data, size, &len);
    table = mlops_table_map(fd, len, data[0] & 2, &err);

    if (table == NULL) {
        return 0;
    }

    /* not a byte more than readers are told to have */

    text = malloc(mlops_table_text_size(table));
    check(text != NULL);

    if (data[0] & 2) {
        fuzz_write(table, cells, present, text);

    } else {
        (void) fuzz_walk(table, cells, present, text, 1);
    }

    free(text);
    mlops_table_close(table);

    return 0;
}
