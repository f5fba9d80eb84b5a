/*
 * What the log says: where each alias has been.
 *
 * Stops are shared by the stacks of before and after a line, so that a line
 * whose rename never happened is taken back by one assignment.
 */

#include "mlops_registry_log.h"


static int mlops_history_line(void *ctx, const mlops_log_line_t *line);
static mlops_log_track_t *mlops_history_add(mlops_log_history_t *history,
    const mlops_str_t *alias);
static int mlops_history_push(mlops_log_history_t *history,
    mlops_log_track_t *track, const mlops_str_t *version);
static int mlops_history_at(const mlops_log_stop_t *stop,
    const mlops_str_t *version);


int
mlops_log_history(int dir, mlops_log_history_t *history, mlops_arena_t *arena,
    mlops_err_t *err)
{
    memset(history, 0, sizeof(*history));

    history->arena = arena;

    return mlops_log_read(dir, mlops_history_line, history, err);
}


mlops_log_track_t *
mlops_log_track(const mlops_log_history_t *history, const char *alias)
{
    mlops_log_track_t  *track;

    for (track = history->tracks; track != NULL; track = track->next) {
        if (strcmp(track->alias, alias) == 0) {
            return track;
        }
    }

    return NULL;
}


static int
mlops_history_line(void *ctx, const mlops_log_line_t *line)
{
    int                   recover, rollback;
    char                  version[MLOPS_VERSION_LEN + 1];
    mlops_log_stop_t     *was, *stop;
    mlops_log_track_t    *track;
    mlops_log_history_t  *history;

    history = ctx;

    recover = mlops_str_is(&line->op, "recover");
    rollback = mlops_str_is(&line->op, "rollback");

    if (!recover && !rollback && !mlops_str_is(&line->op, "publish")
        && !mlops_str_is(&line->op, "alias"))
    {
        return MLOPS_OK;
    }

    if (line->version.len > 0) {
        memcpy(version, line->version.data, line->version.len);
        version[line->version.len] = '\0';

        if (history->newest[0] == '\0'
            || mlops_version_cmp(version, history->newest) > 0)
        {
            memcpy(history->newest, version, sizeof(version));
        }
    }

    if (line->alias.len == 0 || (line->version.len == 0 && !recover)) {
        return MLOPS_OK;
    }

    track = mlops_history_add(history, &line->alias);

    if (track == NULL) {
        return MLOPS_ERROR;
    }

    was = track->top;
    stop = NULL;

    if (recover && mlops_history_at(track->before, &line->version)) {
        track->top = track->before;

    } else if (!mlops_history_at(was, &line->version)) {

        if (rollback) {
            for (stop = was; stop != NULL; stop = stop->below) {
                if (mlops_history_at(stop, &line->version)) {
                    break;
                }
            }
        }

        if (stop != NULL) {
            track->top = stop;

        } else if (mlops_history_push(history, track, &line->version)
                   != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    track->before = was;

    return MLOPS_OK;
}


static mlops_log_track_t *
mlops_history_add(mlops_log_history_t *history, const mlops_str_t *alias)
{
    char                name[MLOPS_NAME_LEN + 1];
    mlops_log_track_t  *track;

    memcpy(name, alias->data, alias->len);
    name[alias->len] = '\0';

    track = mlops_log_track(history, name);

    if (track != NULL) {
        return track;
    }

    track = mlops_arena_calloc(history->arena, 1, sizeof(*track));

    if (track != NULL) {
        memcpy(track->alias, name, alias->len + 1);
        track->next = history->tracks;
        history->tracks = track;
    }

    return track;
}


static int
mlops_history_push(mlops_log_history_t *history, mlops_log_track_t *track,
    const mlops_str_t *version)
{
    mlops_log_stop_t  *stop;

    stop = mlops_arena_calloc(history->arena, 1, sizeof(*stop));

    if (stop == NULL) {
        return MLOPS_ERROR;
    }

    if (version->len > 0) {
        memcpy(stop->version, version->data, version->len);
    }

    stop->below = track->top;
    track->top = stop;

    return MLOPS_OK;
}


/* An alias that is nowhere is at no version. */

static int
mlops_history_at(const mlops_log_stop_t *stop, const mlops_str_t *version)
{
    if (stop == NULL) {
        return version->len == 0;
    }

    return mlops_str_eq(version, stop->version, strlen(stop->version));
}
