# mlops-features against Apache Kafka itself: a broker that is killed, one
# that is away for a minute, records that retention or compaction has removed,
# groups that rebalance under load, a node that follows.  After each the
# tables are those of a clean run over the same log and of the recomputation
# in Python, and nginx never answered with an error.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../integration/lib",
        "$FindBin::Bin/../../tools/lib";

use Kafka;
use Mlops qw($build $root await now run slurp spew);
use POSIX ();
use Rides;
use Site;
use Stream;
use Test::More;
use Time::HiRes qw(sleep);

my $outage = $ENV{MLOPS_QUICK} ? 10 : 60;
my $partitions = 6;
my $site = Site->new('interop-kafka');
my $dir = $site->{prefix};

my $kafka = Kafka->new("$dir/kafka", topics => {
    'rides' => $partitions, 'rides.dlq' => 1,
    'grouped' => $partitions, 'grouped.dlq' => 1,
    'gone' => 1, 'gone.dlq' => 1,
});

$kafka->topic('features.grouped', $partitions, 'cleanup.policy' => 'compact');
$kafka->topic('compacted', 1, 'cleanup.policy' => 'compact',
              'segment.ms' => 100, 'min.cleanable.dirty.ratio' => '0.01',
              'max.compaction.lag.ms' => 1000);
$kafka->topic('compacted.dlq', 1);

my $stream = Stream->new($site, -broker => $kafka, rides => $partitions,
                         grouped => $partitions, gone => 1, compacted => 1);

