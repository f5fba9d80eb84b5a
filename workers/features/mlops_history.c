/*
 * History: questions and events are gathered by entity, then each entity's
 * events are played in order of time, and its questions answered in passing.
 */

#include "mlops_history.h"

#include <stdlib.h>


typedef struct mlops_history_event_s  mlops_history_event_t;

struct mlops_history_event_s {
    mlops_history_event_t  *next;       /* in order of the log */
    mlops_event_t           event;
    uint32_t                number;     /* in that order */
    unsigned                duplicate:1;
};


typedef struct mlops_history_question_s  mlops_history_question_t;

struct mlops_history_question_s {
    mlops_history_question_t  *next;    /* of the same entity */
    int64_t                    at_us;
    mlops_history_row_t        row;
    uint32_t                   number;
    unsigned                   found:1;
};


typedef struct {
    mlops_key_t                 key;
    uint64_t                    hash;
    mlops_history_event_t      *events;
    mlops_history_event_t     **last;
    mlops_history_question_t   *questions;
    uint32_t                    events_n;
    uint32_t                    questions_n;
} mlops_history_entity_t;


struct mlops_history_s {
    const mlops_plan_view_t    *view;
    mlops_window_t             *window;
    mlops_arena_t               arena;

    uint32_t                    n;          /* entities */
    uint32_t                    mask;       /* of slots, 0: none yet */
    mlops_history_entity_t    **slots;

    uint32_t                    questions_n;
    uint32_t                    questions_room;
    mlops_history_question_t  **questions;

    void                       *state;      /* of the entity at hand */
    uint32_t                    order_room;
    void                       *order;      /* pointers to be sorted */
};


static mlops_history_entity_t *mlops_history_find(
    const mlops_history_t *history, const mlops_key_t *key, uint64_t hash);
static mlops_history_entity_t *mlops_history_add(mlops_history_t *history,
    const mlops_key_t *key, uint64_t hash);
static int mlops_history_grow(mlops_history_t *history);
static void *mlops_history_order(mlops_history_t *history, uint32_t n);
static int mlops_history_entity(mlops_history_t *history,
    mlops_history_entity_t *entity, mlops_err_t *err);
static int mlops_history_duplicates(mlops_history_t *history,
    mlops_history_entity_t *entity, mlops_err_t *err);
static int mlops_history_value_cmp(const mlops_history_event_t *a,
    const mlops_history_event_t *b, uint32_t column, mlops_type_t type);
static int mlops_history_value(mlops_history_t *history,
    mlops_history_question_t *question, int64_t newest, mlops_err_t *err);
static int mlops_history_by_time(const void *one, const void *two);
static int mlops_history_by_at(const void *one, const void *two);
static int mlops_history_by_value(const void *one, const void *two,
    void *data);


mlops_history_t *
mlops_history_create(const mlops_plan_view_t *view, mlops_err_t *err)
{
    mlops_history_t  *history;

    history = calloc(1, sizeof(*history));

    if (history == NULL) {
        (void) mlops_err_set(err, "out of memory for history");
        return NULL;
    }

    history->view = view;
    mlops_arena_init(&history->arena, NULL, NULL);

    history->window = mlops_window_create(view, &history->arena, err);
    history->state = mlops_arena_alloc(&history->arena, view->state_bytes);

    if (history->window == NULL) {
        mlops_history_destroy(history);
        return NULL;
    }

    if (history->state == NULL) {
        (void) mlops_err_set(err, "out of memory for history");
        mlops_history_destroy(history);
        return NULL;
    }

    return history;
}


void
mlops_history_destroy(mlops_history_t *history)
{
    mlops_arena_destroy(&history->arena);

    free(history->slots);
    free(history->questions);
    free(history->order);
    free(history);
}


