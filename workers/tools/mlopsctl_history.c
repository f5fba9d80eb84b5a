/*
 * mlopsctl history: features as they were at moments of the past.
 *
 * The rows of the file are questions: an entity and a time.  They are read as
 * events of the view are, so that keys and times mean the same; what else
 * stands in a row is printed as it is, and the features behind it.
 */

#include "mlopsctl.h"
#include "mlopsctl_view.h"

#include "mlops_event_file.h"
#include "mlops_history.h"
#include "mlops_intake.h"
#include "mlops_num.h"
#include "mlops_offline.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>


#define MLOPSCTL_HISTORY_LATENESS  ((int64_t) 1 << 61)


typedef struct {
    mlopsctl_view_t   view;
    mlops_history_t  *history;
    mlops_intake_t   *intake;
    uint64_t          events;
    uint64_t          verdicts[MLOPS_INTAKE_N];
} mlopsctl_history_t;


static int mlopsctl_history_run(mlopsctl_history_t *h,
    const mlopsctl_view_args_t *args, mlops_err_t *err);
static int mlopsctl_history_questions(mlopsctl_history_t *h, const char *path,
    mlops_err_t *err);
static int mlopsctl_history_log(mlopsctl_history_t *h, mlops_err_t *err);
static int mlopsctl_history_file(mlopsctl_history_t *h, const char *path,
    mlops_err_t *err);
static int mlopsctl_history_record(mlopsctl_history_t *h,
    const mlops_record_t *record, mlops_err_t *err);
static int mlopsctl_history_print(mlopsctl_history_t *h, const char *path,
    mlops_err_t *err);
static void mlopsctl_history_header(const mlopsctl_history_t *h,
    const mlops_str_t *header);
static void mlopsctl_history_row(const mlopsctl_history_t *h,
    const mlops_str_t *line, uint32_t question);
static void mlopsctl_history_text(const char *data, size_t len);


int
mlopsctl_history(int argc, char **argv)
{
    int                      rc;
    mlops_err_t              err;
    mlopsctl_history_t       h;
    mlopsctl_view_args_t     args;

    rc = mlopsctl_view_args(argc, argv, "as-of", "ROWS.csv", &args);

    if (rc != MLOPSCTL_DONE) {
        return rc;
    }

    memset(&h, 0, sizeof(h));

    if (mlopsctl_view_open(&h.view, args.store, args.plan, args.view, &err)
        != MLOPS_OK
        || mlopsctl_history_run(&h, &args, &err) != MLOPS_OK)
    {
        rc = mlopsctl_failed("%s", err.text);

    } else {
        rc = mlopsctl_flush();
    }

    if (h.history != NULL) {
        mlops_history_destroy(h.history);
    }

    mlops_intake_destroy(h.intake);
    mlopsctl_view_close(&h.view);

    return rc;
}


