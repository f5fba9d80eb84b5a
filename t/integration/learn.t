# mlopsctl train, evaluate, reproduce, as a user calls them: on rows made
# here, and, where they are there, on the public housing rows, whose numbers
# are those of scikit-learn.

use strict;
use warnings;

use File::Spec ();
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../../tools/lib";

use JSON::PP;
use Mlops qw($build $root outcome slurp spew);
use Test::More;

my $ctl = $ENV{MLOPSCTL} || "$build/bin/mlopsctl";
my $fault = "$build/t/fault/mlopsctl";
my $data = File::Spec->rel2abs($ENV{MLOPS_DATA}
                               || "$root/../shared/data");
my $dir = tempdir(DIR => -w '/dev/shm' ? '/dev/shm' : '/tmp', CLEANUP => 1);

delete @ENV{qw(MLOPS_FAULT MLOPS_FAULT_LOG MLOPS_SIMD)};
mkdir "$dir/tmp" or die "$dir/tmp: $!";
$ENV{TMPDIR} = "$dir/tmp";


# Runs a program in the folder of the test; exit code, output, errors.

sub run {
    my ($env, @command) = @_;

    return outcome({ env => $env, dir => $dir }, @command);
}


sub ctl {
    return run({}, $ctl, @_);
}


sub left_over {
    opendir my $dh, "$dir/tmp" or die "$dir/tmp: $!";

    return grep { !/^\.\.?$/ } readdir $dh;
}


my ($rc, $out, $err, $report);

# ------------------------------------------------------------------- the rows

# A linear congruential generator (Knuth's MMIX), so that rows are the same
# everywhere.

{
    use integer;

    my $state = 12345;

    sub uniform {
        $state = $state * 6364136223846793005 + 1442695040888963407;

        no integer;

        return (($state >> 33) & 0x3fffffff) / 0x40000000;
    }
}

my @lines = ("age,income,region,label,cost,w,part\n");

for my $i (1 .. 400) {
    my $age = int(18 + 60 * uniform());
    my $income = sprintf '%.2f', 10 + 80 * uniform();
    my $region = qw(north south east)[int(3 * uniform())];
    my $score = -3 + 0.04 * $age + 0.02 * $income
                + ($region eq 'south' ? 1 : 0);
    my $label = uniform() < 1 / (1 + exp(-$score)) ? 'yes' : 'no';
    my $cost = sprintf '%.3f', 3 * $age - $income + 10 * uniform();
    my $w = 1 + int(3 * uniform());
    my $part = $i % 4 ? 'train' : 'gate';

    $age = '' if $i % 17 == 0;
    push @lines, "$age,$income,$region,$label,$cost,$w,$part\n";
}

spew("$dir/rows.csv", join '', @lines);

my $recipe = {
    recipe => 1,
    name => 'small',
    inputs => [
        { name => 'age' }, { name => 'income' },
        { name => 'region', type => 'BYTES' }
    ],
    train => {
        rows => {
            columns => [
                { name => 'label', type => 'BYTES' }, { name => 'cost' },
                { name => 'w' }
            ]
        },
        target => 'label',
        split => { by => 'random', seed => 7, train => 0.75, gate => 0.25 },
    },
    steps => [
        { kind => 'impute', fit => 'median', inputs => [ 'age' ],
          outputs => [ 'age_known' ] },
        { kind => 'one_hot', fit => 'categories', inputs => [ 'region' ],
          prefix => 'region=' },
        { kind => 'affine', fit => 'standard',
          inputs => [ 'age_known', 'income' ],
          outputs => [ 's_age', 's_income' ] },
        { kind => 'model', fit => 'logistic',
          inputs => [ 's_*', 'region=*' ], outputs => [ 'p' ] }
    ],
    signatures => [ { name => 'default', outputs => [ { name => 'p' } ] } ]
};

my $json = JSON::PP->new->canonical->pretty;


# A copy of the recipe, changed, in a file.

sub recipe {
    my ($name, $change) = @_;

    my $copy = decode_json(encode_json($recipe));

    $change->($copy) if $change;
    spew("$dir/$name.json", $json->encode($copy));

    return "$name.json";
}


# ------------------------------------------------------------------ a recipe

recipe('small');

($rc, $out, $err) = ctl('train', 'small.json', 'rows.csv', '-o', 'small.mlm',
                        '--recipe-out', 'plain.json');
