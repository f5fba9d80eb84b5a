# Joins: columns of a request that come from feature tables.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;
use Tables;

use JSON::PP ();

registry(map({ $_ => 'lin4' } qw(lin4 none strict)),
         map({ $_ => 'mixed' } qw(mixed city set)),
         map({ $_ => 'duo' } qw(eth pair old null range)));

our $http = batch_view('rides', 'driver_id int64', 'a int64', 'b', 'c')
    . batch_view('prices', 'symbol string', 'event_time t unit=s', 'x',
                 'shards 3', 'ttl 20m')
    . batch_view('cities', 'city string', 'n int64', 'color string bytes=8')
    . <<'_END_';
    mlops_model lin4   { join rides key=driver_id; }
    mlops_model none   { join rides key=driver_id prefix=no_; }
    mlops_model strict { join rides key=driver_id missing=refuse override=a,b; }
    mlops_model city   { join cities key=town; }
    mlops_model set    { join cities key=city; join prices key=$arg_s; }
    mlops_model eth    { join prices "key='ETH/USD'" suffix=_eth; }
    mlops_model pair   {
        join prices key=base suffix=_btc max_age=10m;
        join prices key=quote suffix=_eth;
    }
    mlops_model old    { join prices key=s suffix=_eth max_age=10m; }
    mlops_model null   { join prices key=s suffix=_eth missing=null; }
    mlops_model range  { join prices key=s suffix=_eth; range refuse; }
_END_

my $now = time;

tables($http,
       rides => "driver_id,a,b,c\n1001,1,2,3\n1002,10,20,\n"
                . "-9007199254740993,5,5,5\n",
       prices => "symbol,t,x\nBTC/USD,$now,1\nETH/USD,$now,20\nOLD,"
                 . ($now - 900) . ",30\nDEAD," . ($now - 1500) . ",40\n"
                 . "BIG,$now,1001\n",
       cities => "city,n,color\nUlm,5,green\n\"K\xc3\xb6ln\",6,blue\n"
                 . "Bonn,,red\n");

repeat_each(2);
no_root_location();

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', $main::http
                                     . ($block->http_config // ''));
    serve_block($block);
});

run_tests();

__DATA__

=== TEST 1: a body of the key alone, in every dialect
--- config
    location / { mlops_serve; }
    location = /p { mlops_predict lin4; }
--- request eval
[ main::post('/p', '{"driver_id":1001,"d":4}'),
  main::post('/p', '[{"driver_id":1001,"d":4},{"d":1,"driver_id":1002}]'),
  main::post('/p', '{"instances":[{"driver_id":1001,"d":4}]}'),
  main::post('/p', '{"instances":[[null,null,null,4,1001]]}'),
  main::post('/p', '{"inputs":{"driver_id":[1001,1001],"d":[4,5]}}'),
  main::post('/p', '{"dataframe_split":{"columns":["d","driver_id"],'
             . '"data":[[4,1001]]}}'),
  main::v2('lin4', '{"inputs":[{"name":"d","shape":[1],"datatype":"FP32",'
           . '"data":[4]},{"name":"driver_id","shape":[1],"datatype":'
           . '"INT64","data":[1001]}]}') ]
--- response_body eval
[ '{"prediction":30.5}', '[{"prediction":30.5},{"prediction":null}]',
  '{"predictions":[30.5]}', '{"predictions":[30.5]}',
  '{"outputs":[30.5,34.5]}', '{"predictions":[30.5]}',
  main::out('lin4', 'prediction', 'FP32', '[1,1]', '[30.5]') ]



=== TEST 2: CSV
--- config
    location = /p { mlops_predict lin4; }
--- more_headers
Content-Type: text/csv
--- request
POST /p
driver_id,d
1001,4
1001,5
--- response_body
prediction
30.5
34.5



=== TEST 3: what no join brings is missing as before
--- config
    location = /p { mlops_predict lin4; }
--- request eval
[ main::post('/p', '{"driver_id":1001}'),
  main::post('/p', '{"d":4}'),
  main::post('/p', '{"driverid":1001,"d":4}'),
  main::post('/p', '{"driver_id":"1001","d":4}'),
  main::post('/p', '{"driver_id":1.5,"d":4}'),
  main::post('/p', '{"instances":[[1,2,3]]}') ]
--- error_code eval
[ 400, 400, 400, 400, 400, 400 ]
--- response_body eval
[ '{"error":"lin4.d: missing"}', '{"error":"lin4.driver_id: missing"}',
  '{"error":"lin4.driver_id: missing; the unknown name \"driverid\" comes '
  . 'close"}',
  '{"error":"lin4.driver_id: expected an integer, got \"1001\""}',
  '{"error":"lin4.driver_id: expected an integer, got 1.5"}',
  '{"error":"lin4: row 0: expected 4 values, or 5 with the keys of joins, '
  . 'got 3"}' ]



