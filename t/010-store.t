# mlops_store, mlops_registry: the store is made and filled; nginx refuses
# what is not its own.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;

registry(lin4 => 'lin4');

our $store = $ENV{TEST_NGINX_STORE};

repeat_each(2);
no_shuffle();

run_tests();

__DATA__

=== TEST 1: the store is made and filled from the registry
--- http_config
    mlops_store    $TEST_NGINX_STORE size=64m;
    mlops_registry $TEST_NGINX_REGISTRY;
--- config
    location = /t {
        mlops_predict lin4;
    }
--- request
POST /t
{"a":1,"b":1,"c":1,"d":1}
--- response_body chomp
{"prediction":10.5}
--- response_headers
Mlops-Model: lin4
Mlops-Version: 1
--- no_error_log
[error]
[alert]



=== TEST 2: the plan stands in the store, as nginx tokenised it
--- http_config
    mlops_store    $TEST_NGINX_STORE;
    mlops_registry $TEST_NGINX_REGISTRY;
    mlops_model lin4 {
        range  refuse;
    }
--- config
    location = /t {
        alias $TEST_NGINX_STORE/plan.json;
    }
--- request
GET /t
--- response_body_like eval
qr/^\{"abi":1,"time":"[-0-9T:+]+","nodes":\[
   \["[^"]+nginx\.conf",\d+,"mlops_store","\Q$::store\E"\],
   \["[^"]+nginx\.conf",\d+,"mlops_registry","[^"]+"\],
   \["[^"]+nginx\.conf",\d+,"mlops_model","lin4",\[
   \["[^"]+nginx\.conf",\d+,"range","refuse"\]\]\]\]\}$/x
--- no_error_log
[error]



=== TEST 3: a registry that is missing is no reason not to start
--- http_config
    mlops_store    $TEST_NGINX_STORE;
    mlops_registry $TEST_NGINX_REGISTRY/missing;
--- config
    location = /t {
        mlops_predict lin4;
    }
--- request
POST /t
{"a":1,"b":1,"c":1,"d":1}
--- response_body chomp
{"prediction":10.5}
--- no_error_log
[alert]



=== TEST 4: a size that is none
--- http_config
    mlops_store $TEST_NGINX_STORE size=many;
--- config
    location = /t {
        return 200;
    }
--- must_die: 1
--- error_log
invalid value "many" of "size=" in "mlops_store": expected a size such as 64m or 1g in



=== TEST 5: a directory that holds other things is no store
--- http_config
    mlops_store $TEST_NGINX_REGISTRY/models/lin4;
--- config
    location = /t {
        return 200;
    }
--- must_die: 1
--- error_log
[emerg]



=== TEST 6: a directive that needs the store says so
--- config
    location = /t {
        mlops_predict lin4;
    }
--- must_die: 1
--- error_log
"mlops_predict" needs a store: expected "mlops_store path;" in the http block in
