# mlops_status: what this worker serves, and why not.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

use JSON::PP ();

registry(lin4 => 'lin4', half_plus_two => [ 'half_plus_two', 'plus10' ]);

sub status {
    my ($page, @path) = @_;

    my $value = JSON::PP->new->canonical->decode($page);

    for my $key (@path) {
        $value = ref $value eq 'ARRAY' ? $value->[$key] : $value->{$key};
    }

    return JSON::PP->new->canonical->allow_nonref->encode($value);
}

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: the members of the object
--- config
    location = /status { mlops_status; }
--- request
GET /status
--- response_headers
Content-Type: application/json
--- response_body_filters eval
sub { CORE::join ' ', sort keys %{ JSON::PP->new->decode($_[0]) } }
--- response_body chop
models pid processes registry store version views workers



=== TEST 2: models
--- config
    location = /status { mlops_status; }
--- request
GET /status
--- response_body_filters eval
sub { main::status($_[0], 'models') }
--- response_body_like eval
qr/^\[\{"aliases":\[\{"alias":"champion","target":"1","version":"1"\}\],"name":"half_plus_two","refused":null,"versions":\[\{"bytes":\d+,"pins":0,"platform":"linear","since":\d+,"version":"1"\}\]\},\{"aliases":\[\{"alias":"champion","target":"1","version":"1"\}\],"name":"lin4","refused":null,"versions":\[\{.*\}\]\}\]$/



=== TEST 3: store and registry
--- config
    location = /status { mlops_status; }
--- request
GET /status
--- response_body_filters eval
sub { 'registry ' . main::status($_[0], 'registry') . ' store ' . main::status($_[0], 'store', 'path') }
--- response_body eval
qq(registry {"error":null,"path":"$ENV{TEST_NGINX_REGISTRY}"} store "$ENV{TEST_NGINX_STORE}")



=== TEST 4: the objects of sidecars go in as they are, others not at all
--- config
    location = /status { mlops_status; }
--- init
my $dir = "$ENV{TEST_NGINX_STORE}/status";
mkdir $dir;
my %files = ('mlops-relay' => '{"lag": {"p0": 12}}', broken => '{"a":', list => '[1]', empty => '');
for my $name (keys %files) {
    open my $f, '>', "$dir/$name.json" or die $!;
    print $f $files{$name};
    close $f;
}
--- request
GET /status
--- response_body_filters eval
sub { main::status($_[0], 'processes') }
--- response_body chop
{"mlops-relay":{"lag":{"p0":12}}}
