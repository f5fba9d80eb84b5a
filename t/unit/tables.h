/*
 * What tests of the feature table share: views made by hand, without the
 * grammar, and a directory to put tables into.
 */

#ifndef MLOPS_TABLES_H
#define MLOPS_TABLES_H


#include "unit.h"
#include "mlops_file.h"
#include "mlops_table.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>


#define TABLES_COLUMNS  80


/* A view of at most TABLES_COLUMNS columns, one a feature. */

typedef struct {
    mlops_plan_view_t      view;
    mlops_plan_feature_t   features[TABLES_COLUMNS];
    mlops_column_t         columns[TABLES_COLUMNS];
    char                   names[TABLES_COLUMNS][16];
} tables_view_t;


/* types: i int64, d double, 0 to 9 a string of so many bytes times 5 + 3. */

static inline void
tables_view(tables_view_t *v, const char *name, mlops_type_t key,
    uint32_t key_bytes, uint32_t sets, const char *types)
{
    uint32_t               i, n;
    mlops_plan_feature_t  *f;

    memset(v, 0, sizeof(*v));

    n = (uint32_t) strlen(types);
    assert_true(n <= TABLES_COLUMNS);

    v->view.name.data = name;
    v->view.name.len = strlen(name);
    v->view.entity_type = key;
    v->view.entity_bytes = key_bytes;
    v->view.shards = 1;
    v->view.hash = 0x0123456789abcdefull;
    v->view.base_hash = 0xfedcba9876543210ull;
    v->view.sets = sets & 3;
    v->view.features_n = n;
    v->view.features = v->features;
    v->view.row.n = n;
    v->view.row.columns = v->columns;

    for (i = 0; i < n; i++) {
        f = &v->features[i];

        snprintf(v->names[i], sizeof(v->names[i]), "f%u", (unsigned) i);

        f->name.data = v->names[i];
        f->name.len = strlen(v->names[i]);
        f->first = i;
        f->width = 1;
        f->hash = 1000 + i;

        if (types[i] == 'i') {
            f->type = MLOPS_TYPE_INT64;

        } else if (types[i] == 'd') {
            f->type = MLOPS_TYPE_FP64;

        } else {
            f->type = MLOPS_TYPE_BYTES;
            f->bytes = (uint32_t) (types[i] - '0') * 5 + 3;
        }

        v->columns[i].name = f->name;
        v->columns[i].type = f->type;
        v->columns[i].kind = mlops_type_kind(f->type);
    }
}


static inline int
tables_dir(void)
{
    int  dir;

    dir = open(unit_tmpdir(), O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    assert_true(dir != -1);

    return dir;
}


static inline mlops_key_t
tables_number(int64_t number)
{
    mlops_key_t  key;

    memset(&key, 0, sizeof(key));
    key.number = number;

    return key;
}


static inline mlops_key_t
tables_text(const char *text)
{
    mlops_key_t  key;

    memset(&key, 0, sizeof(key));
    key.text.data = text;
    key.text.len = strlen(text);

    return key;
}


/* A table under its name, with room for capacity rows. */

static inline mlops_table_t *
tables_create(int dir, const mlops_plan_view_t *view, uint32_t capacity)
{
    char            tmp[MLOPS_TMP_SIZE];
    mlops_err_t     err;
    mlops_table_t  *table;

    err.text[0] = '\0';
    table = mlops_table_create(dir, view, 0, capacity, (uid_t) -1,
                               (gid_t) -1, tmp, &err);
    unit_ok(table != NULL, "%s", err.text);
    unit_ok(mlops_table_commit(table, tmp, &err) == MLOPS_OK, "%s",
            err.text);

    return table;
}


static inline mlops_table_t *
tables_open(int dir, const mlops_plan_view_t *view)
{
    char            name[MLOPS_TABLE_NAME_SIZE];
    mlops_err_t     err;
    mlops_table_t  *table;

    err.text[0] = '\0';
    mlops_table_name(view, 0, name);
    table = mlops_table_open(dir, name, (uid_t) -1, &err);
    unit_ok(table != NULL, "%s", err.text);

    return table;
}


#endif /* MLOPS_TABLES_H */
