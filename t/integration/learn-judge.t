# mlopsctl evaluate does not judge a model by rows that it was made from
# without a word: parts of other rows than the trained ones, two models that
# were split differently, two that do not predict the same.
#
# The targets are noise, which trees learn by heart: a model is far better on
# rows that it was made from, and no better than another on those it was not.

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../../tools/lib";

use JSON::PP;
use Mlops qw($build $root outcome spew);
use Test::More;

my $ctl = $ENV{MLOPSCTL} || "$build/bin/mlopsctl";
my $dir = tempdir(DIR => -w '/dev/shm' ? '/dev/shm' : '/tmp', CLEANUP => 1);

delete @ENV{qw(MLOPS_FAULT MLOPS_FAULT_LOG MLOPS_SIMD)};
mkdir "$dir/tmp" or die "$dir/tmp: $!";
$ENV{TMPDIR} = "$dir/tmp";

my ($rc, $out, $err, $report);


sub ctl {
    return outcome({ dir => $dir }, $ctl, @_);
}


sub evaluate {
    ($rc, $out, $err) = ctl('evaluate', @_);

    return $rc;
}


# The same as JSON.

sub judged {
    evaluate(@_, '--json');
    is($rc, 0, "evaluate @_") or diag($err);
    $report = $rc ? {} : decode_json($out);

    return $report;
}


