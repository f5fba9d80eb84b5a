# Replicas as conf/replicas.conf has them: a node that lacks a model asks
# others; one of those dies under load and no request fails; when all are
# dead, the answer is still of our shape.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use File::Path qw(make_path);
use Mlops qw(await free_port slurp);
use Site;
use Test::More;
use Time::HiRes qw(sleep);

my $quick = $ENV{MLOPS_QUICK};
my $toys = "$FindBin::Bin/../data/toys";
my $shipped = slurp("$FindBin::Bin/../../conf/replicas.conf");

my @sites = map { Site->new("replicas-$_") } qw(front one two);
my ($front, @replicas) = @sites;
my @door = map { free_port() } @sites;
my @public = map { free_port() } @sites;


# The shipped file, with this machine's addresses in place of its own.

sub replicas_conf {
    my ($n) = @_;

    my $conf = $shipped;

    $conf =~ s/10\.0\.0\.11:8081/127.0.0.1:$door[1]/ or die;
    $conf =~ s/10\.0\.0\.12:8081/127.0.0.1:$door[2]/ or die;
    $conf =~ s/listen 8080;/listen 127.0.0.1:$public[$n];/ or die;
    $conf =~ s/listen 8081;/listen 127.0.0.1:$door[$n];/ or die;

    # How long an answer may take is said for machines that have nothing else
    # to do; who is asked again, and when, stays.

    $conf =~ s/(proxy_next_upstream_timeout)\s+2s;/$1 60s;/ or die;
    $conf =~ s/(proxy_connect_timeout)\s+250ms;/$1 20s;/ or die;
    $conf =~ s/(proxy_${_}_timeout)\s+1s;/$1 20s;/ or die for 'send', 'read';

    return $conf;
}


sub ask {
    my ($port, $path, $body) = @_;

    return Mlops::request("127.0.0.1:$port", $path, $body);
}


# What a replica has answered, of which it has its own count.

sub answered {
    my ($replica) = @_;
    return $replica->served('lin4');
}


for my $n (0 .. 2) {
    my $site = $sites[$n];

    if ($n > 0) {
        my $image = "$site->{prefix}/lin4.mlm";

        $site->ctl('import', "$toys/lin4.json", '-o', $image);
        $site->publish('lin4', $image);
    }

    $site->publish('here', $site->constant(7));
    $site->conf(http => replicas_conf($n),
                server => "location = /metrics { mlops_metrics; }\n");
    $site->start;
}

# The front knows the model, but its image has not come yet.

make_path("$front->{store}/models/lin4");
symlink '1.mlm', "$front->{store}/models/lin4/\@champion" or die;

my $path = '/ml/v2/models/lin4/infer';
my $request = '{"inputs":[{"name":"x","shape":[2,4],"datatype":"FP32",'
              . '"data":[[6.8,2.8,4.8,1.4],[6.0,3.4,4.5,1.6]]}]}';
my $answer = '{"model_name":"lin4","model_version":"1","outputs":[{"name":'
             . '"prediction","datatype":"FP32","shape":[2,1],'
             . '"data":[32.9,33.2]}]}';

ok(await(60, sub { (ask($door[0], $path, $request))[0] == 503 }),
   'the front knows the model and has it not');

my ($status, $head, $text) = ask($door[0], $path, $request);

like($text, qr/^\{"error":".*lin4.*"\}$/, 'it says so where nobody helps');

($status, $head, $text) = ask($public[0], '/ml/v2/models/here/infer',
                              '{"inputs":[]}');
is($status, 400, 'a model that is here is answered here');

($status, $head, $text) = ask($public[0], $path, $request);
is($status, 200, 'another node answers');
is($text, $answer, 'with its prediction');

($status, $head, $text) = ask($public[0], $path, '{"inputs":[');
is($status, 400, "a node's 400 is passed on");
like($text, qr/^\{"error":"lin4: malformed JSON/, 'as that node said it');

# A body that the front has to spill goes there whole.

my $many = '{"inputs":[{"name":"x","shape":[1000,4],"datatype":"FP32","data":['
           . join(',', ('1,2,3,4') x 1000) . ']}],"pad":"' . 'x' x 900000
           . '"}';

($status, $head, $text) = ask($public[0], $path, $many);
is($status, 200, 'a large body');
is(() = $text =~ /30\.5/g, 1000, 'all of it');


# --------------------------------------------------- a replica dies, rises

$front->{port} = $public[0];

my $job = $front->load($path, [ $request ], '-c', 8);

for my $round (1 .. ($quick ? 1 : 3)) {
    my $dead = $replicas[$round % 2];

    # one that has failed is not asked for fail_timeout, 1 s: both are back

    for my $replica (@replicas) {
        my $before = answered($replica);

        await(60, sub { answered($replica) > $before + 20 })
            or die "a replica is not asked\n";
    }

    my $master = $dead->master;
    kill 'KILL', $master, Mlops::workers($master);
    ok(await(60, sub { ! kill 0, $master }), "a replica is killed ($round)");
    unlink "$dead->{prefix}/logs/nginx.pid";

    sleep 0.7;
    $dead->start;
}


my ($report, @answers) = $front->load_end($job);

cmp_ok($report->{requests}, '>', 500, "$report->{requests} requests");
is($report->{failed}, 0, 'none failed')
    or diag(join "\n", (grep { !/\[info\]/ } split /\n/, $front->log)
                       [0 .. 30]);
is_deeply([ map { "$_->{version} $_->{status} $_->{text}" } @answers ],
          [ "1 200 $answer" ], 'all answers are that prediction');


# ------------------------------------------------------------ all are dead

$_->stop for @replicas;

($status, $head, $text) = ask($public[0], $path, $request);
is($status, 502, 'nobody answers');
like($text, qr/^\{"error":".*lin4.*; the server asked in its place did not answer"\}$/,
     'in our shape');

is($front->logged('\[(?:alert|emerg|crit)\]'), 0, 'nothing to alarm');

done_testing();
