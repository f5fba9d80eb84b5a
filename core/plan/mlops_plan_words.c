/*
 * The source text of one directive, read as nginx's tokeniser reads it: for
 * the lines of its words, and for quotes that mean nothing.
 */

#include "mlops_plan.h"


typedef enum {
    MLOPS_WORDS_SPACE = 0,
    MLOPS_WORDS_COMMENT,
    MLOPS_WORDS_BARE,
    MLOPS_WORDS_QUOTED
} mlops_words_state_t;


int
mlops_plan_words(const char *text, size_t len, uint32_t line,
    uint32_t *lines, uint32_t n, uint32_t *wrong, mlops_err_t *err)
{
    char                 ch, quote;
    size_t               i, start, end;
    uint32_t             words, from;
    mlops_words_state_t  state;

    for (i = 0; i < len; i++) {
        if (text[i] == '\n' && line > 1) {
            line--;
        }
    }

    words = 0;
    start = 0;
    from = line;
    quote = 0;
    state = MLOPS_WORDS_SPACE;

    for (i = 0; i < len; i++) {
        ch = text[i];

        if (ch == '\n') {
            line++;
        }

        switch (state) {

        case MLOPS_WORDS_COMMENT:
            if (ch == '\n') {
                state = MLOPS_WORDS_SPACE;
            }

            continue;

        case MLOPS_WORDS_SPACE:
            if (ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n') {
                continue;
            }

            if (ch == '#') {
                state = MLOPS_WORDS_COMMENT;
                continue;
            }

            if (words < n) {
                lines[words] = line;
            }

            words++;
            start = i;
            from = line;

            if (ch == '"' || ch == '\'') {
                quote = ch;
                state = MLOPS_WORDS_QUOTED;
                continue;
            }

            state = MLOPS_WORDS_BARE;
            break;

        case MLOPS_WORDS_QUOTED:
            if (ch == '\\') {
                line += (++i < len && text[i] == '\n');

            } else if (ch == quote) {
                state = MLOPS_WORDS_SPACE;
            }

            continue;

        case MLOPS_WORDS_BARE:
            if (ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n') {
                state = MLOPS_WORDS_SPACE;
                continue;
            }

            break;
        }

        /* a byte of a bare word */

        if (ch == '\\') {
            line += (++i < len && text[i] == '\n');
            continue;
        }

        if (ch == '"' || ch == '\'') {

            for (end = i; end < len && text[end] != ' ' && text[end] != '\n';
                 end++)
            {
                /* void */
            }

            *wrong = from;

            return mlops_err_set(err, "a quote inside the word %.*s: expected"
                                 " the whole word in quotes, as in "
                                 "\"name='value'\"", (int) (end - start),
                                 text + start);
        }
    }

    for (i = words; i < n; i++) {
        lines[i] = line;
    }

    return MLOPS_OK;
}