sub notes {
    return join '|', @{ $report->{notes} // [] };
}


# ------------------------------------------------------------------- the rows

# Knuth's MMIX, so that rows are the same everywhere.

{
    use integer;

    my $state = 4711;

    sub uniform {
        $state = $state * 6364136223846793005 + 1442695040888963407;

        no integer;

        return (($state >> 33) & 0x3fffffff) / 0x40000000;
    }
}

my $names = "x,id,t,part,y,z,label,flag\n";
my @lines = map {
    my $y = uniform();

    sprintf "%.5f,%d,%d,%s,%.5f,%.5f,%s,%d\n", uniform(), 1000 + $_, $_,
        ($_ % 4 ? 'train' : 'gate'), $y, uniform(),
        ($y > 0.5 ? 'yes' : 'no'), $y > 0.5;
} 0 .. 499;

spew("$dir/rows.csv", join '', $names, @lines[0 .. 399]);
spew("$dir/grown.csv", join '', $names, @lines);
spew("$dir/new.csv", join '', $names, @lines[400 .. 499]);

my $recipe = {
    recipe => 1,
    inputs => [ { name => 'x' } ],
    train => {
        rows => {
            columns => [
                { name => 'id' }, { name => 't' },
                { name => 'part', type => 'BYTES' }, { name => 'y' },
                { name => 'z' }, { name => 'label', type => 'BYTES' },
                { name => 'flag' }
            ]
        },
        target => 'y', metrics => [ 'rmse' ],
        split => { by => 'random', seed => 1, gate => 0.25 },
    },
    steps => [ { kind => 'model', fit => 'gbdt', inputs => [ 'x' ],
                 outputs => [ 'p' ], trees => 100,
                 learning_rate => 0.3 } ],
    signatures => [ { name => 'default', outputs => [ { name => 'p' } ] } ]
};


# A model by a copy of the recipe, changed.

sub train {
    my ($name, $rows, $change) = @_;

    my $copy = decode_json(encode_json($recipe));

    $change->($copy->{train}, $copy) if $change;
    spew("$dir/$name.json", encode_json($copy));

    my ($rc, $out, $err) = ctl('train', "$name.json", $rows, '-o',
                               "$name.mlm");
    is($rc, 0, "model $name") or diag($err);
}


sub seed {
    my ($seed) = @_;

    return sub { $_[0]{split}{seed} = $seed };
}


train('one', 'rows.csv', seed(1));
train('same', 'rows.csv', sub { $_[1]{steps}[0]{learning_rate} = 0.2 });
train('two', 'rows.csv', seed(2));

# ----------------------------------------------------------- the gates of two

# numpy.random.RandomState(s).permutation(400)[:100] of s 1 and 2 have 26 rows
# in common.

for my $case ([ 'one', 'two' ], [ 'two', 'one' ]) {
    my ($a, $b) = @$case;

    judged("$a.mlm", 'rows.csv', '--part', 'gate', '--against', "$b.mlm");
    is($report->{judged}, 26, 'rows that both held out are judged');
    is_deeply([ @$report{qw(seen against_seen)} ],
              [ JSON::PP::false, JSON::PP::false ], 'none has seen them');
    like(notes(), qr/^rows are left out that are not in that part of both/,
         'which is said');

    evaluate("$a.mlm", 'rows.csv', '--part', 'gate', '--against', "$b.mlm");
    like($out, qr/^rows \s+ 26\ of\ 400\ judged\n note \s+ rows\ are\ left/mx,
         'and printed');
    like($out, qr/^difference \s+ none\ is\ shown\ between\ $a\.mlm\ and
                  \ $b\.mlm:/mx, 'and none of two equal ones is better');
}

judged('one.mlm', 'rows.csv', '--part', 'gate', '--against', 'same.mlm');
is($report->{judged}, 100, 'models of one split are judged by all of a part');
is(notes(), '', 'without a note');

judged('one.mlm', 'rows.csv', '--part', 'train', '--against', 'same.mlm');
is_deeply([ @$report{qw(judged seen against_seen)} ],
          [ 300, JSON::PP::true, JSON::PP::true ], 'also by that of training');
like(notes(), qr/^both models were made from rows of that part/,
     'which is noted');

train('all', 'rows.csv', sub { delete $_[0]{split} });
evaluate('one.mlm', 'rows.csv', '--part', 'gate', '--against', 'all.mlm');
is($rc, 1, 'a model that held no rows out is not compared by a gate');
like($err, qr/rows\.csv:\ expected\ rows\ of\ the\ part\ gate\ of\ both\ models,
              \ got\ none\ of\ 400;\ .*:\ take\ one\ that\ neither\ has\ seen/x,
     'and what to do');

# ---------------------------------------------------------------- other rows

for my $name ('one', 'all') {
    for my $part ('gate', 'train') {
        evaluate("$name.mlm", 'grown.csv', '--part', $part);
        is($rc, 1, "the part $part of other rows is not known");
        like($err, qr/grown\.csv:\ expected\ the\ rows\ that\ the\ model\ was
                      \ made\ from,\ got\ others,\ .*
                      \ without\ --part\ all\ rows\ of\ a\ file\ are\ judged/x,
             'and what to do');
    }
}

train('time', 'rows.csv', sub {
    $_[0]{split} = { by => 'time', column => 't', gate => 0.25 };
});
judged('time.mlm', 'rows.csv', '--part', 'gate');
is($report->{judged}, 100, 'a gate by time');
evaluate('time.mlm', 'grown.csv', '--part', 'gate');
is($rc, 1, 'of other rows is cut at another time');

train('hash', 'rows.csv', sub {
    $_[0]{split} = { by => 'hash', column => 'id', salt => 's',
                     gate => 0.25 };
});

my %gate = map {
    judged('hash.mlm', $_, '--part', 'gate');
    is($report->{seen}, JSON::PP::false, 'a gate by hash is never seen');
    ($_ => $report->{judged});
} qw(rows.csv new.csv grown.csv);

cmp_ok($gate{'new.csv'}, '>', 0, 'there are rows');
is($gate{'grown.csv'}, $gate{'rows.csv'} + $gate{'new.csv'},
   'and an entity stays in its part');

# the gates of both: half of the half, by the fractions of one salt

train('half', 'new.csv', sub {
    $_[0]{split} = { by => 'hash', column => 'id', salt => 's', gate => 0.5 };
});
judged('half.mlm', 'grown.csv', '--part', 'gate');
cmp_ok($report->{judged}, '>', $gate{'grown.csv'}, 'a larger gate by hash');
judged('half.mlm', 'grown.csv', '--part', 'gate', '--against', 'hash.mlm');
is($report->{judged}, $gate{'grown.csv'},
   'the gate of both is the smaller, also of rows of neither');

train('column', 'rows.csv', sub {
    $_[0]{split} = { by => 'column', column => 'part' };
});
judged('column.mlm', 'new.csv', '--part', 'gate');
is($report->{judged}, 25, 'a column says what is the gate of other rows');

spew("$dir/gate.csv", join '', $names, grep { /gate/ } @lines[400 .. 499]);
judged('column.mlm', 'gate.csv', '--part', 'gate');
is($report->{judged}, 25, 'also where there is no other part');

spew("$dir/bare.csv", join('', $names, @lines) =~ s/,part,/,piece,/r);
evaluate('column.mlm', 'bare.csv', '--part', 'gate');
is($rc, 1, 'rows without that column are refused');
like($err, qr/train\.split\.column: .* bare\.csv .* has "part"/,
     'with its name');
($rc, $out, $err) = ctl('train', 'column.json', 'bare.csv', '-o', 'no.mlm');
is($rc, 1, 'training refuses them, too') or diag($rc);
like($err, qr/train\.split\.column: .* bare\.csv .* has "part"/, 'likewise');
judged('column.mlm', 'bare.csv');
is($report->{judged}, 500, 'unless all are judged');

# ------------------------------------------------- the other one's other rows

train('young', 'new.csv');

for my $case (
    [ 'hash.mlm', 'young.mlm', qr/if\ young\.mlm\ was\ not\ made\ from/ ],
    [ 'hash.mlm', 'one.mlm', qr/if\ one\.mlm\ was\ not\ made\ from/ ]
) {
    my ($a, $b, $if) = @$case;

    judged($a, 'grown.csv', '--part', 'gate', '--against', $b);
    is($report->{judged}, $gate{'grown.csv'}, "$b: the gate of the first");
    is_deeply([ @$report{qw(seen against_seen)} ], [ JSON::PP::false, undef ],
              'whether the other one has seen them is not known');
    like(notes(), qr/^nothing says whether the other model was made from/,
         'which is said');

    evaluate($a, 'grown.csv', '--part', 'gate', '--against', $b);
    like($out, qr/^difference .* $if\ any\ of\ these\ rows:/mx,
         'in the same line, too');
}

# a model that went on from another one, which may have had other parts

train('first', 'rows.csv', sub {
    $_[1]{steps}[0] = { kind => 'model', fit => 'adagrad', loss => 'squared',
                        inputs => [ 'x' ], outputs => [ 'p' ],
                        state => 'kept.state' };
});
train('next', 'rows.csv', sub {
    $_[0]{split}{seed} = 2;
    $_[1]{steps}[0] = { kind => 'model', fit => 'adagrad', loss => 'squared',
                        inputs => [ 'x' ], outputs => [ 'p' ],
                        start => 'kept.state' };
});
judged('next.mlm', 'rows.csv', '--part', 'gate');
is($report->{seen}, undef, 'a parent may have learned the gate');
like(notes(), qr/^nothing says whether the model was made from/,
     'which is said');
judged('first.mlm', 'rows.csv', '--part', 'gate');
is($report->{seen}, JSON::PP::false, 'one without has not');

judged('next.mlm', 'new.csv');
is($report->{seen}, undef, 'or any other file');
like(notes(), qr/^nothing says whether the model was made from/,
     'which is said, too');
evaluate('next.mlm', 'new.csv', '--against', 'first.mlm');
like($out, qr/^difference .*,\ if\ next\.mlm\ was\ not\ made\ from\ any\ of
              \ these\ rows:/mx, 'and in the verdict');

# -------------------------------------------------------------------- all rows

judged('one.mlm', 'rows.csv');
is_deeply([ @$report{qw(seen judged)} ], [ JSON::PP::true, 400 ],
          'all rows of training');
like(notes(), qr/^these are the rows that the model was made from; --part/,
     'with a note');
ok(!exists $report->{against_seen}, 'and nothing of another model');

judged('one.mlm', 'new.csv');
is($report->{seen}, JSON::PP::false, 'other rows');
is(notes(), '', 'have none');

judged('one.mlm', 'rows.csv', '--against', 'two.mlm');
is_deeply([ @$report{qw(seen against_seen)} ],
          [ JSON::PP::true, JSON::PP::true ], 'two models of these rows');
like(notes(), qr/^these are the rows that both models were made from/,
     'have a note');

for my $case ([ 'one', 'young', 'one', 'the model' ],
              [ 'young', 'one', 'one', 'the other model' ])
{
    my ($a, $b, $made, $who) = @$case;

    judged("$a.mlm", 'rows.csv', '--against', "$b.mlm");
    like(notes(), qr/^these are the rows that $who was made from/,
         'one model of these rows');

    evaluate("$a.mlm", 'rows.csv', '--against', "$b.mlm");
    like($out, qr/^note \s+ these\ are\ the\ rows\ that\ \Q$who\E\ was\ made/mx,
         'has a note');
    like($out, qr/^difference \s+ cannot\ be\ told,\ as\ $made\.mlm\ was\ made
                 \ from\ these\ rows:\ squared_error\ [-+]/mx,
         'and the difference no verdict');
}

# --------------------------------------------------------- what they predict

train('z', 'rows.csv', sub { $_[0]{target} = 'z' });
evaluate('one.mlm', 'rows.csv', '--against', 'z.mlm');
is($rc, 1, 'models of other targets are not compared');
like($err, qr/the other model predicts "z", the first one "y"/,
     'with both names');

train('twice', 'rows.csv', sub {
    $_[0]{rows}{steps} = [ { kind => 'affine', inputs => [ 'y' ],
                             weights => [ 2 ], outputs => [ 'y2' ] } ];
    $_[0]{target} = 'y2';
});
evaluate('one.mlm', 'rows.csv', '--against', 'twice.mlm');
is($rc, 1, 'nor one of a target that is computed');

sub steps {
    my ($weight) = @_;

    return sub {
        $_[0]{rows}{steps} = [ { kind => 'affine', inputs => [ 'y' ],
                                 weights => [ $weight ],
                                 outputs => [ 'made' ] } ];
        $_[0]{target} = 'made';
    };
}

train("made$_", 'rows.csv', steps($_)) for 1, 3;
evaluate('made1.mlm', 'rows.csv', '--against', 'made3.mlm');
is($rc, 1, 'nor two that compute it otherwise');
like($err, qr/rows\.csv line 2, column "made": expected the same target for /,
     'with the first row');
judged('made1.mlm', 'rows.csv', '--against', 'one.mlm');
is($report->{judged}, 400, 'the same numbers are the same target');

train('fp64', 'rows.csv', sub {
    $_->{type} = 'FP64' for grep { $_->{name} eq 'y' }
                            @{ $_[0]{rows}{columns} };
});
judged('fp64.mlm', 'rows.csv', '--against', 'one.mlm');
is($report->{judged}, 400, 'so are those of another precision');

sub classes {
    my ($target, %more) = @_;

    return sub {
        my ($train, $all) = @_;

        $train->{target} = $target;
        $train->{metrics} = [ 'mse' ];
        %$train = (%$train, %more);
        $all->{steps}[0]{objective} = 'logistic';
    };
}

train('label', 'rows.csv', classes('label'));
train('flag', 'rows.csv', classes('flag'));
train('number', 'rows.csv', sub { $_[0]{target} = 'flag' });

for my $case (
    [ 'label', 'flag', qr/the other model predicts "flag", the first/ ],
    [ 'flag', 'number', qr/the other model predicts a number, the first/ ],
    [ 'number', 'flag', qr/the other model predicts classes, the first/ ]
) {
    evaluate("$case->[0].mlm", 'rows.csv', '--against', "$case->[1].mlm");
    is($rc, 1, "$case->[0] and $case->[1] are not compared");
    like($err, $case->[2], 'with the reason');
}

# ---------------------------------------------------- a recipe beside the image

spew("$dir/other.json", encode_json({
    %$recipe, train => { %{ $recipe->{train} }, metrics => [ 'mae' ] }
}));
judged('one.mlm', 'rows.csv', '--part', 'gate', '--recipe', 'other.json');
is($report->{judged}, 100, 'a recipe of other metrics divides likewise');

evaluate('two.mlm', 'rows.csv', '--part', 'gate', '--recipe', 'other.json');
is($rc, 1, 'one of another split is refused');
like($err, qr/other\.json: train\.split is not that of the model's training/,
     'with the reason');
judged('two.mlm', 'rows.csv', '--recipe', 'other.json');
is($report->{judged}, 400, 'but not for all rows');

# an image that was not trained here

spew("$dir/plain.json", encode_json({
    recipe => 1, inputs => [ { name => 'x' } ],
    steps => [ { kind => 'affine', inputs => [ 'x' ], weights => [ 0 ],
                 bias => 0.5, outputs => [ 'p' ] } ],
    signatures => [ { name => 'default', outputs => [ { name => 'p' } ] } ]
}));
ctl('import', 'plain.json', '-o', 'plain.mlm');
judged('plain.mlm', 'rows.csv', '--part', 'gate', '--recipe', 'other.json');
is($report->{judged}, 100, 'a part of an image that was not trained here');
is($report->{seen}, undef, 'of which nothing is known');
like(notes(), qr/^nothing says whether the model was made from/,
     'which is said');
judged('one.mlm', 'rows.csv', '--part', 'gate', '--against', 'plain.mlm');
is_deeply([ @$report{qw(judged seen against_seen)} ],
          [ 100, JSON::PP::false, undef ], 'also as the other one');
evaluate('one.mlm', 'rows.csv', '--part', 'train', '--against', 'plain.mlm');
like($out, qr/^difference \s+ cannot\ be\ told,\ as\ one\.mlm\ was\ made\ from
              \ these\ rows:/mx, 'which is no verdict where one has seen them');
judged('one.mlm', 'new.csv', '--against', 'plain.mlm');
is_deeply([ @$report{qw(seen against_seen)} ], [ JSON::PP::false, undef ],
          'nor is known which rows it was made from');
like(notes(), qr/^nothing says whether the other model was made from/,
     'which is said');

done_testing();
