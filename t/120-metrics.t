# mlops_metrics: the page, parsed; what is counted.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

registry(lin4 => 'lin4', m1 => 'lin4', m2 => 'mixed');

# Lines of the page by what is before the value; dies where a line is none.

sub samples {
    my ($page) = @_;

    my (%value, %help, %type);

    for my $line (split /\n/, $page) {
        if ($line =~ /^# (HELP|TYPE) (\w+) (.+)$/) {
            my $seen = $1 eq 'HELP' ? \%help : \%type;

            die "two $1 of $2\n" if $seen->{$2}++;
            next;
        }

        $line =~ /^ ( [a-zA-Z_:][a-zA-Z0-9_:]*
                      (?: \{ (?: \w+="(?:[^"\\\n]|\\["\\n])*" ,? )* \} )? )
                   [ ] ( [0-9.e+-]+ | \+Inf ) $/x
            or die "no sample: $line\n";

        die "twice: $1\n" if exists $value{$1};
        $value{$1} = $2;

        my ($name) = $1 =~ /^(\w+)/;

        $name =~ s/_(bucket|sum|count)$//
            if !exists $type{$name};
        die "no TYPE of $name\n"
            if $name =~ /^mlops_/ && !exists $type{$name};
    }

    return \%value;
}

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: the page of a fresh server
--- config
    location / { mlops_serve; }
    location = /metrics { mlops_metrics; }
--- init
unlink glob "$ENV{TEST_NGINX_STORE}/metrics/*";
--- request
GET /metrics
--- response_headers
Content-Type: text/plain; version=0.0.4; charset=utf-8
--- response_body_filters eval
sub { my $v = main::samples($_[0]); CORE::join '', map { "$_ $v->{$_}\n" } grep { /^mlops_(model_info|workers|metrics)/ } sort keys %$v }
--- response_body_like eval
qr/^mlops_metrics_errors 0
mlops_model_info\{model="lin4",version="1",alias="champion",platform="\w+"\} 1
mlops_model_info\{model="m1",version="1",alias="champion",platform="\w+"\} 1
mlops_model_info\{model="m2",version="1",alias="champion",platform="\w+"\} 1
mlops_workers [12]
$/



=== TEST 2: requests by model, version and code; rows; flags; unknown names
--- config
    location / { mlops_serve; }
    location = /t { mlops_predict m2; }
    location = /limit { mlops_predict m1; mlops_limit rows=1; }
    location = /metrics { mlops_metrics; }
--- request eval
[ main::v1('m1', '{"instances":[[1,2,3,4],[1,2,3,4]]}'), main::v2('m1', '{'),
  main::v2('nobody', '{}'), main::v2('nobody2', '{}'),
  main::post('/v2/models/m1/versions/9/infer', '{}'),
  main::post('/t', '[{"x":99,"n":1,"color":"red"},{"n":1,"color":"red"},{"x":1,"n":1,"color":"red"}]'),
  "GET /v2/models/m1", "GET /t", main::post('/limit', '[{"a":1,"b":1,"c":1,"d":1},{"a":1,"b":1,"c":1,"d":1}]'),
  "GET /metrics" ]
