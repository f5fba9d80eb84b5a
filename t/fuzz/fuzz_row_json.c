/*
 * Rows of features.<view> as another node, or anybody, wrote them.
 *
 * What is accepted has strings within its text and a partition within its
 * bounds, fits the bound when it is written again, and is read back as the
 * same.
 */

#include "fuzz.h"

#include "mlops_sink.h"


#define COLUMNS  4
#define SETS     2

static mlops_column_t  columns[COLUMNS] = {
    { .name = mlops_str("n"), .type = MLOPS_TYPE_INT64,
      .kind = MLOPS_CELL_INT },
    { .name = mlops_str("s"), .type = MLOPS_TYPE_FP64,
      .kind = MLOPS_CELL_DOUBLE },
    { .name = mlops_str("t"), .type = MLOPS_TYPE_BYTES,
      .kind = MLOPS_CELL_STRING },
    { .name = mlops_str("u"), .type = MLOPS_TYPE_BYTES,
      .kind = MLOPS_CELL_STRING }
};

static mlops_plan_feature_t  features[COLUMNS] = {
    { .first = 0, .width = 1, .type = MLOPS_TYPE_INT64 },
    { .first = 1, .width = 1, .type = MLOPS_TYPE_FP64 },
    { .first = 2, .width = 1, .type = MLOPS_TYPE_BYTES, .bytes = 4096 },
    { .first = 3, .width = 1, .type = MLOPS_TYPE_BYTES, .bytes = 4096 }
};


static size_t
fuzz_strings(const mlops_table_row_t *row, size_t size)
{
    size_t    sum;
    uint32_t  i;

    sum = 0;

    for (i = 0; i < SETS * COLUMNS; i++) {
        if (columns[i % COLUMNS].kind == MLOPS_CELL_STRING
            && mlops_bit(row->present + i / COLUMNS, i % COLUMNS))
        {
            check((size_t) row->cells[i].s.off + row->cells[i].s.len <= size);
            sum += row->cells[i].s.len;
        }
    }

    return sum;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char               *text, *again, *out, *end;
    uint32_t            i;
    uint64_t            present[SETS], present2[SETS];
    mlops_err_t         err;
    mlops_key_t         key;
    mlops_cell_t        cells[SETS * COLUMNS], cells2[SETS * COLUMNS];
    mlops_arena_t       arena;
    mlops_table_row_t   row, row2;
    mlops_plan_view_t   view;

    mlops_arena_init(&arena, NULL, NULL);
    memset(&view, 0, sizeof(view));
    memset(&key, 0, sizeof(key));
    memset(&row, 0, sizeof(row));
    memset(&row2, 0, sizeof(row2));

    view.name.data = "v";
    view.name.len = 1;
    view.entity_type = MLOPS_TYPE_INT64;
    view.sets = SETS;
    view.features_n = COLUMNS;
    view.features = features;
    view.row.n = COLUMNS;
    view.row.columns = columns;

    check(mlops_schema_index(&view.row, &arena, &err) == MLOPS_OK);

    text = malloc(size + 1);
    check(text != NULL);

    row.cells = cells;
    row.present = present;
    row2.cells = cells2;
    row2.present = present2;
    err.text[0] = '\0';

    if (mlops_row_json_read(&view, (const char *) data, size, &row, text,
                            &err)
        != MLOPS_OK)
    {
        check(err.text[0] != '\0');
        goto done;
    }

    check(row.partition >= 0 && row.partition < MLOPS_PARTITIONS_MAX);

    if (fuzz_strings(&row, size) > 8192) {
        goto done;
    }

    out = malloc(mlops_row_json_bound(&view, &key));
    check(out != NULL);
    end = mlops_row_json_write(out, &view, &key, &row);
    check((size_t) (end - out) <= mlops_row_json_bound(&view, &key));

    again = malloc((size_t) (end - out) + 1);
    check(again != NULL);
    check(mlops_row_json_read(&view, out, (size_t) (end - out), &row2, again,
                              &err)
          == MLOPS_OK);
    check(row2.offset == row.offset && row2.event_us == row.event_us
          && row2.valid_us == row.valid_us
          && row2.partition == row.partition);

    for (i = 0; i < SETS; i++) {

        /* an infinite double is written as null */

        check((present2[i] & ~present[i]) == 0);
        check((present2[i] & 1) == (present[i] & 1));
        check(cells2[i * COLUMNS].i == cells[i * COLUMNS].i
              || !(present[i] & 1));
    }

    free(again);
    free(out);

done:

    free(text);
    mlops_arena_destroy(&arena);

    return 0;
}
