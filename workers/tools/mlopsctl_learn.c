/*
 * What the sub-commands about learning share.
 */

#include "mlopsctl_learn.h"
#include "mlops_import_job.h"
#include "mlops_num.h"

#include <math.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>


#define MLOPSCTL_PROGRESS_MS  100
#define MLOPSCTL_THREADS      256


static volatile sig_atomic_t  mlopsctl_stop;


static void mlopsctl_learned_json(const mlops_learned_t *learned,
    const char *to);


static uint64_t
mlopsctl_now_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


void
mlopsctl_progress_init(mlopsctl_progress_t *progress)
{
    memset(progress, 0, sizeof(mlopsctl_progress_t));
    progress->shown = isatty(STDERR_FILENO);
}


void
mlopsctl_progress(void *ctx, const char *stage, uint64_t done, uint64_t all,
    const char *text)
{
    uint64_t              now;
    mlopsctl_progress_t  *progress;

    progress = ctx;
    mlops_fault("train_progress");

    if (!progress->shown) {
        return;
    }

    now = mlopsctl_now_ms();

    if (done != 0 && now - progress->last_ms < MLOPSCTL_PROGRESS_MS) {
        return;
    }

    progress->last_ms = now;
    progress->there = 1;

    fprintf(stderr, "\r\033[K%s", stage);

    if (all != 0) {
        fprintf(stderr, "  %llu/%llu", (unsigned long long) done,
                (unsigned long long) all);
    }

    fprintf(stderr, "  %.60s", text);
    (void) fflush(stderr);
}


void
mlopsctl_progress_end(mlopsctl_progress_t *progress)
{
    if (progress->there) {
        fprintf(stderr, "\r\033[K");
        (void) fflush(stderr);
    }
}


static void
mlopsctl_on_signal(int number)
{
    (void) number;

    mlopsctl_stop = 1;
}


void
mlopsctl_stop_init(void)
{
    struct sigaction  action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = mlopsctl_on_signal;
    action.sa_flags = SA_RESETHAND;         /* the second one ends it */

    (void) sigaction(SIGINT, &action, NULL);
    (void) sigaction(SIGTERM, &action, NULL);
}


int
mlopsctl_stopped(void *ctx)
{
    (void) ctx;

    return mlopsctl_stop;
}


void
mlopsctl_value_print(mlops_metric_t metric, const mlops_metric_value_t *value)
{
    if (isnan(value->value)) {
        printf("  %s -", mlops_metric_name(metric));
        return;
    }

    printf("  %s %.6g", mlops_metric_name(metric), value->value);

    if (isfinite(value->lo) && isfinite(value->hi)) {
        printf(" (%.4g to %.4g)", value->lo, value->hi);
    }
}


void
mlopsctl_learned_print(const mlops_learned_t *learned, const char *to,
    int json)
{
    uint32_t                    i, k;
    const mlops_learn_score_t  *score;

    if (json) {
        mlopsctl_learned_json(learned, to);
        return;
    }

    printf("%s: %zu bytes\n", to, learned->image_len);
    printf("rows       %llu read, %llu left out\n",
           (unsigned long long) learned->rows_n,
           (unsigned long long) learned->dropped_n);

    for (i = 0; i < learned->parents_n; i++) {
        printf("parent     %s %s, of steps[%u]\n", learned->parents[i].path,
               learned->parents[i].digest, learned->parents[i].step);
    }

    for (i = 0; i < learned->scores_n; i++) {
        score = &learned->scores[i];

        printf("%-10s %llu rows", score->name,
               (unsigned long long) score->rows_n);

        for (k = 0; k < score->metrics_n; k++) {
            mlopsctl_value_print(score->metrics[k], &score->values[k]);
        }

        printf("\n");
    }

    for (i = 0; i < learned->slices_n; i++) {
        score = &learned->slices[i].score;

        printf("gate, %s = %s: %llu rows", learned->slices[i].cell,
               learned->slices[i].value,
               (unsigned long long) score->rows_n);

        for (k = 0; k < score->metrics_n; k++) {
            mlopsctl_value_print(score->metrics[k], &score->values[k]);
        }

        printf("\n");
    }

    printf("time       %.2f s: read %.2f s, fit %.2f s; memory %.0f MB\n",
           learned->all_s, learned->read_s, learned->fit_s,
           (double) learned->peak_bytes / 1e6);
}


void
mlopsctl_learned_lines(const mlops_learned_t *learned)
{
    uint32_t                    i, k;
    const mlops_learn_score_t  *score, *judge;

    judge = NULL;

    for (i = 0; i < learned->scores_n; i++) {
        score = &learned->scores[i];

        if (judge == NULL || strcmp(judge->name, "tune") != 0) {
            judge = score;
        }

        for (k = 0; k < score->metrics_n; k++) {
            printf("%s-%s=", score->name,
                   mlops_metric_name(score->metrics[k]));
            mlopsctl_json_number(score->values[k].value);
            printf("\n");
        }
    }

    for (k = 0; judge != NULL && k < judge->metrics_n; k++) {
        printf("%s=", mlops_metric_name(judge->metrics[k]));
        mlopsctl_json_number(judge->values[k].value);
        printf("\n");
    }
}


/* "rows":N,"rmse":{…},…} */

