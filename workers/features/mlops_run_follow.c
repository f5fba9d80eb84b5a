/*
 * Role follow: finished rows of features.<view> from another node.
 */

#include "mlops_run_state.h"
#include "mlops_worker_log.h"

#include <stdlib.h>


static int mlops_run_follow_room(mlops_run_t *run, size_t len,
    mlops_err_t *err);


/* A record that is no row is counted and passed over: the next row of its
 * entity is as good. */

int
mlops_run_follow(mlops_run_t *run, const mlops_record_t *record,
    mlops_err_t *err)
{
    int                       gone;
    uint64_t                  hash, bad;
    mlops_key_t               key;
    mlops_err_t               reason;
    mlops_run_part_t         *part;
    const mlops_plan_view_t  *view;

    view = run->view;
    gone = (record->value.data == NULL);

    if (mlops_run_follow_room(run, record->value.len + 1, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (mlops_key_parse(view->entity_type, &record->key, view->entity_bytes,
                        &key, &reason)
        != MLOPS_OK
        || (!gone && mlops_row_json_read(view, record->value.data,
                                         record->value.len, &run->row,
                                         run->text, &reason)
                     != MLOPS_OK))
    {
        bad = mlops_run_add(&run->verdicts[MLOPS_INTAKE_MALFORMED], 1);

        if (bad == 0) {
            mlops_say(MLOPS_LOG_WARN, "view \"%s\": partition %d, offset "
                      "%lld is no row: %s (others are counted only)",
                      run->name, (int) record->partition,
                      (long long) record->offset, reason.text);
        }

        return MLOPS_OK;
    }

    if (gone) {
        run->row.partition = record->partition;
        mlops_run_add(&run->verdicts[MLOPS_INTAKE_TOMBSTONE], 1);

    } else {
        mlops_run_add(&run->verdicts[MLOPS_INTAKE_ACCEPTED], 1);

        /* the clock of the log is that of the newest event */

        part = &run->parts[record->partition + 1];

        if (run->row.event_us > part->at.max_ts_us) {
            part->at.max_ts_us = run->row.event_us;
        }
    }

    hash = mlops_key_hash(view->entity_type, &key);

    mlops_lane_follow(run->lanes[mlops_key_shard(hash, run->lanes_n)], &key,
                      hash, &run->row, gone);

    return MLOPS_OK;
}


static int
mlops_run_follow_room(mlops_run_t *run, size_t len, mlops_err_t *err)
{
    char  *text;

    if (len <= run->text_size) {
        return MLOPS_OK;
    }

    text = realloc(run->text, len);

    if (text == NULL) {
        return mlops_err_set(err, "out of memory for a row of %zu bytes",
                             len);
    }

    run->text = text;
    run->text_size = len;

    return MLOPS_OK;
}
