# Feature tables in nginx: tables that come, are replaced under load, are
# broken; two definitions side by side over a reload; stale and warming; a
# worker that dies; what the pages say.
#
# What the table's owner would say of its rows is written into the files here
# by the layout that core/feature/mlops_table.h documents.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use File::Path qw(remove_tree);
use Fcntl qw(SEEK_SET);
use JSON::PP;
use Mlops qw(await slurp spew);
use Site;
use Test::More;
use Time::HiRes qw(sleep time);

my $quick = $ENV{MLOPS_QUICK};
my $site = Site->new('views');
my $store = $site->{store};
my $json = JSON::PP->new->canonical;

spew("$site->{prefix}/model.json", <<'_END_');
{
    "recipe": 1,
    "inputs": [{"name": "x", "type": "FP64"},
               {"name": "y", "type": "FP64", "default": 1000}],
    "steps": [
        {"kind": "affine", "inputs": ["x", "y"], "weights": [1, 1],
         "outputs": ["z"]}
    ],
    "signatures": [{"name": "default", "outputs": [{"name": "z"}]}]
}
_END_

$site->ctl('import', "$site->{prefix}/model.json", '-o',
           "$site->{prefix}/model.mlm");
$site->publish($_, "$site->{prefix}/model.mlm") for qw(m wall);

# x and y are always the same number: a mixed row would show.

sub conf {
    my ($more) = @_;

    $site->conf(http => <<"_END_", server => <<'_END_');
        mlops_view pairs {
            source file=/none.csv;
            entity id int64;
            feature x last(x);
            feature y last(y);
            shards 2;
            $more
        }
        mlops_view wall {
            source file=/none.csv;
            entity id int64;
            event_time t unit=ms;
            feature x last(x);
            feature y last(y);
            ttl 1d;
        }
        mlops_model m    { join pairs key=id; }
        mlops_model wall { join wall key=id; }
_END_
        add_header X-Pid $pid always;
        location = /m        { mlops_predict m; }
        location = /wall     { mlops_predict wall; }
        location = /features { mlops_features pairs wall; }
        location = /status   { mlops_status; }
        location = /metrics  { mlops_metrics; }
_END_
}

sub table {
    my ($view, $csv) = @_;

    spew("$site->{prefix}/$view.csv", $csv);
    $site->ctl('table', 'load', $view, "$site->{prefix}/$view.csv", '-s',
               $store);
}