=== TEST 4: the body's own values, where all inputs are there
--- config
    location = /p { mlops_predict lin4; }
--- request eval
[ main::post('/p', '{"a":1,"b":1,"c":1,"d":1}'),
  main::post('/p', '{"a":1,"b":1,"c":1,"d":1,"driver_id":1001}'),
  main::post('/p', '{"instances":[[1,1,1,1],[1,1,1,1,1001]]}'),
  main::post('/p', '{"a":1,"b":1,"c":1,"d":1,"driver_id":9}') ]
--- response_body eval
[ '{"prediction":10.5}', '{"prediction":18.5}',
  '{"predictions":[10.5,18.5]}', '{"prediction":10.5}' ]



=== TEST 5: the key is exact to all its bits
--- config
    location = /p { mlops_predict lin4; }
--- request eval
[ main::post('/p', '{"d":0,"driver_id":-9007199254740993}'),
  main::post('/p', '{"d":0,"driver_id":-9007199254740992}') ]
--- response_body eval
[ '{"prediction":30.5}', '{"prediction":null}' ]



=== TEST 6: what is missing is said
--- config
    location = /p { mlops_predict lin4; }
--- request eval
[ main::post('/p', '{"driver_id":9,"d":4}'),
  main::post('/p', '{"driver_id":1001,"d":4}'),
  main::post('/p', '[{"driver_id":9,"d":4,"a":1},{"driver_id":null,"d":1}]') ]
--- response_headers eval
[ 'Mlops-Warning: missing; columns=a,b,c; rows=1',
  'Mlops-Warning:',
  'Mlops-Warning: missing; columns=a,b,c; rows=2' ]



=== TEST 7: a default is filled in and said
--- config
    location = /p { mlops_predict city; }
--- request eval
[ main::post('/p', '{"town":"Ulm","x":1}'),
  main::post('/p', '{"town":"Ulm"}') ]
--- response_body eval
[ '{"y":206.0}', '{"y":210.0}' ]
--- response_headers eval
[ 'Mlops-Warning:', 'Mlops-Warning: defaulted; columns=x; rows=1' ]



=== TEST 8: a required input of an unknown entity
--- config
    location = /p { mlops_predict city; }
--- request eval
[ main::post('/p', '{"town":"Nowhere","x":1}'),
  main::post('/p', '{"town":"Bonn","x":1}'),
  main::post('/p', '{"town":"Bonn","x":1,"n":4}') ]
--- error_code eval
[ 400, 400, 200 ]
--- response_body eval
[ '{"error":"city.n: expected a value, got none"}',
  '{"error":"city.n: expected a value, got none"}',
  '{"y":105.0}' ]



=== TEST 9: strings, with escapes and in UTF-8
--- config
    location = /p { mlops_predict city; }
--- request eval
[ main::post('/p', '{"town":"K\u00f6ln","x":1}'),
  main::post('/p', qq({"town":"K\xc3\xb6ln","x":1})),
  main::post('/p', '[{"town":"K\u00f6ln","x":1},{"town":"Ulm","x":1,'
             . '"color":"red"},{"town":"?","x":1,"n":1,"color":"red"}]') ]
--- response_body eval
[ '{"y":307.0}', '{"y":307.0}',
  '[{"y":307.0},{"y":206.0},{"y":102.0}]' ]



=== TEST 10: missing=refuse, and override
--- config
    location = /p { mlops_predict strict; }
--- request eval
[ main::post('/p', '{"driver_id":1001,"d":4,"a":100,"c":100}'),
  main::post('/p', '{"driver_id":9,"d":4,"a":1,"b":1,"c":1}'),
  main::post('/p', '[{"driver_id":1001,"d":4},{"driver_id":9,"d":4}]'),
  main::post('/p', '{"driver_id":null,"d":4}') ]
--- error_code eval
[ 200, 400, 400, 400 ]
--- response_body eval
[ '{"prediction":129.5}',
  '{"error":"strict: view \"rides\" has no entity 9"}',
  '{"error":"strict: view \"rides\" has no entity 9, row 1"}',
  '{"error":"strict.driver_id: expected an entity of view \"rides\", got '
  . 'none"}' ]



=== TEST 11: a join that fills nothing asks for no key
--- config
    location = /p { mlops_predict none; }
--- request
POST /p
{"a":1,"b":1,"c":1,"d":1}
--- response_body chomp
{"prediction":10.5}



=== TEST 12: a constant: one half from the request, one from the view
--- config
    location = /p { mlops_predict eth; }
    location / { mlops_serve; }
