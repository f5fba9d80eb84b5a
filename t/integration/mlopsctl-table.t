# mlopsctl table: loading a batch view, dumps in their three forms, one
# entity, and errors with file and line that change nothing.

use strict;
use warnings;

use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../../tools/lib";

use JSON::PP;
use Mlops qw($build outcome slurp spew);
use Test::More;

my $ctl = $ENV{MLOPSCTL} || "$build/bin/mlopsctl";
my $dir = File::Temp->newdir;
my ($r, $s, $csv) = map { "$dir/$_" } qw(registry store homes.csv);


sub ctl {
    return outcome({}, $ctl, @_);
}


# The plan of a store with one batch view of these shards, and a stream.

sub plan_json {
    my ($shards, $entity) = @_;

    my $n = 1;
    my $node = sub { [ 'nginx.conf', $n++, @_ ] };

    return encode_json({ abi => 1, time => '2026-01-01T00:00:00Z', nodes => [
        $node->('mlops_store', $s),
        $node->('mlops_view', 'homes', [
            $node->('source', "file=$csv"),
            $node->('entity', 'id', @$entity),
            $node->('event_time', 'at', 'unit=s'),
            $node->('feature', 'income', 'last(income)'),
            $node->('feature', 'town', 'last(town)', 'type=string',
                    'bytes=16'),
            $node->('feature', 'rooms', 'last(rooms)', 'type=int64'),
            $node->('shards', "$shards"),
        ]),
    ] });
}


sub tables {
    opendir my $dh, "$s/features" or die "$s/features: $!";

    return join ' ', sort map { /^\.tmp/ ? 'TMP' : s/\.[0-9a-f]{16}\./.X./r }
                         grep { !/^\.\.?$/ } readdir $dh;
}


mkdir $r;
mkdir "$r/models";
is((ctl('sync', '-r', $r, '-s', $s, '--create'))[0], 0, 'a store');

is((ctl('table', 'dump', 'homes', '-s', $s))[0], 1, 'no plan');

spew("$s/plan.json", plan_json(3, [ 'int64' ]));

my ($rc, $out, $err) = ctl('table', 'dump', 'homes', '-s', $s);
is($rc, 1, 'no table');
like($err, qr/view "homes" has no table yet/, 'no table: text');

spew($csv, <<'CSV');
"id",x,at,income,town,rooms
7,1,100,1.5,"a ""b"" \é",3
-2,,200,,"",

7,,50,9,older,1
9000000000,,300,1e300,"x
y",-5
5,,1,0.1,one,1
5,,1,-0.0,two,2
CSV

($rc, $out, $err) = ctl('table', 'load', 'homes', $csv, '-s', $s);
is($err, '', 'load');
like($out, qr/^homes: 6 rows, 4 entities, \d+ bytes in 3 tables$/,
     'load: summary');
is(tables(), 'homes.X.0 homes.X.1 homes.X.2', 'a table for each shard');

my $canonical = join '', map { join("\t", @$_) . "\n" } (
    [ '-2', 'income=null', 'town=""', 'rooms=null', -1, 1, 200000000 ],
    [ '5', 'income=-0.0', 'town="two"', 'rooms=2', -1, 5, 1000000 ],
    [ '7', 'income=1.5', 'town="a \\"b\\" \\\\é"', 'rooms=3', -1, 0,
      100000000 ],
    [ '9000000000', 'income=1e+300', 'town="x\\ny"', 'rooms=-5', -1, 3,
      300000000 ],
);

is((ctl('table', 'dump', 'homes', '-s', $s, '--canonical'))[1], $canonical,
   'canonical');

is((ctl('table', 'dump', 'homes', '-s', $s))[1], join('', map { "$_\n" } (
    "id\tincome\ttown\trooms\tpartition\toffset\tevent_us",
    "-2\t\t\t\t-1\t1\t200000000",
    "5\t-0.0\ttwo\t2\t-1\t5\t1000000",
    "7\t1.5\ta \"b\" \\\\é\t3\t-1\t0\t100000000",
    "9000000000\t1e+300\tx\\ny\t-5\t-1\t3\t300000000")), 'TSV');

my $json = decode_json((ctl('table', 'dump', 'homes', '-s', $s,
                            '--json'))[1]);
is(scalar @$json, 4, 'JSON: all');
is_deeply($json->[0], { key => -2, values => { income => undef, town => '',
                                               rooms => undef },
                        partition => -1, offset => 1,
                        event_us => 200000000 }, 'JSON: one');