is($rc, 0, 'a small recipe trains') or diag($err);
is($err, '', 'without a word on stderr, as that is no terminal');
like($out, qr/^small\.mlm:\ \d+\ bytes\nrows \s+ 400\ read,\ 0\ left\ out\n
              train \s+ 300\ rows \s+ log_loss\ 0\.\d+\ \(0\.\d+\ to\ 0\.\d+\)
              .* \ngate \s+ 100\ rows \s .*
              \nnote \s+ steps\[3\]\ logistic:\ 1\ input\ is\ a\ combination\ of
              \ those\ before,\ and\ has\ the\ weight\ 0:\ "region=south"
              \ntime \s/x,
     'and reports rows, splits, losses, what it left out, time');
is((stat "$dir/small.mlm")[2] & 0777, 0444, 'the image is read-only');
is(join(' ', left_over()), '', 'nothing is left in the temporary folder');

($rc, $out, $err) = ctl('verify', 'small.mlm');
is($rc, 0, 'a server takes the image') or diag($err);

($rc, $out) = ctl('inspect', 'small.mlm', '--json');
my $image = decode_json($out);
my $facts = $image->{facts}{metadata}{training};
is($facts->{recipe}, slurp("$dir/small.json"), 'facts: the recipe as read');
is($facts->{data}{rows}, 400, 'facts: rows of the file');
is_deeply([ @{$facts->{rows}}{qw(train tune calibrate gate)} ],
          [ 300, 0, 0, 100 ], 'facts: rows of the parts');
is_deeply($facts->{classes}, [ 'no', 'yes' ], 'facts: classes');
is(scalar @{$facts->{steps}}, 4, 'facts: a report of each fitted step');
ok($facts->{metrics}{gate}{log_loss}{lo} < $facts->{metrics}{gate}{log_loss}
   {value}, 'facts: losses with intervals');

# the plain recipe is one that import takes, and answers the same

my $plain = decode_json(slurp("$dir/plain.json"));
is_deeply([ grep { exists $_->{fit} } @{$plain->{steps}} ], [],
          'the plain recipe has numbers in place of fits');
ok(!exists $plain->{train}, 'and no training');

($rc, $out, $err) = ctl('import', 'plain.json', '-o', 'plain.mlm');
is($rc, 0, 'it can be imported') or diag($err);

spew("$dir/ask.csv", "age,income,region\n44,30,south\n,12.5,north\n20,80,\n");
my @answers = map { (run({}, '/bin/sh', '-c', "'$ctl' predict $_ < ask.csv"))
                    [1] } 'small.mlm', 'plain.mlm';
like($answers[0], qr/^p\n0\.\d+\n0\.\d+\n0\.\d+\n$/, 'it answers');
is($answers[1], $answers[0], 'and both answer the same');

# ------------------------------------------------------- bits, again and again

($rc, $out) = ctl('reproduce', 'small.mlm', 'rows.csv');
is($rc, 0, 'trained again, it is the same');
like($out, qr/^small\.mlm: the same, \d+ bytes$/m, 'and says so');

for my $simd (qw(portable avx2)) {
    ($rc, $out) = run({ MLOPS_SIMD => $simd }, $ctl, 'reproduce',
                      'small.mlm', 'rows.csv', '--threads', '3');
    is($rc, 0, "the same with $simd and three threads") or diag($out);
}

spew("$dir/other.csv", join '', @lines[0 .. 380]);
($rc, $out) = ctl('reproduce', 'small.mlm', 'other.csv');
is($rc, 1, 'other rows make another image');
like($out, qr/^small\.mlm:\ differs\nrows \s+ 400\ rows,\ sha256\ [0-9a-f]{64}
              \n \s+ other\.csv\ has\ 380\ rows/mx, 'the rows are named');
like($out, qr/^weights .* of step \d+, \w+$/m, 'and the step');

($rc, $out, $err) = ctl('reproduce', 'plain.mlm', 'rows.csv');
is($rc, 0, 'what was imported from the plain recipe keeps the facts')
    if $rc == 0;
like($out . $err, qr/differs|the same/, 'a re-import is compared');

($rc, $out, $err) = ctl('reproduce', "$root/t/data/toys/mixed.mlm",
                        'rows.csv');
is($rc, 1, 'an image that was not trained cannot be reproduced');
like($err, qr/was not made by training/, 'and why');

# ------------------------------------------------------------------- settings

