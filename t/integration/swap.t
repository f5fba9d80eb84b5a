# Hot swap: versions change under load, in idle workers, at 50 MB; bad images
# change nothing; a store may vanish.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use File::Path qw(remove_tree);
use Mlops qw(await now slurp spew);
use POSIX ();
use Site;
use Test::More;
use Time::HiRes qw(sleep);

my $quick = $ENV{MLOPS_QUICK};
my $site = Site->new('swap');

# Version n of a model answers n.

my %image = map { $_ => $site->constant($_) } 1 .. 9;

$site->publish('a', $image{1});
$site->publish('b', $image{1});

$site->conf(server => <<'_END_');
        add_header X-Pid $pid always;
        location = /a      { mlops_predict a; }
        location = /b      { mlops_predict b; }
        location = /big    { mlops_predict big; }
        location = /small  { mlops_predict small; }
        location = /empty  { return 200; }
        location = /status { mlops_status; }
        location = /metrics { mlops_metrics; }
_END_


# ------------------------------------------- cold start, without a sidecar

ok(! -e $site->{store}, 'no store yet');

$site->start;

is(($site->get('/a', '{}'))[2], '{"prediction":1.0}', 'a cold start serves');
is(($site->get('/big', '{}'))[0], 404, 'an unknown model is unknown');
is($site->logged('\[(?:alert|emerg|crit|error)\]'), 0, 'nothing to log');


# ------------------------------------------------------------ idle workers

my $idle = $site->connections('/a');
is(keys %$idle, 2, 'a connection to each worker');

my ($late, $wrong, $longest) = (0, 0, 0);

for my $version (2 .. 9) {
    $site->publish('a', $image{$version}, '--alias', 'champion');

    my $moved = now();

    # a request would make its worker look: the first one asks only after
    # each has the image, as its maps tell

    await(60, sub {
        return ! grep { slurp("/proc/$_/maps")
                        !~ m{/models/a/\Q$version\E\.mlm$}m } keys %$idle;
    }, 0.005) or $late++;

    my $took = now() - $moved;
    $longest = $took if $took > $longest;

    for my $socket (values %$idle) {
        my ($status, $seen, undef, $text) = Site::ask($socket, '/a');
        $wrong++ if $seen ne $version || $text ne "{\"prediction\":$version.0}";
    }
}

note(sprintf 'idle workers follow within %.1f ms', $longest * 1000);
is($late, 0, 'idle workers follow, though nobody asks them');
is($wrong, 0, 'and answer with what they have');

# How long it takes, told by workers that are asked all the time.

($late, $longest) = (0, 0);

for my $version (1 .. 8) {
    $site->ctl('alias', '-r', $site->{registry}, '-s', $site->{store}, 'a',
               'champion', $version);

    my $moved = now();

    for my $socket (values %$idle) {
        await(60, sub { (Site::ask($socket, '/a'))[1] eq $version }, 0.001)
            or $late++;
    }

    my $took = now() - $moved;
    $longest = $took if $took > $longest;
}

note(sprintf 'busy workers follow within %.1f ms', $longest * 1000);
is($late, 0, 'busy workers follow');


# ---------------------------------------------------------------- load

my $moves = $quick ? 30 : 100;
my $job = $site->load('/a', [ '{}', '{"x":1}' ], '-c', 16);
my @order = (8);

for my $i (1 .. $moves) {
    my $version = 1 + ($i * 4) % 9;

    $site->ctl('alias', '-r', $site->{registry}, '-s', $site->{store}, 'a',
               'champion', $version);
    push @order, $version;

    # each version once for so long that the load has seen it

    fail("version $version does not come")
        if $i <= 9 && ! $site->await_served(120, 'a', $version);
}

my ($report, @answers) = $site->load_end($job);

is($report->{failed}, 0, "no request of $report->{requests} failed");
cmp_ok($report->{requests}, '>', 1000, 'there was load');

is((grep { $_->{status} != 200
           || $_->{text} ne "{\"prediction\":$_->{version}.0}" } @answers),
   0, 'every answer is that of the version in its header');

my %seen = map { $_->{version} => 1 } @answers;
is(keys %seen, 9, "all versions served in $moves moves");
is($site->logged('\[(?:alert|emerg|crit|error)\]'), 0, 'nothing to log');


# -------------------------------------------------------------- bad images

# Puts a file into the store behind the tools' back.

