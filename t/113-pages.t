# Health, readiness and metadata; HEAD where GET works.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

registry(lin4 => 'lin4', class3 => 'class3', half_plus_two => [ 'half_plus_two', 'plus10' ],
         mixed => 'mixed');
mlopsctl('alias', '-r', $ENV{TEST_NGINX_REGISTRY}, 'half_plus_two',
         'challenger', '2');

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: the server and its health
--- pipelined_requests eval
[ "GET /v2", "GET /v2/health/live", "GET /v2/health/ready" ]
--- response_headers eval
[ ("Content-Type: application/json") x 3 ]
--- response_body eval
[ qr/^\{"name":"ngx_mlops","version":"\d+\.\d+\.\d+","extensions":\[\]\}$/,
  '{"live":true,"ready":true}', '{"live":true,"ready":true}' ]



=== TEST 2: a model's readiness
--- pipelined_requests eval
[ "GET /v2/models/lin4/ready", "GET /v2/models/half_plus_two/ready",
  "GET /v2/models/half_plus_two/versions/2/ready",
  "GET /v2/models/half_plus_two/versions/3/ready", "GET /v2/models/nobody/ready" ]
--- error_code eval
[200, 200, 200, 404, 404]
--- response_body eval
[ '{"name":"lin4","version":"1","ready":true}',
  '{"name":"half_plus_two","version":"1","ready":true}',
  '{"name":"half_plus_two","version":"2","ready":true}',
  qr/^\{"error":/, qr/^\{"error":/ ]



=== TEST 3: metadata: one input a column
--- pipelined_requests eval
[ "GET /v2/models/lin4", "GET /v2/models/mixed/versions/1" ]
--- response_body eval
[ '{"name":"lin4","versions":["1"],"platform":"ngx_mlops_linear","inputs":[' . CORE::join(',', map { qq({"name":"$_","datatype":"FP32","shape":[-1,1]}) } 'a' .. 'd') . '],"outputs":[{"name":"prediction","datatype":"FP32","shape":[-1,1]}]}',
  qr/^\{"name":"mixed","versions":\["1"\],"platform":"ngx_mlops_\w+","inputs":\[\{"name":"x","datatype":"FP64","shape":\[-1,1\]\},\{"name":"n","datatype":"INT32","shape":\[-1,1\]\},\{"name":"color","datatype":"BYTES","shape":\[-1,1\]\}\],"outputs":\[\{"name":"y","datatype":"FP64","shape":\[-1,1\]\}\]\}$/ ]



=== TEST 4: metadata: all versions that can be asked for, labels of classes
--- pipelined_requests eval
[ "GET /v2/models/half_plus_two", "GET /v2/models/class3" ]
--- response_body_like eval
[ qr/^\{"name":"half_plus_two","versions":\["1","2"\],/,
  qr/\{"name":"scores","datatype":"FP64","shape":\[-1,3\],"labels":\["low","mid","high"\]\},\{"name":"class","datatype":"BYTES","shape":\[-1,1\]\}/ ]



=== TEST 5: versions and aliases answer with their own weights
--- pipelined_requests eval
[ main::v2('half_plus_two', '[1]', 'FP32', '[3]'),
  main::post('/v2/models/half_plus_two/versions/2/infer', '{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[3]}]}'),
  main::post('/v1/models/half_plus_two/labels/challenger:predict', '{"instances":[3]}') ]
--- response_headers eval
[ "Mlops-Version: 1", "Mlops-Version: 2", "Mlops-Version: 2" ]
--- response_body_like eval
[ qr/"model_version":"1".*"data":\[3\.5\]/,
  qr/"model_version":"2".*"data":\[11\.5\]/, qr/^\{"predictions":\[11\.5\]\}$/ ]



=== TEST 6: V1 status lists all versions that serve
--- pipelined_requests eval
[ "GET /v1/models/half_plus_two", "GET /v1/models/half_plus_two/labels/challenger" ]
--- response_body_like eval
[ qr/^\{"name":"half_plus_two","ready":true,"model_version_status":\[\{"version":"1","state":"AVAILABLE".*\},\{"version":"2","state":"AVAILABLE".*\}\]\}$/,
  qr/^\{"name":"half_plus_two","ready":true,"model_version_status":\[\{"version":"2","state":"AVAILABLE","status":\{"error_code":"OK","error_message":""\}\}\]\}$/ ]



=== TEST 7: HEAD
--- request eval
[ map { "HEAD $_" } '/v2', '/v2/health/live', '/v2/models/lin4', '/v2/models/nobody', '/v1/models', '/ping', '/' ]
--- error_code eval
[200, 200, 200, 404, 200, 200, 200]
--- response_headers_like eval
[ ('Content-Length: \d+') x 7 ]
--- response_body eval
[ ('') x 7 ]



=== TEST 8: mlops_serve of some models
--- config
    location / { mlops_serve lin4 gone; }
--- pipelined_requests eval
[ "GET /v2/models", "GET /v1/models", "GET /v2/models/class3", main::good(),
  main::v2('class3', '{}'), "GET /v2/health/ready" ]
--- error_code eval
[200, 200, 404, 200, 404, 200]
--- response_body_like eval
[ qr/^\{"models":\["lin4"\]\}$/, qr/^\{"models":\["lin4"\]\}$/,
  qr/^\{"error":"model \\"class3\\" is not served here"\}$/, qr/"data":/,
  qr/^\{"error":"model \\"class3\\" is not served here"\}$/, qr/"ready":true/ ]



=== TEST 9: pages take a body and throw it away
--- pipelined_requests eval
[ "GET /v2/health/live\n" . 'x' x 20000, "GET /v2/models/lin4\nabc" ]
--- error_code eval
[200, 200]
