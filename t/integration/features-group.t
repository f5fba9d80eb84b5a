# Three workers on three stores share the partitions of a topic, and a fourth
# node follows what they publish.  Workers are killed and come back under
# load: the tables of the owners together are the table of one worker that
# read everything in peace, the follower has the same, and nginx never fails.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use Mlops qw($build $root await now slurp spew);
use POSIX ();
use Rides;
use Site;
use Stream;
use Test::More;
use Time::HiRes qw(sleep);

for ($Stream::worker, $Stream::fault, $Stream::broker, $Stream::feed) {
    plan skip_all => "no $_" unless -x;
}

my $rounds = $ENV{MLOPS_QUICK} ? 2 : 12;
my $partitions = 6;
my $site = Site->new('features-group');
my $dir = $site->{prefix};
my $stream = Stream->new($site, rides => $partitions, 'rides.dlq' => 1,
                         'features.rides' => $partitions,
                         'features.clean' => $partitions);
my $rides = Rides->new(seed => 21, partitions => $partitions, entities => 90);

# A mock group needs sessions of 3.5 s at least.

$site->conf(http => "mlops_state $stream->{state};\n"
                    . $stream->kafka('session.timeout.ms 4000;'
                                     . ' heartbeat.interval.ms 500;')
                    . Rides::view(source => 'kafka=main topic=rides '
                                            . 'format=json group=rides',
                                  more => 'publish topic=features.rides;'),
            server => <<'_END_');
        location = /features  { mlops_features rides; }
        location = /status    { mlops_status; }
_END_

$site->start;

my @nodes = ($site, map { $stream->other_store($_) } 'b', 'c');
my @args = ('--checkpoint', '500ms');
my @workers = map { $stream->worker(site => $_, args => [ @args ]) } @nodes;
my $follower = $stream->other_store('follower');
my $following = $stream->worker(site => $follower, args => [ '--role',
                                                             'follow' ]);

my $load = $site->load('/features', [ map { "{\"driver_id\":$_}" } 1000 .. 1089 ],
                       '-c', 2, '-R', 100);


my @up = (1, 1, 1);


# Until all partitions have an owner, and each of these nodes some of them.

sub settled {
    my ($seconds, @busy) = @_;

    return await($seconds, sub {
        my @there = grep { $up[$_] } 0 .. $#nodes;
        my $owners = $stream->owners('rides', 'rides', @nodes[@there]);
        my %has = map { $there[$_] => 1 } values %$owners;

        return keys %$owners == $partitions && ! grep { ! $has{$_} } @busy;
    }, 0.2);
}


sub down {
    my ($node, $signal) = @_;

    $up[$node] = 0;
    return Stream::stop($workers[$node], $signal);
}


sub up {
    my ($node, %option) = @_;

    $workers[$node] = $stream->worker(site => $nodes[$node],
                                      args => [ @args ], %option);
    $up[$node] = 1;
}

$stream->send('rides', $rides->next(300));
ok(settled(60, 0 .. 2), 'three workers share all partitions')
    or diag(map { $stream->worker_log($_) } @nodes);


# -------------------------------------------------------------------- kills

my $kills = 0;

for my $round (1 .. $rounds) {
    my $victim = $round % 3;
    my $until = now() + 5 + rand(2);

    down($victim, $round % 4 == 3 ? 'TERM' : 'KILL');
    $kills++;

    $stream->send('rides', $rides->next(40));
    sleep(rand(1.5));

    up($victim);

    while (now() < $until) {
        $stream->send('rides', $rides->next(40));
        sleep(0.25);
    }
}

# One is killed as it gives a partition to one that has come.

for my $point ('features_release', 'shard_released') {
    my $status;

    for my $try (1 .. 4) {
        settled(60);
        down($_, 'TERM') for 0, 1;
        up(0, program => $Stream::fault, env => { MLOPS_FAULT => $point });
        settled(60, 0);
        up(1);

        $status = Stream::reap($workers[0], 15 * $try);
        Stream::stop($workers[0]) if ! defined $status;
        up(0);

        last if defined $status;
    }

    is($status // 0, POSIX::SIGKILL(), "a worker is killed at $point");
}

$stream->send('rides', $rides->next(200));
ok(settled(60), "after $kills kills all partitions have an owner")
    or diag(map { $stream->worker_log($_) } @nodes);


# ------------------------------------------------------------- the same rows

my $clean = $stream->clean_dump('rides', 'rides', plan => sub {
    return $_[0] =~ s/,"group=rides"//r
               =~ s/"topic=features\.rides"/"topic=features.clean"/r;
});

my $union;

ok(await(60, sub {
    $union = $stream->group_dump('rides', 'rides', @nodes)
}, 0.2), 'partitions stay where they are while the tables are read');

ok($union eq $clean, 'the tables of the owners are the table of a clean run')
    or Stream::differ($union, $clean);
spew("$dir/dump", $union);
ok($stream->oracle('rides', 'rides', "$dir/dump"),
   'and that of the recomputation');

ok(await(60, sub {
    $stream->dump('rides', undef, $follower) eq $clean
}, 0.2), 'the follower has the same')
    or Stream::differ($stream->dump('rides', undef, $follower), $clean);

my ($report, @answers) = $site->load_end($load);

cmp_ok($report->{requests}, '>', 500, "$report->{requests} requests");
is((grep { $_->{status} != 200 } @answers), 0, 'all answered with 200');

is(Stream::stop($_), 0, 'a worker ends in peace') for @workers, $following;

done_testing();
