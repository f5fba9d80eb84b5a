# A view changes with a reload: features that did not change keep their state,
# new ones are WARMING until they have seen their window, old and new workers
# of nginx read side by side, and a kill at any point of the change loses
# nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use JSON::PP ();
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

my $site = Site->new('features-reload', workers => 1);
my $dir = $site->{prefix};
my $stream = Stream->new($site, rides => 1);
my $rides = Rides->new(seed => 31, partitions => 1, entities => 8,
                       step_ms => 2000, odd => 0);

my $kept = "feature n    count()    window=10m;\n"
           . "feature sum  sum(fare)  window=10m hop=1m;\n"
           . "feature last last(fare);\n";
my @definitions = (
    "${kept}feature extra count() window=2m;\n",
    "${kept}feature extra count() window=5m;\nfeature high max(fare)"
        . " window=10m;\n",
);


sub conf {
    my ($number) = @_;

    $site->conf(http => "mlops_state $stream->{state};\n" . $stream->kafka
                        . Rides::view(features => $definitions[$number],
                                      dedupe => '',
                                      more => 'dead_letters off;'),
                server => <<'_END_');
        location = /features  { mlops_features rides; }
        location = /status    { mlops_status; }
_END_
}


# The definitions of which there are tables.

sub hashes {
    my %hash = map { $_->{hash} => 1 } $stream->headers('rides');
    return join ' ', sort keys %hash;
}


# Rows as nginx answers them, by key.

sub rows {
    my ($text) = @_;

    if (! defined $text) {
        my ($status, undef, $body) = $site->get('/features', keys_body());

        die "/features: $status $body\n" if $status != 200;
        $text = $body;
    }

    return { map { $_->{key} => $_ }
             @{ JSON::PP::decode_json($text)->{views}{rides}{rows} } };
}


sub keys_body {
    return '{"driver_id":[' . join(',', 1000 .. 1007) . ']}';
}


sub statuses {
    my ($column) = @_;
    my %seen = map { $_->{statuses}{$column} // 'none' => 1 }
                   values %{ rows() };

    return join ' ', sort keys %seen;
}


sub more {
    my ($n) = @_;

    $stream->send('rides', $rides->next($n));
    $stream->await_applied('rides', 'rides');
}

conf(0);
$site->start;

my $worker = $stream->worker(args => [ '--checkpoint', '100ms' ]);

more(400);

my $old = hashes();

ok(await(60, sub { statuses('extra') eq 'PRESENT' }),
   'a worker that began with the log is not WARMING once it has caught up');
is(statuses('n'), 'PRESENT', 'rows before the reload');

my $before = rows();


# -------------------------------------------- old and new nginx side by side

# A request whose body is not complete keeps its worker through the reload.

my $held = $site->connection;
my $body = keys_body();

print $held "POST /features HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            . 'Content-Length: ' . length($body) . "\r\n\r\n"
            . substr($body, 0, 5);
Site::taken($held);

conf(1);
ok($site->reload, 'nginx takes the new definition');
ok(await(60, sub { hashes() =~ / / }), 'the worker makes a table beside the old '
                                     . 'one') or diag($stream->worker_log);
ok(await(60, sub { statuses('high') eq 'WARMING' }), 'a new feature is WARMING')
    or diag(statuses('high'));

my $after = rows();

is(statuses('n'), 'PRESENT', 'one that did not change is not');
is(join(' ', map { "$after->{$_}{values}{n} $after->{$_}{values}{last}" }
                 sort keys %$after),
   join(' ', map { "$before->{$_}{values}{n} $before->{$_}{values}{last}" }
                 sort keys %$before), 'and has kept its state');
like(statuses('extra'), qr/^WARMING$/, 'one that changed begins anew');

$stream->send('rides', $rides->next(30));
ok(await(60, sub { $stream->behind('rides', 'rides') eq '' }),
   'both tables are fed') or diag($stream->behind('rides', 'rides'));

print $held substr $body, 5;

my $answer = do { local $/; <$held> };
my ($text) = $answer =~ /\r\n\r\n(.*)/s;
my $of_old = rows($text =~ /^[0-9a-f]+\r\n/ ? $text =~ s/^[0-9a-f]+\r\n|\r\n.*//gsr
                                            : $text);
my $of_new = rows();

is(join(' ', map { "$of_old->{$_}{values}{n} $of_old->{$_}{values}{last}" }
                 sort keys %$of_old),
   join(' ', map { "$of_new->{$_}{values}{n} $of_new->{$_}{values}{last}" }
                 sort keys %$of_new),
   'the old worker of nginx reads what is new as well');
ok(! exists $of_old->{1000}{values}{high}, 'by its own definition');
isnt($of_old->{1000}{statuses}{extra}, 'WARMING', 'of which all is there');

ok(await(60, sub { hashes() !~ /\Q$old\E/ }),
   'the old table goes with its last reader') or diag(hashes());


# ------------------------------------------------------------- warm again

more(400);                              # more than ten minutes
ok(await(60, sub { statuses($_) eq 'PRESENT' }),
   "$_ is complete after its window") for qw(n extra high);
same_as_clean('after a reload');


# --------------------------------------------------- kills at the change

my $number = 1;

for my $point ('shard_redefine', 'shard_carried', 'shard_leave',
               'shard_leave_unlinked', 'table_created', 'table_committed')
{
    Stream::stop($worker, 'TERM');
    $worker = $stream->worker(program => $Stream::fault,
                              args => [ '--checkpoint', '100ms' ],
                              env => { MLOPS_FAULT => $point });
    more(5);

    $number = 1 - $number;
    conf($number);
    $site->reload or die "no reload\n";

    my $status;

    await(60, sub {
        $stream->send('rides', $rides->next(2));
        return defined($status = Stream::reap($worker, 0.1));
    });

    is($status // 0, POSIX::SIGKILL(), "killed at $point");

    $worker = $stream->worker(args => [ '--checkpoint', '100ms' ]);
    more(20);
    ok(await(60, sub { hashes() !~ / / }), 'one table is left')
        or diag(hashes());
}

more(400);
same_as_clean('after kills');

is(Stream::stop($worker), 0, 'the worker ends in peace');
is($site->logged('\[(?:alert|emerg|crit|error)\]'), 0, 'nothing to log')
    or diag($site->log);

done_testing();


sub same_as_clean {
    my ($what) = @_;
    my $dump = $stream->dump('rides');
    my $clean = $stream->clean_dump('rides', 'rides');

    ok($dump eq $clean, "$what: the table is that of a clean run")
        or Stream::differ($dump, $clean);
    spew("$dir/dump", $dump);
    ok($stream->oracle('rides', 'rides', "$dir/dump"),
       "$what: and that of the recomputation");
}
