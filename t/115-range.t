# Values outside the training range: flagged, refused, clipped; non-finite
# numbers in and out.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

registry(mixed => 'mixed', refuse => 'mixed', clip => 'mixed', lin4 => 'lin4',
         log1 => 'log1', log2 => 'log1', log3 => 'log1');

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: flagged: the answer, the columns, the rows
--- config
    location / { mlops_serve; }
    location = /t { mlops_predict mixed; }
--- pipelined_requests eval
[ main::post('/t', '{"x":10,"n":1,"color":"red"}'), main::post('/t', '{"x":10.5,"n":1,"color":"red"}'),
  main::post('/t', '[{"x":-1,"n":1,"color":"red"},{"x":1,"n":1,"color":"red"},{"x":11,"n":1,"color":"red"}]'),
  main::post('/t', '[{"x":99,"n":1,"color":"red"},{"n":1,"color":"red"}]') ]
--- response_body eval
[ '{"y":111.0}', '{"y":111.5}', '[{"y":100.0},{"y":102.0},{"y":112.0}]',
  '[{"y":200.0},{"y":106.0}]' ]
--- raw_response_headers_like eval
[ qr/Mlops-Version: 1\r\n(\r\n)?$/, qr/Mlops-Warning: out_of_range; columns=x; rows=1\r\n/,
  qr/Mlops-Warning: out_of_range; columns=x; rows=2\r\n/,
  qr/Mlops-Warning: out_of_range; columns=x; rows=1\r\nMlops-Warning: defaulted; columns=x; rows=1\r\n/ ]



=== TEST 2: refused
--- http_config
    mlops_model refuse { range refuse; }
--- config
    location = /t { mlops_predict refuse; }
--- pipelined_requests eval
[ main::post('/t', '{"x":10,"n":1,"color":"red"}'), main::post('/t', '{"x":10.5,"n":1,"color":"red"}'),
  main::post('/t', '[{"x":1,"n":1,"color":"red"},{"x":-1,"n":1,"color":"red"}]') ]
--- error_code eval
[200, 400, 400]
--- response_body eval
[ '{"y":111.0}',
  qr/^\{"error":"refuse\.x: expected a value in the training range.*10.*10\.5"\}$/,
  qr/^\{"error":"refuse\.x, row 1: .*-1.*"\}$/ ]



=== TEST 3: clipped, and flagged all the same
--- http_config
    mlops_model clip { range clip; }
--- config
    location = /t { mlops_predict clip; }
--- pipelined_requests eval
[ main::post('/t', '{"x":99,"n":1,"color":"red"}'), main::post('/t', '{"x":-99,"n":1,"color":"red"}') ]
--- response_body eval
[ '{"y":111.0}', '{"y":101.0}' ]
--- response_headers eval
[ ("Mlops-Warning: out_of_range; columns=x; rows=1") x 2 ]



=== TEST 4: results that are not finite are null
--- pipelined_requests eval
[ main::v2('log1', '[4]', 'FP64', '[0,-1,1,null]'), main::v1('log1', '{"instances":[0,-1,1]}') ]
--- response_body eval
[ main::out('log1', 'y', 'FP64', '[4,1]', '[null,null,0.0,null]'), '{"predictions":[null,null,0.0]}' ]



=== TEST 5: or strings, and strings and tokens are read
--- http_config
    mlops_model log2 { nonfinite input=accept output=string; }
--- pipelined_requests eval
[ main::v1('log2', '{"instances":[0,-1,1]}'), main::v1('log2', '{"instances":[NaN,Infinity,"-Infinity"]}') ]
--- response_body_like eval
[ qr/^\{"predictions":\["-Infinity","NaN",0\.0\]\}$/,
  qr/^\{"predictions":\["NaN","Infinity","NaN"\]\}$/ ]



=== TEST 6: or tokens, which no JSON parser has to take
--- http_config
    mlops_model log3 { nonfinite output=token; }
--- request eval
main::v1('log3', '{"inputs":{"x":[0,-1,1]}}')
--- response_body_filters eval
sub { "got $_[0]" }
--- response_body chop
got {"outputs":[-Infinity,NaN,0.0]}
