/*
 * CloudEvents 1.0 by the Kafka protocol binding.
 *
 *     structured   the header content-type starts with
 *                  application/cloudevents: the value is the envelope, and
 *                  the event its member data, an object, or data_base64
 *     binary       otherwise: attributes are headers ce_…, and the event is
 *                  the value
 *
 * Where the view has a type, events of another are passed over.  A record
 * that is no CloudEvent is malformed.
 */

#include "mlops_intake_event.h"

#include <strings.h>


#define MLOPS_EVENT_TYPE  512       /* the longest type that is compared */


typedef struct {
    const char  *p;             /* the value as it stands; NULL: none */
    const char  *end;
} mlops_event_span_t;

typedef struct {
    mlops_event_span_t  type;
    mlops_event_span_t  data;
    mlops_event_span_t  base64;
} mlops_event_cloud_t;


static mlops_intake_verdict_t mlops_event_cloud_structured(
    mlops_intake_event_t *event, const mlops_record_t *record,
    mlops_err_t *err);
static int mlops_event_cloud_read(const mlops_str_t *value,
    mlops_event_cloud_t *cloud, mlops_err_t *err);
static int mlops_event_cloud_member(mlops_event_cloud_t *cloud,
    const mlops_str_t *name, const char *p, const char *end,
    mlops_err_t *err);
static mlops_intake_verdict_t mlops_event_cloud_type(
    const mlops_event_span_t *type, const mlops_str_t *wanted,
    mlops_err_t *err);
static int mlops_event_cloud_base64(mlops_intake_event_t *event,
    const mlops_event_span_t *text, mlops_err_t *err);


static const mlops_header_t *
mlops_event_cloud_header(const mlops_record_t *record, const char *name,
    size_t len)
{
    uint32_t               i;
    const mlops_header_t  *header;

    for (i = 0; i < record->headers_n; i++) {
        header = &record->headers[i];

        if (header->name.len == len && header->value.data != NULL
            && strncasecmp(header->name.data, name, len) == 0)
        {
            return header;
        }
    }

    return NULL;
}


mlops_intake_verdict_t
mlops_event_cloud(mlops_intake_event_t *event, const mlops_record_t *record,
    mlops_err_t *err)
{
    const mlops_str_t     *wanted;
    const mlops_header_t  *header;

    static const mlops_str_t  structured = mlops_str("application/"
                                                     "cloudevents");

    header = mlops_event_cloud_header(record, "content-type",
                                      sizeof("content-type") - 1);

    if (header != NULL && header->value.len >= structured.len
        && strncasecmp(header->value.data, structured.data, structured.len)
           == 0)
    {
        return mlops_event_cloud_structured(event, record, err);
    }

    header = mlops_event_cloud_header(record, "ce_type",
                                      sizeof("ce_type") - 1);

    if (header == NULL) {
        (void) mlops_err_set(err, "header \"ce_type\": expected the type of a "
                             "CloudEvent, got none");
        return MLOPS_INTAKE_MALFORMED;
    }

    wanted = &event->view->event_type;

    if (wanted->len != 0
        && !mlops_str_eq(&header->value, wanted->data, wanted->len))
    {
        return MLOPS_INTAKE_OTHER;
    }

    if (mlops_event_json(event, record->value.data, record->value.len, err)
        != MLOPS_OK)
    {
        return MLOPS_INTAKE_MALFORMED;
    }

    return MLOPS_INTAKE_ACCEPTED;
}


static mlops_intake_verdict_t
mlops_event_cloud_structured(mlops_intake_event_t *event,
    const mlops_record_t *record, mlops_err_t *err)
{
    size_t                   len;
    const char              *data;
    mlops_event_cloud_t      cloud;
    mlops_intake_verdict_t   verdict;

    if (mlops_event_cloud_read(&record->value, &cloud, err) != MLOPS_OK) {
        return MLOPS_INTAKE_MALFORMED;
    }

    verdict = mlops_event_cloud_type(&cloud.type, &event->view->event_type,
                                     err);

    if (verdict != MLOPS_INTAKE_ACCEPTED) {
        return verdict;
    }

    if (cloud.data.p != NULL) {
        data = cloud.data.p;
        len = (size_t) (cloud.data.end - cloud.data.p);

    } else if (cloud.base64.p != NULL) {

        if (mlops_event_cloud_base64(event, &cloud.base64, err) != MLOPS_OK)
        {
            return MLOPS_INTAKE_MALFORMED;
        }

        data = event->text;
        len = event->room_len;

    } else {
        (void) mlops_err_set(err, "CloudEvent: expected the member \"data\", "
                             "got none");
        return MLOPS_INTAKE_MALFORMED;
    }

    if (mlops_event_json(event, data, len, err) != MLOPS_OK) {
        (void) mlops_err_prefix(err, "CloudEvent data");
        return MLOPS_INTAKE_MALFORMED;
    }

    return MLOPS_INTAKE_ACCEPTED;
}


/* Where type, data and data_base64 stand in the envelope. */

