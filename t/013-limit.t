# mlops_limit: bounds of one request, inherited key by key.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;

registry(lin4 => 'lin4');

repeat_each(2);

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', '    mlops_store $TEST_NGINX_STORE;
    mlops_registry $TEST_NGINX_REGISTRY;
' . ($block->http_config // ''));
});

run_tests();

__DATA__

=== TEST 1: rows
--- config
    mlops_limit rows=2;
    location = /t {
        mlops_predict lin4;
    }
--- request eval
[ qq{POST /t\n[{"a":1,"b":1,"c":1,"d":1},{"a":1,"b":1,"c":1,"d":2}]},
  qq{POST /t\n[{"a":1,"b":1,"c":1,"d":1},{"a":1,"b":1,"c":1,"d":2},}
  . qq{{"a":1,"b":1,"c":1,"d":2}]} ]
--- response_body_like eval
[ '^\[\{"prediction":10\.5\},\{"prediction":14\.5\}\]$',
  '^\{"error":"lin4: expected at most 2 rows, got at least 3"\}$' ]
--- error_code eval
[ 200, 413 ]



=== TEST 2: elements
--- config
    mlops_limit elements=4;
    location = /t {
        mlops_predict lin4;
    }
--- request eval
[ qq{POST /t\n{"instances":[[1,1,1,1]]}},
  qq{POST /t\n{"instances":[[1,1,1,1],[1,1,1,1]]}} ]
--- response_body_like eval
[ '^\{"predictions":\[10\.5\]\}$', '^\{"error":"lin4: .*4.*"\}$' ]
--- error_code eval
[ 200, 413 ]



=== TEST 3: depth, of what is skipped as well: malformed, not too large
--- config
    mlops_limit depth=3;
    location = /t {
        mlops_predict lin4;
    }
--- request eval
[ qq{POST /t\n{"a":1,"b":1,"c":1,"d":1,"more":[[7]]}},
  qq{POST /t\n{"a":1,"b":1,"c":1,"d":1,"more":[[[7]]]}} ]
--- response_body_like eval
[ '^\{"prediction":10\.5\}$', '^\{"error":"lin4: .*3.*"\}$' ]
--- error_code eval
[ 200, 400 ]



=== TEST 4: inputs of a V2 request
--- config
    mlops_limit inputs=3;
    location = /t {
        mlops_predict lin4;
    }
--- request eval
my $body = '';
for my $name (qw(a b c d)) {
    $body .= qq(,{"name":"$name","shape":[1],"datatype":"FP32","data":[1]});
}
qq(POST /t\n{"inputs":[) . substr($body, 1) . ']}'
--- response_body_like: ^\{"error":"lin4: .*3.*"\}$
--- error_code: 413



=== TEST 5: each key is inherited by itself
--- http_config
    mlops_limit rows=1 depth=3;
--- config
    mlops_limit rows=2;
    location = /t {
        mlops_limit elements=100;
        mlops_predict lin4;
    }
--- request eval
[ qq{POST /t\n{"instances":[[1,1,1,1],[1,1,1,2]]}},
  qq{POST /t\n{"instances":[[1,1,1,1],[1,1,1,1],[1,1,1,1]]}},
  qq{POST /t\n{"instances":[[1,1,1,1]],"more":[[[7]]]}} ]
--- response_body_like eval
[ '^\{"predictions":\[10\.5,14\.5\]\}$', '^\{"error":"lin4: .*2.*"\}$',
  '^\{"error":"lin4: .*3.*"\}$' ]
--- error_code eval
[ 200, 413, 400 ]



=== TEST 6: a name that is none
--- config
    location = /t {
        mlops_limit columns=1;
    }
--- must_die: 1
--- error_log
invalid parameter "columns=1" in "mlops_limit": expected rows=, elements=, depth= or inputs= and a number in



=== TEST 7: a value that is none
--- config
    location = /t {
        mlops_limit rows=none;
    }
--- must_die: 1
--- error_log
invalid value in "rows=none" of "mlops_limit": expected a whole number from 1 to 16777216 in
