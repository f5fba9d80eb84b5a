# join in mlops_model, as nginx -t sees it.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;

registry(lin4 => 'lin4');

repeat_each(2);

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', '    mlops_store $TEST_NGINX_STORE;
    mlops_kafka main { bootstrap.servers 127.0.0.1:1; }

    mlops_view rides { source kafka=main topic=t; entity id int64;
                       event_time ts; feature a count(); feature b sum(x); }
' . ($block->http_config // '') . '
    mlops_view places { source kafka=main topic=t; entity id string;
                        event_time ts; feature c last(x); feature a max(x); }
');

    $block->set_value('config', '
    location = /t {
        return 200 ok;
    }') if ! defined $block->config;

    $block->set_value('request', 'GET /t')
        if ! defined $block->request && ! defined $block->must_die;
});

run_tests();

__DATA__

=== TEST 1: several joins, of views before and behind
--- http_config
    mlops_model lin4 {
        join rides   key=driver_id;
        join rides   key=$http_x_partner prefix=partner_ max_age=10m
                     missing=null;
        join places  "key='ETH/USD'" suffix=_eth missing=refuse timeout=5ms
                     override=c_eth;
    }
--- response_body chomp
ok



=== TEST 2: an unknown view
--- http_config
    include ../html/m.conf;
--- user_files
>>> m.conf
mlops_model lin4 {
    range clip;
    join
        ride
        key=id;
}
--- must_die: 1
--- error_log eval
qr{unknown view "ride" in "join" in mlops_model "lin4": did you mean "rides"\? in \S+/m\.conf:4}



=== TEST 3: both a prefix and a suffix
--- http_config
    include ../html/m.conf;
--- user_files
>>> m.conf
mlops_model lin4 {
    join rides key=id prefix=a
               suffix=b;
}
--- must_die: 1
--- error_log eval
qr{"prefix=" and "suffix=" in "join" in mlops_model "lin4": expected one of them in \S+/m\.conf:3}



=== TEST 4: two joins with one column
--- http_config
    include ../html/m.conf;
--- user_files
>>> m.conf
mlops_model lin4 {
    join rides  key=id;
    join places key=name;
}
--- must_die: 1
--- error_log eval
qr{column "a" in mlops_model "lin4" comes from view "rides" in \S+/m\.conf:2 already: expected a "prefix=" or "suffix=" of one join in \S+/m\.conf:3}



=== TEST 5: a constant that is no entity
--- http_config
    mlops_model lin4 {
        join rides "key='seven'";
    }
--- must_die: 1
--- error_log
'seven' of "key=" in "join" in mlops_model "lin4" is no entity of view "rides": expected a key of type int64, got "seven" in



=== TEST 6: a constant with its quotes in a bare word
--- http_config
    mlops_model lin4 {
        join places key='ETH/USD';
    }
--- must_die: 1
--- error_log
a quote inside the word key='ETH/USD': expected the whole word in quotes, as in "name='value'" in



=== TEST 7: an override of a column that does not come
--- http_config
    mlops_model lin4 {
        join rides key=id prefix=d_ override=d_a,b;
    }
--- must_die: 1
--- error_log
"override=" in "join" in mlops_model "lin4": view "rides" brings no column "b" in



=== TEST 8: no key
--- http_config
    mlops_model lin4 {
        join rides max_age=1h;
    }
--- must_die: 1
--- error_log
"join" in mlops_model "lin4" has no "key=": expected the entity, key=column, key=$variable or "key='constant'" in



=== TEST 9: an age of nothing
--- http_config
    mlops_model lin4 {
        join rides key=id max_age=0;
    }
--- must_die: 1
--- error_log
invalid value "0" of "max_age=" in "join" in mlops_model "lin4": expected a time above zero such as 30s, 5m or 1h, at most 100y in
