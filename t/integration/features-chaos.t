# What happens to the machine and to the stream: a store without room, a broker
# that is away, a wall clock that jumps, records that are no events.  Nothing is
# lost, nothing counts twice, and nginx answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use Mlops qw($build $root $ctl await now run slurp spew);
use POSIX ();
use Rides;
use Site;
use Stream;
use Test::More;
use Time::HiRes qw(sleep);

for ($Stream::worker, $Stream::broker, $Stream::feed) {
    plan skip_all => "no $_" unless -x;
}

my $few = "feature n count() window=10m;\nfeature sum sum(fare) window=10m;\n"
          . "feature last last(fare);\n";


# A site with views, its stream, and how nginx is asked all the time.

sub begin {
    my ($name, $views, %option) = @_;
    my $site = Site->new($name, workers => 1, %{ $option{site} // {} });
    my $stream = Stream->new($site, -control => 1, %{ $option{topics} });
    my $names = join ' ', $views =~ /mlops_view (\w+)/g;

    $site->conf(http => "mlops_state $stream->{state};\n" . $stream->kafka
                        . $views,
                server => "location = /features { mlops_features $names; }\n");
    $site->start;

    my $load = $site->load('/features', [ map { "{\"driver_id\":$_}" }
                                              1000 .. 1049 ],
                           '-c', 1, '-R', 50);

    return ($site, $stream, $load);
}


# A second of the stream, as --as-of takes it.

sub at {
    my ($seconds) = @_;
    return ($Rides::start_ms + $seconds * 1000) * 1000;
}


sub all_answered {
    my ($site, $load, $what) = @_;
    my ($report, @answers) = $site->load_end($load);

    is((grep { $_->{status} != 200 } @answers), 0,
       "$what: all of $report->{requests} requests are answered with 200");
}


sub same_as_clean {
    my ($stream, $topic, $view, $what) = @_;
    my $dump = $stream->dump($view);
    my $clean = $stream->clean_dump($topic, $view);

    ok($dump eq $clean, "$what: the table is that of a clean run")
        or Stream::differ($dump, $clean);
}


# ---------------------------------------------------- a broker that is away

{
    my ($site, $stream, $load) =
        begin('chaos-outage', Rides::view(more => 'publish;'),
              topics => { rides => 2, 'rides.dlq' => 1,
                          'features.rides' => 2 });
    my $rides = Rides->new(seed => 51, partitions => 2, entities => 50);

    $stream->send('rides', $rides->next(400));

    my $worker = $stream->worker(args => [ '--checkpoint', '200ms' ]);

    $stream->await_applied('rides', 'rides');
    $stream->control('down 1');
    sleep 2;
    is((($site->get('/features', '{"driver_id":1000}'))[0]), 200,
       'nginx answers while the broker is away');
    ok(await(60, sub { $stream->status($worker) }), 'and the worker lives');
    $stream->control('up 1');

    $stream->send('rides', $rides->next(400));
    $stream->await_applied('rides', 'rides');
    same_as_clean($stream, 'rides', 'rides', 'after an outage');


    # ------------------------------------------------ records that are none

    my $before = $stream->dump('rides');
    my @junk = map {
        my $text = join '', map { chr(1 + $rides->random(255)) }
                                0 .. $rides->random(60);

        $text =~ s/[\t\n\r]/ /g;
        $text
    } 1 .. 300;

    my $place = '"ts":1700009999000,"driver_id":1001';

    push @junk, '', ' ', '[]', 'null', '1', '"x"', '{', '{}', '[' x 5000,
        '{"a":' x 3000, '{"driver_id":1000}', '{"ts":1700000000000}',
        '{"driver_id":1e400,"ts":1}', '{"driver_id":1.5,"ts":1}',
        '{"driver_id":9223372036854775808,"ts":1}',
        '{"driver_id":1000,"ts":"now"}', '{"driver_id":1000,"ts":1e30}',
        "{$place,\"driver_id\":1000}", "{$place,\"fare\":\"x\"}",
        "{$place,\"fare\":[1]}", "{$place,\"fare\":NaN}",
        "{$place,\"zone\":7}", "{$place,\"ride\":0.5}", "{$place}}",
        "{$place,}", "\xef\xbb\xbf{$place}", "{$place,\"zone\":\"\xff\"}",
        "{$place,\"zone\":\"\\ud800\"}";

    my $when = $rides->{clock}[0];

    $stream->send('rides', map { [ 0, $when, 1000, $_ ] } @junk);
    $stream->await_applied('rides', 'rides');

    my $changed = $stream->dump('rides');

    ok($changed eq $before, @junk . ' records that are no events change '
                                  . 'nothing')
        or Stream::differ($changed, $before);

    $stream->send('rides', $rides->next(100));
    $stream->await_applied('rides', 'rides');
    same_as_clean($stream, 'rides', 'rides', 'behind them');
    is(Stream::stop($worker), 0, 'the worker ends in peace');
    all_answered($site, $load, 'meanwhile');
}


# ------------------------------------------------------ a wall that jumps

SKIP: {
    skip 'sanitizers want to be loaded first', 6
        if ($ENV{TEST_NGINX_LD_PRELOAD} // '') ne '';

    my $wall = "$build/t/wall.$$.so";

    system('gcc', '-O1', '-D_GNU_SOURCE', '-shared', '-fPIC', '-o', $wall,
           "$FindBin::Bin/lib/wall.c", '-ldl') == 0 or skip 'no gcc', 6;

    my ($site, $stream, $load) =
        begin('chaos-clock', Rides::view(clock => 'wall', dedupe => '',
                                         more => 'dead_letters off;'),
              topics => { rides => 1 });
    my $rides = Rides->new(seed => 61, partitions => 1, entities => 20,
                           step_ms => 1000, jump => 1e9, odd => 0);
    my $start = $Rides::start_ms / 1000;
    my $file = "$site->{prefix}/time";

    # Seconds of the stream's time; the wall goes on from there.

    my $set = sub {
        my ($seconds) = @_;

        spew("$file.new", int($start + $seconds - time));
        rename "$file.new", $file;
        sleep 0.1;
    };

    $set->(600);

    my $worker = $stream->worker(args => [ '--checkpoint', '200ms' ], env => {
        LD_PRELOAD => $wall, MLOPS_WALL => $file,
    });

    $stream->send('rides', $rides->next(300));      # to 300 s
    $stream->await_applied('rides', 'rides');
    ok(defined $stream->row('rides', 1000, at(600)), 'rows by the wall clock')
        or diag($stream->worker_log);

    $set->(-86_400);                                # a day back
    $stream->send('rides', $rides->next(300));      # to 600 s
    $stream->await_applied('rides', 'rides');

    $set->(950);                                    # windows empty
    ok(await(60, sub {
        my $dump = $stream->dump('rides', at(951));
        return $dump =~ /\bn_5m=0\b/ && $dump !~ /\bn_5m=[1-9]/;
    }, 0.1), 'windows empty as the wall jumps ahead');

    $set->(700);                                    # and back
    $stream->send('rides', $rides->next(200));      # to 800 s
    $stream->await_applied('rides', 'rides');

    # What the table says of a moment that is beyond all of them.  Ten seconds
    # later windows close, and the table has gone on: then a later moment.

    my $dir = $site->{prefix};
    my $as_of;
    my $moment = 1_001;

    ok(await(60, sub {
        $set->($moment);
        $as_of = at($moment);
        $moment += 30;

        return await(6, sub {
            spew("$dir/dump", $stream->dump('rides', $as_of));
            return $stream->oracle_quiet('rides', 'rides', "$dir/dump",
                                         '--as-of', $as_of);
        }, 0.3);
    }), 'after jumps of the clock it says what the recomputation says')
        or $stream->oracle('rides', 'rides', "$dir/dump", '--as-of', $as_of);

    unlink $wall;
    ok(! $stream->oracle_quiet('rides', 'rides', "$dir/dump", '--as-of',
                               $as_of, '--plant', 'off-by-one'),
       'and a planted mistake is found');
    is(Stream::stop($worker), 0, 'the worker ends in peace');
    all_answered($site, $load, 'meanwhile');
}


# -------------------------------------------------------- a store that is full

SKIP: {
    my $small = "$build/t/chaos-store.$$";

    mkdir $small;

    if (system("mount -t tmpfs -o size=8m tmpfs $small 2>/dev/null")) {
        rmdir $small;
        skip 'no tmpfs may be mounted here', 8;
    }

    my ($site, $stream, $load) =
        begin('chaos-full', Rides::view(features => $few, dedupe => '',
                                        more => 'dead_letters off;'),
              topics => { rides => 1 }, site => { store => "$small/s" });
    my $rides = Rides->new(seed => 71, partitions => 1, entities => 600,
                           step_ms => 10, odd => 0, jump => 1e9);

    $stream->send('rides', $rides->next(2000));

    my $worker = $stream->worker(args => [ '--checkpoint', '200ms' ]);

    $stream->await_applied('rides', 'rides');

    # all of it but for a few pages

    open my $fill, '>', "$small/fill" or die;
    1 while syswrite $fill, "\0" x 4096;
    close $fill;
    truncate "$small/fill", (-s "$small/fill") - 16384;

    $rides->{entities} = 3000;
    $stream->send('rides', $rides->next(9000));
    $stream->await_applied('rides', 'rides');

    my ($table) = $stream->headers('rides');

    cmp_ok($table->{rows}, '<=', 1024, 'a full store: the table stays as it '
                                       . 'is');
    ok(kill(0, $worker), 'the worker lives');
    ok(await(60, sub {
        return $stream->worker_log =~ /no space left: \d+ bytes are needed/;
    }, 0.1), 'and says how many bytes a larger table needs')
        or diag($stream->worker_log);
    ok(await(60, sub {
        return $stream->worker_log =~ /no checkpoint: .*No space left/;
    }, 0.1), 'and that there is no room for checkpoints (they stand beside)')
        or diag($stream->worker_log);

    my $known = () = $stream->dump('rides') =~ /\n/g;

    cmp_ok($known, '>', 500, "$known entities have a place");

    unlink "$small/fill";
    ok(await(60, sub {
        return 2500 < (() = $stream->dump('rides') =~ /\n/g);
    }, 0.3), 'with room again all find one');
    same_as_clean($stream, 'rides', 'rides', 'after a full store');
    is(Stream::stop($worker), 0, 'the worker ends in peace');
    all_answered($site, $load, 'meanwhile');

    $site->stop;
    system('umount', '-l', $small);
    rmdir $small;
}

done_testing();


END {
    my $code = $?;
    my $small = "$build/t/chaos-store.$$";

    unlink "$build/t/wall.$$.so";

    if (-d $small) {
        system("umount -l $small 2>/dev/null");
        rmdir $small;
    }

    $? = $code;
}
