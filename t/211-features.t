# mlops_features: rows of feature tables as JSON.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;
use Tables;

use JSON::PP ();

registry(lin4 => 'lin4');

our $http = batch_view('rides', 'driver_id int64', 'event_time t unit=us',
                       'n int64', 'fare', 'zone string bytes=16', 'ttl 1h')
    . batch_view('drivers', 'driver_id string bytes=8', 'age')
    . batch_view('cities', 'city string', 'heat', 'shards 4')
    . batch_view('later', 'driver_id int64', 'z')
    . "    mlops_limit rows=3;\n";

my $us = time() . '123456';
my $old = time() - 3601 . '000000';

sub iso {
    my @t = gmtime int($_[0] / 1e6);

    return sprintf '%04d-%02d-%02dT%02d:%02d:%02d', $t[5] + 1900, $t[4] + 1,
                   @t[3, 2, 1, 0];
}

our $fresh = iso($us) . '.123456Z';
our $milli = iso($us) . '.123Z';
our $stale = iso($old) . 'Z';

tables($http,
       rides => "driver_id,t,n,fare,zone\n"
                . "1001,$us,9007199254740993,41.5,\"a \"\"b\"\"\"\n"
                . "1002,$old,1,0.1,\n"
                . "-5," . ($us - 456) . ",,,x\n",
       drivers => "driver_id,age\n1001,33\nx y,4\n",
       cities => join('', "city,heat\n",
                      map { "c$_,$_\n" } 1 .. 50)
                 . "\"K\xc3\xb6ln\",7\n\"a&b=c+d\",8\n");

repeat_each(2);
no_root_location();

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', $main::http
                                     . ($block->http_config // ''));
    $block->set_value('config', $block->config // <<'_END_');
    location = /rides   { mlops_features rides; }
    location = /all     { mlops_features rides drivers cities; }
    location = /cities  { mlops_features cities; mlops_limit rows=1000; }
    location = /later   { mlops_features later; }
    location = /cells   { mlops_features rides; mlops_limit elements=5; }
_END_
    serve_block($block);
});

add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: one key, in a query
--- request
GET /rides?driver_id=1001
--- response_headers
Content-Type: application/json
--- response_body eval
qq({"views":{"rides":{"entity":"driver_id","rows":[{"key":1001,)
. qq("event_time":"$main::fresh","values":{"n":9007199254740993,)
. qq("fare":41.5,"zone":"a \\"b\\""},"statuses":{"n":"PRESENT",)
. qq("fare":"PRESENT","zone":"PRESENT"}}]}}}\n)



=== TEST 2: several, in order, one of them twice; times; a text that is a number
--- request
POST /rides
{"driver_id": ["-5", 9999, 1002]}
--- response_body eval
qq({"views":{"rides":{"entity":"driver_id","rows":[{"key":-5,)
. qq("event_time":"$main::milli","values":{"n":null,"fare":null,"zone":"x"},)
. qq("statuses":{"n":"NULL_VALUE","fare":"NULL_VALUE","zone":"PRESENT"}},)
. qq({"key":9999,"event_time":null,"values":{"n":null,"fare":null,)
. qq("zone":null},"statuses":{"n":"NOT_FOUND","fare":"NOT_FOUND",)
. qq("zone":"NOT_FOUND"}},{"key":1002,"event_time":"$main::stale",)
. qq("values":{"n":1,"fare":0.1,"zone":null},"statuses":{)
. qq("n":"OUTSIDE_MAX_AGE","fare":"OUTSIDE_MAX_AGE",)
. qq("zone":"OUTSIDE_MAX_AGE"}}]}}}\n)



=== TEST 3: several views, of one entity name and of two types
--- request eval
[ 'GET /all?driver_id=1001',
  main::post('/all', '{"city":"c7","driver_id":1001}') ]