int
mlops_history_ask(mlops_history_t *history, const mlops_key_t *key,
    int64_t at_us, mlops_err_t *err)
{
    uint32_t                    room;
    uint64_t                    hash;
    mlops_history_entity_t     *entity;
    mlops_history_question_t   *question, **questions;

    if (history->questions_n == history->questions_room) {
        room = history->questions_room * 2 + 1024;

        questions = realloc(history->questions, room * sizeof(*questions));

        if (questions == NULL) {
            goto memory;
        }

        history->questions = questions;
        history->questions_room = room;
    }

    hash = mlops_key_hash(history->view->entity_type, key);
    entity = mlops_history_find(history, key, hash);

    if (entity == NULL) {
        entity = mlops_history_add(history, key, hash);
    }

    question = mlops_arena_calloc(&history->arena, 1, sizeof(*question));

    if (entity == NULL || question == NULL) {
        goto memory;
    }

    question->at_us = at_us;
    question->number = history->questions_n;
    question->next = entity->questions;

    entity->questions = question;
    entity->questions_n++;

    history->questions[history->questions_n++] = question;

    return MLOPS_OK;

memory:

    return mlops_err_set(err, "out of memory for question %u of history",
                         history->questions_n);
}


uint32_t
mlops_history_questions(const mlops_history_t *history)
{
    return history->questions_n;
}


static mlops_history_entity_t *
mlops_history_find(const mlops_history_t *history, const mlops_key_t *key,
    uint64_t hash)
{
    uint32_t                 i;
    mlops_history_entity_t  *entity;

    if (history->slots == NULL) {
        return NULL;
    }

    for (i = (uint32_t) hash & history->mask; history->slots[i] != NULL;
         i = (i + 1) & history->mask)
    {
        entity = history->slots[i];

        if (entity->hash != hash) {
            continue;
        }

        if (history->view->entity_type == MLOPS_TYPE_INT64) {

            if (entity->key.number == key->number) {
                return entity;
            }

        } else if (mlops_str_eq(&entity->key.text, key->text.data,
                                key->text.len))
        {
            return entity;
        }
    }

    return NULL;
}


static mlops_history_entity_t *
mlops_history_add(mlops_history_t *history, const mlops_key_t *key,
    uint64_t hash)
{
    uint32_t                 i;
    mlops_history_entity_t  *entity;

    if ((history->slots == NULL || history->n >= history->mask / 2)
        && mlops_history_grow(history) != MLOPS_OK)
    {
        return NULL;
    }

    entity = mlops_arena_calloc(&history->arena, 1, sizeof(*entity));

    if (entity == NULL) {
        return NULL;
    }

    entity->key = *key;
    entity->hash = hash;
    entity->last = &entity->events;

    if (history->view->entity_type != MLOPS_TYPE_INT64) {
        entity->key.text.data = mlops_arena_copy(&history->arena,
                                                 key->text.data,
                                                 key->text.len);
        if (entity->key.text.data == NULL) {
            return NULL;
        }
    }

    i = (uint32_t) hash & history->mask;

    while (history->slots[i] != NULL) {
        i = (i + 1) & history->mask;
    }

    history->slots[i] = entity;
    history->n++;

    return entity;
}


static int
mlops_history_grow(mlops_history_t *history)
{
    uint32_t                  i, j, size;
    mlops_history_entity_t  **slots;

    size = (history->slots == NULL) ? 1024 : (history->mask + 1) * 2;

    slots = calloc(size, sizeof(*slots));

    if (slots == NULL) {
        return MLOPS_ERROR;
    }

    for (i = 0; history->slots != NULL && i <= history->mask; i++) {

        if (history->slots[i] == NULL) {
            continue;
        }

        j = (uint32_t) history->slots[i]->hash & (size - 1);

        while (slots[j] != NULL) {
            j = (j + 1) & (size - 1);
        }

        slots[j] = history->slots[i];
    }

    free(history->slots);

    history->slots = slots;
    history->mask = size - 1;

    return MLOPS_OK;
}