--- request eval
[ main::post('/p', '{"x_btc":3}'),
  main::post('/p', '[{"x_btc":3},{"x_btc":4,"x_eth":1}]'),
  main::post('/p', '{"instances":[[3,null]]}'),
  main::v2('eth', '{"inputs":[{"name":"x_btc","shape":[2],"datatype":'
           . '"FP64","data":[3,4]}]}') ]
--- response_body eval
[ '{"y":203.0}', '[{"y":203.0},{"y":204.0}]', '{"predictions":[203.0]}',
  main::out('eth', 'y', 'FP64', '[2,1]', '[203.0,204.0]') ]



=== TEST 13: one view twice, with two keys
--- config
    location = /p { mlops_predict pair; }
--- request eval
[ main::post('/p', '{"base":"BTC/USD","quote":"ETH/USD"}'),
  main::post('/p', '{"base":"ETH\/USD","quote":"BTC/USD"}'),
  main::post('/p', '[{"base":"BTC/USD","quote":"nope"},'
             . '{"base":"OLD","quote":"OLD"},{"base":"","quote":null}]') ]
--- response_body eval
[ '{"y":201.0}', '{"y":30.0}', '[{"y":71.0},{"y":null},{"y":null}]' ]
--- response_headers eval
[ 'Mlops-Warning:', 'Mlops-Warning:',
  'Mlops-Warning: defaulted; columns=x_eth; rows=2, '
  . 'missing; columns=x_btc; rows=2' ]



=== TEST 14: too old for the join, and for the view
--- config
    location = /p { mlops_predict old; }
    location = /q { mlops_predict pair; }
--- request eval
[ main::post('/p', '{"s":"OLD","x_btc":1}'),
  main::post('/p', '{"s":"ETH/USD","x_btc":1}'),
  main::post('/q', '{"base":"BTC/USD","quote":"OLD"}'),
  main::post('/q', '{"base":"BTC/USD","quote":"DEAD"}') ]
--- response_body eval
[ '{"y":71.0}', '{"y":201.0}', '{"y":301.0}', '{"y":71.0}' ]



=== TEST 15: missing=null takes no default
--- config
    location = /p { mlops_predict null; }
--- request eval
[ main::post('/p', '{"s":"nope","x_btc":1}'),
  main::post('/p', '{"s":"nope","x_btc":1,"x_eth":1}'),
  main::post('/p', '{"s":"ETH/USD","x_btc":1}') ]
--- response_body eval
[ '{"y":null}', '{"y":11.0}', '{"y":201.0}' ]
--- response_headers eval
[ 'Mlops-Warning: missing; columns=x_eth; rows=1', 'Mlops-Warning:',
  'Mlops-Warning:' ]



=== TEST 16: a joined value out of range
--- config
    location = /p { mlops_predict range; }
    location = /q { mlops_predict null; }
--- request eval
[ main::post('/p', '{"s":"BIG","x_btc":1}'),
  main::post('/q', '{"s":"BIG","x_btc":1}') ]
--- error_code eval
[ 400, 200 ]
--- response_body eval
[ '{"error":"range.x_eth: expected a value in the training range 0.0 to '
  . '1000.0, got 1001.0"}',
  '{"y":10011.0}' ]
--- response_headers eval
[ 'Mlops-Warning:',
  'Mlops-Warning: out_of_range; columns=x_eth; rows=1' ]



=== TEST 17: mlops_set, with a column and a variable as keys
--- config
    location = /t {
        mlops_set  $y set city=$arg_c;
        proxy_set_header X-Status $mlops_status;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?$y;
    }
    location = /u {
        mlops_set  $y lin4 driver_id=$arg_d d=1;
        proxy_set_header X-Status $mlops_status;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?$y;
    }
    location = /echo { return 200 "$args|$http_x_status\n"; }
--- request eval
[ 'GET /t?c=Ulm&s=BTC/USD', 'GET /t?c=Ulm', 'GET /t?c=Ulm&s=nope',
  'GET /t?c=nope&s=BTC/USD', 'GET /u?d=1001', 'GET /u?d=x' ]
--- response_body eval
[ "206.0|ok\n", "210.0|ok\n", "210.0|ok\n",
  "|set: n: expected a value, got none\n", "18.5|ok\n",
  "|lin4: driver_id, row 0: expected an integer, got \"x\"\n" ]



=== TEST 18: the metadata list the keys
--- config
    location / { mlops_serve; }
--- request
GET /v2/models/lin4
--- response_body_filters eval
sub { CORE::join ' ', map { "$_->{name}:$_->{datatype}" }
      @{ JSON::PP->new->decode($_[0])->{inputs} } }
--- response_body chop
a:FP32 b:FP32 c:FP32 d:FP32 driver_id:INT64
