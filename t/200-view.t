# mlops_view, mlops_kafka, mlops_state: what nginx takes, and what it says of
# the rest.  All errors are in t/unit/plan_view.c; here is that nginx finds
# the line of the wrong word, in the file where it is.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;

registry(lin4 => 'lin4');

repeat_each(2);
no_shuffle();

add_block_preprocessor(sub {
    my $block = shift;

    my $store = $block->store // '    mlops_store $TEST_NGINX_STORE;
';

    $block->set_value('http_config', $store . '
    mlops_kafka main { bootstrap.servers 127.0.0.1:1; }
' . ($block->http_config // ''));

    $block->set_value('config', '
    location = /t {
        return 200 ok;
    }') if ! defined $block->config;

    $block->set_value('request', 'GET /t')
        if ! defined $block->request && ! defined $block->must_die;
});

run_tests();

__DATA__

=== TEST 1: the view of the documentation
--- http_config
    mlops_state state;

    mlops_kafka other {
        bootstrap.servers  10.0.0.4:9092;
        sasl.password      file:/run/secrets/kafka;
    }

    mlops_view rides {
        source        kafka=other topic=rides;
        entity        driver_id int64;
        event_time    ts unit=ms lateness=30s;
        feature       rides_1h   count()    window=1h;
        feature       paid_1h    sum(fare)  window=1h "where=status == 'paid'";
        feature       last_fare  last(fare);
        feature       zones      last_k(zone, 3) type=string;
        ttl           24h;
        max_entities  1000000;
        log;
    }
--- response_body chomp
ok



=== TEST 2: directives in any order, a part of them from a file
--- http_config
    mlops_view v {
        feature  n count();
        include  ../html/view.conf;
        entity   id string;
    }
--- user_files
>>> view.conf
source kafka=main
       topic=t;
event_time ts;
--- response_body chomp
ok



=== TEST 3: whole files of one team
--- http_config
    include ../html/*.view;
--- user_files
>>> a.view
mlops_view a { source kafka=team topic=t; entity id int64; event_time ts;
               feature n count(); }
>>> b.view
mlops_kafka team { bootstrap.servers h:1; }
mlops_view b { source file=/data/b.csv; entity id int64; feature n last(n); }
--- response_body chomp
ok



=== TEST 4: an unknown function, in its line
--- http_config
    include ../html/v.conf;
--- user_files
>>> v.conf
mlops_view v {
    source     kafka=main topic=t;
    entity     id int64;
    event_time ts;
    feature    n
               coutn();
}
--- must_die: 1
--- error_log eval
qr{unknown function "coutn" in "feature" in mlops_view "v": did you mean "count"\? in \S+/v\.conf:6}



=== TEST 5: a window that is not a multiple of its hop
--- http_config
    include ../html/v.conf;
--- user_files
>>> v.conf
mlops_view v {
    source     kafka=main topic=t;
    entity     id int64;
    event_time ts;
    feature    n sum(a)
               window=1h
               hop=7m;
    feature    m sum(b);
}
--- must_die: 1
--- error_log eval
qr{"window=1h" is not a multiple of "hop=7m" in feature "n" in mlops_view "v" in \S+/v\.conf:7}



=== TEST 6: more than 64 hops
--- http_config
    include ../html/v.conf;
--- user_files
>>> v.conf
mlops_view v {
    source     kafka=main topic=t;
    entity     id int64;
    event_time ts;
    feature    n sum(a) window=65m hop=1m;
}
--- must_die: 1
--- error_log eval
qr{"window=65m" has 65 hops of "hop=1m" in feature "n" in mlops_view "v": expected at most 64 in \S+/v\.conf:5}



=== TEST 7: no event time
--- http_config
    include ../html/v.conf;
--- user_files
>>> v.conf

mlops_view v {
    source     kafka=main topic=t;
    entity     id int64;
    feature    n count();
}
--- must_die: 1
--- error_log eval
qr{no event time in mlops_view "v": expected "event_time field \[unit=\.\.\.\];" in \S+/v\.conf:2}



=== TEST 8: a stray quote
--- http_config
    include ../html/v.conf;
--- user_files
>>> v.conf
mlops_view v {
    source     kafka=main topic=t;
    entity     id int64;
    event_time ts;
    feature    n sum(fare)
               where=status=='paid';
}
--- must_die: 1
--- error_log eval
qr{a quote inside the word where=status=='paid': expected the whole word in quotes, as in "name='value'" in \S+/v\.conf:6}



=== TEST 9: a filter, by column
--- http_config
    include ../html/v.conf;
--- user_files
>>> v.conf
mlops_view v {
    source     kafka=main topic=t;
    entity     id int64;
    event_time ts;
    feature    n sum(fare) "where=status == 'paid' and fare >";
}
--- must_die: 1
--- error_log eval
qr{"where=" of feature "n" in mlops_view "v", column 28: expected a literal: 'string', a number, true, false or null, got the end in \S+/v\.conf:5}



=== TEST 10: a table that the store cannot hold
--- store
    mlops_store $TEST_NGINX_STORE size=1m;
--- http_config
    include ../html/v.conf;
--- user_files
>>> v.conf
mlops_view v {
    source       kafka=main topic=t;
    entity       id int64;
    event_time   ts;
    feature      n count();
    max_entities 100000;
}
--- must_die: 1
--- error_log eval
qr{the table of view "v" may need \d+ bytes, \d+ for each of 100000 entities, and of "mlops_store" size=1048576 1048576 are left: expected fewer "max_entities" or a larger store in \S+/v\.conf:6}



=== TEST 11: an unknown cluster
--- http_config
    include ../html/v.conf;
--- user_files
>>> v.conf
mlops_view v {
    source     topic=t
               kafka=mian;
    entity     id int64;
    event_time ts;
    feature    n count();
}
--- must_die: 1
--- error_log eval
qr{unknown cluster "mian" in "source" in mlops_view "v": did you mean "main"\? in \S+/v\.conf:3}



=== TEST 12: a secret in the configuration
--- http_config
    include ../html/v.conf;
--- user_files
>>> v.conf
mlops_kafka k {
    bootstrap.servers h:1;
    sasl.password     geheim;
}
--- must_die: 1
--- error_log eval
qr{"sasl\.password" in mlops_kafka "k" is a secret, and would stand in plan\.json: expected where the worker reads it, "file:/path" or "env:NAME" in \S+/v\.conf:3}



=== TEST 13: what the guarantees rest on
--- http_config
    mlops_kafka k {
        bootstrap.servers h:1;
        acks 1;
    }
--- must_die: 1
--- error_log
"acks" cannot be set in mlops_kafka "k": a record counts once all replicas have it in



=== TEST 14: a view needs a store
--- store
    # none
--- http_config
    mlops_view v { source kafka=main topic=t; entity id int64; event_time ts;
                   feature n count(); }
--- must_die: 1
--- error_log
"mlops_view" needs a store: expected "mlops_store path;" beside it in



=== TEST 15: the offline log needs a place
--- http_config
    mlops_view v { source kafka=main topic=t; entity id int64; event_time ts;
                   feature n count(); log; }
--- must_die: 1
--- error_log
"log" in mlops_view "v" needs a place: expected "mlops_state path;" in the http block in



=== TEST 16: not in a server
--- config
    mlops_view v { }
--- must_die: 1
--- error_log
"mlops_view" directive is not allowed here