sub view {
    my ($name, %option) = @_;

    return Rides::view(name => $name,
                       source => "kafka=main topic=$name format=json"
                                 . ($option{group} // ''),
                       more => $option{more} // '');
}

$site->conf(http => "mlops_state $stream->{state};\n"
                    . $stream->kafka('session.timeout.ms 6000;'
                                     . ' heartbeat.interval.ms 500;')
                    . view('rides') . view('gone') . view('compacted')
                    . view('grouped', group => ' group=grouped',
                           more => 'publish;'),
            server => <<'_END_');
        location = /features  { mlops_features rides grouped; }
_END_

$site->start;

my @args = ('--checkpoint', '500ms');
my @keys = map { "{\"driver_id\":[$_]}" } 1000 .. 1019;


# What all of this is for: the same rows, however they came about.

sub same {
    my ($topic, $what, %option) = @_;
    my $dump = $option{dump} // $stream->dump($topic);
    my $clean = $option{clean}
                // $stream->clean_dump($topic, $topic,
                                       plan => $option{plan});

    ok($dump eq $clean, "$what: the rows of a clean run")
        or Stream::differ($dump, $clean);
    spew("$dir/dump", $dump);
    ok($stream->oracle($topic, $topic, "$dir/dump"),
       "$what: the rows of the recomputation");

    return $clean;
}

sub only {
    my (@views) = @_;
    my %wanted = map { $_ => 1 } @views;

    return (@args, '--name', "mlops-features.$views[0]", @views);
}


# ------------------------------------------------------------------ a restart

my $rides = Rides->new(seed => 31, partitions => $partitions,
                       entities => 120);
my $worker = $stream->worker(args => [ only('rides') ]);
my $load = $site->load('/features', \@keys, '-c', 2, '-R', 50);

$stream->send('rides', $rides->next(2000));
$stream->await_applied('rides', 'rides');
$kafka->kill;
sleep(2);
$kafka->start;
$stream->send('rides', $rides->next(2000));
$stream->await_applied('rides', 'rides', undef, 60);
same('rides', 'broker killed and started again');


# ----------------------------------------------------------------- an outage

$stream->send('rides', $rides->next(500));
$kafka->pause;
sleep($outage);
is(Stream::reap($worker, 0), undef, "the worker waits out $outage seconds");
$kafka->go_on;
$stream->send('rides', $rides->next(500));
$stream->await_applied('rides', 'rides', undef, 60);
same('rides', "an outage of $outage seconds");


# -------------------------------------------- a worker killed, from Kafka alone

for (1 .. 5) {
    $stream->send('rides', $rides->next(400));
    sleep(rand(0.5));
    Stream::stop($worker, 'KILL');
    $worker = $stream->worker(args => [ only('rides') ]);
}

$stream->await_applied('rides', 'rides', undef, 60);
same('rides', 'workers killed');
is(Stream::stop($worker), 0, 'the worker ends in peace');


# ------------------------------------------------------------------ retention

my $one = Rides->new(seed => 32, partitions => 1, entities => 20);

$stream->send('gone', $one->next(500));
is(Stream::reap($stream->worker(args => [ only('gone'), '--once' ]), 60), 0,
   'a view is read to its end');
$stream->send('gone', $one->next(500));
$kafka->delete_before('gone', 0, 700);

my $status = Stream::reap($stream->worker(args => [ only('gone'), '--once' ]),
                          60);

is($status >> 8, 1, 'records that are gone stop the view');
like($stream->worker_log, qr/view\ "gone":\ stopped:\ partition\ 0:\ the\ records\ from
                             \ offset\ 500\ to\ 699\ are\ gone/x,
     'and the log says which');


# ----------------------------------------------------------------- compaction

# Many records of few keys: most of them vanish, and offsets have gaps.

$one = Rides->new(seed => 33, partitions => 1, entities => 5);
$stream->send('compacted', $one->next(3000));

ok(await(60, sub {
    # the active segment is left alone until another one begins
    $stream->send('compacted', $one->next(5));
    my @left = split /\n/, run('kcat', '-C', '-q', '-e', '-b',
                               $kafka->{address}, '-t', 'compacted', '-o',
                               'beginning', '-f', '%o\n');
    return @left < 1500;
}, 1), 'the broker compacts');

is(Stream::reap($stream->worker(args => [ only('compacted'), '--once' ]), 60),
   0, 'a log with gaps is read to its end');

# The log as it stands is what is recomputed.

my @left = map { (split /\t/)[0] }
           split /\n/, run('kcat', '-C', '-q', '-e', '-b', $kafka->{address},
                           '-t', 'compacted', '-o', 'beginning', '-f',
                           '%o\n');
my $sent = $stream->{sent}{compacted}[0];

spew("$dir/compacted.jsonl",
     join '', map { Stream::json_record($sent->[$_], $_) } @left);
spew("$dir/dump", $stream->dump('compacted'));
is(system('python3', "$root/t/features/oracle.py", '--conf',
          "$dir/nginx.conf", '--view', 'compacted', '--compare', "$dir/dump",
          "$dir/compacted.jsonl"), 0,
   'the rows of the recomputation over what is left');


# --------------------------------------------------------- groups, and follow

my $grouped = Rides->new(seed => 34, partitions => $partitions,
                         entities => 90);
my @nodes = ($site, map { $stream->other_store($_) } 'b', 'c');
my @workers = map { $stream->worker(site => $_, args => [ only('grouped') ]) }
                  @nodes;
my $follower = $stream->other_store('follower');
my $following = $stream->worker(site => $follower,
                                args => [ '--role', 'follow', 'grouped' ]);

sub settled {
    return await(60, sub {
        keys %{ $stream->owners('grouped', 'grouped', @nodes) } == $partitions
    }, 0.05);
}

$stream->send('grouped', $grouped->next(600));
ok(settled(), 'three workers share all partitions')
    or diag(map { $stream->worker_log($_) } @nodes);

for my $round (0 .. 2) {
    Stream::stop($workers[$round], 'KILL');
    $stream->send('grouped', $grouped->next(300));
    sleep(1);
    $workers[$round] = $stream->worker(site => $nodes[$round],
                                       args => [ only('grouped') ]);

    for (1 .. 20) {
        $stream->send('grouped', $grouped->next(30));
        sleep(0.2);
    }
}

ok(settled(), 'after three kills, too')
    or diag(map { $stream->worker_log($_) } @nodes);

my $union;

ok(await(60, sub {
    $union = $stream->group_dump('grouped', 'grouped', @nodes)
}, 0.2), 'partitions stay where they are while the tables are read');

my $clean = same('grouped', 'groups', dump => $union, plan => sub {
    return $_[0] =~ s/,"group=grouped"//r =~ s/,\["[^"]*",\d+,"publish"\]//r;
});

ok(await(30, sub {
    $stream->dump('grouped', undef, $follower) eq $clean
}, 0.2), 'the follower has the same')
    or Stream::differ($stream->dump('grouped', undef, $follower), $clean);

is(Stream::stop($_), 0, 'a worker ends in peace') for @workers, $following;


# ---------------------------------------------------------------------- nginx

my ($report, @answers) = $site->load_end($load);

cmp_ok($report->{requests}, '>', 200, "$report->{requests} requests");
is((grep { $_->{status} >= 500 } @answers), 0, 'none answered with 5xx');

$kafka->stop;

done_testing();