($rc, $out) = ctl('table', 'get', 'homes', '7', '-s', $s);
is($rc, 0, 'get');
like($out, qr/^event +1970-01-01T00:01:40\.000000Z, 100000000$/m,
     'get: time');
like($out, qr/^  PRESENT +income +1\.5$/m, 'get: value');
($rc, $out) = ctl('table', 'get', '-s', $s, '--', 'homes', '-2');
like($out, qr/^  NULL_VALUE +rooms +null$/m, 'get: null');
($rc, $out) = ctl('table', 'get', 'homes', '8', '-s', $s);
is("$rc $out", "1 NOT_FOUND\n", 'get: no such entity');
like((ctl('table', 'get', 'homes', 'x', '-s', $s))[2],
     qr/expected a key of type int64, got "x"/, 'get: no such key');

# ------------------------------------------------ what is wrong changes nothing

for ([ "id,at,income,town,rooms\n1,1,2,a,3\n2,1,x,a,3\n",
       '3: field "income": expected a finite number, got "x"' ],
     [ "id,at,income,town,rooms\n1,1,2,a,3\n\n2,1,2,a,3.5\n",
       '4: field "rooms": expected an integer of 64 bits, got "3.5"' ],
     [ "id,at,income,town,rooms\n1,1,2,\"a\nb\",3\n2,1,2,a\n",
       '4: expected 5 cells as in the header, got fewer' ],
     [ "id,at,income,town,rooms\n,1,2,a,3\n",
       '2: field "id": expected the entity, got none' ],
     [ "id,at,income,town,rooms\n1,,2,a,3\n",
       '2: field "at": expected the event time, got none' ],
     [ "id,at,income,town,rooms\n1,1,2,abcdefghijklmnopq,3\n",
       '2: field "town": expected a string of at most 16 bytes, got 17' ],
     [ "id,at,income,town\n1,1,2,a\n",
       '1: expected a column "rooms" in the header, got none' ],
     [ "id,at,income,\"to\"\"wn\",rooms\n1,1,2,a,3\n",
       '1: expected a column "town" in the header, got none' ])
{
    my ($text, $want) = @$_;

    spew("$dir/bad.csv", $text);
    ($rc, $out, $err) = ctl('table', 'load', 'homes', "$dir/bad.csv", '-s',
                            $s);
    is("$rc $err", "1 mlopsctl table: $dir/bad.csv:$want\n", $want);
}

is(tables(), 'homes.X.0 homes.X.1 homes.X.2', 'nothing is left behind');
is((ctl('table', 'dump', 'homes', '-s', $s, '--canonical'))[1], $canonical,
   'the tables are as they were');

spew("$dir/empty.csv", '');
like((ctl('table', 'load', 'homes', "$dir/empty.csv", '-s', $s))[2],
     qr/is empty: expected a header of names/, 'an empty file');
like((ctl('table', 'load', 'homes', "$dir/none.csv", '-s', $s))[2],
     qr/none\.csv.* failed \(2: No such file or directory\)/, 'no file');
like((ctl('table', 'dump', 'nope', '-s', $s))[2], qr/no view "nope"/,
     'no view');
is((ctl('table', 'drop', 'homes', '-s', $s))[0], 2, 'no verb');
is((ctl('table', 'get', 'homes', '-s', $s))[0], 2, 'no key');
is((ctl('table', 'dump', 'homes'))[0], 2, 'no store');
is((ctl('table', 'dump', 'homes', '-s', $s, '--as-of', 'x'))[0], 2,
   'no time');

# ------------------------------------------------------ a header alone; strings

spew("$dir/head.csv", "rooms,town,income,at,id\n");
is((ctl('table', 'load', 'homes', "$dir/head.csv", '-s', $s))[0], 0,
   'a header alone');
is((ctl('table', 'dump', 'homes', '-s', $s, '--canonical'))[1], '',
   'an empty table');
is((ctl('table', 'dump', 'homes', '-s', $s, '--json'))[1], "[]\n",
   'an empty array');

spew("$dir/plan.json", plan_json(5, [ 'string', 'bytes=8' ]));
spew("$dir/text.csv", join '', "id,at,income,town,rooms\n",
     map { "$_,1,,,\n" } qw(b ab a aa é), '"a,"', '"""q"""');
is((ctl('table', 'load', 'homes', "$dir/text.csv", '-p',
        "$dir/plan.json"))[2], '', 'keys of text');
is(join(' ', map { /^(\S+)\t/ } split /\n/,
        (ctl('table', 'dump', 'homes', '-p', "$dir/plan.json",
             '--canonical'))[1]),
   '"\"q\"" "a" "a," "aa" "ab" "b" "é"', 'sorted by bytes');

done_testing();