static int
mlops_event_cloud_read(const mlops_str_t *value, mlops_event_cloud_t *cloud,
    mlops_err_t *err)
{
    int                  escaped;
    const char          *p, *end, *data, *next;
    mlops_str_t          name;
    mlops_scan_fault_t   fault;

    memset(cloud, 0, sizeof(mlops_event_cloud_t));

    data = value->data;
    end = data + value->len;
    p = mlops_scan_ws(data, end);

    if (p == end || *p != '{') {
        return mlops_event_syntax(data, p, end, "a CloudEvent (an object)",
                                  err);
    }

    /* once for its syntax, so that what follows need not look at it */

    p = mlops_scan_value(p, end, MLOPS_EVENT_DEPTH, 0, &fault);

    if (p == NULL) {
        return mlops_event_syntax(data, fault.at, end,
                                  fault.expected ? fault.expected
                                                 : "less nesting", err);
    }

    p = mlops_scan_ws(p, end);

    if (p != end) {
        return mlops_event_syntax(data, p, end, "the end", err);
    }

    p = mlops_scan_ws(mlops_scan_ws(data, end) + 1, end);

    while (*p == '"') {
        name.data = p + 1;
        p = mlops_scan_string(p + 1, end, &escaped, &fault.at);
        name.len = (size_t) (p - name.data);

        p = mlops_scan_ws(p + 1, end);              /* ':' */
        p = mlops_scan_ws(p + 1, end);
        next = mlops_scan_value(p, end, MLOPS_EVENT_DEPTH, 0, &fault);

        if (mlops_event_cloud_member(cloud, &name, p, next, err) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        p = mlops_scan_ws(next, end);

        if (*p == ',') {
            p = mlops_scan_ws(p + 1, end);
        }
    }

    return MLOPS_OK;
}


static int
mlops_event_cloud_member(mlops_event_cloud_t *cloud, const mlops_str_t *name,
    const char *p, const char *end, mlops_err_t *err)
{
    mlops_event_span_t  *span;

    if (mlops_str_is(name, "type")) {
        span = &cloud->type;

    } else if (mlops_str_is(name, "data")) {
        span = &cloud->data;

    } else if (mlops_str_is(name, "data_base64")) {
        span = &cloud->base64;

    } else {
        return MLOPS_OK;
    }

    if (span->p != NULL) {
        return mlops_err_set(err, "CloudEvent member \"%.*s\": expected it "
                             "once, got it twice", mlops_fmt(name));
    }

    if (*p == 'n') {
        return MLOPS_OK;                            /* null: as if absent */
    }

    span->p = p;
    span->end = end;

    return MLOPS_OK;
}


static mlops_intake_verdict_t
mlops_event_cloud_type(const mlops_event_span_t *type,
    const mlops_str_t *wanted, mlops_err_t *err)
{
    char    got[MLOPS_GOT_SIZE], text[MLOPS_EVENT_TYPE];
    size_t  len;

    if (wanted->len == 0) {
        return MLOPS_INTAKE_ACCEPTED;
    }

    if (type->p == NULL || *type->p != '"') {
        (void) mlops_err_set(err, "CloudEvent member \"type\": expected a "
                             "string, got %s",
                             (type->p == NULL) ? "none"
                             : mlops_scan_got(got, type->p, type->end));
        return MLOPS_INTAKE_MALFORMED;
    }

    len = (size_t) (type->end - type->p - 2);

    if (len > sizeof(text)) {
        return MLOPS_INTAKE_OTHER;
    }

    len = (size_t) (mlops_scan_unescape(text, type->p + 1, type->end - 1)
                    - text);

    return mlops_str_eq(wanted, text, len) ? MLOPS_INTAKE_ACCEPTED
                                           : MLOPS_INTAKE_OTHER;
}


/* RFC 4648, section 4, with or without padding; into the event's room. */

static int
mlops_event_cloud_base64(mlops_intake_event_t *event,
    const mlops_event_span_t *text, mlops_err_t *err)
{
    int          digit;
    char        *out, *room;
    size_t       n;
    uint32_t     bits;
    const char  *p, *end;

    if (*text->p != '"') {
        return mlops_err_set(err, "CloudEvent member \"data_base64\": "
                             "expected a string, got another value");
    }

    room = mlops_event_room(event, (size_t) (text->end - text->p), err);

    if (room == NULL) {
        return MLOPS_ERROR;
    }

    out = room;
    end = text->end - 1;
    bits = 0;
    n = 0;

    for (p = text->p + 1; p < end; p++) {

        if (*p >= 'A' && *p <= 'Z') {
            digit = *p - 'A';

        } else if (*p >= 'a' && *p <= 'z') {
            digit = *p - 'a' + 26;

        } else if (*p >= '0' && *p <= '9') {
            digit = *p - '0' + 52;

        } else if (*p == '+') {
            digit = 62;

        } else if (*p == '/') {
            digit = 63;

        } else if (*p == '\\' && p + 1 < end && p[1] == '/') {
            continue;                               /* JSON's "\/" */

        } else {
            break;
        }

        bits = bits << 6 | (uint32_t) digit;
        n++;

        switch (n % 4) {

        case 2:
            *out++ = (char) (bits >> 4);
            break;

        case 3:
            *out++ = (char) (bits >> 2);
            break;

        case 0:
            *out++ = (char) bits;
            break;
        }
    }

    while (p < end && *p == '=') {
        p++;
    }

    if (p != end || n % 4 == 1) {
        return mlops_err_set(err, "CloudEvent member \"data_base64\": "
                             "expected base64, got a text that is none");
    }

    event->text = room;
    event->room_len = (size_t) (out - room);

    return MLOPS_OK;
}