--- error_code eval
[200, 400, 404, 404, 404, 200, 200, 405, 413, 200]
--- response_body_filters eval
sub {
    my ($page) = @_;
    return $page if $page !~ /^#/;
    my $v = main::samples($page);
    my $rounds = $v->{'mlops_requests_total{model="m1",version="1",code="200"}'};
    return CORE::join '', map { "$_ " . $v->{$_} / $rounds . "\n" }
        grep { /"(m1|m2|_unknown)"/ && !/_sum|_bucket|info/ } sort keys %$v;
}
--- response_body eval
[ (qr/./) x 9,
'mlops_defaulted_rows_total{model="m2",version="1"} 1
mlops_out_of_range_rows_total{model="m2",version="1"} 1
mlops_request_duration_seconds_count{model="m1",version="1"} 3
mlops_request_duration_seconds_count{model="m2",version="1"} 1
mlops_requests_total{model="_unknown",version="",code="404"} 2
mlops_requests_total{model="m1",version="",code="404"} 1
mlops_requests_total{model="m1",version="1",code="200"} 1
mlops_requests_total{model="m1",version="1",code="400"} 1
mlops_requests_total{model="m1",version="1",code="413"} 1
mlops_requests_total{model="m2",version="1",code="200"} 1
mlops_rows_total{model="m1",version="1"} 2
mlops_rows_total{model="m2",version="1"} 3
' ]



=== TEST 3: buckets only grow, the sum is plausible
--- config
    location / { mlops_serve; }
    location = /metrics { mlops_metrics; }
--- request eval
[ main::good(), "GET /metrics" ]
--- error_code eval
[200, 200]
--- response_body_filters eval
sub {
    my ($page) = @_;
    return $page if $page !~ /^#/;
    my $v = main::samples($page);
    my @le = map { /^mlops_request_duration_seconds_bucket\{model="lin4",version="1",le="(.*?)"\}/ ? [ $1 eq '+Inf' ? 9e9 : $1, $v->{$_} ] : () } keys %$v;
    my $last = 0;
    my $bad = 0;
    for (sort { $a->[0] <=> $b->[0] } @le) { $bad++ if $_->[1] < $last; $last = $_->[1] }
    my $sum = $v->{'mlops_request_duration_seconds_sum{model="lin4",version="1"}'};
    return @le . " $bad " . ($sum > 0 && $sum < 1 ? 'ok' : $sum);
}
--- response_body_like eval
[ qr/./, qr/^18 0 ok$/ ]



=== TEST 4: methods
--- config
    location = /metrics { mlops_metrics; }
    location = /status { mlops_status; }
--- request eval
[ "HEAD /metrics", "POST /metrics\nx", "HEAD /status", "DELETE /status", "GET /metrics\nabc" ]
--- error_code eval
[200, 405, 200, 405, 200]
--- response_headers eval
[ '! Allow', 'Allow: GET, HEAD', '! Allow', 'Allow: GET, HEAD', '! Allow' ]



=== TEST 5: pages of sidecars are merged family by family
--- config
    location = /metrics { mlops_metrics; }
--- init
my $dir = "$ENV{TEST_NGINX_STORE}/metrics";
mkdir $dir;
open my $f, '>', "$dir/mlops-relay.prom" or die $!;
print $f qq(# HELP mlops_workers Their own.\n# TYPE mlops_workers gauge\nmlops_workers 3\n# HELP x_total X.\n# TYPE x_total counter\nx_total{a="1"} 5\ny_total{} 6\nx_total 7\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 0.5\nh_count 1\ncut_short 1);
close $f;
open my $g, '>', "$dir/mlops-features.prom" or die $!;
print $g qq(# TYPE x_total counter\nx_total{a="1"} 8\n);
close $g;
open my $h, '>', "$dir/big.prom" or die $!;
print $h "x_total 1\n" x 200000;
close $h;
symlink '/etc/passwd', "$dir/link.prom";
--- request
GET /metrics
--- response_body_filters eval
sub { my $v = main::samples($_[0]); CORE::join '', map { "$_ $v->{$_}\n" } grep { /^(x_total|y_total|h_|mlops_metrics|cut|mlops_workers.*process)/ } sort keys %$v }
--- response_body
h_bucket{process="mlops-relay",le="+Inf"} 1
h_count{process="mlops-relay"} 1
h_sum{process="mlops-relay"} 0.5
mlops_metrics_errors 2
mlops_workers{process="mlops-relay"} 3
x_total{process="mlops-features",a="1"} 8
x_total{process="mlops-relay",a="1"} 5
x_total{process="mlops-relay"} 7
y_total{process="mlops-relay"} 6