sub intrude {
    my ($version, $bytes, $mode, $uid) = @_;

    my $dir = "$site->{store}/models/b";

    spew("$dir/.new", $bytes);
    chmod $mode, "$dir/.new";
    chown $uid, $uid, "$dir/.new" if defined $uid;
    rename "$dir/.new", "$dir/$version.mlm";
    symlink "$version.mlm", "$dir/.link";
    rename "$dir/.link", "$dir/\@champion";
}

my $good = slurp($image{2});
my @bad = (
    [ 'corrupt', substr($good, 0, 200) . chr(ord(substr $good, 200, 1) ^ 1)
                 . substr($good, 201), 0444, 'checksum' ],
    [ 'truncated', substr($good, 0, length($good) - 64), 0444, '' ],
    [ 'of wrong magic', 'x' . substr($good, 1), 0444, '' ],
    [ 'short', 'mlopsimg', 0444, '' ],
    [ 'empty', '', 0444, '' ],
    [ 'writable', $good, 0644, 'writ' ],
);

push @bad, [ 'of a foreign owner', $good, 0444, 'own', 4242 ] if $> == 0;

my $version = 100;

for my $bad (@bad) {
    my ($what, $bytes, $mode, $reason, $uid) = @$bad;

    intrude(++$version, $bytes, $mode, $uid);

    my $refused = qr/version $version of model "b" is refused: .*$reason/;

    ok(await(60, sub { $site->logged($refused) >= 2 }),
       "an image $what is refused") or diag($site->log);
    is(($site->get('/b', '{}'))[2], '{"prediction":1.0}',
       'and the version before it serves');
    like(($site->get('/status'))[2], qr/$version/, 'and the status says so');
}

sleep 2.2;

is($site->logged("version $version of model"), 2,
   'each worker logs a refusal once');

# What was wrong is put right.

intrude(++$version, $good, 0644);
ok(await(60, sub { $site->logged("version $version of model \"b\" is refused")
                  >= 2 }), 'a writable image');
chmod 0444, "$site->{store}/models/b/$version.mlm";
ok($site->all_answer('/b', '{}', '{"prediction":2.0}'),
   'is served once it is not writable');

# A link to nothing.

symlink '999.mlm', "$site->{store}/models/b/.link";
rename "$site->{store}/models/b/.link", "$site->{store}/models/b/\@champion";
ok(await(60, sub { $site->logged('version 999 of model "b" is refused')
                  >= 2 }), 'a link to nothing is refused');
is(($site->get('/b', '{}'))[2], '{"prediction":2.0}', 'and changes nothing');

spew("$site->{store}/models/b/.new", slurp($image{3}));
chmod 0444, "$site->{store}/models/b/.new";
rename "$site->{store}/models/b/.new", "$site->{store}/models/b/999.mlm";
ok($site->all_answer('/b', '{}', '{"prediction":3.0}'),
   'until the image is there');


# ------------------------------------------------------------------ 50 MB

my @big = map { $site->constant($_, 50e6) } 21 .. 23;

# What a request of another model has to wait while the images come: the same
# load with and without.  The bound is for a worker that stands still; tests
# share their processors.

my $calm = $site->load('/a', [ '{}' ], '-c', 1, '-R', 500, '-d', 2);
my ($quiet) = $site->load_end($calm, 0);

my $busy = $site->load('/a', [ '{}' ], '-c', 1, '-R', 500);

for my $n (0 .. 2) {
    my $started = now();

    $site->publish('big', $big[$n], '--alias', 'champion');
    ok(await(60, sub {
        ($site->get('/big', '{}'))[2] eq sprintf '{"prediction":%d.0}',
                                                 21 + $n
    }), "50 MB, version " . ($n + 1));

    note(sprintf 'from mlopsctl publish to the answer %.0f ms',
                 (now() - $started) * 1000);
}

my ($swapping, @all) = $site->load_end($busy);

note("latency in us, quiet:    p50 $quiet->{p50_us} p99 $quiet->{p99_us} max"
     . " $quiet->{max_us}");
note("latency in us, swapping: p50 $swapping->{p50_us} p99 $swapping->{p99_us} max"
     . " $swapping->{max_us}");

is($swapping->{failed}, 0, 'no request failed meanwhile');
cmp_ok($swapping->{max_us}, '<', 20_000_000, 'no request waited for long');

# A version that is not wanted any more serves those that began with it.

my $slow = $site->connection;
print $slow "POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n";
Site::taken($slow);

$site->ctl('alias', '-r', $site->{registry}, '-s', $site->{store}, 'big',
           'champion', 1);
ok(await(60, sub { ($site->get('/big', '{}'))[2] eq '{"prediction":21.0}' }),
   'another version, while a body is on its way');
sleep 0.5;
print $slow '{"x":10}';

