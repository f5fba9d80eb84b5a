/*
 * The space of a tuning, and what each trial takes of it.
 *
 * A grid goes through all combinations, the last name fastest.  A random
 * search takes each number from a stream of its own, so that trial N is the
 * same however many there are; a combination of lists that an earlier trial
 * had is drawn again.  Combinations are told apart by their number in the
 * grid.
 */

#include "mlops_tune.h"
#include "mlops_field.h"
#include "mlops_hash.h"
#include "mlops_import_job.h"
#include "mlops_math.h"
#include "mlops_num.h"
#include "mlops_random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define MLOPS_TUNE_POINTS  (1ull << 40)     /* of a grid that is counted */
#define MLOPS_TUNE_DRAWS   64               /* of a combination */


/* The combinations of earlier trials, a table with open addresses. */

typedef struct {
    uint64_t   *points;             /* of each trial */
    uint32_t   *slots;              /* a trial's number + 1; 0: free */
    uint32_t    mask;
    uint64_t    first;              /* all below it are known */
} mlops_tune_seen_t;


static int mlops_tune_name(const mlops_str_t *name, mlops_field_t *field);
static int mlops_tune_axis(mlops_tune_axis_t *axis, const mlops_doc_t *doc,
    mlops_field_t *field);
static int mlops_tune_settings(const mlops_tune_space_t *space,
    mlops_tune_trial_t *trial, const double *at, mlops_arena_t *arena,
    mlops_err_t *err);
static int mlops_tune_value(const mlops_tune_axis_t *axis, double at,
    mlops_import_text_t *text);
static double mlops_tune_point(const mlops_tune_axis_t *axis, double at);
static int mlops_tune_grid(const mlops_tune_space_t *space, uint64_t point,
    mlops_tuned_t *tuned, uint32_t n, mlops_err_t *err);
static int mlops_tune_draw(const mlops_tune_space_t *space, uint64_t seed,
    mlops_tuned_t *tuned, uint32_t n, mlops_tune_seen_t *seen,
    mlops_err_t *err);
static double mlops_tune_place(const mlops_tune_axis_t *axis,
    uint64_t *rest);
static uint32_t mlops_tune_index(const mlops_tune_axis_t *axis, double at);
static int mlops_tune_seen(mlops_tune_seen_t *seen, uint32_t n,
    mlops_arena_t *arena);
static int mlops_tune_new(mlops_tune_seen_t *seen, uint64_t point,
    uint32_t n);


