/*
 * Dead letters: records that are no events go to the topic of the view's
 * dead_letters, as they came, with the headers of Kafka Connect
 * (org.apache.kafka.connect.runtime.errors.DeadLetterQueueReporter) behind
 * their own.
 */

#include "mlops_run_state.h"
#include "mlops_file.h"
#include "mlops_num.h"

#include <stdlib.h>


#define MLOPS_DEAD_HEADERS  7


static int mlops_run_dead_headers(mlops_run_t *run, mlops_record_t *record,
    mlops_err_t *err);
static int mlops_run_dead_send(mlops_run_t *run, const mlops_record_t *record,
    uint32_t headers_n, mlops_err_t *err);


static inline void
mlops_run_dead_header(mlops_header_t *header, const char *name,
    const char *value, size_t len)
{
    header->name.data = name;
    header->name.len = strlen(name);
    header->value.data = value;
    header->value.len = len;
}


int
mlops_run_dead(mlops_run_t *run, mlops_record_t *record,
    mlops_intake_verdict_t verdict, const mlops_err_t *reason,
    mlops_err_t *err)
{
    char            partition[MLOPS_INT_LEN + 1], offset[MLOPS_INT_LEN + 1];
    char           *end;
    const char     *stage, *what;
    mlops_header_t *h;

    if (run->dead == NULL) {
        return MLOPS_OK;
    }

    if (mlops_run_dead_headers(run, record, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    h = run->headers + record->headers_n;
    stage = (verdict == MLOPS_INTAKE_MALFORMED) ? "VALUE_CONVERTER"
                                                : "TRANSFORMATION";
    what = (verdict == MLOPS_INTAKE_MALFORMED) ? "mlops.Malformed"
           : (verdict == MLOPS_INTAKE_LATE) ? "mlops.Late"
           : "mlops.Future";

    mlops_run_dead_header(h++, "__connect.errors.topic",
                          run->view->topic.data, run->view->topic.len);
    end = mlops_print_int64(partition, record->partition);
    mlops_run_dead_header(h++, "__connect.errors.partition", partition,
                          (size_t) (end - partition));
    end = mlops_print_int64(offset, record->offset);
    mlops_run_dead_header(h++, "__connect.errors.offset", offset,
                          (size_t) (end - offset));
    mlops_run_dead_header(h++, "__connect.errors.stage", stage,
                          strlen(stage));
    mlops_run_dead_header(h++, "__connect.errors.class.name",
                          "mlops-features", sizeof("mlops-features") - 1);
    mlops_run_dead_header(h++, "__connect.errors.exception.class.name", what,
                          strlen(what));
    mlops_run_dead_header(h++, "__connect.errors.exception.message",
                          reason->text, strlen(reason->text));

    if (mlops_run_dead_send(run, record, (uint32_t) (h - run->headers), err)
        != MLOPS_OK)
    {
        return mlops_err_prefix(err, "dead letter of partition %d, offset "
                                "%lld to topic \"%.*s\"",
                                (int) record->partition,
                                (long long) record->offset,
                                mlops_fmt(&run->view->dead));
    }

    run->unacked = 1;
    mlops_run_add(&run->dead_n, 1);
    mlops_fault("features_dead_sent");

    return MLOPS_OK;
}


/* The record's own ones first, as Kafka Connect has it. */

static int
mlops_run_dead_headers(mlops_run_t *run, mlops_record_t *record,
    mlops_err_t *err)
{
    uint32_t         n;
    mlops_header_t  *headers;

    if (mlops_consumer_headers(run->consumer, record, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    n = record->headers_n + MLOPS_DEAD_HEADERS;

    if (n > run->headers_n) {
        headers = realloc(run->headers, n * sizeof(mlops_header_t));

        if (headers == NULL) {
            return mlops_err_set(err, "out of memory for %u headers",
                                 (unsigned) n);
        }

        run->headers = headers;
        run->headers_n = n;
    }

    if (record->headers_n != 0) {
        memcpy(run->headers, record->headers,
               record->headers_n * sizeof(mlops_header_t));
    }

    return MLOPS_OK;
}


static int
mlops_run_dead_send(mlops_run_t *run, const mlops_record_t *record,
    uint32_t headers_n, mlops_err_t *err)
{
    int  rc;

    for ( ;; ) {
        rc = mlops_producer_send(run->dead, &run->view->dead, -1,
                                 &record->key, &record->value, run->headers,
                                 headers_n, record->timestamp_us, err);

        if (rc != MLOPS_AGAIN) {
            return rc;
        }

        /* the queue is full: nothing goes on without the letter */

        if (mlops_run_asked_to_stop(run)) {
            return mlops_err_set(err, "not acknowledged, and asked to stop");
        }

        rc = mlops_producer_wait(run->dead, 100, err);

        if (rc == MLOPS_ERROR) {
            return rc;
        }
    }
}


int
mlops_run_dead_wait(mlops_run_t *run, int timeout_ms, mlops_err_t *err)
{
    int  rc;

    if (!run->unacked) {
        return MLOPS_OK;
    }

    mlops_producer_poll(run->dead);
    rc = mlops_producer_wait(run->dead, timeout_ms, err);

    if (rc == MLOPS_OK) {
        run->unacked = 0;

    } else if (rc == MLOPS_ERROR) {
        (void) mlops_err_prefix(err, "dead letters, topic \"%.*s\"",
                                mlops_fmt(&run->view->dead));
    }

    return rc;
}
