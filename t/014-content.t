# One location, one content: who inherits it, and who may not share it.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;

registry(lin4 => 'lin4', class3 => 'class3');

repeat_each(2);

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', '    mlops_store $TEST_NGINX_STORE;
    mlops_registry $TEST_NGINX_REGISTRY;
' . ($block->http_config // ''));
});

run_tests();

__DATA__

=== TEST 1: an "if" block keeps the content of its location
--- config
    location = /t {
        mlops_predict lin4;
        if ($arg_mark) {
            add_header X-Mark $arg_mark;
        }
    }
--- request
POST /t?mark=yes
{"a":1,"b":1,"c":1,"d":1}
--- response_body chomp
{"prediction":10.5}
--- response_headers
X-Mark: yes



=== TEST 2: an "if" block may have a prediction of its own
--- config
    location = /t {
        mlops_predict lin4;
        if ($arg_other) {
            mlops_predict class3;
        }
    }
--- request eval
[ qq{POST /t?other=1\n{"x":1,"y":0}},
  qq{POST /t\n{"a":1,"b":1,"c":1,"d":1}} ]
--- response_body_like eval
[ '"class":"low"', '^\{"prediction":10\.5\}$' ]



=== TEST 3: an "if" block may proxy instead
--- config
    location = /t {
        mlops_predict lin4;
        if ($arg_other) {
            proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT;
        }
    }
--- request
POST /t
{"a":1,"b":1,"c":1,"d":1}
--- response_body chomp
{"prediction":10.5}



=== TEST 4: limit_except: allowed methods, the others by their rules
--- config
    location = /t {
        mlops_predict lin4;
        limit_except GET {
            allow 127.0.0.1;
            deny all;
        }
    }
    location = /denied {
        mlops_predict lin4;
        limit_except GET {
            deny all;
        }
    }
--- request eval
[ qq{POST /t\n{"a":1,"b":1,"c":1,"d":1}},
  qq{POST /denied\n{"a":1,"b":1,"c":1,"d":1}} ]
--- response_body_like eval
[ '^\{"prediction":10\.5\}$', '^\{"error":".*"\}$' ]
--- error_code eval
[ 200, 403 ]



=== TEST 5: nested locations do not inherit it
--- config
    location /t/ {
        mlops_serve;
        location /t/files/ {
            return 200 "files\n";
        }
    }
--- request eval
[ "GET /t/v2/health/ready", "GET /t/files/x" ]
--- response_body_like eval
[ 'true', '^files$' ]



=== TEST 6: two of ours
--- config
    location = /t {
        mlops_metrics;
        mlops_status;
    }
--- must_die: 1
--- error_log
"mlops_status" cannot share a location with "mlops_metrics" of line



=== TEST 7: proxy_pass above
--- config
    location = /t {
        proxy_pass http://127.0.0.1:1;
        mlops_predict lin4;
    }
--- must_die: 1
--- error_log
"mlops_predict" cannot share a location with the directive above that makes its content already (such as proxy_pass) in



=== TEST 8: proxy_pass below
--- config
    location = /t {
        mlops_predict lin4;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die: 1
--- error_log
"mlops_predict" cannot share a location with the directive below it that makes its content too (such as proxy_pass) in



=== TEST 9: mlops_serve needs a prefix
--- config
    location ~ ^/t {
        mlops_serve;
    }
--- must_die: 1
--- error_log
"mlops_serve" directive mounts paths below a prefix: expected a prefix location, got a regular expression in