int
mlops_tune_space(mlops_tune_space_t *space, const mlops_doc_t *recipe,
    mlops_arena_t *arena, mlops_err_t *err)
{
    size_t              old;
    mlops_field_t       field;
    const mlops_doc_t  *tune, *doc;

    memset(space, 0, sizeof(*space));
    mlops_field_init(&field, arena, err);

    tune = mlops_field_get(&field, recipe, "tune", MLOPS_DOC_OBJECT);
    if (tune == NULL) {
        return MLOPS_ERROR;
    }

    (void) mlops_field_push(&field, "tune");

    if (tune->n == 0 || tune->n > MLOPS_TUNE_NAMES) {
        return mlops_field_fail(&field, tune, "an object with 1 to %u names",
                                MLOPS_TUNE_NAMES);
    }

    space->points = 1;
    space->finite = 1;

    for (doc = tune->v.child; doc != NULL; doc = doc->next) {

        if (mlops_str_is(&doc->key, "comment")) {
            continue;
        }

        old = mlops_field_push(&field, mlops_arena_copy(arena, doc->key.data,
                                                        doc->key.len));

        if (mlops_tune_name(&doc->key, &field) != MLOPS_OK
            || mlops_tune_axis(&space->axes[space->axes_n], doc, &field)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        mlops_field_pop(&field, old);

        if (space->axes[space->axes_n].values == NULL) {
            space->finite = 0;
        }

        space->points *= space->axes[space->axes_n].n;
        space->points = (space->points < MLOPS_TUNE_POINTS)
                        ? space->points : MLOPS_TUNE_POINTS;
        space->axes_n++;
    }

    if (space->axes_n == 0) {
        return mlops_field_fail(&field, tune, "an object with names of "
                                "settings");
    }

    return MLOPS_OK;
}


/* Trials that are judged by other rows, or otherwise, cannot be compared. */

static int
mlops_tune_name(const mlops_str_t *name, mlops_field_t *field)
{
    size_t  i, len;

    static const char *const  fixed[] = {
        "train.rows", "train.target", "train.classes", "train.weight",
        "train.split", "train.validate", "train.metrics", "train.prediction"
    };

    for (i = 0; i < mlops_nitems(fixed); i++) {
        len = strlen(fixed[i]);

        if (name->len >= len && memcmp(name->data, fixed[i], len) == 0
            && (name->len == len || name->data[len] == '.'
                || name->data[len] == '['))
        {
            return mlops_field_error(field, "changes which rows trials are "
                                     "judged by, or how, so that they could "
                                     "not be compared: set it for all trials "
                                     "(--set)");
        }
    }

    return MLOPS_OK;
}


static int
mlops_tune_axis(mlops_tune_axis_t *axis, const mlops_doc_t *doc,
    mlops_field_t *field)
{
    int                       log, integer;
    int64_t                   steps;
    static const char *const  keys[] = {
        "lo", "hi", "log", "integer", "steps", NULL
    };

    axis->name = doc->key;

    if (doc->type == MLOPS_DOC_ARRAY) {

        if (doc->n == 0) {
            return mlops_field_fail(field, doc, "a list of values, or a range "
                                    "with lo and hi");
        }

        axis->values = doc;
        axis->n = doc->n;

        return MLOPS_OK;
    }

    if (doc->type != MLOPS_DOC_OBJECT) {
        return mlops_field_fail(field, doc, "a list of values, or a range "
                                "with lo and hi");
    }

    if (mlops_field_keys(field, doc, keys, NULL) != MLOPS_OK
        || mlops_field_number(field, doc, "lo", -1e300, 1e300, NAN, &axis->lo)
           != MLOPS_OK
        || mlops_field_number(field, doc, "hi", -1e300, 1e300, NAN, &axis->hi)
           != MLOPS_OK
        || mlops_field_flag(field, doc, "log", &log) != MLOPS_OK
        || mlops_field_flag(field, doc, "integer", &integer) != MLOPS_OK
        || mlops_field_int(field, doc, "steps", 0, 100000, 0, &steps)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    axis->log = (log != 0);
    axis->integer = (integer != 0);
    axis->n = (uint32_t) steps;

    if (axis->lo > axis->hi || (axis->log && axis->lo <= 0)) {
        return mlops_field_error(field, "expected lo up to hi%s, got %g and "
                                 "%g", axis->log ? ", above 0 with log" : "",
                                 axis->lo, axis->hi);
    }

    if (axis->integer && ceil(axis->lo) > floor(axis->hi)) {
        return mlops_field_error(field, "expected a whole number between lo "
                                 "and hi, got %g and %g", axis->lo, axis->hi);
    }

    return MLOPS_OK;
}


int
mlops_tune_plan(const mlops_tune_space_t *space, mlops_tune_search_t search,
    uint64_t seed, mlops_tuned_t *tuned, uint32_t n, mlops_err_t *err)
{
    uint32_t           i;
    mlops_tune_seen_t  seen;

    if (search == MLOPS_TUNE_GRID && space->points == 0) {
        return mlops_err_set(err, "tune: expected lists, or ranges with "
                             "steps, for a grid, got a range without");
    }

    if ((search == MLOPS_TUNE_GRID || space->finite) && n > space->points) {
        n = (uint32_t) space->points;
    }

    tuned->trials = mlops_arena_calloc(&tuned->arena, (size_t) n + 1,
                                       sizeof(mlops_tune_trial_t));
    if (tuned->trials == NULL
        || mlops_tune_seen(&seen, n, &tuned->arena) != MLOPS_OK)
    {
        return mlops_err_set(err, "out of memory");
    }

    for (i = 0; i < n; i++) {
        tuned->trials[i].number = i;

        if (search == MLOPS_TUNE_GRID
            ? mlops_tune_grid(space, i, tuned, i, err) != MLOPS_OK
            : mlops_tune_draw(space, seed, tuned, i, &seen, err) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    tuned->trials_n = n;

    return MLOPS_OK;
}


/* A point of the grid, the last name fastest. */

static int
mlops_tune_grid(const mlops_tune_space_t *space, uint64_t point,
    mlops_tuned_t *tuned, uint32_t n, mlops_err_t *err)
{
    double    at[MLOPS_TUNE_NAMES];
    uint32_t  a;

    for (a = space->axes_n; a > 0; a--) {
        at[a - 1] = mlops_tune_place(&space->axes[a - 1], &point);
    }

    return mlops_tune_settings(space, &tuned->trials[n], at, &tuned->arena,
                               err);
}


/* Where chance finds no combination of lists that is new, the first one of
 * the grid is taken. */

static int
mlops_tune_draw(const mlops_tune_space_t *space, uint64_t seed,
    mlops_tuned_t *tuned, uint32_t n, mlops_tune_seen_t *seen,
    mlops_err_t *err)
{
    double    at[MLOPS_TUNE_NAMES];
    uint32_t  a, draw;
    uint64_t  point;

    for (draw = 0; draw < MLOPS_TUNE_DRAWS; draw++) {
        point = 0;

        for (a = 0; a < space->axes_n; a++) {
            at[a] = mlops_random_double(seed, a, (uint64_t) n
                                                 * MLOPS_TUNE_DRAWS + draw);

            if (space->finite) {
                point = point * space->axes[a].n
                        + mlops_tune_index(&space->axes[a], at[a]);
            }
        }

        if (!space->finite || mlops_tune_new(seen, point, n)) {
            return mlops_tune_settings(space, &tuned->trials[n], at,
                                       &tuned->arena, err);
        }
    }

    /* there is one: of trials there are at most as many as of points */

    do {
        point = seen->first++;
    } while (!mlops_tune_new(seen, point, n));

    return mlops_tune_grid(space, point, tuned, n, err);
}


/* Where the next point of a grid is: within a value of a list, at the ends of
 * a range and between. */

static double
mlops_tune_place(const mlops_tune_axis_t *axis, uint64_t *rest)
{
    double  i;

    i = (double) (*rest % axis->n);
    *rest /= axis->n;

    if (axis->values != NULL) {
        return (i + 0.5) / axis->n;
    }

    return (axis->n > 1) ? i / (axis->n - 1) : 0;
}


/* Which value of a list. */

static uint32_t
mlops_tune_index(const mlops_tune_axis_t *axis, double at)
{
    uint32_t  i;

    i = (uint32_t) (at * axis->n);

    return (i < axis->n) ? i : axis->n - 1;
}


/* Room for n trials, with half of the slots free. */

static int
mlops_tune_seen(mlops_tune_seen_t *seen, uint32_t n, mlops_arena_t *arena)
{
    uint32_t  size;

    for (size = 16; size < 2 * n; size *= 2) {
        /* void */
    }

    seen->mask = size - 1;
    seen->first = 0;
    seen->points = mlops_arena_calloc(arena, (size_t) n + 1,
                                      sizeof(uint64_t));
    seen->slots = mlops_arena_calloc(arena, size, sizeof(uint32_t));

    return seen->points && seen->slots ? MLOPS_OK : MLOPS_ERROR;
}


/* No earlier trial's: then it is that of trial n. */

static int
mlops_tune_new(mlops_tune_seen_t *seen, uint64_t point, uint32_t n)
{
    uint32_t  at;

    at = (uint32_t) mlops_hash_fold(point ^ MLOPS_HASH_K2, MLOPS_HASH_K1);

    for (at &= seen->mask; seen->slots[at] != 0; at = (at + 1) & seen->mask) {
        if (seen->points[seen->slots[at] - 1] == point) {
            return 0;
        }
    }

    seen->points[n] = point;
    seen->slots[at] = n + 1;

    return 1;
}


static int
mlops_tune_settings(const mlops_tune_space_t *space,
    mlops_tune_trial_t *trial, const double *at, mlops_arena_t *arena,
    mlops_err_t *err)
{
    int                   failed;
    uint32_t              a;
    mlops_import_text_t   text;

    trial->settings_n = space->axes_n;
    trial->settings = mlops_arena_calloc(arena, space->axes_n,
                                         sizeof(char *));
    failed = (trial->settings == NULL);

    for (a = 0; a < space->axes_n && !failed; a++) {
        memset(&text, 0, sizeof(text));

        mlops_import_text(&text, "%.*s=", mlops_fmt(&space->axes[a].name));
        failed = mlops_tune_value(&space->axes[a], at[a], &text) != MLOPS_OK;

        if (!failed) {
            trial->settings[a] = mlops_arena_copy(arena, text.data, text.len);
            failed = (trial->settings[a] == NULL);
        }

        free(text.data);
    }

    return failed ? mlops_err_set(err, "out of memory") : MLOPS_OK;
}


static int
mlops_tune_value(const mlops_tune_axis_t *axis, double at,
    mlops_import_text_t *text)
{
    char                buf[MLOPS_DOUBLE_LEN], *end;
    uint32_t            i, n;
    const mlops_doc_t  *doc;

    if (axis->values == NULL && axis->integer) {
        mlops_import_text(text, "%.0f", mlops_tune_point(axis, at));
        return text->failed ? MLOPS_ERROR : MLOPS_OK;
    }

    if (axis->values == NULL) {
        end = mlops_doc_print(buf, mlops_tune_point(axis, at));
        mlops_import_bytes(text, buf, (size_t) (end - buf));

        return text->failed ? MLOPS_ERROR : MLOPS_OK;
    }

    n = mlops_tune_index(axis, at);

    for (i = 0, doc = axis->values->v.child; i < n; i++) {
        doc = doc->next;
    }

    mlops_import_doc(text, doc);

    return text->failed ? MLOPS_ERROR : MLOPS_OK;
}


static double
mlops_tune_point(const mlops_tune_axis_t *axis, double at)
{
    double  v, lo, hi;

    lo = axis->integer ? ceil(axis->lo) : axis->lo;
    hi = axis->integer ? floor(axis->hi) : axis->hi;

    if (axis->log) {
        v = mlops_exp(mlops_log(lo) + (mlops_log(hi) - mlops_log(lo)) * at);
        v = axis->integer ? rint(v) : v;

    } else if (axis->integer) {

        /* each number is as likely; the last point of a grid is at 1 */

        v = lo + floor((hi - lo + 1) * at);

    } else {
        v = lo + (hi - lo) * at;
    }

    return v < lo ? lo : v > hi ? hi : v;
}
