/*
 * Windows in tests: a view from text, one entity's state, and events with
 * named fields.
 *
 *     w = test_window("feature n count() window=1h;");
 *     test_event(w, time_of("13:22:00"), "x", 5.0);
 *     test_number(w, q, "n")
 *
 * Events have the fields x (double), i (int64) and s (string) where a
 * feature reads them; the view is clock event, unit us, lateness 1h.
 */

#ifndef MLOPS_UNIT_WINDOWS_H
#define MLOPS_UNIT_WINDOWS_H


#include "views.h"

#include "mlops_window.h"

#include <math.h>


#define TEST_HOUR    3600000000ll
#define TEST_MINUTE  60000000ll
#define TEST_SECOND  1000000ll


typedef struct {
    mlops_plan_view_t  *view;
    mlops_window_t     *window;
    mlops_arena_t       arena;
    uint64_t           *state;
    mlops_cell_t       *cells;          /* of an event */
    uint64_t           *present;
    mlops_cell_t       *values;
    uint64_t           *has;
    char               *text;
    int64_t             offset;         /* of the next event */
    int32_t             partition;
} test_window_t;


static inline test_window_t *
test_window_with(const char *head, const char *features)
{
    char            text[16384];
    mlops_err_t     err;
    test_window_t  *w;

    w = calloc(1, sizeof(test_window_t));
    assert_non_null(w);

    snprintf(text, sizeof(text), "mlops_view v { source kafka=main topic=t; "
             "entity key int64; %s %s }", head, features);

    w->view = test_view(text);
    mlops_arena_init(&w->arena, NULL, NULL);
    w->window = mlops_window_create(w->view, &w->arena, &err);

    unit_ok(w->window != NULL, "mlops_window_create: %s", err.text);

    w->state = malloc(w->view->state_bytes + 8);
    w->cells = calloc(w->view->event.n, sizeof(mlops_cell_t));
    w->present = calloc(mlops_row_words(w->view->event.n), 8);
    w->values = calloc(w->view->row.n, sizeof(mlops_cell_t));
    w->has = calloc(mlops_row_words(w->view->row.n), 8);
    w->text = malloc(mlops_window_text_size(w->window) + 1);

    assert_non_null(w->state);
    assert_non_null(w->cells);
    assert_non_null(w->present);
    assert_non_null(w->values);
    assert_non_null(w->has);
    assert_non_null(w->text);

    mlops_window_reset(w->window, w->state);

    return w;
}


static inline test_window_t *
test_window(const char *features)
{
    return test_window_with("event_time ts unit=us lateness=1h; clock event;",
                            features);
}


static inline void
test_window_free(test_window_t *w)
{
    mlops_arena_destroy(&w->arena);
    free(w->state);
    free(w->cells);
    free(w->present);
    free(w->values);
    free(w->has);
    free(w->text);
    free(w);
}


/* Microseconds of "13:22:00" or "14:26:59.999" of some day. */

static inline int64_t
test_time(const char *text)
{
    int     h, m;
    double  s;

    assert_int_equal(sscanf(text, "%d:%d:%lf", &h, &m, &s), 3);

    return 19675ll * 24 * TEST_HOUR + h * TEST_HOUR + m * TEST_MINUTE
           + (int64_t) llround(s * 1e6);
}


static inline void
test_clear(test_window_t *w)
{
    memset(w->present, 0, mlops_row_words(w->view->event.n) * 8);
}


static inline void
test_set(test_window_t *w, const char *field, double x, const char *text)
{
    int  i;

    i = mlops_schema_find(&w->view->event, field, strlen(field), 0);

    if (i < 0) {
        return;
    }

    switch (w->view->event.columns[i].kind) {

    case MLOPS_CELL_DOUBLE:
        w->cells[i].f = x;
        break;

    case MLOPS_CELL_INT:
        w->cells[i].i = (int64_t) x;
        break;

    default:
        w->cells[i].s.off = 0;
        w->cells[i].s.len = text ? (uint32_t) strlen(text) : 0;
    }

    mlops_bit_set(w->present, (uint32_t) i);
}


static inline void
test_send(test_window_t *w, int64_t ts, const char *text)
{
    mlops_event_t  event;

    event.ts_us = ts;
    event.offset = w->offset++;
    event.partition = w->partition;
    event.cells = w->cells;
    event.present = w->present;
    event.text = text;

    mlops_window_apply(w->window, w->state, &event);
}


/* An event with x as the double x and the int64 i. */

static inline void
test_x(test_window_t *w, int64_t ts, double x)
{
    test_clear(w);
    test_set(w, "x", x, NULL);
    test_set(w, "i", x, NULL);
    test_send(w, ts, NULL);
}


static inline void
test_s(test_window_t *w, int64_t ts, const char *text)
{
    test_clear(w);
    test_set(w, "s", 0, text);
    test_send(w, ts, text);
}


static inline uint32_t
test_column(test_window_t *w, const char *name)
{
    int  i;

    i = mlops_schema_find(&w->view->row, name, strlen(name), 0);

    unit_ok(i >= 0, "no column %s", name);

    return (uint32_t) i;
}


/* The value at q as a number, NaN where there is none. */

static inline double
test_number(test_window_t *w, int64_t q, const char *name)
{
    uint32_t  i;

    i = test_column(w, name);
    memset(w->has, 0xff, mlops_row_words(w->view->row.n) * 8);
    mlops_window_value(w->window, w->state, q, w->values, w->has, w->text);

    if (!mlops_bit(w->has, i)) {
        return NAN;
    }

    return w->view->row.columns[i].kind == MLOPS_CELL_INT
           ? (double) w->values[i].i : w->values[i].f;
}


/* The text at q; "(null)" where there is none; lives until the next. */

static inline const char *
test_text(test_window_t *w, int64_t q, const char *name)
{
    uint32_t     i;
    static char  text[1024];

    i = test_column(w, name);
    mlops_window_value(w->window, w->state, q, w->values, w->has, w->text);

    if (!mlops_bit(w->has, i)) {
        return "(null)";
    }

    snprintf(text, sizeof(text), "%.*s", (int) w->values[i].s.len,
             w->text + w->values[i].s.off);

    return text;
}


#define test_is(w, q, name, expected)                                         \
    do {                                                                      \
        double  got_ = test_number(w, q, name);                               \
                                                                              \
        unit_ok(got_ == (expected), "%s is %.17g, expected %.17g", name,      \
                got_, (double) (expected));                                   \
    } while (0)

#define test_near(w, q, name, expected, relative)                             \
    do {                                                                      \
        double  got_ = test_number(w, q, name), want_ = (expected);           \
                                                                              \
        unit_ok(fabs(got_ - want_) <= (relative) * fabs(want_),               \
                "%s is %.17g, expected %.17g", name, got_, want_);            \
    } while (0)

#define test_none(w, q, name)                                                 \
    do {                                                                      \
        double  got_ = test_number(w, q, name);                               \
                                                                              \
        unit_ok(isnan(got_), "%s is %.17g, expected null", name, got_);       \
    } while (0)


#endif /* MLOPS_UNIT_WINDOWS_H */
