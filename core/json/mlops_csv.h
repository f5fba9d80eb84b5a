/*
 * CSV (RFC 4180) at the level of bytes: one cell after the other.
 *
 * Lines end with LF or CRLF.  A quoted cell starts and ends with '"' and
 * holds '""' for '"', commas, line ends; a quote inside an unquoted cell is
 * an error.  What a cell means is the caller's to say.
 */

#ifndef MLOPS_CSV_H
#define MLOPS_CSV_H


#include "mlops_base.h"


/* One cell as it stands in the text, without its quotes. */

typedef struct {
    const char  *p;
    size_t       len;
    unsigned     quoted:1;
    unsigned     doubled:1;     /* holds a "" */
} mlops_csv_cell_t;


/* Behind a byte order mark. */
const char *mlops_csv_start(const char *data, const char *end);

/* The cell at p: returns the comma or line feed behind it, or end.  NULL: err
 * counts bytes from data. */
const char *mlops_csv_cell(const char *data, const char *p, const char *end,
    mlops_csv_cell_t *cell, mlops_err_t *err);

/* Its text without blanks around it. */

static inline mlops_str_t
mlops_csv_trim(const mlops_csv_cell_t *cell)
{
    mlops_str_t  text;

    text.data = cell->p;
    text.len = cell->len;

    while (text.len != 0 && (*text.data == ' ' || *text.data == '\t')) {
        text.data++;
        text.len--;
    }

    while (text.len != 0 && (text.data[text.len - 1] == ' '
                             || text.data[text.len - 1] == '\t'))
    {
        text.len--;
    }

    return text;
}


/* Its text with each '""' as '"'; returns how long that is.  out may be p's
 * own place, also in a copy. */
size_t mlops_csv_unquote(char *out, const char *p, size_t len);


#endif /* MLOPS_CSV_H */
