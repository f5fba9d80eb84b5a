/*
 * Filters: precedence, literals, types, errors with their columns.
 */

#include "views.h"


/* A view whose feature x has the filter; status is a string, n an int64. */

static test_plan_t *
where_plan(const char *where)
{
    char  text[8192];

    snprintf(text, sizeof(text),
             "mlops_view v {\n"
             "    source kafka=main topic=t;\n"
             "    entity n int64;\n"
             "    event_time ts;\n"
             "    feature s last(status) type=string;\n"
             "    feature x sum(a)\n"
             "        \"where=%s\";\n"
             "}\n", where);

    return test_plan(text);
}


/* Postfix text: names, signs, and literals as they are stored. */

static void
where_print(const mlops_plan_view_t *view, const mlops_where_t *where,
    char *p, size_t size)
{
    size_t                   len;
    uint32_t                 i;
    const mlops_where_op_t  *op;
    const mlops_column_t    *column;

    static const char *const  signs[] = {
        "==", "!=", "<", "<=", ">", ">=", "null", "notnull", "&", "|", "!"
    };

    len = 0;
    p[0] = '\0';

    for (i = 0; i < where->n; i++) {
        op = &where->ops[i];

        if (op->kind >= MLOPS_WHERE_AND) {
            len += snprintf(p + len, size - len, "%s%s", i ? " " : "",
                            signs[op->kind]);
            continue;
        }

        column = &view->event.columns[op->field];

        len += snprintf(p + len, size - len, "%s%.*s%s", i ? " " : "",
                        mlops_fmt(&column->name), signs[op->kind]);

        if (op->kind >= MLOPS_WHERE_IS_NULL) {
            continue;
        }

        switch (column->type) {

        case MLOPS_TYPE_INT64:
            len += snprintf(p + len, size - len, "%lldi",
                            (long long) op->number.i);
            assert_int_equal(op->text.len, 0);
            break;

        case MLOPS_TYPE_FP64:
            len += snprintf(p + len, size - len, "%g", op->number.f);
            assert_int_equal(op->text.len, 0);
            break;

        default:
            len += snprintf(p + len, size - len, "'%.*s'",
                            mlops_fmt(&op->text));
        }
    }
}


