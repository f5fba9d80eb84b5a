# The bodies of two reference systems, unchanged: house prices, and the fuel
# consumption of cars.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

registry(housing => 'conf/scenarios/housing/model.json',
         mpg => 'conf/scenarios/mpg/model.json');

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: a house, by named features
--- config
    location = /predict { mlops_predict housing; }
--- pipelined_requests eval
[ main::post('/predict', '{"median_income_in_block":8.3252,"median_house_age_in_block":41,"average_rooms":6,"average_bedrooms":1,"population_per_block":322,"average_house_occupancy":2.55,"block_latitude":37.88,"block_longitude":-122.23}') ]
--- response_body eval
[ '{"median_house_value":421779}' ]
--- response_headers eval
[ "Mlops-Model: housing\n! Mlops-Warning" ]



=== TEST 2: bad data is told by name
--- config
    location = /predict { mlops_predict housing; }
--- pipelined_requests eval
[ main::post('/predict', '{"median_income_in_block":8.3252,"median_house_age_in_block":41,"average_rooms":"x","average_bedrooms":1,"population_per_block":322,"average_house_occupancy":2.55,"block_latitude":37.88,"block_longitude":-122.23}') ]
--- error_code eval
[400]
--- response_body eval
[ '{"error":"housing.average_rooms: expected a number, got \"x\""}' ]



=== TEST 3: a car, by named features
--- config
    location = /predict_fuel_consumption_l_100_km { mlops_predict mpg; }
--- pipelined_requests eval
[ main::post('/predict_fuel_consumption_l_100_km', '{"weight_kg":1080,"year":1971}'),
  main::post('/predict_fuel_consumption_l_100_km', '{"weight_kg":1595,"year":2023}') ]
--- response_body_filters eval
sub { my ($v) = $_[0] =~ /^\{"fuel_consumption_l_100_km":([\d.]+)\}$/; sprintf '%.9f', $v }
--- response_body eval
[ '10.042277211', '1.803231095' ]
--- raw_response_headers_like eval
[ qr/Mlops-Version: 1\r\n(\r\n)?$/, qr/Mlops-Warning: out_of_range; columns=year; rows=1\r\n/ ]



=== TEST 4: the same car to the same model in V1: expanded terms, raw features
--- pipelined_requests eval
[ main::v1('mpg', '{"instances":[[1.0,2381.4,71.0,5671065.96,169079.4,5041.0]]}'),
  main::v1('mpg', '{"instances":[[2381.4,71]]}') ]
--- response_body_filters eval
sub { my ($v) = $_[0] =~ /^\{"predictions":\[([\d.]+)\]\}$/; sprintf '%.7f', $v }
--- response_body eval
[ ('23.4224348') x 2 ]



=== TEST 5: V2 with one named column a feature, scalars for shape [1]
--- pipelined_requests eval
[ main::v2('mpg', '{"id":"1","inputs":[{"name":"weight_kg","shape":[1],"datatype":"FP64","data":1080},{"name":"year","shape":[1],"datatype":"FP64","data":1971}]}') ]
--- response_body_like eval
[ qr/^\{"model_name":"mpg","model_version":"1","id":"1","outputs":\[\{"name":"fuel_consumption_l_100_km","datatype":"FP64","shape":\[1,1\],"data":\[10\.0422772105\d+\]\}\]\}$/ ]