sub pairs {
    my ($value, $n) = @_;

    table('pairs', join '', "id,x,y\n",
          map { "$_,$value,$value\n" } 1 .. ($n // 50));
}

sub answer {
    my ($path, $body) = @_;

    my $socket = $site->connection;

    print $socket "POST $path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                  . 'Content-Length: ' . length($body) . "\r\n\r\n$body";

    my ($head, $text) = split /\r\n\r\n/, do { local $/; <$socket> }, 2;

    return join '|', (split ' ', $head)[1], $text,
                     $head =~ /^Mlops-Warning: (.*?)\r?$/mg;
}

sub view {
    my ($name) = @_;

    my ($status, undef, $text) = $site->get('/status');
    my ($view) = grep { $_->{name} eq $name }
                      @{ $json->decode($text)->{views} };

    return $view;
}

sub metric {
    my ($name) = @_;

    my $text = ($site->get('/metrics'))[2];
    return $text =~ /^\Q$name\E (\S+)$/m ? $1 : 'none';
}

# A request is counted when it has been answered: its client may ask first.

sub counted {
    my ($name, $least, $what) = @_;
    my $value;

    ok(await(60, sub { ($value = metric($name)) ne 'none'
                       && $value >= $least }), $what)
        or diag("$name: $value");

    return $value;
}


# All workers agree.

sub becomes {
    my ($what, $expected, $path, $body) = @_;

    ok($site->all_answer($path, $body, $expected), $what)
        or diag(answer($path, $body), "\n", $site->log);
}


# ------------------------------------------------- no tables, then tables

conf('');
$site->start;

is(answer('/m', '{"id":1}'),
   '200|{"z":null}|defaulted; columns=y; rows=1|missing; columns=x; rows=1',
   'no table is no error');
is(view('pairs')->{open}, 0, 'none is open');
is(metric('mlops_view_shards_open{view="pairs"}'), 0, 'and counted so');

pairs(7);
becomes('tables that come are found', '{"z":14.0}', '/m', '{"id":1}');

my $view = view('pairs');

is("@$view{qw(open shards rows)}", '2 2 50', 'status: both shards');
cmp_ok($view->{bytes}, '>', 65536, 'bytes');
is($view->{error}, undef, 'no error');
is(metric('mlops_view_rows{view="pairs"}'), 50, 'metrics: rows');
counted('mlops_view_lookups_total{view="pairs",status="PRESENT"}', 1,
        'metrics: lookups');
counted('mlops_view_lookups_total{view="pairs",status="NOT_FOUND"}', 1,
        'metrics: lookups without a row');
counted('mlops_missing_rows_total{model="m",version="1"}', 1,
        'metrics: rows without a value');
is($site->logged('\[(?:alert|emerg|crit|error)\]'), 0, 'nothing to log');


# --------------------------------------------------- replaced under load

my $rounds = $quick ? 10 : 40;
my $job = $site->load('/m', [ map { "{\"id\":$_}" } 1 .. 50 ], '-c', 8);

for my $round (1 .. $rounds) {

    # 4000 rows need another file of another size

    pairs($round, $round % 5 ? 50 : 4000);

    # some of them for so long that the load has seen them

    $site->await_served(100, 'm') or die "no load\n" if $round % 3 == 0;
}


my ($report, @answers) = $site->load_end($job);

is($report->{failed}, 0, "no request of $report->{requests} failed");
cmp_ok($report->{requests}, '>', 1000, 'there was load');

my %seen = map { ($_->{text} =~ /^\{"z":(\d+)\.0\}$/ ? $1 : "?$_->{text}")
                 => 1 } @answers;

is((grep { /\?/ || $_ % 2 } keys %seen), 0, 'every answer is of one file')
    or diag(join ' ', sort keys %seen);
cmp_ok(keys %seen, '>', $rounds / 4, 'new files are taken: '
       . keys(%seen) . " of $rounds seen");
becomes('the last one in the end', '{"z":' . 2 * $rounds . '.0}', '/m',
        '{"id":1}');
cmp_ok(metric('mlops_view_reopened_total{view="pairs"}'), '>', $rounds / 4,
       'reopenings are counted');
is($site->logged('\[(?:alert|emerg|crit|error)\]'), 0, 'nothing to log');

# Old files are not kept mapped.

sub mapped {
    my ($pid) = @_;
    return scalar grep { m{/features/pairs} } split /\n/,
           slurp("/proc/$pid/maps");
}

ok(await(60, sub {
    return join(' ', map { mapped($_) } $site->workers) eq '2 2';
}), 'a worker maps one file a shard');


# ----------------------------------------------------------- broken files

my ($file) = glob "$store/features/pairs.*.0";
my $bytes = slurp($file);

sub intrude {
    my ($name, $content, $mode) = @_;

    spew("$store/features/.new", $content);
    chmod $mode // 0644, "$store/features/.new";
    rename "$store/features/.new", $name;
}

for my $bad ([ 'not a feature table', 'text' ],
             [ 'wrong checksum', do {
                 my $copy = $bytes;
                 substr($copy, 32, 1) ^= "\x01";
                 $copy;
             } ],
             [ 'expected mode 0644', $bytes, 0666 ])
{
    my ($text, $content, $mode) = @$bad;

    intrude($file, $content, $mode);
    ok(await(60, sub { (view('pairs')->{error} // '') =~ /$text/ }),
       "refused: $text") or diag(view('pairs')->{error});
    is(answer('/m', '{"id":1}'), '200|{"z":' . 2 * $rounds . '.0}',
       'the table before serves on');
}

pairs(3);
becomes('a good one is taken again', '{"z":6.0}', '/m', '{"id":1}');
ok(await(60, sub { ! defined view('pairs')->{error} }),
   'and the error is gone');


# ------------------------------------------------------ stale and warming

my $now = int(time * 1000);

table('wall', "id,t,x,y\n1,$now,1,2\n2,$now,3,4\n");
becomes('a table by the wall clock', '{"z":3.0}', '/wall', '{"id":1}');

($file) = glob "$store/features/wall.*.0";

sub poke {
    my ($offset, $value) = @_;

    open my $out, '+<', $file or die "$file: $!\n";
    binmode $out;
    seek $out, $offset, SEEK_SET;
    print $out pack 'q<', $value;
    close $out or die "$file: $!\n";
}

# The columns stand behind header and partitions; warm_us is at 152 of 192.

my $warm = 4096 + 1024 * 32 + 192 + 152;

poke($warm, 2**62);
is(answer('/wall', '[{"id":1},{"id":2},{"id":3}]'),
   '200|[{"z":3.0},{"z":7.0},{"z":null}]|defaulted; columns=y; rows=1'
   . '|missing; columns=x; rows=1|warming; columns=y; rows=2', 'warming');
is($json->encode(view('wall')->{warming}), '["y"]', 'status says which');
is(($json->decode(($site->get('/features?id=1'))[2])
    ->{views}{wall}{rows}[0]{statuses}{y}), 'WARMING', 'and mlops_features');

poke($warm, int(time * 1e6));
sleep 0.01;
is(answer('/wall', '{"id":1}'), '200|{"z":3.0}', 'until it is warm');

# Rows: ctl, key of 8 bytes, two slots of 32 bytes and a set each, whose
# valid_until is at 24.

my ($slot, $stride, $capacity) = unpack 'L<3', substr(slurp($file), 80, 12);
my ($rows_off) = unpack 'Q<', substr(slurp($file), 112, 8);

for my $row (0 .. 1) {
    poke($rows_off + $row * $stride + 16 + $_ * $slot + 24,
         int(time * 1e6)) for 0, 1;
}

sleep 0.01;
is(answer('/wall', '[{"id":1},{"id":2}]'),
   '200|[{"z":3.0},{"z":7.0}]|stale; columns=x,y; rows=2', 'stale');
counted('mlops_stale_rows_total{model="wall",version="1"}', 2, 'counted');
is(counted('mlops_warming_rows_total{model="wall",version="1"}', 2,
           'warming as well'), 2, 'each row once');

# The beat is what the file says; that of a batch view is no sign of life.

poke(288, 1_000_000_000_250_000);
is(view('wall')->{beat}, 1_000_000_000.25, 'when the writer was last alive');
is(metric('mlops_view_beat_age_seconds{view="wall"}'), 'none',
   'which means nothing for a batch view');


# ---------------------------------- two definitions side by side: a reload

pairs(5);
becomes('before the reload', '{"z":10.0}', '/m', '{"id":1}');

my $before = view('pairs')->{definition};
my $old = $site->connections('/m');
my %kept = %$old;

# A request that the old worker has begun to read keeps it alive.

my $slow = $site->connection;
print $slow "POST /m HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n{\"id\"";
Site::taken($slow);

conf('ttl 1000d;');
$job = $site->load('/m', [ '{"id":1}' ], '-c', 4);
ok($site->reload, 'reload with a changed view');

isnt(view('pairs')->{definition}, $before, 'another definition');
is(view('pairs')->{open}, 0, 'which has no table yet');
is(answer('/m', '{"id":1}'),
   '200|{"z":null}|defaulted; columns=y; rows=1|missing; columns=x; rows=1',
   'no entity is found there');

print $slow ":1}";
my $told = '';
while (defined(my $line = <$slow>)) {
    last if $line eq "\r\n";
}
read $slow, $told, length '{"z":10.0}';
is($told, '{"z":10.0}', 'the worker before reads its own table');

pairs(6);
becomes('the new table is found', '{"z":12.0}', '/m', '{"id":1}');

($report, @answers) = $site->load_end($job);
is($report->{failed}, 0, "no request of $report->{requests} failed");
is((grep { $_->{status} != 200 } @answers), 0, 'none was 5xx');

# Back: the old file is there still.

conf('');
ok($site->reload, 'reload with the view as it was');
becomes('the table of that definition is found at once', '{"z":10.0}', '/m',
        '{"id":1}');


# ------------------------------------------------------ the store is gone

rename "$store", "$store.away";
sleep 1.2;
is(answer('/m', '{"id":1}'), '200|{"z":10.0}', 'what is mapped stays');
rename "$store.away", "$store";
sleep 0.2;
pairs(8);
becomes('and the store that is back is read', '{"z":16.0}', '/m',
        '{"id":1}');


# --------------------------------------------------------------- a full tmpfs

SKIP: {
    my $dir = "$site->{prefix}/small";

    mkdir $dir;
    system("mount -t tmpfs -o size=256k tmpfs '$dir' 2>/dev/null") == 0
        or skip 'no tmpfs of our own can be mounted here', 3;

    my $full = Site->new('views-full', store => "$dir/store");
    $full->{registry} = $site->{registry};

    my $rc = eval {
        $full->conf(http => <<'_END_', server => <<'_END_');
            mlops_view pairs {
                source file=/none.csv;
                entity id int64;
                feature x last(x);
                feature y last(y);
            }
            mlops_model m { join pairs key=id; }
_END_
            location = /m { mlops_predict m; }
_END_
        $full->start;

        spew("$full->{prefix}/p.csv", "id,x,y\n1,2,3\n");
        $full->ctl('table', 'load', 'pairs', "$full->{prefix}/p.csv", '-s',
                   "$dir/store");
        await(60, sub { ($full->get('/m', '{"id":1}'))[2] eq '{"z":5.0}' });
    };

    ok($rc, 'a small table has room') or diag($@);

    spew("$full->{prefix}/p.csv", join '', "id,x,y\n",
         map { "$_,1,1\n" } 1 .. 20000);

    ok(! eval { $full->ctl('table', 'load', 'pairs',
                           "$full->{prefix}/p.csv", '-s', "$dir/store"); 1 },
       'a large one has not');
    is(($full->get('/m', '{"id":1}'))[2], '{"z":5.0}',
       'and nobody is harmed');

    $full->stop;
    system("umount '$dir'");
}


# ------------------------------------------------------------ the pages

my ($promtool) = grep { -x } map { "$_/promtool" } split /:/, $ENV{PATH};

SKIP: {
    skip 'no promtool', 2 if ! $promtool;

    spew("$store/metrics/mlops-features.pairs.prom", <<'_END_');
# HELP mlops_features_events_total Events taken.
# TYPE mlops_features_events_total counter
mlops_features_events_total{view="pairs"} 5
# HELP mlops_features_lag Records behind.
# TYPE mlops_features_lag gauge
mlops_features_lag{view="pairs",partition="0"} 7
_END_

    my $page = ($site->get('/metrics'))[2];

    like($page, qr/^mlops_features_lag\{
                   (?=[^}]*view="pairs")(?=[^}]*partition="0")
                   (?=[^}]*process="mlops-features\.pairs")[^}]*\}\ 7$/mx,
         'a page of a worker is merged');

    spew("$site->{prefix}/page", $page);
    is(`$promtool check metrics < '$site->{prefix}/page' 2>&1`, '',
       'promtool has nothing to say');
}

is($site->logged('\[(?:alert|emerg|crit)\]'), 0, 'nothing to log');

done_testing();