static void
mlopsctl_score_json(const mlops_learn_score_t *score)
{
    uint32_t  k;

    printf("\"rows\":%llu", (unsigned long long) score->rows_n);

    for (k = 0; k < score->metrics_n; k++) {
        printf(",\"%s\":{\"value\":", mlops_metric_name(score->metrics[k]));
        mlopsctl_json_number(score->values[k].value);
        printf(",\"lo\":");
        mlopsctl_json_number(score->values[k].lo);
        printf(",\"hi\":");
        mlopsctl_json_number(score->values[k].hi);
        printf("}");
    }

    printf("}");
}


static void
mlopsctl_slices_json(const mlops_learned_t *learned)
{
    uint32_t                    i;
    mlops_import_text_t         text;
    const mlops_learn_slice_t  *slice;

    for (i = 0; i < learned->slices_n; i++) {
        slice = &learned->slices[i];
        memset(&text, 0, sizeof(text));

        mlops_import_text(&text, "%s{\"slice\":",
                          i ? "," : ",\"slices\":[");
        mlops_import_quote(&text, slice->cell, strlen(slice->cell));
        mlops_import_text(&text, ",\"value\":");
        mlops_import_quote(&text, slice->value, strlen(slice->value));

        printf("%.*s,", (int) text.len, text.data ? text.data : "");
        mlopsctl_score_json(&slice->score);
        free(text.data);
    }

    if (learned->slices_n != 0) {
        printf("]");
    }
}


static void
mlopsctl_parents_json(const mlops_learned_t *learned)
{
    uint32_t              i;
    mlops_import_text_t   text;

    memset(&text, 0, sizeof(text));

    for (i = 0; i < learned->parents_n; i++) {
        mlops_import_text(&text, "%s{\"step\":%u,\"path\":",
                          i ? "," : ",\"parents\":[",
                          learned->parents[i].step);
        mlops_import_quote(&text, learned->parents[i].path,
                           strlen(learned->parents[i].path));
        mlops_import_text(&text, ",\"digest\":\"%s\"}",
                          learned->parents[i].digest);
    }

    if (text.len != 0) {
        printf("%.*s]", (int) text.len, text.data);
    }

    free(text.data);
}


static void
mlopsctl_learned_json(const mlops_learned_t *learned, const char *to)
{
    uint32_t                     i;
    mlops_import_text_t          text;
    const mlops_learn_score_t   *score;

    memset(&text, 0, sizeof(text));
    mlops_import_quote(&text, to, strlen(to));

    printf("{\"image\":%.*s,\"bytes\":%zu,\"rows\":%llu,\"left_out\":%llu,"
           "\"parts\":{", (int) text.len, text.data ? text.data : "",
           learned->image_len, (unsigned long long) learned->rows_n,
           (unsigned long long) learned->dropped_n);

    free(text.data);

    for (i = 0; i < learned->scores_n; i++) {
        score = &learned->scores[i];

        printf("%s\"%s\":{", i ? "," : "", score->name);
        mlopsctl_score_json(score);
    }

    printf("}");
    mlopsctl_slices_json(learned);
    mlopsctl_parents_json(learned);

    printf(",\"seconds\":%.3f,\"read_seconds\":%.3f,\"fit_seconds\":%.3f,"
           "\"peak_bytes\":%llu}\n", learned->all_s, learned->read_s,
           learned->fit_s, (unsigned long long) learned->peak_bytes);
}


void
mlopsctl_json_number(double value)
{
    char  buf[MLOPS_DOUBLE_LEN];

    if (!isfinite(value)) {
        printf("null");
        return;
    }

    printf("%.*s", (int) (mlops_doc_print(buf, value) - buf), buf);
}


static int
mlopsctl_digits(const char *text, uint64_t max, uint64_t *value)
{
    int          overflow;
    const char  *end;

    overflow = 0;
    end = text + strlen(text);

    if (end == text || mlops_parse_uint64(text, end, value, &overflow) != end
        || overflow || *value > max)
    {
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


int
mlopsctl_number(const char *name, const char *text, uint64_t min,
    uint64_t max, uint32_t *value)
{
    uint64_t  number;

    if (mlopsctl_digits(text, max, &number) != MLOPS_OK || number < min) {
        return mlopsctl_misused("--%s: expected a number from %llu to %llu, "
                                "got \"%s\"", name, (unsigned long long) min,
                                (unsigned long long) max, text);
    }

    *value = (uint32_t) number;

    return MLOPSCTL_DONE;
}


int
mlopsctl_threads(const char *text, uint32_t *threads)
{
    return mlopsctl_number("threads", text, 1, MLOPSCTL_THREADS, threads);
}


int
mlopsctl_seed(const char *text, uint64_t *seed)
{
    if (mlopsctl_digits(text, INT64_MAX, seed) != MLOPS_OK) {
        return mlopsctl_misused("--seed: expected a whole number, got \"%s\"",
                                text);
    }

    return MLOPSCTL_DONE;
}


int
mlopsctl_places(int argc, char **argv, const char *what, const char **first,
    const char **rows)
{
    if (argc - optind != 2) {
        return mlopsctl_misused("expected %s and a file of rows", what);
    }

    *first = argv[optind];
    *rows = argv[optind + 1];

    return MLOPSCTL_DONE;
}


int
mlopsctl_copy(const char *from, const char *to, mlops_err_t *err)
{
    int      rc;
    char    *data;
    size_t   len;

    if (mlops_import_read(from, &data, &len, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    rc = mlopsctl_write(to, data, len, 0644, err);
    free(data);

    return rc;
}
