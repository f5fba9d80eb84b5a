/*
 * Which inputs tell the target, by the steps of the rows.
 *
 *     told   a cell that is known from inputs alone: an input, or what a step
 *            makes of told cells
 *     tells  the target; the told cells that a told target is made of, down
 *            to inputs; then what is made of any of these that are inputs, or
 *            of the target.  The margin of a model and its outputs tell each
 *            other
 *
 * A model step without inputs reads what its file names, which is not looked
 * into: what it makes is not told.
 */

#include "mlops_learn_recipe.h"


#define MLOPS_LEARN_TOLD   1
#define MLOPS_LEARN_TELLS  2


typedef struct {
    const mlops_columns_t  *columns;
    uint8_t                *flags;      /* by column */
} mlops_learn_sources_t;


static void mlops_learn_source_told(mlops_learn_sources_t *it,
    const mlops_doc_t *step);
static void mlops_learn_source_back(mlops_learn_sources_t *it,
    const mlops_doc_t *step);
static void mlops_learn_source_on(mlops_learn_sources_t *it,
    const mlops_doc_t *step);
static int mlops_learn_all_told(const mlops_learn_sources_t *it,
    const mlops_doc_t *step);
static void mlops_learn_source_made(mlops_learn_sources_t *it,
    const mlops_doc_t *step, uint8_t flag);


uint8_t *
mlops_learn_sources(const mlops_learn_recipe_t *recipe,
    const mlops_columns_t *columns)
{
    uint32_t                i, n;
    const mlops_doc_t      *list, *step, **steps;
    const mlops_str_t      *target;
    mlops_learn_sources_t   it;

    list = recipe->row_steps;
    n = (list != NULL && list->type == MLOPS_DOC_ARRAY) ? list->n : 0;

    steps = mlops_arena_alloc(recipe->arena, n * sizeof(mlops_doc_t *));
    it.flags = mlops_arena_calloc(recipe->arena, columns->n, 1);
    it.columns = columns;

    if (steps == NULL || it.flags == NULL) {
        return NULL;
    }

    step = n ? list->v.child : NULL;

    for (i = 0; step != NULL; i++, step = step->next) {
        steps[i] = step;
    }

    /* inputs are the first columns */

    memset(it.flags, MLOPS_LEARN_TOLD, recipe->inputs_n);

    for (i = 0; i < n; i++) {
        mlops_learn_source_told(&it, steps[i]);
    }

    target = &recipe->target->v.text;

    for (i = 0; i < columns->n; i++) {
        if (mlops_str_eq(&columns->list[i]->view.name, target->data,
                         target->len))
        {
            it.flags[i] |= MLOPS_LEARN_TELLS;
        }
    }

    for (i = n; i-- > 0; /* void */ ) {
        mlops_learn_source_back(&it, steps[i]);
    }

    for (i = 0; i < n; i++) {
        mlops_learn_source_on(&it, steps[i]);
    }

    for (i = 0; i < columns->n; i++) {
        it.flags[i] = (it.flags[i] & MLOPS_LEARN_TELLS) != 0;
    }

    return it.flags;
}


static inline int
mlops_learn_makes(const mlops_doc_t *step, const mlops_str_t *name)
{
    return mlops_learn_listed(step, "outputs", name)
           || mlops_learn_listed(step, "margin", name);
}


static void
mlops_learn_source_told(mlops_learn_sources_t *it, const mlops_doc_t *step)
{
    if (mlops_learn_all_told(it, step)) {
        mlops_learn_source_made(it, step, MLOPS_LEARN_TOLD);
    }
}


/* A step that makes something that tells, of told cells: those tell. */

static void
mlops_learn_source_back(mlops_learn_sources_t *it, const mlops_doc_t *step)
{
    int                 makes;
    uint32_t            i;
    const mlops_str_t  *name;

    makes = 0;

    for (i = 0; i < it->columns->n && !makes; i++) {
        makes = (it->flags[i] & MLOPS_LEARN_TELLS)
                && mlops_learn_makes(step, &it->columns->list[i]->view.name);
    }

    if (!makes || !mlops_learn_all_told(it, step)) {
        return;
    }

    for (i = 0; i < it->columns->n; i++) {
        name = &it->columns->list[i]->view.name;

        if (mlops_learn_reads(step, name)) {
            it->flags[i] |= MLOPS_LEARN_TELLS;
        }
    }
}


/* A step that reads something that tells: what it makes tells. */

static void
mlops_learn_source_on(mlops_learn_sources_t *it, const mlops_doc_t *step)
{
    int                 tells, reads, twins;
    uint32_t            i;
    const mlops_str_t  *name;

    reads = (mlops_doc_get(step, "inputs") != NULL);
    twins = (mlops_doc_get(step, "margin") != NULL);
    tells = 0;

    for (i = 0; i < it->columns->n && !tells; i++) {
        name = &it->columns->list[i]->view.name;

        tells = (it->flags[i] & MLOPS_LEARN_TELLS)
                && ((reads && mlops_learn_reads(step, name))
                    || (twins && mlops_learn_makes(step, name)));
    }

    if (tells) {
        mlops_learn_source_made(it, step, MLOPS_LEARN_TELLS);
    }
}


static int
mlops_learn_all_told(const mlops_learn_sources_t *it, const mlops_doc_t *step)
{
    uint32_t            i;
    const mlops_str_t  *name;

    if (mlops_doc_get(step, "inputs") == NULL) {
        return 0;
    }

    for (i = 0; i < it->columns->n; i++) {
        name = &it->columns->list[i]->view.name;

        if (!(it->flags[i] & MLOPS_LEARN_TOLD)
            && mlops_learn_reads(step, name))
        {
            return 0;
        }
    }

    return 1;
}


static void
mlops_learn_source_made(mlops_learn_sources_t *it, const mlops_doc_t *step,
    uint8_t flag)
{
    uint32_t  i;

    for (i = 0; i < it->columns->n; i++) {

        if (mlops_learn_makes(step, &it->columns->list[i]->view.name)) {
            it->flags[i] |= flag;
        }
    }
}
