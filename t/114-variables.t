# $mlops_model, $mlops_version, $mlops_status, $mlops_latency.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

registry(lin4 => 'lin4', mixed => 'mixed');

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: in the access log: an answer
--- http_config
    log_format m '$request_method $uri $status [$mlops_model] [$mlops_version] [$mlops_status] [$mlops_latency]';
--- config
    location / { mlops_serve; access_log logs/access.log m; }
--- request eval
main::good()
--- error_code: 200
--- access_log eval
[ qr/^POST \/v2\/models\/lin4\/infer 200 \[lin4\] \[1\] \[ok\] \[0\.\d{6}\]$/ ]



=== TEST 2: in the access log: a bad request
--- http_config
    log_format m '$request_method $uri $status [$mlops_model] [$mlops_version] [$mlops_status] [$mlops_latency]';
--- config
    location / { mlops_serve; access_log logs/access.log m; }
--- request eval
main::v2('lin4', '{')
--- error_code: 400
--- access_log eval
[ qr/^POST \/v2\/models\/lin4\/infer 400 \[lin4\] \[1\] \[bad_request\] \[0\.\d{6}\]$/ ]



=== TEST 3: in the access log: nobody
--- http_config
    log_format m '$request_method $uri $status [$mlops_model] [$mlops_version] [$mlops_status] [$mlops_latency]';
--- config
    location / { mlops_serve; access_log logs/access.log m; }
--- request eval
main::v2('nobody', '{}')
--- error_code: 404
--- access_log eval
[ qr/^POST \/v2\/models\/nobody\/infer 404 \[nobody\] \[-\] \[not_found\] \[-\]$/ ]



=== TEST 4: in the access log: a page
--- http_config
    log_format m '$request_method $uri $status [$mlops_model] [$mlops_version] [$mlops_status] [$mlops_latency]';
--- config
    location / { mlops_serve; access_log logs/access.log m; }
--- request eval
"GET /v2"
--- error_code: 200
--- access_log eval
[ qr/^GET \/v2 200 \[-\] \[-\] \[-\] \[-\]$/ ]



=== TEST 5: in headers of the answer
--- config
    location / {
        mlops_serve;
        add_header X-Model $mlops_model always;
        add_header X-Version $mlops_version always;
        add_header X-Status $mlops_status always;
        add_header X-Latency $mlops_latency always;
    }
    location /limit/ {
        mlops_serve;
        mlops_limit rows=1;
        add_header X-Status $mlops_status always;
    }
--- pipelined_requests eval
[ main::good(), main::v2('lin4', '{'), main::v2('nobody', '{}'), "GET /v2",
  "GET /v2/models/lin4/infer", main::post('/limit/v1/models/mixed:predict', '{"instances":[[1,2,"red"],[1,2,"red"]]}') ]
--- error_code eval
[200, 400, 404, 200, 405, 413]
--- response_headers_like eval
[ 'X-Model: lin4
X-Version: 1
X-Status: ok
X-Latency: 0\.\d{6}',
'X-Model: lin4
X-Version: 1
X-Status: bad_request
X-Latency: 0\.\d{6}',
'X-Model: nobody
X-Status: not_found',
'Content-Type: application/json',
'X-Status: method',
'X-Status: limit' ]
--- response_headers eval
[ '', '', '! X-Version
! X-Latency', '! X-Model
! X-Version
! X-Status
! X-Latency', '', '' ]



=== TEST 6: they outlive error_page
--- config
    location = /a { mlops_predict nobody; error_page 404 = @b; }
    location @b { return 200 "$mlops_model $mlops_status\n"; }
--- request
POST /a
{}
--- response_body
nobody not_found



=== TEST 7: not found where there is no model
--- config
    location = /a { return 200 "[$mlops_model$mlops_version$mlops_status$mlops_latency]\n"; }
    location = /b { mlops_status; }
--- request
GET /a
--- response_body
[]
