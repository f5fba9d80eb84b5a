# README's configuration and commands do what it says: only the paths and the
# port are others here.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use Mlops qw($root $build await slurp spew);
use Site;
use Test::More;

my $site = Site->new('readme', workers => 1);
my $dir = $site->{prefix};
my ($use) = slurp("$root/README.md") =~ /^## Use it\n(.*?)^## /ms;
my ($conf) = $use =~ /^```nginx\n(.*?)^```/ms;
my ($publish, $curl) = $use =~ /^```sh\n(.*?)^```/msg;
my ($path, $body) = $curl =~ m{^curl http://[\d.:]+(\S+) -d '(.*)'$}m;

ok(defined $body, 'README has a configuration, commands, and a request');

$conf =~ s{^load_module \Kmodules/[^/]+\.so}{$Site::module}m;
$conf =~ s{\b8080\b}{$site->listen_at}e;
$conf =~ s{^events}{pid logs/nginx.pid;\n$&}m;
$conf =~ s{^http \{\n\K}{join '', "    access_log off;\n",
                          map { "    ${_}_temp_path tmp;\n" }
                              qw(client_body proxy fastcgi uwsgi scgi)}me;

for ($conf, $publish) {
    s{/run/mlops}{$site->{store}}g;
    s{/var/lib/mlops/registry}{$dir/var/lib/registry}g;
    s{housing\.mlm}{$dir/housing.mlm}g;
}

spew("$dir/nginx.conf", $conf);
$site->start;

mkdir "$dir/bin";
symlink($ENV{MLOPSCTL} // "$build/bin/mlopsctl", "$dir/bin/mlopsctl");
$ENV{PATH} = "$dir/bin:$ENV{PATH}";

is(system('sh', '-e', '-c', "cd '$root'\n$publish >&2"), 0,
   'the commands succeed');

# What XGBoost 1.7.4 predicts for this row.

my $answer = await(60, sub {
    my ($status, undef, $text) = $site->get($path, $body);
    return $status == 200 ? $text : undef;
});

is($answer, '{"predictions":[4.47395]}', 'and the request is answered')
    or diag($site->log);

done_testing();
