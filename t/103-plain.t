# mlops_predict: plain objects, and the dialect from the body.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

registry(lin4 => 'lin4', mixed => 'mixed', two => 'two', class3 => 'class3',
         half_plus_two => [ 'half_plus_two', 'plus10' ], ident => 'ident');

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: an object, a list of objects
--- config
    location = /t { mlops_predict lin4; }
--- pipelined_requests eval
[ main::post('/t', '{"a":6.8,"b":2.8,"c":4.8,"d":1.4}'),
  main::post('/t', '{"d":1.4,"unknown":[{}],"c":4.8,"b":2.8,"a":6.8}'),
  main::post('/t', '[{"a":6.8,"b":2.8,"c":4.8,"d":1.4},{"a":6,"b":3.4,"c":4.5,"d":1.6}]') ]
--- response_body eval
[ '{"prediction":32.9}', '{"prediction":32.9}',
  '[{"prediction":32.9},{"prediction":33.2}]' ]



=== TEST 2: several outputs, one of several values
--- config
    location = /t { mlops_predict class3; }
--- request
POST /t
{"x":-1,"y":2}
--- response_body chop
{"scores":[-1.0,2.0,0.0],"class":"mid","index":1}



=== TEST 3: the body says which dialect it is
--- config
    location = /t { mlops_predict half_plus_two; }
--- pipelined_requests eval
[ main::post('/t', '{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[3]}]}'),
  main::post('/t', '{"instances":[3,4]}'),
  main::post('/t', '{"inputs":[3,4]}'),
  main::post('/t', '{"dataframe_split":{"columns":["x"],"data":[[3]]}}'),
  main::post('/t', '{"x":3}') ]
--- response_body eval
[ '{"model_name":"half_plus_two","model_version":"1","outputs":[{"name":"y","datatype":"FP32","shape":[1,1],"data":[3.5]}]}',
  '{"predictions":[3.5,4.0]}', '{"outputs":[3.5,4.0]}',
  '{"predictions":[3.5]}', '{"y":3.5}' ]



=== TEST 4: errors name model, field, expected and got
--- config
    location = /t { mlops_predict mixed; }
--- pipelined_requests eval
[ map { main::post('/t', $_) }
  '{"x":"much","n":1}', '[{"n":1,"color":"red"},{"n":1.5,"color":"red"}]', '{"x":1}', '{"n":1', '7',
  '{"n":2147483648}', '{"n":true}', '{"n":1,"color":7}', '{"nn":1}',
  '{"n":1,"color":null} x', '{"n":1,"n":2}', '' ]
--- error_code eval
[ (400) x 12 ]
--- response_body eval
[ '{"error":"mixed.x: expected a number, got \"much\""}',
  qr/^\{"error":"mixed\.n, row 1: expected .* got 1\.5"\}$/,
  qr/^\{"error":"mixed\.n: missing"\}$/,
  qr/^\{"error":"mixed: malformed JSON at byte 6: .* the end of the text"\}$/,
  qr/^\{"error":"mixed: expected .*, got 7"\}$/,
  qr/^\{"error":"mixed\.n: .*2147483648.*"\}$/,
  qr/^\{"error":"mixed\.n: expected .*, got true"\}$/,
  qr/^\{"error":"mixed\.color: expected .*, got 7"\}$/,
  qr/^\{"error":"mixed\.n: missing.*nn.*"\}$/,
  qr/^\{"error":"mixed: malformed JSON at byte 21: .*"\}$/,
  qr/^\{"error":"mixed.*n.*"\}$/,
  qr/^\{"error":"mixed: .*empty.*"\}$/ ]



=== TEST 5: defaults
--- config
    location = /t { mlops_predict mixed; }
--- pipelined_requests eval
[ main::post('/t', '{"n":1,"color":"green"}'),
  main::post('/t', '{"x":null,"n":1,"color":"green"}') ]
--- response_body eval
[ '{"y":206.0}', '{"y":206.0}' ]
--- response_headers eval
[ ("Mlops-Warning: defaulted; columns=x; rows=1") x 2 ]



=== TEST 6: a name with variables, an alias
--- config
    location ~ ^/m/(?<name>[^/]*)$ { mlops_predict $name; }
    location = /a { mlops_predict half_plus_two@champion; }
    location = /b { mlops_predict half_plus_two@blue; }
--- pipelined_requests eval
[ main::post('/m/half_plus_two', '{"x":3}'), main::post('/m/two', '{"x":3}'),
  main::post('/m/nobody', '{"x":3}'), main::post('/m/', '{"x":3}'),
  main::post('/m/two@champion', '{"x":3}'), main::post('/m/two@blue', '{"x":3}'),
  main::post('/a', '{"x":3}'), main::post('/b', '{"x":3}') ]
--- error_code eval
[200, 200, 404, 404, 200, 404, 200, 404]
--- response_body_like eval
[ qr/^\{"y":3\.5\}$/, qr/^\{"a":4\.0,"b":6\.0\}$/, qr/"error":.*nobody/,
  qr/"error":/, qr/^\{"a":4\.0,"b":6\.0\}$/, qr/"error":.*blue/,
  qr/^\{"y":3\.5\}$/, qr/"error":.*blue/ ]



=== TEST 7: split_clients is the canary
--- http_config
    split_clients $arg_id $arm { 50% half_plus_two@champion; * two; }
--- config
    location = /t { mlops_predict $arm; }
--- pipelined_requests eval
[ map { main::post("/t?id=$_", '{"x":3}') } 1 .. 20 ]
--- response_body_like eval
[ (qr/^(\{"y":3\.5\}|\{"a":4\.0,"b":6\.0\})$/) x 20 ]



=== TEST 8: only POST, and it says so
--- config
    location = /t { mlops_predict lin4; }
--- request eval
[ "GET /t", "PUT /t\n{}", "DELETE /t", "HEAD /t", "OPTIONS /t" ]
--- error_code eval
[405, 405, 405, 405, 405]
--- response_headers eval
[ ("Allow: POST
Content-Type: application/json") x 5 ]
--- response_body eval
[ (map { qq({"error":"method $_ is not allowed here"}) } 'GET', 'PUT', 'DELETE'),
  '', '{"error":"method OPTIONS is not allowed here"}' ]
