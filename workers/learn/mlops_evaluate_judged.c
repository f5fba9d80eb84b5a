/*
 * Which rows of an evaluation are judged, and what models have seen of them.
 *
 * A part is that of the training run: with its very rows (their digest is in
 * the facts) any split gives it again.  Of other rows only a split by hash or
 * by column says what is in which part, whatever other rows there are.
 */

#include "mlops_evaluate_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


static int mlops_evaluate_which(mlops_evaluate_run_t *run);
static int mlops_evaluate_whole(mlops_evaluate_run_t *run);
static int mlops_evaluate_named_part(mlops_evaluate_run_t *run);
static int mlops_evaluate_known_part(mlops_evaluate_run_t *run);
static int mlops_evaluate_divide(mlops_learn_run_t *learn, uint32_t part);
static int mlops_evaluate_both(mlops_evaluate_run_t *run, uint32_t part);
static int mlops_evaluate_given_classes(mlops_evaluate_run_t *run);


int
mlops_evaluate_judged(mlops_evaluate_run_t *run)
{
    mlops_learn_run_t  *learn;

    learn = &run->sides[0].learn;

    if (mlops_learn_targets(learn) != MLOPS_OK
        || mlops_learn_filter(learn) != MLOPS_OK
        || mlops_evaluate_which(run) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    run->judged = learn->parts[MLOPS_PART_GATE];
    learn->recipe.wants = 2;

    if (mlops_evaluate_given_classes(run) != MLOPS_OK
        || mlops_evaluate_same_target(run) != MLOPS_OK
        || mlops_learn_values(learn) != MLOPS_OK
        || mlops_learn_metrics(&learn->recipe, learn->classes_n,
                               learn->metrics, &learn->metrics_n)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


/* They become the first model's gate. */

static int
mlops_evaluate_which(mlops_evaluate_run_t *run)
{
    mlops_learn_run_t  *learn;

    learn = &run->sides[0].learn;

    if ((run->options->part != NULL ? mlops_evaluate_named_part(run)
                                    : mlops_evaluate_whole(run))
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (learn->parts[MLOPS_PART_GATE].n == 0) {
        return mlops_err_set(run->err, "%s: expected rows %s%s, got none of "
                             "%llu", run->options->rows,
                             run->options->part ? "of the part " : "to judge",
                             run->options->part ? run->options->part : "",
                             (unsigned long long) learn->frame.rows_n);
    }

    return MLOPS_OK;
}


/* Was the model made from this file? */

static int
mlops_evaluate_is_made(const mlops_evaluate_side_t *side)
{
    char    hex[2 * sizeof(side->learn.frame.sha256) + 1];
    size_t  i;

    for (i = 0; i < sizeof(side->learn.frame.sha256); i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", side->learn.frame.sha256[i]);
    }

    return side->has_facts
           && mlops_str_eq(&side->trained.rows_sha256, hex, 2 * i);
}


/* Did the model go on from a parent?  Where reports of steps were too long for
 * an image, its recipe tells. */

static int
mlops_evaluate_has_parent(const mlops_evaluate_side_t *side)
{
    uint32_t            i;
    const mlops_doc_t  *steps, *step;

    steps = mlops_doc_get(side->trained.training, "steps");

    if (steps != NULL && steps->type == MLOPS_DOC_ARRAY) {

        for (step = steps->v.child; step != NULL; step = step->next) {
            if (mlops_doc_get(step, "parent") != NULL) {
                return 1;
            }
        }

        return 0;
    }

    for (i = 0; i < side->learn.recipe.steps_n; i++) {
        if (mlops_doc_get(side->learn.recipe.steps[i].doc, "start") != NULL) {
            return 1;
        }
    }

    return 0;
}


/* Was a model made from some of all rows?  Another file than its own is taken
 * for new rows; a parent, or a training that nothing is told of, may have
 * known it. */

static mlops_seen_t
mlops_evaluate_whole_seen(const mlops_evaluate_side_t *side)
{
    if (mlops_evaluate_is_made(side)) {
        return MLOPS_SEEN_YES;
    }

    return !side->has_facts || mlops_evaluate_has_parent(side)
           ? MLOPS_SEEN_UNKNOWN : MLOPS_SEEN_NO;
}


/* All of them. */

static int
mlops_evaluate_whole(mlops_evaluate_run_t *run)
{
    uint64_t             i, n;
    mlops_learn_run_t   *learn;
    mlops_learn_part_t  *part;

    learn = &run->sides[0].learn;
    part = &learn->parts[MLOPS_PART_GATE];

    part->rows = malloc((size_t) (learn->frame.rows_n + 1)
                        * sizeof(uint32_t));
    if (part->rows == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (i = 0, n = 0; i < learn->frame.rows_n; i++) {
        if (!learn->gone[i]) {
            part->rows[n++] = (uint32_t) i;
        }
    }

    part->n = n;

    for (i = 0; i < 2; i++) {
        run->evaluated->seen[i] = mlops_evaluate_whole_seen(&run->sides[i]);
    }

    return MLOPS_OK;
}


/* Was a model made from rows of its part?  A parent may have had other
 * parts. */

static mlops_seen_t
mlops_evaluate_part_seen(const mlops_evaluate_side_t *side, uint32_t part)
{
    if (!side->has_facts) {
        return MLOPS_SEEN_UNKNOWN;
    }

    if (part != MLOPS_PART_GATE) {
        return MLOPS_SEEN_YES;
    }

    return mlops_evaluate_has_parent(side) ? MLOPS_SEEN_UNKNOWN
                                           : MLOPS_SEEN_NO;
}


/* One of the parts that training made of such rows. */

static int
mlops_evaluate_named_part(mlops_evaluate_run_t *run)
{
    uint32_t             k, i;
    mlops_learn_run_t   *learn;
    mlops_learn_part_t   part;

    learn = &run->sides[0].learn;
    run->evaluated->part = 1;

    for (k = 0; k < MLOPS_PART_N; k++) {
        if (strcmp(run->options->part, mlops_part_names[k]) == 0) {
            break;
        }
    }

    if (k == MLOPS_PART_N) {
        return mlops_err_set(run->err, "expected the part train, tune, "
                             "calibrate or gate, got \"%s\"",
                             run->options->part);
    }

    if (mlops_evaluate_known_part(run) != MLOPS_OK
        || mlops_evaluate_divide(learn, k) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    part = learn->parts[k];
    learn->parts[k].rows = NULL;
    learn->parts[k].n = 0;

    for (i = 0; i < MLOPS_PART_N; i++) {
        mlops_learn_part_free(&learn->parts[i]);
    }

    learn->parts[MLOPS_PART_GATE] = part;

    for (i = 0; i < 2; i++) {
        run->evaluated->seen[i] = mlops_evaluate_part_seen(&run->sides[i], k);
    }

    return (part.n != 0 && run->options->against != NULL)
           ? mlops_evaluate_both(run, k) : MLOPS_OK;
}


/* Does the model's split say what is in which part of these rows? */

static int
mlops_evaluate_tells(const mlops_evaluate_side_t *side)
{
    return mlops_evaluate_is_made(side)
           || side->learn.recipe.rule.by == MLOPS_SPLIT_HASH
           || side->learn.recipe.rule.by == MLOPS_SPLIT_COLUMN;
}


/* Of an image that was not trained here the recipe is taken at its word. */

static int
mlops_evaluate_known_part(mlops_evaluate_run_t *run)
{
    static const char *const  by[] = {
        "and its recipe has no split",
        "which its split at random would divide anew",
        "which its split by time would cut elsewhere"
    };

    if (!run->sides[0].has_facts) {
        return MLOPS_OK;
    }

    if (run->options->recipe != NULL
        && mlops_evaluate_same_split(run) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (mlops_evaluate_tells(&run->sides[0])) {
        return MLOPS_OK;
    }

    return mlops_err_set(run->err, "%s: expected the rows that the model was "
                         "made from, got others, %s; without --part all rows "
                         "of a file are judged: take one that the model has "
                         "not seen", run->options->rows,
                         by[run->sides[0].learn.recipe.rule.by]);
}


static int
mlops_evaluate_divide(mlops_learn_run_t *learn, uint32_t part)
{
    learn->recipe.rule.lacks = 1;

    if (mlops_learn_split(learn) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return (part == MLOPS_PART_TRAIN) ? mlops_learn_filter_train(learn)
                                      : MLOPS_OK;
}


/* Rows of that part of both models stay, where that is known. */

static int
mlops_evaluate_both(mlops_evaluate_run_t *run, uint32_t part)
{
    uint64_t                   i, k, n;
    mlops_learn_run_t         *learn;
    mlops_learn_part_t        *one;
    const mlops_learn_part_t  *other;

    learn = &run->sides[1].learn;

    if (!run->sides[1].has_facts || !mlops_evaluate_tells(&run->sides[1])) {
        run->evaluated->seen[1] = MLOPS_SEEN_UNKNOWN;
        return MLOPS_OK;
    }

    if (mlops_learn_targets(learn) != MLOPS_OK
        || mlops_learn_filter(learn) != MLOPS_OK
        || mlops_evaluate_divide(learn, part) != MLOPS_OK)
    {
        return mlops_err_prefix(run->err, "%s", run->sides[1].name);
    }

    one = &run->sides[0].learn.parts[MLOPS_PART_GATE];
    other = &learn->parts[part];

    for (i = 0, k = 0, n = 0; i < one->n; i++) {

        while (k < other->n && other->rows[k] < one->rows[i]) {
            k++;
        }

        if (k < other->n && other->rows[k] == one->rows[i]) {
            one->rows[n++] = one->rows[i];
        }
    }

    run->evaluated->fewer = (n < one->n);
    one->n = n;

    if (n == 0) {
        return mlops_err_set(run->err, "%s: expected rows of the part %s of "
                             "both models, got none of %llu; without --part "
                             "all rows of a file are judged: take one that "
                             "neither has seen",
                             run->options->rows, mlops_part_names[part],
                             (unsigned long long) learn->frame.rows_n);
    }

    return MLOPS_OK;
}


/* Classes of training, in its order. */

static int
mlops_evaluate_given_classes(mlops_evaluate_run_t *run)
{
    int                     rc;
    mlops_learn_run_t      *learn;
    mlops_learn_part_t      none;
    mlops_evaluate_side_t  *side;

    side = &run->sides[0];
    learn = &side->learn;

    if (side->has_facts && side->trained.classes == NULL) {
        learn->recipe.wants = 0;
        return MLOPS_OK;
    }

    if (side->has_facts) {
        learn->recipe.classes = side->trained.classes;

    } else if (learn->recipe.learner != NULL
               && learn->recipe.learner->fitter->target != NULL)
    {
        learn->recipe.wants =
                    learn->recipe.learner->fitter->target(
                                                 learn->recipe.learner->doc);
    }

    /* the classes that nobody names are those of the rows that are judged */

    none = learn->parts[MLOPS_PART_TRAIN];
    learn->parts[MLOPS_PART_TRAIN] = learn->parts[MLOPS_PART_GATE];

    rc = mlops_learn_classes(learn);

    learn->parts[MLOPS_PART_TRAIN] = none;

    return rc;
}


uint32_t
mlops_evaluate_notes(const mlops_evaluated_t *evaluated, const char **notes)
{
    int       one, other;
    uint32_t  n;

    n = 0;

    if (evaluated->fewer) {
        notes[n++] = "rows are left out that are not in that part of both "
                     "models";
    }

    one = (evaluated->seen[0] == MLOPS_SEEN_YES);
    other = (evaluated->against && evaluated->seen[1] == MLOPS_SEEN_YES);

    if (evaluated->part && (one || other)) {
        notes[n++] = (one && other)
                     ? "both models were made from rows of that part"
                     : one ? "the model was made from rows of that part"
                           : "the other model was made from rows of that "
                             "part";

    } else if (one && other) {
        notes[n++] = "these are the rows that both models were made from; "
                     "--part gate judges them by those that were held out";

    } else if (one && !evaluated->against) {
        notes[n++] = "these are the rows that the model was made from; "
                     "--part gate judges it by those that were held out";

    } else if (one || other) {
        notes[n++] = one ? "these are the rows that the model was made from; "
                           "compare it by rows that neither has seen"
                         : "these are the rows that the other model was made "
                           "from; compare it by rows that neither has seen";
    }

    one = (evaluated->seen[0] == MLOPS_SEEN_UNKNOWN);
    other = (evaluated->against && evaluated->seen[1] == MLOPS_SEEN_UNKNOWN);

    if (one || other) {
        notes[n++] = (one && other)
                     ? "nothing says whether the models were made from some "
                       "of these rows"
                     : one ? "nothing says whether the model was made from "
                             "some of these rows"
                           : "nothing says whether the other model was made "
                             "from some of these rows";
    }

    return n;
}
