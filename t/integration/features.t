# mlops-features from end to end: events of a topic into rows that nginx and
# mlopsctl read, dead letters, checkpoints, reload, followers, backfill, and
# what stops a view.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use File::Path qw(make_path remove_tree);
use JSON::PP ();
use Mlops qw($build $ctl await run slurp slurp_quiet spew);
use Site;
use Stream;
use Test::More;

for ($Stream::worker, $Stream::broker, $Stream::feed) {
    plan skip_all => "no $_" unless -x;
}

my $site = Site->new('features');
my $stream = Stream->new($site, rides => 2, 'rides.dlq' => 1,
                         'features.rides' => 2);
my $more = '';

sub conf {
    $site->conf(http => <<"_HTTP_", server => <<'_SERVER_');
    mlops_state $stream->{state};
    mlops_kafka main { bootstrap.servers $stream->{address}; }

    mlops_view rides {
        source        kafka=main topic=rides;
        entity        driver int64;
        event_time    ts unit=ms lateness=30m skew=10s;
        clock         event;
        feature       slide   sum(v)   window=1h hop=5m;
        feature       slides  count()  window=1h hop=5m;
        feature       hop     sum(v)   window=1h hop=5m kind=hopping;
        feature       tumble  sum(v)   window=1h kind=tumbling;
        feature       last_v  last(v);
        $more
        publish;
        log;
        shards        2;
    }
_HTTP_
        location = /metrics  { mlops_metrics; }
        location = /status   { mlops_status; }
        location = /rides    { mlops_features rides; }
_SERVER_
}

conf();
$site->start;


# 2023-11-14 is day 19675; a time of it in milliseconds.

sub at {
    my ($h, $m, $s) = @_;
    return (19675 * 86400 + $h * 3600 + $m * 60) * 1000 + int($s * 1000 + .5);
}

sub event {
    my ($driver, $ts, $v, $record_ts) = @_;

    return [ $driver % 2, $record_ts // $ts, $driver,
             "{\"driver\":$driver,\"ts\":$ts,\"v\":$v}" ];
}

sub settled {
    $stream->await_applied('rides', 'rides', @_);
}

sub row {
    my ($driver) = @_;
    my $row = $stream->row('rides', $driver) or return 'none';

    return join ' ', map { $row->{$_} // 'null' }
                     qw(slide slides hop tumble last_v);
}

sub view_status {
    my ($where) = @_;
    my $text = slurp_quiet(($where // $site)->{store}
                           . '/status/mlops-features.json');

    return $text ? JSON::PP::decode_json($text)->{views}[0] : {};
}


# ------------------------------------------------------ events become rows

my $worker = $stream->worker(args => [ '--checkpoint', '100ms' ]);

$stream->send('rides',
              event(7, at(13, 22, 0), 5), event(7, at(13, 26, 0), 7),
              event(7, at(13, 59, 59), 11), event(7, at(14, 24, 59), 13),
              event(7, at(14, 26, 59.999), 19));
settled();

is(row(7), '50.0 4 31.0 23.0 19.0',
   'windows end before q: sliding, hopping, tumbling');

$stream->send('rides', event(7, at(14, 27, 0), 17));
settled();

is(row(7), '67.0 5 31.0 23.0 17.0', 'the next event moves q');

my ($code, undef, $text) = $site->get('/rides?driver=7');
is($code, 200, 'nginx answers the row');
like($text, qr/\b67(\.0)?\b/, 'with its values');


# ------------------------------------------------------------ dead letters

$stream->send('rides',
              event(7, at(13, 30, 0), 1),                   # late
              event(7, at(16, 0, 0), 1, at(15, 0, 0)),      # in the future
              [ 1, at(14, 30, 0), 7, '{"driver":7' ],
              [ 1, at(14, 30, 0), 7, '{"ts":1,"v":1}' ],
              [ 1, at(14, 30, 0), 7, '\N' ],
              event(7, at(14, 0, 0), 100));                 # out of order
settled();

is(row(7), '167.0 6 131.0 23.0 17.0',
   'a late event goes to its place, bad ones nowhere');

# The status is written each second.

my @counted = qw(accepted late future malformed tombstone dead_letters lag);

sub counted {
    my $view = view_status();
    return join ' ', map { $_ . '=' . ($view->{$_} // 'none') } @counted;
}

my $all = 'accepted=7 late=1 future=1 malformed=2 tombstone=1 dead_letters=4'
          . ' lag=0';

await(60, sub { counted() eq $all });
is(counted(), $all, 'all of them are counted');

SKIP: {
    my ($kcat) = grep { -x } map { "$_/kcat" } split /:/, $ENV{PATH};

    skip 'no kcat', 2 unless $kcat;

    my @letters = split /\n/, run($kcat, '-b', $stream->{address}, '-t',
                                  'rides.dlq', '-C', '-e', '-q', '-f',
                                  '%k|%s|%h\n');

    is(scalar @letters, 4, 'as many letters');
    like($letters[2], qr/^7\|\{"driver":7\|.*__connect\.errors\.topic=rides,
                         __connect\.errors\.partition=1,
                         __connect\.errors\.offset=8,.*
                         exception\.class\.name=mlops\.Malformed,
                         __connect\.errors\.exception\.message=malformed\ JSON
                        /x, 'each as it came, with the reason');
}


# ---------------------------------------------------- what others see of it

await(60, sub {
    (undef, undef, $text) = $site->get('/metrics');
    return $text =~ /^mlops_features_events_total\{[^}]*"late"[^}]*\} 1$/m;
});

like($text, qr/^mlops_features_events_total\{[^}]*result="late"[^}]*\}\ 1$/mx,
     'nginx merges the metrics');
like($text, qr/^mlops_features_up\{[^}]*process="mlops-features"[^}]*\} 1$/m,
     'with the name of the process');

