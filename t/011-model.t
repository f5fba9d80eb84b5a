# mlops_model { range …; nonfinite …; }

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;

registry(mixed => 'mixed', lin4 => 'lin4');

repeat_each(2);

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', '    mlops_store $TEST_NGINX_STORE;
    mlops_registry $TEST_NGINX_REGISTRY;
' . ($block->http_config // ''));

    $block->set_value('config', '
    location = /t {
        mlops_predict $arg_model;
    }') if ! defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: flag is the default: answered, and said
--- request
POST /t?model=mixed
{"x":30,"n":1,"color":"red"}
--- response_body chomp
{"y":131.0}
--- response_headers
Mlops-Warning: out_of_range; columns=x; rows=1



=== TEST 2: refuse
--- http_config
    mlops_model mixed {
        range refuse;
    }
--- request
POST /t?model=mixed
{"x":30,"n":1,"color":"red"}
--- error_code: 400
--- response_body_like: ^\{"error":"mixed\.x: .*30.*"\}$



=== TEST 3: clip
--- http_config
    mlops_model mixed {
        range clip;
    }
--- request
POST /t?model=mixed
{"x":30,"n":1,"color":"red"}
--- response_body chomp
{"y":111.0}



=== TEST 4: a block is one model's
--- http_config
    mlops_model lin4 {
        range refuse;
    }
--- request
POST /t?model=mixed
{"x":30,"n":1,"color":"red"}
--- response_body chomp
{"y":131.0}



=== TEST 5: tokens are refused by default
--- request
POST /t?model=lin4
{"a":NaN,"b":1,"c":1,"d":1}
--- error_code: 400
--- response_body_like: ^\{"error":"lin4\.a: .*finite number.*"\}$



=== TEST 6: tokens accepted, null printed by default
--- http_config
    mlops_model lin4 {
        nonfinite input=accept;
    }
--- request
POST /t?model=lin4
{"a":NaN,"b":1,"c":1,"d":1}
--- response_body chomp
{"prediction":null}



=== TEST 7: as a string
--- http_config
    mlops_model lin4 {
        nonfinite input=accept output=string;
    }
--- request
POST /t?model=lin4
{"a":-Infinity,"b":1,"c":1,"d":1}
--- response_body chomp
{"prediction":"-Infinity"}



=== TEST 8: as a token, in a block of several lines
--- http_config
    mlops_model lin4 {
        # it's a comment
        nonfinite
            input=accept
            output=token;
    }
--- request
POST /t?model=lin4
{"a":"Infinity","b":1,"c":1,"d":1}
--- response_body chomp
{"prediction":Infinity}



=== TEST 9: an unknown directive in the block
--- http_config
    mlops_model lin4 {
        rnage clip;
    }
--- must_die: 1
--- error_log
unknown directive "rnage" in mlops_model "lin4": did you mean "range"? in



=== TEST 10: a quote inside a word
--- http_config
    mlops_model lin4 {
        range r='clip';
    }
--- must_die: 1
--- error_log
a quote inside the word r='clip': expected the whole word in quotes