--- response_body_filters eval
sub {
    my $views = JSON::PP->new->decode($_[0])->{views};
    CORE::join '; ', map {
        my $view = $_;
        CORE::join ' ', $view, $views->{$view}{entity},
        map { $_->{key} . '=' . CORE::join ',', map { $_ // 'null' }
                                @{ $_->{values} }{sort keys %{ $_->{values} }} }
            @{ $views->{$view}{rows} }
    } sort keys %$views
}
--- response_body eval
[ 'cities city; drivers driver_id 1001=33; rides driver_id '
  . '1001=41.5,9007199254740993,a "b"',
  'cities city c7=7; drivers driver_id 1001=33; rides driver_id '
  . '1001=41.5,9007199254740993,a "b"' ]



=== TEST 4: percent-encoding
--- request eval
[ 'GET /cities?city=K%C3%B6ln', 'GET /cities?city=a%26b%3Dc%2Bd',
  'GET /cities?%63ity=c1&&city=c+1&', 'GET /cities?city=c%201' ]
--- response_body_filters eval
sub {
    CORE::join ' ', map { ($_->{values}{heat} // 'null') }
    @{ JSON::PP->new->decode($_[0])->{views}{cities}{rows} }
}
--- response_body eval
[ '7', '8', '1 null', 'null' ]



=== TEST 5: more than a group of keys, in all shards
--- request eval
main::post('/cities', '{"city":['
           . CORE::join(',', map { "\"c$_\"" } CORE::reverse 1 .. 60) . ']}')
--- response_body_filters eval
sub {
    CORE::join ' ', map { "$_->{key}=" . ($_->{values}{heat} // 'null') }
    @{ JSON::PP->new->decode($_[0])->{views}{cities}{rows} }
}
--- response_body eval
CORE::join ' ', map { "c$_=" . ($_ > 50 ? 'null' : $_) } CORE::reverse 1 .. 60



=== TEST 6: a view without a table
--- request
GET /later?driver_id=1
--- response_body
{"views":{"later":{"entity":"driver_id","rows":[{"key":1,"event_time":null,"values":{"z":null},"statuses":{"z":"NOT_FOUND"}}]}}}



=== TEST 7: HEAD
--- request
HEAD /rides?driver_id=1001
--- response_headers
Content-Type: application/json
--- response_body



=== TEST 8: refused
--- request eval
[ 'GET /rides', 'GET /rides?', 'GET /rides?driver_id',
  'GET /rides?driver_id=x', 'GET /rides?driver_id=', 'GET /rides?drv=1',
  'GET /all?drv=1', 'GET /rides?driver_id=9223372036854775808',
  'GET /rides?driver_id=%FF', 'GET /rides?driver_id=1001%2',
  'GET /rides?driver_id=1001%', 'GET /cities?ci%zzty=Ulm',
  main::post('/rides', ''), main::post('/rides', '[1]'),
  main::post('/rides', '{"driver_id":1.5}'),
  main::post('/rides', '{"driver_id":[true]}'),
  main::post('/rides', '{"driver_id":[[1]]}'),
  main::post('/rides', '{"driver_id":[]}'),
  main::post('/rides', '{"driver_id":[1}'),
  main::post('/rides', '{"driver_id":1,"driver_id":2}'),
  main::post('/rides', '{"driver_id":1} 2'),
  main::post('/rides', '{"driver_id":tru}'),
  main::post('/cities', '{"city":"' . 'x' x 65 . '"}') ]
--- error_code eval
[ (400) x 23 ]
--- response_body eval
[ map { $_ . "" }
  '{"error":"expected keys of \"driver_id\", got none"}',
  '{"error":"expected keys of \"driver_id\", got none"}',
  '{"error":"invalid argument \"driver_id\": expected entity=key"}',
  '{"error":"driver_id: expected a key of type int64, got \"x\""}',
  '{"error":"driver_id: expected a key of type int64, got \"\""}',
  '{"error":"no view here has the entity \"drv\": expected \"driver_id\""}',
  '{"error":"no view here has the entity \"drv\": expected \"driver_id\" or '
  . 'that of another view"}',
  '{"error":"driver_id: expected a key of type int64, got '
  . '\"9223372036854775808\""}',
  '{"error":"invalid argument \"driver_id=%FF\": expected UTF-8"}',
  '{"error":"invalid argument \"driver_id=1001%2\": expected two hexadecimal '
  . 'digits behind \"%\""}',
  '{"error":"invalid argument \"driver_id=1001%\": expected two hexadecimal '
  . 'digits behind \"%\""}',
  '{"error":"invalid argument \"ci%zzty=Ulm\": expected two hexadecimal digits '
  . 'behind \"%\""}',
  '{"error":"expected a JSON object of keys, got an empty body"}',
  '{"error":"expected a JSON object of keys, got an array"}',
  '{"error":"driver_id: expected a string or an integer, got 1.5"}',
  '{"error":"driver_id: expected a string or an integer, got true"}',
  '{"error":"driver_id: expected a string or an integer, got an array"}',
  '{"error":"expected keys of \"driver_id\", got none"}',
  '{"error":"malformed JSON at byte 15: expected \',\' or \']\', got }"}',
  '{"error":"driver_id: the name is there twice"}',
  '{"error":"malformed JSON at byte 16: expected the end of the text, got '
  . '2"}',
  '{"error":"malformed JSON at byte 13: expected a value, got tru"}',
  '{"error":"city: expected a key of 1 to 64 bytes, got 65"}' ]



=== TEST 9: limits
--- request eval
[ 'GET /rides?driver_id=1&driver_id=2&driver_id=3',
  'GET /rides?driver_id=1&driver_id=2&driver_id=3&driver_id=4',
  main::post('/rides', '{"driver_id":[1,2,3,4]}'),
  'GET /cells?driver_id=1', 'GET /cells?driver_id=1&driver_id=2' ]
--- error_code eval
[ 200, 413, 413, 200, 413 ]
--- response_body_like eval
[ 'views', '^\{"error":"driver_id: expected at most 3 keys, got more"\}$',
  '^\{"error":"driver_id: expected at most 3 keys, got more"\}$', 'views',
  '^\{"error":"expected at most 5 values, got 6"\}$' ]



=== TEST 10: methods, and a body that is compressed
--- request eval
[ "PUT /rides\n{}", "DELETE /rides" ]
--- error_code eval
[ 405, 405 ]
--- response_headers eval
[ 'Allow: GET, HEAD, POST', 'Allow: GET, HEAD, POST' ]
--- response_body eval
[ '{"error":"method PUT is not allowed here"}',
  '{"error":"method DELETE is not allowed here"}' ]



=== TEST 11: Content-Encoding
--- more_headers
Content-Encoding: gzip
--- request
POST /rides
{"driver_id":1}
--- error_code: 415
--- response_body chomp
{"error":"the body has a Content-Encoding; expected none"}



=== TEST 12: a GET with a body, and the request behind it
--- request eval
[ "GET /rides?driver_id=9\nsome text", 'GET /later?driver_id=1' ]
--- response_body_like eval
[ '"key":9', '"key":1' ]



=== TEST 13: access
--- config
    location = /rides { mlops_features rides; deny all; }
--- request
GET /rides?driver_id=1
--- error_code: 403
--- response_body chomp
{"error":"access is forbidden"}



=== TEST 14: an unknown view
--- config
    location = /rides { mlops_features ridse; }
--- must_die
--- error_log
unknown view "ridse" in "mlops_features": expected one that an "mlops_view" declares in



=== TEST 15: the same one twice
--- config
    location = /rides { mlops_features rides rides; }
--- must_die
--- error_log
view "rides" is named twice in "mlops_features"



=== TEST 16: beside another content
--- config
    location = /rides { mlops_features rides; mlops_status; }
--- must_die
--- error_log
"mlops_status" cannot share a location with "mlops_features" of line



=== TEST 17: if inherits it
--- config
    location = /rides {
        mlops_features rides;
        if ($arg_x) {
            add_header X-If yes;
        }
    }
--- request
GET /rides?driver_id=9&driver_id=8
--- response_body_like: "key":8