static int
mlopsctl_history_run(mlopsctl_history_t *h,
    const mlopsctl_view_args_t *args, mlops_err_t *err)
{
    int  i;

    if (h->view.view->kafka == NULL) {
        return mlops_err_set(err, "view \"%s\" is a batch view: it has no "
                             "events, and so no history", args->view);
    }

    h->history = mlops_history_create(h->view.view, err);
    h->intake = mlops_intake_create(h->view.view, err);

    if (h->history == NULL || h->intake == NULL
        || mlopsctl_history_questions(h, args->value, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (args->rest_n == 0 && mlopsctl_history_log(h, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < args->rest_n; i++) {
        if (mlopsctl_history_file(h, args->rest[i], err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    if (mlops_history_run(h->history, err) != MLOPS_OK
        || mlopsctl_history_print(h, args->value, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    fprintf(stderr, "mlopsctl history: %llu events, %llu late, %llu in the "
            "future, %llu malformed\n", (unsigned long long) h->events,
            (unsigned long long) h->verdicts[MLOPS_INTAKE_LATE],
            (unsigned long long) h->verdicts[MLOPS_INTAKE_FUTURE],
            (unsigned long long) h->verdicts[MLOPS_INTAKE_MALFORMED]);

    return MLOPS_OK;
}


/* A question is an event that is never late. */

static int
mlopsctl_history_questions(mlopsctl_history_t *h, const char *path,
    mlops_err_t *err)
{
    int                  rc;
    uint64_t             hash;
    mlops_key_t          key;
    mlops_str_t          header;
    mlops_event_t        event;
    mlops_record_t       record;
    mlops_intake_t      *intake;
    mlops_plan_view_t    view;
    mlops_event_file_t  *file;

    view = *h->view.view;
    view.lateness_us = MLOPSCTL_HISTORY_LATENESS;

    file = mlops_event_file_open(path, err);

    if (file == NULL) {
        return MLOPS_ERROR;
    }

    header = mlops_event_file_header(file);
    intake = NULL;

    if (header.len == 0) {
        rc = mlops_err_set(err, "\"%s\": expected a file whose name ends in "
                           "\".csv\"", path);
        goto done;
    }

    intake = mlops_intake_create(&view, err);

    if (intake == NULL || mlops_intake_csv(intake, &header, err) != MLOPS_OK)
    {
        rc = mlops_err_prefix(err, "\"%s\" line 1", path);
        goto done;
    }

    while ((rc = mlops_event_file_next(file, &record, err)) == MLOPS_OK) {

        if (mlops_intake_read(intake, &record, &event, &key, &hash, err)
            != MLOPS_INTAKE_ACCEPTED)
        {
            rc = mlops_err_prefix(err, "\"%s\" line %llu", path,
                                  (unsigned long long)
                                  mlops_event_file_line(file));
            break;
        }

        if (mlops_history_ask(h->history, &key, event.ts_us, err)
            != MLOPS_OK)
        {
            rc = MLOPS_ERROR;
            break;
        }
    }

done:

    mlops_intake_destroy(intake);
    mlops_event_file_close(file);

    return (rc == MLOPS_AGAIN) ? MLOPS_OK : MLOPS_ERROR;
}


static int
mlopsctl_history_log(mlopsctl_history_t *h, mlops_err_t *err)
{
    int                      rc, dir;
    mlops_record_t           record;
    mlops_offline_reader_t  *reader;

    dir = mlopsctl_view_state(&h->view, "log", 0, err);

    if (dir == -1) {
        return mlops_err_prefix(err, "the offline log (\"log;\" in "
                                "\"mlops_view\") is not there, and no files "
                                "of events were named");
    }

    reader = mlops_offline_read(dir, err);

    if (reader == NULL) {
        (void) close(dir);
        return MLOPS_ERROR;
    }

    while ((rc = mlops_offline_next(reader, &record, err)) == MLOPS_OK) {
        if (mlopsctl_history_record(h, &record, err) != MLOPS_OK) {
            rc = MLOPS_ERROR;
            break;
        }
    }

    mlops_offline_read_close(reader);
    (void) close(dir);

    return (rc == MLOPS_AGAIN) ? MLOPS_OK : MLOPS_ERROR;
}


/* Each file is a log of its own: its clock begins anew. */

static int
mlopsctl_history_file(mlopsctl_history_t *h, const char *path,
    mlops_err_t *err)
{
    int                  rc;
    mlops_str_t          header;
    mlops_record_t       record;
    mlops_event_file_t  *file;

    file = mlops_event_file_open(path, err);

    if (file == NULL) {
        return MLOPS_ERROR;
    }

    mlops_intake_destroy(h->intake);
    h->intake = mlops_intake_create(h->view.view, err);

    if (h->intake == NULL) {
        mlops_event_file_close(file);
        return MLOPS_ERROR;
    }

    header = mlops_event_file_header(file);

    if (header.len == 0) {
        mlops_intake_json(h->intake);

    } else if (mlops_intake_csv(h->intake, &header, err) != MLOPS_OK) {
        mlops_event_file_close(file);
        return mlops_err_prefix(err, "\"%s\" line 1", path);
    }

    while ((rc = mlops_event_file_next(file, &record, err)) == MLOPS_OK) {
        if (mlopsctl_history_record(h, &record, err) != MLOPS_OK) {
            rc = MLOPS_ERROR;
            break;
        }
    }

    mlops_event_file_close(file);

    return (rc == MLOPS_AGAIN) ? MLOPS_OK : MLOPS_ERROR;
}


static int
mlopsctl_history_record(mlopsctl_history_t *h, const mlops_record_t *record,
    mlops_err_t *err)
{
    uint64_t                hash;
    mlops_err_t             why;
    mlops_key_t             key;
    mlops_event_t           event;
    mlops_intake_verdict_t  verdict;

    verdict = mlops_intake_read(h->intake, record, &event, &key, &hash, &why);

    h->events++;
    h->verdicts[verdict]++;

    if (verdict != MLOPS_INTAKE_ACCEPTED) {
        return MLOPS_OK;
    }

    return mlops_history_event(h->history, &key, hash, &event, err);
}


/* The file is read once more: its rows are printed as they are. */

static int
mlopsctl_history_print(mlopsctl_history_t *h, const char *path,
    mlops_err_t *err)
{
    int                  rc;
    uint32_t             question;
    mlops_str_t          header;
    mlops_record_t       record;
    mlops_event_file_t  *file;

    file = mlops_event_file_open(path, err);

    if (file == NULL) {
        return MLOPS_ERROR;
    }

    header = mlops_event_file_header(file);
    mlopsctl_history_header(h, &header);
    question = 0;

    while ((rc = mlops_event_file_next(file, &record, err)) == MLOPS_OK) {

        if (question == mlops_history_questions(h->history)) {
            rc = mlops_err_set(err, "\"%s\" became longer meanwhile", path);
            break;
        }

        mlopsctl_history_row(h, &record.value, question++);
    }

    mlops_event_file_close(file);

    return (rc == MLOPS_AGAIN) ? MLOPS_OK : MLOPS_ERROR;
}


static void
mlopsctl_history_header(const mlopsctl_history_t *h,
    const mlops_str_t *header)
{
    uint32_t               i;
    const mlops_schema_t  *row;

    row = &h->view.view->row;

    (void) fwrite(header->data, 1, header->len, stdout);

    for (i = 0; i < row->n; i++) {
        (void) putchar(',');
        mlopsctl_history_text(row->columns[i].name.data,
                              row->columns[i].name.len);
    }

    (void) putchar('\n');
}


/* A feature without a value is an empty cell. */

static void
mlopsctl_history_row(const mlopsctl_history_t *h, const mlops_str_t *line,
    uint32_t question)
{
    int                     found;
    char                    text[MLOPS_DOUBLE_LEN], *end;
    uint32_t                i;
    mlops_history_row_t     answer;
    const mlops_cell_t     *cell;
    const mlops_schema_t   *row;

    row = &h->view.view->row;
    found = (mlops_history_answer(h->history, question, &answer)
             == MLOPS_OK);

    (void) fwrite(line->data, 1, line->len, stdout);

    for (i = 0; i < row->n; i++) {
        (void) putchar(',');

        if (!found || !mlops_bit(answer.present, i)) {
            continue;
        }

        cell = &answer.cells[i];

        switch (row->columns[i].kind) {

        case MLOPS_CELL_DOUBLE:
            end = mlops_print_double(text, cell->f);
            break;

        case MLOPS_CELL_INT:
            end = mlops_print_int64(text, cell->i);
            break;

        case MLOPS_CELL_UINT:
            end = mlops_print_uint64(text, cell->u);
            break;

        default:
            mlopsctl_history_text(answer.text + cell->s.off, cell->s.len);
            continue;
        }

        (void) fwrite(text, 1, (size_t) (end - text), stdout);
    }

    (void) putchar('\n');
}


/* A cell of CSV, in quotes where it needs them: one without bytes does, or it
 * would be missing. */

static void
mlopsctl_history_text(const char *data, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (strchr(",\"\r\n", data[i]) != NULL) {
            break;
        }
    }

    if (i == len && len != 0) {
        (void) fwrite(data, 1, len, stdout);
        return;
    }

    (void) putchar('"');

    for (i = 0; i < len; i++) {

        if (data[i] == '"') {
            (void) putchar('"');
        }

        (void) putchar(data[i]);
    }

    (void) putchar('"');
}