my ($head, $slow_text) = ('', '');

while (defined(my $line = <$slow>)) {
    last if $line eq "\r\n";
    $head .= $line;
}

read $slow, $slow_text, 19;
my ($served) = $head =~ /^Mlops-Version: (\d+)/m;
is($slow_text, sprintf('{"prediction":%d.0}', 20 + $served),
   "the late body is answered, by version $served");
close $slow;

# A large model that never comes to rest holds up no other one.

my $restless = fork // die;

if ($restless == 0) {
    my $over;
    $SIG{TERM} = sub { $over = 1 };     # not before its command has ended

    for my $i (1 .. 20_000) {
        last if $over;
        open STDOUT, '>', '/dev/null';
        system $Mlops::ctl, 'alias', '-r', $site->{registry}, '-s',
               $site->{store}, 'big', 'champion', 1 + $i % 3;
    }

    POSIX::_exit(0);
}

my $slowest = 0;

for my $n (1 .. 4) {
    my $started = now();

    $site->publish('small', $image{$n}, '--alias', 'champion');
    await(60, sub {
        ($site->get('/small', '{}'))[2] eq "{\"prediction\":$n.0}"
    }) or fail("version $n of the small model does not come");
    $slowest = now() - $started if now() - $started > $slowest;
}

note(sprintf 'beside a restless one: %.0f ms at most', $slowest * 1000);
is(waitpid($restless, POSIX::WNOHANG()), 0,
   'a small model comes beside a large one that is restless all the time');
kill 'TERM', $restless;
waitpid $restless, 0;

$site->ctl('alias', '-r', $site->{registry}, '-s', $site->{store}, 'big',
           'champion', 3);
ok($site->all_answer('/big', '{}', '{"prediction":23.0}'),
   'which comes to rest in the end');

# What was replaced is not mapped any more.

ok(await(60, sub {
    my $n = 0;

    for my $pid ($site->workers) {
        my $maps = slurp("/proc/$pid/maps");
        $n += () = $maps =~ m{/models/big/}g;
    }

    $n == 2;
}), 'each worker maps one version of the large model');


# --------------------------------------------------------- a lost store

remove_tree($site->{store});
sleep 1.2;

is(($site->get('/a', '{}'))[0], 200, 'a removed store stays in use');
is(($site->get('/big', '{}'))[2], '{"prediction":23.0}', 'all of it');

$job = $site->load('/a', [ '{}' ], '-c', 4);

ok($site->reload, 'a reload');
ok(-e "$site->{store}/plan.json", 'makes the store again');
is(($site->get('/a', '{}'))[0], 200, 'which serves');

$site->ctl('alias', '-r', $site->{registry}, '-s', $site->{store}, 'a',
           'champion', 5);

ok($site->all_answer('/a', '{}', '{"prediction":5.0}'), 'and is followed');

($report, @answers) = $site->load_end($job);

is($report->{failed}, 0, "none of $report->{requests} requests failed");
is((grep { $_->{text} ne "{\"prediction\":$_->{version}.0}" } @answers), 0,
   'none was mixed');

# The same without a reload: the store comes back by itself.

rename $site->{store}, "$site->{store}.old";
sleep 1.2;
is(($site->get('/a', '{}'))[2], '{"prediction":5.0}', 'gone again');
rename "$site->{store}.old", $site->{store};

$site->ctl('alias', '-r', $site->{registry}, '-s', $site->{store}, 'a',
           'champion', 6);

ok($site->all_answer('/a', '{}', '{"prediction":6.0}'), 'and back again');


# ----------------------------------------------------------- models that go

remove_tree("$site->{store}/models/b");
ok(await(60, sub { ($site->get('/b', '{}'))[0] == 404 }),
   'a model that is taken away is unknown');


# ------------------------------------------------------------- a killed one

$job = $site->load('/a', [ '{}' ], '-c', 8);
ok($site->await_served(100, 'a'), 'load');

my ($victim) = $site->workers;
kill 'KILL', $victim;

ok(await(60, sub {
    my @now = $site->workers;
    @now == 2 && ! grep { $_ == $victim } @now;
}), 'a killed worker is replaced');

ok($site->await_served(100, 'a'), 'and the load goes on');
($report, @answers) = $site->load_end($job);

cmp_ok($report->{failed}, '<=', 8, 'only its own connections broke');
is((grep { $_->{status} == 200
           && $_->{text} ne "{\"prediction\":$_->{version}.0}" } @answers),
   0, 'no answer was mixed');

is($site->logged('\[alert\] (?!.*exited on signal 9)'), 0, 'no alert');

done_testing();