int
mlops_history_event(mlops_history_t *history, const mlops_key_t *key,
    uint64_t hash, const mlops_event_t *event, mlops_err_t *err)
{
    char                    *text;
    size_t                   len, words;
    uint32_t                 i, n;
    mlops_cell_t            *cells;
    uint64_t                *present;
    const mlops_schema_t    *schema;
    mlops_history_event_t   *kept;
    mlops_history_entity_t  *entity;

    entity = mlops_history_find(history, key, hash);

    if (entity == NULL) {
        return MLOPS_OK;
    }

    schema = &history->view->event;
    n = schema->n;
    words = mlops_row_words(n);
    len = 0;

    for (i = 0; i < n; i++) {
        if (schema->columns[i].kind == MLOPS_CELL_STRING
            && mlops_bit(event->present, i))
        {
            len += event->cells[i].s.len;
        }
    }

    kept = mlops_arena_calloc(&history->arena, 1, sizeof(*kept));
    cells = mlops_arena_alloc(&history->arena, n * sizeof(*cells));
    present = mlops_arena_alloc(&history->arena, words * sizeof(*present));
    text = mlops_arena_alloc(&history->arena, len);

    if (kept == NULL || cells == NULL || present == NULL || text == NULL) {
        return mlops_err_set(err, "out of memory for the events of history: "
                             "%zu bytes are in use",
                             history->arena.total_bytes);
    }

    memcpy(cells, event->cells, n * sizeof(*cells));
    memcpy(present, event->present, words * sizeof(*present));
    len = 0;

    for (i = 0; i < n; i++) {
        if (schema->columns[i].kind == MLOPS_CELL_STRING
            && mlops_bit(event->present, i))
        {
            memcpy(text + len, event->text + cells[i].s.off, cells[i].s.len);
            cells[i].s.off = (uint32_t) len;
            len += cells[i].s.len;
        }
    }

    kept->event = *event;
    kept->event.cells = cells;
    kept->event.present = present;
    kept->event.text = text;
    kept->number = entity->events_n++;

    *entity->last = kept;
    entity->last = &kept->next;

    return MLOPS_OK;
}