(undef, undef, $text) = $site->get('/status');
is(JSON::PP::decode_json($text)->{processes}{'mlops-features'}{views}[0]
   {state}, 'running', 'and the status');


# ------------------------------------------------------------ one at a time

my $second = $stream->worker;
my $status = Stream::reap($second, 60);

is($status, 1 << 8, 'a second worker gives up');
like($stream->worker_log, qr/is the work of process $worker\b/,
     'and says whose work it is');


# ----------------------------------------------------- an end, and a restart

is(Stream::stop($worker), 0, 'SIGTERM ends it with 0');

$stream->send('rides', event(8, at(14, 31, 0), 3));
my $before = $stream->worker_log;
$worker = $stream->worker(args => [ '--until-end' ]);
is(Stream::reap($worker, 60), 0, '--until-end reads what there is, and ends');

my $log = substr $stream->worker_log, length $before;
like($log, qr/partition 1 from offset 12,/, 'from the checkpoint on');
is($stream->row('rides', 8)->{slide}, '3.0', 'the new event is there');
is(row(7), '167.0 6 131.0 23.0 17.0', 'and the old ones are');


# --------------------------------------------------------------- a reload

$worker = $stream->worker;
await(60, sub { (view_status()->{state} // '') eq 'running' });

$more = 'feature most max(v) window=1h hop=5m;';
conf();
ok($site->reload, 'nginx takes another definition');
ok(await(60, sub { $stream->worker_log =~ /definition [0-9a-f]{16} taken/ }),
   'and so does the worker');

$stream->send('rides', event(7, at(14, 32, 0), 2));
settled();

is(row(7), '162.0 6 160.0 23.0 2.0', 'features that were there are kept');
is($stream->row('rides', 7)->{most}, '2.0', 'the new one begins empty');


# -------------------------------------------------------------- a follower

my $other = { prefix => "$site->{prefix}/other", store => "$site->{store}.2" };
make_path("$other->{prefix}/logs", "$site->{registry}/models");
run($ctl, 'sync', '-r', $site->{registry}, '-s', $other->{store}, '--create');
spew("$other->{store}/plan.json", slurp("$site->{store}/plan.json"));

my $follower = $stream->worker(site => $other, args => [ '--role', 'follow' ]);

ok(await(60, sub {
       slurp_quiet("$other->{prefix}/logs/features") =~ /caught up/
       && $stream->dump('rides', undef, $other) eq $stream->dump('rides');
   }), 'a follower has the same table');

$stream->send('rides', event(9, at(14, 33, 0), 4));
ok(await(60, sub {
       ($stream->dump('rides', undef, $other) =~ /^9\t/m)
       && $stream->dump('rides', undef, $other) eq $stream->dump('rides');
   }), 'and keeps in step');

is(Stream::stop($follower), 0, 'it ends');
is(Stream::stop($worker), 0, 'the other one, too');


# -------------------------------------------------------------- a backfill

my $live = $stream->dump('rides');
my $cut = at(14, 25, 0) . '000';

remove_tree($stream->{state});
unlink glob "$site->{store}/features/rides.*";

my $said = run($ctl, 'backfill', 'rides', '--cut', $cut, '-s', $site->{store},
               'rides');
like($said, qr/^view rides: 5 events before the cut, 1 entities, 5 from/,
     'events before the cut are filled in');

$worker = $stream->worker(args => [ '--until-end' ]);
is(Stream::reap($worker, 60), 0, 'the worker goes on from there');

my $filled = $stream->dump('rides');
$_ =~ s/\tmost=\S+//g for $live, $filled;
is($filled, $live, 'and has the table of one that saw it all');


# ----------------------------------------------------- what stops a view

$worker = $stream->worker;
$stream->send('rides', [ 0, at(14, 34, 0), 7,
                         '{"driver":7,"ts":' . at(14, 34, 0) . ',"v":1}' ]);

is(Stream::reap($worker, 60), 1 << 8,
   'an entity of two partitions ends the view, and the process');
like($stream->worker_log, qr/view "rides": stopped: .*partition/,
     'with the reason');

remove_tree($other->{store});

done_testing();