static void
test_good(void **state)
{
    char                 text[1024];
    size_t               i;
    test_plan_t         *p;
    mlops_plan_view_t   *view;

    static const struct {
        const char  *where;
        const char  *postfix;
    } cases[] = {

        { "status == 'paid'", "status=='paid'" },
        { "status=='paid'", "status=='paid'" },
        { "  status\t!=\n'a b' ", "status!='a b'" },
        { "status == 'it''s'", "status=='it's'" },
        { "status == ''", "status==''" },
        { "status == ''''", "status=='''" },
        { "status >= 'b'", "status>='b'" },

        { "a < 3", "a<3" },
        { "a <= -3.5e2", "a<=-350" },
        { "a > .5", "a>0.5" },
        { "a >= 0", "a>=0" },
        { "a == -0", "a==0" },
        { "a == true", "a==1" },
        { "a != false", "a!=0" },
        { "n == true", "n==1i" },
        { "n == 9007199254740993", "n==9007199254740993i" },
        { "n > -9223372036854775808", "n>-9223372036854775808i" },

        { "zone == null", "zonenull" },
        { "zone != null", "zonenotnull" },
        { "zone is null", "zonenull" },
        { "not zone is not null or is is null", "zonenotnull ! isnull |" },
        { "a == null and a != null", "anull anotnull &" },

        /* not before and before or; left to right */
        { "a == 1 and b == 2 or c == 3", "a==1 b==2 & c==3 |" },
        { "a == 1 or b == 2 and c == 3", "a==1 b==2 c==3 & |" },
        { "a == 1 && b == 2 || c == 3", "a==1 b==2 & c==3 |" },
        { "a == 1 or b == 2 or c == 3", "a==1 b==2 | c==3 |" },
        { "a == 1 and b == 2 and c == 3", "a==1 b==2 & c==3 &" },
        { "not a == 1 and b == 2", "a==1 ! b==2 &" },
        { "not (a == 1 and b == 2)", "a==1 b==2 & !" },
        { "!(a == 1)&&!b == 2", "a==1 ! b==2 ! &" },
        { "not not a == 1", "a==1 ! !" },
        { "(a == 1 or b == 2) and (c == 3 or d == 4)",
          "a==1 b==2 | c==3 d==4 | &" },
        { "((a == 1))", "a==1" },

        /* words that only begin like others */
        { "order == 1 and nothing == 2 and android == 3",
          "order==1 nothing==2 & android==3 &" },
        { "nullable == 1", "nullable==1" },

        /* names */
        { "data.fare == 1 or a-b == 2 or \xc3\xa9t\xc3\xa9 == 3",
          "data.fare==1 a-b==2 | \xc3\xa9t\xc3\xa9==3 |" },
        { "`a field` == 1 and `or` == 2", "a field==1 or==2 &" },
        { "a>1and b<2", NULL },
        { "a > 1 and(b < 2)", "a>1 b<2 &" },
        { "not(b < 2)", "b<2 !" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        p = where_plan(cases[i].where);

        if (cases[i].postfix == NULL) {
            unit_ok(p->rc == MLOPS_ERROR, "%s: accepted", cases[i].where);
            continue;
        }

        unit_ok(p->rc == MLOPS_OK, "%s: %s", cases[i].where, p->err.text);

        view = p->plan.views;
        where_print(view, view->features[1].where, text, sizeof(text));

        unit_ok(strcmp(text, cases[i].postfix) == 0,
                "%s\n  got      %s\n  expected %s", cases[i].where, text,
                cases[i].postfix);
        assert_true(mlops_str_eq(&view->features[1].where->text,
                                 cases[i].where, strlen(cases[i].where)));
    }
}


static void
test_bad(void **state)
{
    size_t        i;
    char          expected[512];
    test_plan_t  *p;

    static const char  literal[] = "expected a literal: 'string', a number, "
                                   "true, false or null, got ";

    static const struct {
        const char  *where;
        unsigned     column;
        const char  *literal;       /* literal's text goes before */
        const char  *text;
    } cases[] = {

        { "", 1, NULL, "expected a field, got the end" },
        { "   ", 4, NULL, "expected a field, got the end" },
        { "a", 2, NULL, "expected ==, !=, <, <=, > or >= behind a field, got "
          "the end" },
        { "a b", 3, NULL, "expected ==, !=, <, <=, > or >= behind a field, "
          "got \"b\"" },
        { "a = 1", 3, NULL, "expected ==, !=, <, <=, > or >= behind a field, "
          "got \"=\"" },
        { "a ==", 5, "the end", NULL },
        { "a == b", 6, "\"b\"", NULL },
        { "a == && 3", 6, "\"&&\"", NULL },
        { "a == 1x", 6, "\"1x\"", NULL },
        { "a == nan", 6, "\"nan\"", NULL },
        { "a == -inf", 6, "\"-inf\"", NULL },
        { "a == 1e999", 6, "\"1e999\"", NULL },
        { "a == 1 b", 8, NULL, "expected \"and\", \"or\" or the end, got "
          "\"b\"" },
        { "a == 1)", 7, NULL, "expected \"and\", \"or\" or the end, got "
          "\")\"" },
        { "(a == 1", 8, NULL, "expected \"and\", \"or\" or \")\", got the "
          "end" },
        { "(a == 1 b", 9, NULL, "expected \"and\", \"or\" or \")\", got "
          "\"b\"" },
        { "a == 1 and", 11, NULL, "expected a field, got the end" },
        { "a == 1 and or", 12, NULL, "expected a field, got \"or\"" },
        { "a == 1 && ", 11, NULL, "expected a field, got the end" },
        { "()", 2, NULL, "expected a field, got \")\"" },
        { "3 < a", 1, NULL, "expected a field, got \"3\"" },
        { "null == a", 1, NULL, "expected a field, got \"null\"" },
        { "'x' == a", 1, NULL, "expected a field, got \"'\"" },
        { "status == 'x", 11, NULL, "a string without its end: expected "
          "\"'\"" },
        { "`a == 1", 1, NULL, "a name without its end: expected \"`\"" },
        { "`` == 1", 1, NULL, "expected a name between the backquotes" },
        { "a is", 5, NULL, "expected \"null\" or \"not null\" behind \"is\","
          " got the end" },
        { "a is not 3", 10, NULL, "expected \"null\" behind \"is not\", got "
          "\"3\"" },
        { "a < null", 5, NULL, "null goes with == and != alone" },
        { "a >= true", 6, NULL, "true goes with == and != alone" },
        { "a == 1; b == 2", 7, NULL, "expected \"and\", \"or\" or the end, "
          "got \";\"" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        p = where_plan(cases[i].where);

        snprintf(expected, sizeof(expected), "\"where=\" of feature \"x\" in "
                 "mlops_view \"v\", column %u: %s%s", cases[i].column,
                 cases[i].literal ? literal : cases[i].text,
                 cases[i].literal ? cases[i].literal : "");

        unit_ok(p->rc == MLOPS_ERROR, "%s: accepted", cases[i].where);
        unit_ok(strcmp(p->err.text, expected) == 0,
                "%s\n  got      %s\n  expected %s", cases[i].where,
                p->err.text, expected);
        unit_ok(p->where.line == 7, "%s: line %u", cases[i].where,
                p->where.line);
    }
}


/* What a literal says of its field. */

static void
test_types(void **state)
{
    size_t        i;
    test_plan_t  *p;

    static const struct {
        const char  *where;
        const char  *text;
    } cases[] = {

        { "status == 3",
          "field \"status\" in mlops_view \"v\" has two types: string by "
          "feature \"s\" in nginx.conf:5, and a number by feature \"x\"" },
        { "status == true",
          "field \"status\" in mlops_view \"v\" has two types: string by "
          "feature \"s\" in nginx.conf:5, and a number by feature \"x\"" },
        { "a == 'x'",
          "field \"a\" in mlops_view \"v\" has two types: a number by "
          "feature \"x\" in nginx.conf:6, and string by feature \"x\"" },
        { "b == 1 and b == 'x'",
          "field \"b\" in mlops_view \"v\" has two types: a number by "
          "feature \"x\" in nginx.conf:6, and string by feature \"x\"" },
        { "n == '7'",
          "field \"n\" in mlops_view \"v\" has two types: int64 by "
          "\"entity\" in nginx.conf:3, and string by feature \"x\"" },
        { "a > 1 and n == 1.5",
          "\"where=\" of feature \"x\" in mlops_view \"v\", "
          "column 16: expected a whole number of 64 bits, because "
          "field \"n\" is int64, got "
          "\"1.5\"" },
        { "n == 9223372036854775808",
          "\"where=\" of feature \"x\" in mlops_view \"v\", "
          "column 6: expected a whole number of 64 bits, because "
          "field \"n\" is int64, got "
          "\"9223372036854775808\"" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        p = where_plan(cases[i].where);

        unit_ok(p->rc == MLOPS_ERROR, "%s: accepted", cases[i].where);
        unit_ok(strcmp(p->err.text, cases[i].text) == 0,
                "%s\n  got      %s\n  expected %s", cases[i].where,
                p->err.text, cases[i].text);
    }

    p = where_plan("zone == null or b < 1 or c == 'x'");

    assert_int_equal(p->rc, MLOPS_OK);
    assert_int_equal(p->plan.views->event.n, 7);
    assert_int_equal(p->plan.views->event.columns[4].type, MLOPS_TYPE_BYTES);
    assert_int_equal(p->plan.views->event.columns[5].type, MLOPS_TYPE_FP64);
    assert_int_equal(p->plan.views->event.columns[6].type, MLOPS_TYPE_BYTES);
}


/* As long and as deep as is allowed, and one more. */

static void
test_limits(void **state)
{
    int           i;
    char          text[4096];
    test_plan_t  *p;

    (void) state;

    /* 32 comparisons and 31 "and": 63 operations; a "not" makes 64 */

    strcpy(text, "not (a == 0");

    for (i = 1; i < 32; i++) {
        sprintf(text + strlen(text), " and a == %d", i);
    }

    strcat(text, ")");

    p = where_plan(text);
    unit_ok(p->rc == MLOPS_OK, "%s", p->err.text);
    assert_int_equal(p->plan.views->features[1].where->n, 64);

    text[strlen(text) - 1] = '\0';
    strcat(text, " and b == 1)");

    p = where_plan(text);
    assert_int_equal(p->rc, MLOPS_ERROR);
    assert_non_null(strstr(p->err.text, "expected at most 64 comparisons, "
                           "\"and\", \"or\" and \"not\""));

    for (i = 31; i <= 33; i++) {
        memset(text, '(', i);
        strcpy(text + i, "a == 1");
        memset(text + strlen(text), ')', i + 1);
        text[i + strlen("a == 1") + i] = '\0';

        p = where_plan(text);
        assert_int_equal(p->rc, (i < 32) ? MLOPS_OK : MLOPS_ERROR);

        if (i >= 32) {
            assert_non_null(strstr(p->err.text, "column 33: expected at most "
                                   "32 \"not\" and parentheses in each "
                                   "other"));
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_limits)
    };

    return unit_run(tests);
}
