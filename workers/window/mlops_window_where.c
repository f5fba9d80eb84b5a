/*
 * Filters: a postfix program over the fields of an event.
 *
 * The stack is the bits of a word; a filter has at most
 * MLOPS_WHERE_OPS_MAX operations.
 */

#include "mlops_window.h"


_Static_assert(MLOPS_WHERE_OPS_MAX <= 64, "the stack of a filter is a word");


/* -1, 0, 1; 2 where one of them is no number, and nothing holds */

static int
mlops_where_compare(const mlops_where_op_t *op, const mlops_event_t *event,
    mlops_cell_kind_t kind)
{
    int           r;
    size_t        len;
    mlops_cell_t  cell;

    cell = event->cells[op->field];

    switch (kind) {

    case MLOPS_CELL_DOUBLE:

        if (isnan(cell.f) || isnan(op->number.f)) {
            return 2;
        }

        return (cell.f > op->number.f) - (cell.f < op->number.f);

    case MLOPS_CELL_INT:
        return (cell.i > op->number.i) - (cell.i < op->number.i);

    case MLOPS_CELL_UINT:
        return (cell.u > op->number.u) - (cell.u < op->number.u);

    default:
        len = cell.s.len < op->text.len ? cell.s.len : op->text.len;
        r = len ? memcmp(event->text + cell.s.off, op->text.data, len) : 0;

        if (r == 0) {
            return (cell.s.len > op->text.len) - (cell.s.len < op->text.len);
        }

        return r < 0 ? -1 : 1;
    }
}


static uint64_t
mlops_where_term(const mlops_where_op_t *op, const mlops_schema_t *schema,
    const mlops_event_t *event)
{
    int  r;

    if (!mlops_bit(event->present, op->field)) {
        return op->kind == MLOPS_WHERE_IS_NULL;
    }

    if (op->kind == MLOPS_WHERE_IS_NULL || op->kind == MLOPS_WHERE_NOT_NULL) {
        return op->kind == MLOPS_WHERE_NOT_NULL;
    }

    r = mlops_where_compare(op, event, schema->columns[op->field].kind);

    if (r == 2) {
        return 0;
    }

    switch (op->kind) {

    case MLOPS_WHERE_EQ:
        return r == 0;

    case MLOPS_WHERE_NE:
        return r != 0;

    case MLOPS_WHERE_LT:
        return r < 0;

    case MLOPS_WHERE_LE:
        return r <= 0;

    case MLOPS_WHERE_GT:
        return r > 0;

    default:
        return r >= 0;
    }
}


int
mlops_where_eval(const mlops_where_t *where, const mlops_schema_t *schema,
    const mlops_event_t *event)
{
    uint32_t                 i;
    uint64_t                 stack;
    const mlops_where_op_t  *op;

    /* the top is bit 0 */

    stack = 0;

    for (i = 0; i < where->n; i++) {
        op = &where->ops[i];

        switch (op->kind) {

        case MLOPS_WHERE_AND:
            stack = (stack >> 1) & (stack | ~(uint64_t) 1);
            break;

        case MLOPS_WHERE_OR:
            stack = (stack >> 1) | (stack & 1);
            break;

        case MLOPS_WHERE_NOT:
            stack ^= 1;
            break;

        default:
            stack = stack << 1 | mlops_where_term(op, schema, event);
        }
    }

    return where->n == 0 || (stack & 1);
}
