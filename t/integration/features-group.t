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


# Partitions by the node that owns them and has read all of them, as the
# workers' status says (each second).  A table may have rows of a partition
# that another one has taken, for a minute.

my @up = (1, 1, 1);

sub owners {
    my (%owner, %claims);

    for my $i (grep { $up[$_] } 0 .. $#nodes) {
        my $view = $stream->status($workers[$i], $nodes[$i]) or next;

        for my $place (@{ $view->{partitions} }) {
            my $partition = $place->{partition};
            my $sent = @{ $stream->{sent}{rides}[$partition] };

            $claims{$partition}++;
            $owner{$partition} = $i if $place->{offset} >= $sent - 1;
        }
    }

    delete @owner{grep { $claims{$_} != 1 } keys %claims};

    return \%owner;
}


# Until all partitions have an owner, and each of these nodes some of them.

sub settled {
    my ($seconds, @nodes) = @_;

    return await($seconds, sub {
        my $owners = owners();
        my %has = map { $_ => 1 } values %$owners;

        return keys %$owners == $partitions && ! grep { ! $has{$_} } @nodes;
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

# Nothing is sent any more.  A group may still be settling, though, and a
# worker that lost a partition has taken its rows away before its status says
# so: the rows are read until they are those, or for a minute.

my ($union, $moved) = ('', 1);

sub rows_of {
    my ($owner) = @_;

    return map {
        my $i = $_;
        grep { $owner->{(split /\t/)[-3]} == $i }
             split /\n/, $stream->dump('rides', undef, $nodes[$i]);
    } 0 .. $#nodes;
}

sub places {
    my ($owner) = @_;
    return join ' ', map { "$_=$owner->{$_}" } sort keys %$owner;
}

my $same = await(60, sub {
    my $before = owners();
    return if keys %$before < $partitions;

    $union = join '', map { "$_\n" }
                      sort { (split /\t/, $a)[0] <=> (split /\t/, $b)[0] }
                           rows_of($before);
    $moved = places(owners()) ne places($before);
    return ! $moved && $union eq $clean;
}, 0.2);

ok(! $moved, 'partitions stay where they are');
ok($same, 'the tables of the owners are the table of a clean run')
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