($rc, $out, $err) = ctl('train', 'small.json', 'rows.csv', '-o', 'a.mlm',
                        '--set', 'alpha=0.5', '--seed', '9');
is($rc, 0, 'a setting of the learner') or diag($err);
($rc) = ctl('train', 'small.json', 'rows.csv', '-o', 'b.mlm', '--alpha',
            '0.5', '--seed=9');
($rc, $out) = ctl('evaluate', 'a.mlm', 'rows.csv', '--against', 'b.mlm',
                  '--json');
$report = decode_json($out);
is($report->{parts}[0]{difference}{value}, 0,
   'an unknown option is the same setting');
($rc, $out) = ctl('reproduce', 'a.mlm', 'rows.csv');
is($rc, 0, 'settings and seed are kept for the next time');

($rc, $out, $err) = ctl('train', 'small.json', 'rows.csv', '-o', 'c.mlm',
                        '--set', 'train.split.seed=8', '--set',
                        'steps[3].alpha=0.25', '--set', 'name=other');
is($rc, 1, 'a plain name is a key of the learner');
like($err, qr/small\.json: steps\[3\]: expected a known key, got "name"/,
     'and an error where it is none');

for my $case (
    [ 'alpha', qr/setting "alpha": expected name=value/ ],
    [ 'alpah=1', qr/got "alpah"; did you mean "alpha"\?/ ],
    [ 'steps[9].alpha=1', qr/element of a list, got number 9/ ],
    [ 'steps[x].alpha=1', qr/expected a number in brackets/ ],
    [ 'name.x=1', qr/x: expected an object before it/ ],
    [ '.=1', qr/expected a path/ ],
    [ 'train.splt.seed=1', qr/got "splt"; did you mean "split"\?/ ],
) {
    ($rc, $out, $err) = ctl('train', 'small.json', 'rows.csv', '-o', 'no.mlm',
                            '--set', $case->[0]);
    is($rc, 1, "--set $case->[0] is refused");
    like($err, $case->[1], 'with the reason');
}

for my $case ([ 'train' ], [ 'train', 'small.json', 'rows.csv' ],
              [ 'train', 'small.json', 'rows.csv', '-o' ],
              [ 'train', 'small.json', 'rows.csv', '-o', 'x', '--seed', 'a' ],
              [ 'train', 'small.json', 'rows.csv', '-o', 'x', '--threads',
                '0' ],
              [ 'train', 'a', 'b', 'c', '-o', 'x' ],
              [ 'evaluate', 'small.mlm' ], [ 'reproduce', 'small.mlm' ])
{
    ($rc, $out, $err) = ctl(@$case);
    is($rc, 2, "usage: @$case");
    like($err, qr/^Usage: mlopsctl $case->[0] /m, 'is told');
}

# ------------------------------------------------------------------- evaluate

($rc, $out, $err) = ctl('evaluate', 'small.mlm', 'rows.csv');
is($rc, 0, 'judged on all rows') or diag($err);
like($out, qr/^note \s+ these are the rows that the model was made from/m,
     'with a note');

($rc, $out) = ctl('evaluate', 'small.mlm', 'rows.csv', '--part', 'gate',
                  '--json');
$report = decode_json($out);
is($report->{judged}, 100, 'judged on the gate');
is($report->{parts}[0]{model}{log_loss}{value},
   $facts->{metrics}{gate}{log_loss}{value}, 'by the same number');

($rc, $out) = ctl('evaluate', 'small.mlm', 'rows.csv', '--slices',
                  'region,cost', '--json');
