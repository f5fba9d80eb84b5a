/*
 * Rows to features.<view>.
 */

#include "mlops_sink.h"
#include "mlops_clock.h"
#include "mlops_file.h"
#include "mlops_num.h"

#include <stdlib.h>


static int mlops_sink_room(mlops_sink_text_t *text, size_t size,
    mlops_err_t *err);


int
mlops_sink_topic(mlops_sink_t *sink, const mlops_str_t *topic,
    mlops_err_t *err)
{
    if (topic->len >= sizeof(sink->name)) {
        return mlops_err_set(err, "the name of the topic \"%.*s\" is too long",
                             mlops_fmt(topic));
    }

    memcpy(sink->name, topic->data, topic->len);

    sink->topic.data = sink->name;
    sink->topic.len = topic->len;

    return MLOPS_OK;
}


int
mlops_sink_send(mlops_sink_t *sink, mlops_sink_text_t *text,
    const mlops_plan_view_t *view, const mlops_key_t *key,
    const mlops_table_row_t *row, int gone, mlops_err_t *err)
{
    int          rc;
    char         number[MLOPS_INT_LEN + 12], *end;
    mlops_str_t  name, value;

    value.data = NULL;
    value.len = 0;

    if (!gone) {

        if (mlops_sink_room(text, mlops_row_json_bound(view, key), err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        end = mlops_row_json_write(text->data, view, key, row);
        value.data = text->data;
        value.len = (size_t) (end - text->data);
    }

    name = key->text;

    if (view->entity_type == MLOPS_TYPE_INT64) {
        end = mlops_print_int64(number, key->number);
        name.data = number;
        name.len = (size_t) (end - number);
    }

    for ( ;; ) {
        rc = mlops_producer_send(sink->producer, &sink->topic,
                                 row->partition, &name, &value, NULL, 0,
                                 mlops_wall_us(), err);

        if (rc != MLOPS_AGAIN) {
            break;
        }

        /* the queue is full */

        rc = mlops_producer_wait(sink->producer, 1000, err);

        if (rc == MLOPS_ERROR) {
            break;
        }
    }

    if (rc != MLOPS_OK) {
        return mlops_err_prefix(err, "topic \"%.*s\", partition %d",
                                mlops_fmt(&sink->topic),
                                (int) row->partition);
    }

    (void) atomic_fetch_add_explicit(&sink->sent, 1, memory_order_relaxed);
    mlops_fault("features_publish_sent");

    return MLOPS_OK;
}


static int
mlops_sink_room(mlops_sink_text_t *text, size_t size, mlops_err_t *err)
{
    char  *data;

    if (size <= text->size) {
        return MLOPS_OK;
    }

    data = realloc(text->data, size);

    if (data == NULL) {
        return mlops_err_set(err, "out of memory for a row of %zu bytes",
                             size);
    }

    text->data = data;
    text->size = size;

    return MLOPS_OK;
}
