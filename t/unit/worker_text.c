/*
 * The text of a worker's status file, whose strings have to be JSON whatever
 * an error quotes.
 */

#include "unit.h"

#include "mlops_worker.h"


static void
test_quoted(void **state)
{
    size_t        i;
    mlops_text_t  text;

    static const struct {
        const char  *from;
        size_t       len;
        const char  *to;
    } cases[] = {
        { "a \"b\"\\", 6, "\"a \\\"b\\\"\\\\\"" },
        { "K\xc3\xb6ln", 5, "\"K\xc3\xb6ln\"" },

        /* cut within a character */

        { "K\xc3\xb6ln", 2, "\"K\xef\xbf\xbd\"" },
        { "\xff", 1, "\"\xef\xbf\xbd\"" },
        { "a\n\x01", 3, "\"a\\n\\u0001\"" },
        { "", 0, "\"\"" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&text, 0, sizeof(text));
        mlops_text_quoted(&text, cases[i].from, cases[i].len);

        assert_false(text.failed);
        assert_int_equal(text.len, strlen(cases[i].to));
        assert_memory_equal(text.data, cases[i].to, text.len);

        free(text.data);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_quoted)
    };

    return unit_run(tests);
}