$report = decode_json($out);
is_deeply([ sort map { $_->{value} } grep { ($_->{slice} // '') eq 'region' }
            @{$report->{parts}} ], [ qw(east north south) ],
          'slices of strings');
is(scalar(grep { ($_->{slice} // '') eq 'cost' } @{$report->{parts}}), 4,
   'slices of many numbers are quartiles');
my $sum = 0;
$sum += $_->{rows} for grep { ($_->{slice} // '') eq 'cost' }
                       @{$report->{parts}};
is($sum, 400, 'which hold all rows');

recipe('poor', sub { $_[0]{steps}[3]{inputs} = [ 's_income' ] });
ctl('train', 'poor.json', 'rows.csv', '-o', 'poor.mlm');
($rc, $out) = ctl('evaluate', 'small.mlm', 'rows.csv', '--against',
                  'poor.mlm');
like($out, qr/^difference\s+small\.mlm is better than poor\.mlm: log_loss -/m,
     'a better model is told from a poor one');
($rc, $out) = ctl('evaluate', 'poor.mlm', 'rows.csv', '--against',
                  'small.mlm');
like($out, qr/^difference\s+poor\.mlm is worse than small\.mlm: log_loss \+/m,
     'in both directions');
($rc, $out) = ctl('evaluate', 'small.mlm', 'rows.csv', '--against',
                  'small.mlm');
like($out, qr/^difference\s+none is shown/m, 'and not from itself');

recipe('turned', sub { $_[0]{train}{classes} = [ 'yes', 'no' ] });
ctl('train', 'turned.json', 'rows.csv', '-o', 'turned.mlm');
($rc, $out, $err) = ctl('evaluate', 'small.mlm', 'rows.csv', '--against',
                        'turned.mlm');
is($rc, 1, 'classes in another order are not compared');
like($err, qr/the other model: expected the first model's classes/,
     'and why');

for my $case (
    [ qr/"nowhere"/, '--slices', 'nowhere' ],
    [ qr/got "test"/, '--part', 'test' ],
    [ qr/rows of the part calibrate, got none of \d/, '--part', 'calibrate' ],
    [ qr/there is no output "q"/, '--output', 'q' ],
) {
    my ($like, @args) = @$case;

    ($rc, $out, $err) = ctl('evaluate', 'small.mlm', 'rows.csv', @args);
    is($rc, 1, "evaluate @args is refused");
    like($err, $like, 'with the reason');
}

# ----------------------------------------------------------- other ways to fit

recipe('sampled', sub {
    $_[0]{train}{sample} = { class => 'yes', keep => 0.3 };
});
($rc, $out, $err) = ctl('train', 'sampled.json', 'rows.csv', '-o',
                        'sampled.mlm', '--json');
is($rc, 0, 'one class sampled') or diag($err);
my ($mean, $base) = map {
    my $name = $_;
    my @p = split /\n/, (run({}, '/bin/sh', '-c',
                             "'$ctl' predict $name < rows.csv"))[1];
    shift @p;
    my $sum = 0;
    $sum += $_ for @p;
    $sum / @p;
} 'sampled.mlm', 'small.mlm';
ok(abs($mean - $base) < 0.05, 'probabilities are corrected for it')
    or diag("$mean, $base");

recipe('folds', sub {
    delete $_[0]{train}{split};
    $_[0]{train}{validate} = { folds => 5, repeats => 2 };
});
($rc, $out, $err) = ctl('train', 'folds.json', 'rows.csv', '-o', 'folds.mlm',
                        '--json');
is($rc, 0, 'cross-validation') or diag($err);
$report = decode_json($out);
ok($report->{parts}{validate}{log_loss}{value}
   > $report->{parts}{train}{log_loss}{value},
   'the loss of rows not learned from is larger');
is_deeply([ map { defined $report->{parts}{validate}{$_}{lo} }
            qw(log_loss ece) ], [ 1, '' ],
          'with an interval over the folds, but not of the calibration error');

recipe('balanced', sub { $_[0]{train}{class_weight} = 'balanced' });
($rc, $out, $err) = ctl('train', 'balanced.json', 'rows.csv', '-o',
                        'balanced.mlm');
is($rc, 0, 'balanced classes') or diag($err);

recipe('calibrated', sub {
    $_[0]{train}{split} = { by => 'random', seed => 7, train => 0.5,
                            calibrate => 0.25, gate => 0.25 };
    push @{$_[0]{steps}}, { kind => 'piecewise', fit => 'isotonic',
                            inputs => [ 'p' ], outputs => [ 'q' ] };
    $_[0]{signatures}[0]{outputs} = [ { name => 'q' } ];
});
($rc, $out, $err) = ctl('train', 'calibrated.json', 'rows.csv', '-o',
                        'calibrated.mlm', '--json');
is($rc, 0, 'calibrated on rows of their own') or diag($err);
$report = decode_json($out);
ok($report->{parts}{calibrate}{ece}{value} < 1e-9,
   'where isotonic regression is calibrated');
is_deeply([ @{$report->{parts}{gate}{ece}}{qw(lo hi)} ], [ undef, undef ],
          'a calibration error has no interval');

recipe('trees', sub {
    $_[0]{train}{target} = 'cost';
    $_[0]{train}{split} = { by => 'random', seed => 7, train => 0.6,
                            tune => 0.2, gate => 0.2 };
    $_[0]{steps} = [ { kind => 'model', fit => 'gbdt',
                       objective => 'squared', trees => 50,
                       inputs => [ 'age', 'income' ],
                       outputs => [ 'p' ] } ];
});
($rc, $out, $err) = ctl('train', 'trees.json', 'rows.csv', '-o', 'trees.mlm',
                        '--json', '--learning_rate', '0.2');
is($rc, 0, 'boosted trees') or diag($err);
$report = decode_json($out);
ok($report->{parts}{gate}{r2}{value} > 0.8, 'that explain the cost');
($rc, $out) = ctl('reproduce', 'trees.mlm', 'rows.csv', '--threads', '2');
is($rc, 0, 'and are the same again') or diag($out);

# ------------------------------------------------------------------ bad input

my @bad = (
    [ 'no step is fitted', qr/steps: expected at least one with the key fit/,
      sub { $_[0]{steps} = [ { kind => 'affine', inputs => [ 'age' ],
                               weights => [ 1 ], outputs => [ 'p' ] } ] } ],
    [ 'a key of train', qr/train: .* got "tagret"; did you mean "target"/,
      sub { $_[0]{train}{tagret} = 'label' } ],
    [ 'a slice', qr/train\.slices\[0\]: .*did you mean "region"/,
      sub { $_[0]{train}{slices} = [ 'regin' ] } ],
    [ 'a prediction', qr/train\.prediction: .*got "q"/,
      sub { $_[0]{train}{prediction} = 'q' } ],
    [ 'class weights of 0', qr/train\.class_weight: all 300 training rows/,
      sub { $_[0]{train}{class_weight} = { yes => 0, no => 0 } } ],
    [ 'a key of a fit', qr/steps\[0\]: .* got "vale"/,
      sub { $_[0]{steps}[0]{vale} = 1 } ],
    [ 'a fit', qr/steps\[3\]\.fit: .*did you mean "logistic"/,
      sub { $_[0]{steps}[3]{fit} = 'logistics' } ],
    [ 'a kind', qr/steps\[0\]\.kind: .*did you mean "impute"/,
      sub { $_[0]{steps}[0]{kind} = 'imputed' } ],
    [ 'a target nobody has', qr/train\.target: .*did you mean "label"/,
      sub { $_[0]{train}{target} = 'labels' } ],
    [ 'an input nobody has',
      qr/inputs\[3\]: neither bad\/rows\.csv nor a step .* has "height"/,
      sub { push @{$_[0]{inputs}}, { name => 'height' } } ],
    [ 'an output nobody computes',
      qr/signatures\[0\]\.outputs\[0\]: .* got "x"/,
      sub { $_[0]{signatures}[0]{outputs}[0]{from} = 'x' } ],
    [ 'a step of a cell that is nowhere',
      qr/steps\[2\]\.inputs\[0\]: .*did you mean "age_known"/,
      sub { $_[0]{steps}[2]{inputs}[0] = 'age_knwon' } ],
    [ 'a cell that is nowhere behind outputs to come',
      qr/bad\.json: steps\[3\]\.inputs\[1\]: .*did you mean "age_known"/,
      sub { $_[0]{steps}[3]{inputs} = [ 'region=*', 'age_knwon' ] } ],
    [ 'a wildcard of nothing', qr/steps\[3\]\.inputs\[0\]: .* got "z\*"/,
      sub { $_[0]{steps}[3]{inputs}[0] = 'z*' } ],
    [ 'the target among the inputs', qr/"cost" is the target/,
      sub { push @{$_[0]{inputs}}, { name => 'cost' };
            splice @{$_[0]{train}{rows}{columns}}, 1, 1;
            $_[0]{train}{target} = 'cost';
            $_[0]{steps} = [ { kind => 'affine', fit => 'linear',
                               inputs => [ 'cost' ],
                               outputs => [ 'p' ] } ] } ],
    [ 'what the target is computed from among the inputs',
      qr/"l" is the target, or tells it/,
      sub { push @{$_[0]{inputs}}, { name => 'cost' };
            splice @{$_[0]{train}{rows}{columns}}, 1, 1;
            $_[0]{train}{rows}{steps} =
                [ { kind => 'binary', op => 'div', inputs => [ 'cost' ],
                    constant => 100, outputs => [ 'target' ] } ];
            $_[0]{train}{target} = 'target';
            $_[0]{steps} = [ { kind => 'unary', op => 'log',
                               inputs => [ 'cost' ], outputs => [ 'l' ] },
                             { kind => 'affine', fit => 'linear',
                               inputs => [ 'l' ],
                               outputs => [ 'p' ] } ] } ],
    [ 'strings to a learner of numbers',
      qr/steps\[3\]\.inputs\[0\]: logistic reads numbers, got "region"/,
      sub { $_[0]{steps}[3]{inputs} = [ 'region' ] } ],
    [ 'classes to a learner of numbers', qr/train\.target: expected numbers/,
      sub { $_[0]{steps}[3] = { kind => 'affine', fit => 'linear',
                                inputs => [ 's_*' ],
                                outputs => [ 'p' ] } } ],
    [ 'a class that is not named',
      qr/rows\.csv line \d+, column "label": expected a class .* got "yes"/,
      sub { $_[0]{train}{classes} = [ 'no', 'perhaps' ] } ],
    [ 'a class alone', qr/"label" of at least two classes, got "no" alone/,
      sub { }, sub { s/yes/no/g } ],
    [ 'a metric for other targets', qr/train\.metrics\[0\]: "r2" is not for/,
      sub { $_[0]{train}{metrics} = [ 'r2' ] } ],
    [ 'a metric', qr/train\.metrics\[0\]: .*did you mean "log_loss"/,
      sub { $_[0]{train}{metrics} = [ 'logloss' ] } ],
    [ 'a metric twice',
      qr/train\.metrics\[2\]: expected each metric once, got "auc" again/,
      sub { $_[0]{train}{metrics} = [ 'auc', 'log_loss', 'auc' ] } ],
    [ 'a negative weight',
      qr/rows\.csv line 3, column "w": .* from 0 on, got -1/,
      sub { $_[0]{train}{weight} = 'w' },
      sub { my $n = 0; s/,\d,(\w+)$/',' . (++$n == 2 ? -1 : 1) . ",$1"/gme }
    ],
    [ 'a weight that is missing',
      qr/rows\.csv line \d+, column "w": expected a weight, got a missing/,
      sub { $_[0]{train}{weight} = 'w' }, sub { s/,\d,(\w+)$/,,$1/gm } ],
    [ 'weights of 0', qr/all 300 training rows have the weight 0/,
      sub { $_[0]{train}{weight} = 'w' }, sub { s/,\d,(\w+)$/,0,$1/gm } ],
    [ 'a target that is missing in all rows', qr/"label" is missing in all/,
      sub { }, sub { s/,(yes|no),/,,/g } ],
    [ 'text in a column of numbers', qr/rows\.csv line 5.*income/,
      sub { }, sub { my $n = 0; s/^(\d*),([\d.]+),/++$n == 4
                                ? "$1,much," : "$1,$2,"/gme } ],
    [ 'a row of other length', qr/rows\.csv line 9/,
      sub { }, sub { my $n = 0; s/\n/++$n == 9 ? ",1\n" : "\n"/ge } ],
    [ 'no rows', qr/rows\.csv/, sub { }, sub { s/\n.*//s } ],
    [ 'a required value that is missing',
      qr/rows\.csv line 18, column "age": the input is required/,
      sub { $_[0]{inputs}[0]{required} = JSON::PP::true } ],
    [ 'folds of too few rows', qr/train\.validate: expected at least 400/,
      sub { $_[0]{train}{validate} = { folds => 200 } } ],
    [ 'repeats of folds in time', qr/train\.validate\.repeats: expected 1 with/,
      sub { $_[0]{train}{split} = { by => 'time', gate => 0.2 };
            $_[0]{train}{validate} = { folds => 3, repeats => 2 } } ],
    [ 'folds of too few entities',
      qr/train\.validate: expected at least 4 entities .* got 3/,
      sub { $_[0]{train}{split} = { by => 'hash', column => 'region',
                                    salt => 'a', train => 1 };
            $_[0]{train}{validate} = { folds => 4 } } ],
    [ 'a class to sample', qr/train\.sample\.class: .*did you mean "yes"/,
      sub { $_[0]{train}{sample} = { class => 'yess', keep => 0.5 } } ],
    [ 'class weights of numbers', qr/train\.class_weight: expected with/,
      sub { $_[0]{train}{class_weight} = 'balanced';
            $_[0]{train}{target} = 'cost';
            $_[0]{steps}[3] = { kind => 'affine', fit => 'linear',
                                inputs => [ 's_*' ],
                                outputs => [ 'p' ] } } ],
    [ 'a fit among the steps of rows', qr/train\.rows\.steps\[0\]: expected/,
      sub { $_[0]{train}{rows}{steps} =
                [ { kind => 'impute', fit => 'median', inputs => [ 'age' ],
                    outputs => [ 'x' ] } ] } ],
);

mkdir "$dir/bad" or die;

for my $case (@bad) {
    my ($name, $like, $change, $edit) = @$case;

    recipe('bad/bad', $change);

    local $_ = join '', @lines;
    $edit->() if $edit;
    spew("$dir/bad/rows.csv", $_);

    ($rc, $out, $err) = ctl('train', 'bad/bad.json', 'bad/rows.csv', '-o',
                            'bad/bad.mlm');
    is($rc, 1, "$name: refused");
    like($err, $like, "$name: told");
    ok(! -e "$dir/bad/bad.mlm", "$name: no image");
}

is(join(' ', left_over()), '', 'nothing is left in the temporary folder');

($rc, $out, $err) = ctl('train', 'small.json', 'rows.csv', '-o',
                        'nowhere/x.mlm');
is($rc, 1, 'an image in a folder that is not there');
like($err, qr{nowhere/x\.mlm: nowhere/: No such file}, 'is told at once');

# a target that is missing in some rows is left out and counted

{
    local $_ = join '', @lines;
    my $n = 0;

    s/,(yes|no),/++$n % 10 ? ",$1," : ",,"/ge;
    spew("$dir/holes.csv", $_);

    ($rc, $out, $err) = ctl('train', 'small.json', 'holes.csv', '-o',
                            'holes.mlm');
    is($rc, 0, 'rows without target') or diag($err);
    like($out, qr/^rows +400 read, 40 left out: 40 without target$/m, 'are counted');
}

# columns that say nothing, or the same twice, or in large numbers: each
# learner takes them, and its numbers are finite

{
    my @odd = ("same,twice,large,empty,x,y,z\n");

    for my $i (1 .. 200) {
        my $x = sprintf '%.3f', 10 * uniform();
        my $large = 1e9 + $i % 37;
        my $y = sprintf '%.4f', 3 * $x + uniform();
        my $z = $x > 4 + 2 * uniform() ? 1 : 0;

        push @odd, "7," . 2 * $x . ",$large,,$x,$y,$z\n";
    }

    spew("$dir/odd.csv", join '', @odd);

    for my $case (
        [ 'linear', 'y', { kind => 'affine', fit => 'linear' } ],
        [ 'ridge', 'y', { kind => 'affine', fit => 'linear', alpha => 0.1 } ],
        [ 'elastic_net', 'y', { kind => 'affine', fit => 'elastic_net',
                                alpha => 0.01 } ],
        [ 'logistic', 'z', { kind => 'model', fit => 'logistic',
                             alpha => 0.01 } ],
        [ 'poisson', 'z', { kind => 'model', fit => 'poisson',
                            alpha => 0.01 } ],
        [ 'gbdt', 'y', { kind => 'model', fit => 'gbdt', trees => 20,
                         objective => 'squared' } ],
    ) {
        my ($name, $target, $step) = @$case;
        my @inputs = qw(same twice large x);

        push @inputs, 'empty' if $name eq 'gbdt';

        recipe('odd', sub {
            $_[0]{inputs} = [ map { { name => $_ } } @inputs ];
            $_[0]{train} = {
                rows => { columns => [ { name => $target } ] },
                target => $target,
                split => { by => 'random', seed => 1, train => 0.7,
                           gate => 0.3 }
            };
            $_[0]{steps} = [ { %$step, inputs => \@inputs,
                               outputs => [ 'p' ] } ];
        });

        ($rc, $out, $err) = ctl('train', 'odd.json', 'odd.csv', '-o',
                                'odd.mlm', '--json', '--recipe-out',
                                'odd.out.json');
        is($rc, 0, "$name: a constant column, collinear ones, one of 1e9")
            or diag($err);

        $report = $rc == 0 ? decode_json($out) : {};
        my $gate = $report->{parts}{gate};

        ok($target eq 'y' ? $gate->{r2}{value} > 0.95
           : $name eq 'logistic' ? $gate->{accuracy}{value} > 0.8
                                 : $gate->{rmse}{value} < 0.5,
           "$name: and predicts") or diag($out);
        unlike(slurp("$dir/odd.out.json"), qr/nan|inf[^o]|NaN/,
               "$name: by finite numbers");
    }

    recipe('empty', sub {
        $_[0]{inputs} = [ { name => 'empty' }, { name => 'x' } ];
        $_[0]{train} = { rows => { columns => [ { name => 'y' } ] },
                         target => 'y' };
        $_[0]{steps} = [ { kind => 'impute', fit => 'mean',
                           inputs => [ 'empty' ], outputs => [ 'e' ] },
                         { kind => 'affine', fit => 'linear',
                           inputs => [ 'e', 'x' ], outputs => [ 'p' ] } ];
    });
    ($rc, $out, $err) = ctl('train', 'empty.json', 'odd.csv', '-o',
                            'empty.mlm');
    is($rc, 1, 'a column without any value has no mean');
    like($err, qr/steps\[0\].*"empty" is missing in all/,
         'and the step says so');
}

# --------------------------------------------------------------------- kills

SKIP: {
    skip "no $fault", 1 if ! -x $fault;

    my $old = slurp("$dir/small.mlm");
    my %passed;

    spew("$dir/faults", '');
    ($rc, $out, $err) = run({ MLOPS_FAULT_LOG => "$dir/faults" }, $fault,
                            'train', 'small.json', 'rows.csv', '-o',
                            'small.mlm', '--alpha', '2');
    is($rc, 0, 'a run that tells the points it passes') or diag($err);
    $passed{$_}++ for split /\n/, slurp("$dir/faults");
    cmp_ok(scalar keys %passed, '>=', 3, 'there are some');

    my $new = slurp("$dir/small.mlm");
    isnt($new, $old, 'and its image is another one');

    my $broken = 0;

    for my $point (sort keys %passed) {
        for my $n (sort { $a <=> $b } keys %{{ 1 => 1,
                                               $passed{$point} => 1 }})
        {
            unlink "$dir/small.mlm";
            spew("$dir/small.mlm", $old);

            ($rc) = run({ MLOPS_FAULT => "$point#$n" }, $fault, 'train',
                        'small.json', 'rows.csv', '-o', 'small.mlm',
                        '--alpha', '2');

            my $now = slurp("$dir/small.mlm");

            next if $rc eq 'signal 9' && ($now eq $old || $now eq $new);
            $broken++;
            diag("$point#$n: $rc");
        }
    }

    is($broken, 0, 'killed anywhere: the image is the old or the new one');
}

# ------------------------------------------------------------------- housing

SKIP: {
    skip "no $data/cal_housing.data", 1 if ! -r "$data/cal_housing.data";

    my $train = "$root/conf/scenarios/housing/train.json";

    ($rc, $out, $err) = ctl('train', $train, "$data/cal_housing.data", '-o',
                            'housing.mlm', '--json');
    is($rc, 0, 'the housing recipe trains') or diag($err);
    $report = decode_json($out);

    my %want = (rmse => 0.745581383013, mse => 0.555891598695,
                mae => 0.533200130496, median_error => -0.122439328735,
                r2 => 0.575787706032);

    is($report->{parts}{train}{rows}, 16512, 'on scikit-learn\'s rows');

    for my $metric (sort keys %want) {
        my $got = $report->{parts}{gate}{$metric}{value};

        ok(abs($got - $want{$metric}) < 1e-9,
           "$metric of the gate is scikit-learn's") or diag($got);
    }

    my $r2 = $report->{parts}{train}{r2}{value};
    ok(abs($r2 - 0.612551191397) < 1e-9, 'r2 of training too') or diag($r2);

    spew("$dir/ask.csv", join(',', qw(median_income_in_block
                                 median_house_age_in_block average_rooms
                                 average_bedrooms population_per_block
                                 average_house_occupancy block_latitude
                                 block_longitude)) . "\n"
                    . "8.3252,41,6,1,322,2.55,37.88,-122.23\n");
    ($rc, $out) = run({}, '/bin/sh', '-c',
                      "'$ctl' predict housing.mlm --signature exact "
                      . '< ask.csv');
    my ($value) = $out =~ /^dollars,prediction\n([\d.]+),/;
    ok(abs($value - 425468.17985566) < 1e-4, 'the payload of the README')
        or diag($out);

    ($rc, $out) = ctl('reproduce', 'housing.mlm', "$data/cal_housing.data",
                      '--threads', '2');
    is($rc, 0, 'it can be reproduced') or diag($out);
}

done_testing();