int
mlops_history_run(mlops_history_t *history, mlops_err_t *err)
{
    uint32_t  i;

    for (i = 0; history->slots != NULL && i <= history->mask; i++) {
        if (history->slots[i] != NULL
            && mlops_history_entity(history, history->slots[i], err)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static void *
mlops_history_order(mlops_history_t *history, uint32_t n)
{
    void  *order;

    if (n > history->order_room) {
        order = realloc(history->order, n * sizeof(void *));

        if (order == NULL) {
            return NULL;
        }

        history->order = order;
        history->order_room = n;
    }

    return history->order;
}


static int
mlops_history_entity(mlops_history_t *history,
    mlops_history_entity_t *entity, mlops_err_t *err)
{
    int64_t                     newest, q, ttl;
    uint32_t                    i, j, events_n;
    mlops_event_t              *event;
    mlops_history_event_t      *kept, **events;
    mlops_history_question_t   *question, **questions;

    if (history->view->dedupe != MLOPS_NO_FIELD
        && mlops_history_duplicates(history, entity, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    events = mlops_history_order(history, entity->events_n
                                          + entity->questions_n + 1);
    if (events == NULL) {
        return mlops_err_set(err, "out of memory for %u events",
                             entity->events_n);
    }

    events_n = 0;

    for (kept = entity->events; kept != NULL; kept = kept->next) {
        if (!kept->duplicate) {
            events[events_n++] = kept;
        }
    }

    questions = (mlops_history_question_t **) events + events_n;
    i = 0;

    for (question = entity->questions; question != NULL;
         question = question->next)
    {
        questions[i++] = question;
    }

    qsort(events, events_n, sizeof(*events), mlops_history_by_time);
    qsort(questions, entity->questions_n, sizeof(*questions),
          mlops_history_by_at);

    mlops_window_reset(history->window, history->state);

    ttl = history->view->ttl_us;
    newest = INT64_MIN;

    for (i = 0, j = 0; i < entity->questions_n; i++) {

        for (/* void */; j < events_n; j++) {
            event = &events[j]->event;

            if (event->ts_us >= questions[i]->at_us) {
                break;
            }

            q = event->ts_us + history->view->tick_us;

            if (ttl != 0 && newest != INT64_MIN && newest < q - ttl) {
                mlops_window_reset(history->window, history->state);
            }

            mlops_window_apply(history->window, history->state, event);
            newest = event->ts_us;
        }

        if (newest != INT64_MIN
            && (ttl == 0 || newest >= questions[i]->at_us - ttl)
            && mlops_history_value(history, questions[i], newest, err)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_history_value(mlops_history_t *history,
    mlops_history_question_t *question, int64_t newest, mlops_err_t *err)
{
    char          *text;
    uint64_t      *present;
    mlops_cell_t  *cells;

    cells = mlops_arena_calloc(&history->arena, history->view->row.n,
                               sizeof(*cells));
    present = mlops_arena_calloc(&history->arena,
                                 mlops_row_words(history->view->row.n),
                                 sizeof(*present));
    text = mlops_arena_calloc(&history->arena,
                              mlops_window_text_size(history->window) + 1, 1);

    if (cells == NULL || present == NULL || text == NULL) {
        return mlops_err_set(err, "out of memory for the answers of history");
    }

    mlops_window_value(history->window, history->state, question->at_us,
                       cells, present, text);

    question->row.event_us = newest;
    question->row.cells = cells;
    question->row.present = present;
    question->row.text = text;
    question->found = 1;

    return MLOPS_OK;
}


int
mlops_history_answer(const mlops_history_t *history, uint32_t question,
    mlops_history_row_t *row)
{
    if (!history->questions[question]->found) {
        return MLOPS_AGAIN;
    }

    *row = history->questions[question]->row;

    return MLOPS_OK;
}


/*
 * Marks the events that repeat one accepted before them.  Events of one value
 * stand together, in order of the log; few of them are accepted within reach
 * of each other, so that each is compared with those alone.
 */

static int
mlops_history_duplicates(mlops_history_t *history,
    mlops_history_entity_t *entity, mlops_err_t *err)
{
    int64_t                    apart;
    uint32_t                   i, j, n, first, column;
    mlops_type_t               type;
    mlops_history_event_t     *kept, **events;

    column = history->view->dedupe;
    type = history->view->event.columns[column].type;

    events = mlops_history_order(history, entity->events_n + 1);

    if (events == NULL) {
        return mlops_err_set(err, "out of memory for %u events",
                             entity->events_n);
    }

    n = 0;

    for (kept = entity->events; kept != NULL; kept = kept->next) {
        if (mlops_bit(kept->event.present, column)) {
            events[n++] = kept;
        }
    }

    qsort_r(events, n, sizeof(*events), mlops_history_by_value, history);

    for (i = 0, first = 0; i < n; i++) {

        if (mlops_history_value_cmp(events[first], events[i], column, type)
            != 0)
        {
            first = i;
        }

        for (j = i; j > first && !events[i]->duplicate; j--) {

            if (events[j - 1]->duplicate) {
                continue;
            }

            apart = events[i]->event.ts_us - events[j - 1]->event.ts_us;

            if (apart < 0) {
                apart = -apart;
            }

            events[i]->duplicate = (apart <= history->view->within_us);
        }
    }

    return MLOPS_OK;
}


static int
mlops_history_value_cmp(const mlops_history_event_t *a,
    const mlops_history_event_t *b, uint32_t column, mlops_type_t type)
{
    int                  rc;
    size_t               len;
    const mlops_cell_t  *x, *y;

    x = &a->event.cells[column];
    y = &b->event.cells[column];

    if (type != MLOPS_TYPE_BYTES) {
        return (x->u > y->u) - (x->u < y->u);
    }

    len = (x->s.len < y->s.len) ? x->s.len : y->s.len;
    rc = memcmp(a->event.text + x->s.off, b->event.text + y->s.off, len);

    return (rc != 0) ? rc : (x->s.len > y->s.len) - (x->s.len < y->s.len);
}


static int
mlops_history_by_value(const void *one, const void *two, void *data)
{
    const mlops_history_event_t *const *a = one;
    const mlops_history_event_t *const *b = two;
    mlops_history_t *history = data;

    int       rc;
    uint32_t  column;

    column = history->view->dedupe;
    rc = mlops_history_value_cmp(*a, *b, column,
                                 history->view->event.columns[column].type);

    return (rc != 0) ? rc : ((*a)->number > (*b)->number)
                            - ((*a)->number < (*b)->number);
}


static int
mlops_history_by_time(const void *one, const void *two)
{
    const mlops_history_event_t *const *a = one;
    const mlops_history_event_t *const *b = two;

    const mlops_event_t  *x, *y;

    x = &(*a)->event;
    y = &(*b)->event;

    if (x->ts_us != y->ts_us) {
        return (x->ts_us > y->ts_us) ? 1 : -1;
    }

    if (x->partition != y->partition) {
        return (x->partition > y->partition) ? 1 : -1;
    }

    return (x->offset > y->offset) - (x->offset < y->offset);
}


static int
mlops_history_by_at(const void *one, const void *two)
{
    const mlops_history_question_t *const *a = one;
    const mlops_history_question_t *const *b = two;

    if ((*a)->at_us != (*b)->at_us) {
        return ((*a)->at_us > (*b)->at_us) ? 1 : -1;
    }

    return ((*a)->number > (*b)->number) - ((*a)->number < (*b)->number);
}
