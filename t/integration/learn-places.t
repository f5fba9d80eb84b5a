# Data that cannot be used, as a user meets it: predictions of classes that
# are no probabilities, numbers that a learner cannot take, names that do not
# fit.  Errors of rows name the file, the line and the column.

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

$ENV{TMPDIR} = "$dir";


# Trains one learner of x and z, with more steps behind it, by rows with one
# line replaced.

my (@header, @rows);

sub train {
    my ($target, $step, %more) = @_;

    my $outputs = $step->{outputs} // ['p'];
    my @lines = map { join(',', @$_) } \@header, @rows;

    $lines[$more{line} - 1] = $more{text} if $more{line};
    spew("$dir/rows.csv", join("\n", @lines) . "\n");

    spew("$dir/r.json", encode_json({
        recipe => 1, inputs => [{ name => 'x' }, { name => 'z' }],
        train => { target => $target,
                   rows => { columns => [
                       { name => 'yes', type => 'BYTES' },
                       { name => 'kind', type => 'BYTES' },
                       { name => 'cnt' }, { name => 'w' } ] },
                   %{$more{train} // {}} },
        steps => [{ kind => 'model', inputs => ['x', 'z'],
                    outputs => $outputs, %$step }, @{$more{steps} // []}],
        signatures => [{ name => 'default',
                         outputs => [map {{ name => $_ }} @$outputs] }],
    }));

    return outcome({ dir => "$dir" }, $ctl, 'train', 'r.json', 'rows.csv',
                   '-o', 'm.mlm');
}


sub refused {
    my ($name, $text, @how) = @_;

    unlink "$dir/m.mlm";
    my ($rc, $out, $err) = train(@how);

    is($rc, 1, "$name is refused");
    like($err, qr/^mlopsctl train: \Q$text\E$/m, 'and told');
    ok(! -e "$dir/m.mlm", 'and no image is there');
}


@header = qw(x z yes kind cnt w);

for my $i (1 .. 60) {
    my ($x, $z) = ($i * 37 % 61 / 10, $i * 53 % 59 / 10);

    push @rows, [$x, $z, $x > $z ? 'yes' : 'no',
                 $x > 4 ? 'tall' : $z > 3 ? 'low' : 'mid', int($x), 1];
}

my %gbdt = (fit => 'gbdt', trees => 3);
my %all = (split => { by => 'random', train => 1 });
my ($rc, $out, $err);

# ------------------------------------------- predictions are probabilities

sub command {
    my (@steps) = @_;

    spew("$dir/model.json", encode_json({
        recipe => 1, inputs => [{ name => 'x' }, { name => 'z' }],
        steps => \@steps,
        signatures => [{ name => 's', outputs => [
            { name => 'out', from => $steps[-1]{outputs} }] }],
    }));

    return (fit => 'exec', command => ['cp', "$dir/model.json", 'model']);
}

sub affine {
    my ($name, $weight, $bias) = @_;

    return { kind => 'affine', inputs => ['x'], weights => [$weight],
             bias => $bias, outputs => [$name] };
}

# x of the first row is 3.7: 37 with the factor 10

refused('what a command\'s model says of classes',
        'rows.csv line 2, column "p": expected a probability, from 0 to 1, '
        . 'of the class "yes", got 37 from the model of the command "cp"',
        'yes', { command(affine('q', 10, 0)) }, train => { %all });
refused('less than 0',
        'rows.csv line 2, column "p": expected a probability, from 0 to 1, '
        . 'of the class "yes", got -3.7 from the model of the command "cp"',
        'yes', { command(affine('q', -1, 0)) }, train => { %all });

($rc, $out, $err) = train('yes', { command(affine('q', 0, 1.00001)) },
                          train => { %all });
is($rc, 0, 'rounding is taken') or diag($err);

my $shares = { kind => 'affine', inputs => ['x'],
               weights => [[0], [0], [0]], bias => [0.5, 0.4, 0.2],
               outputs => ['q', 'r', 's'] };

refused('shares that are none',
        'rows.csv line 2, column "a": expected probabilities of the 3 classes'
        . ' whose sum is 1, got 1.1 from the model of the command "cp"',
        'kind', { command($shares), outputs => ['a', 'b', 'c'] },
        train => { %all });

$shares->{bias} = [0.5, 0.3, 0.20005];
($rc, $out, $err) = train('kind', { command($shares),
                                    outputs => ['a', 'b', 'c'] },
                          train => { %all });
is($rc, 0, 'sums are rounded, too') or diag($err);

refused('a margin',
        'rows.csv line 2, column "m": expected a probability, from 0 to 1, of'
        . ' the class "yes", got 7.4: is it a value before the link?',
        'yes', { %gbdt },
        steps => [{ kind => 'affine', inputs => ['x'], weights => [2],
                    bias => 0, outputs => ['m'] }],
        train => { %all, prediction => 'm' });

($rc, $out, $err) = train('cnt', { command(affine('q', 10, 0)) },
                          train => { %all });
is($rc, 0, 'of a number any is taken') or diag($err);

# an image whose output is judged, without facts

spew("$dir/f.json", encode_json({
    recipe => 1, inputs => [{ name => 'x' }, { name => 'z' }],
    steps => [affine('q', 10, 0)],
    signatures => [{ name => 'default', outputs => [{ name => 'q' }] }],
}));
($rc, $out, $err) = outcome({ dir => "$dir" }, $ctl, 'import', 'f.json',
                            '-o', 'f.mlm');
is($rc, 0, 'an image of another recipe') or diag($err);
($rc) = train('yes', { %gbdt }, train => { %all });
is($rc, 0, 'a recipe of classes');
($rc, $out, $err) = outcome({ dir => "$dir" }, $ctl, 'evaluate', 'f.mlm',
                            'rows.csv', '--recipe', 'r.json');
is($rc, 1, 'judged it is refused');
like($err, qr/the\ model:\ rows\.csv\ line\ 2,\ column\ "prediction":
              \ expected\ a\ probability,\ from\ 0\ to\ 1,\ of\ the\ class
              \ "yes",\ got\ 37/x, 'and told');

# ----------------------------------------------------------- numbers of rows

for my $case (['x', '1e39,1,yes,low,1,1', '1e+39'],
              ['z', '1,-4e38,yes,low,1,1', '-4e+38'])
{
    my ($column, $text, $got) = @$case;

    refused("a $column that float32 does not hold",
            "steps[0]: rows.csv line 7, column \"$column\": expected a number"
            . ' smaller than the largest float32, 3.40282e+38, got ' . $got,
            'yes', { %gbdt }, line => 7, text => $text,
            train => { %all });
}

refused('a count below 0',
        'steps[0]: rows.csv line 9, column "cnt": expected a target of at '
        . 'least 0 for the objective poisson, got -6.25',
        'cnt', { %gbdt, objective => 'poisson' }, line => 9,
        text => '1,2,yes,low,-6.25,1', train => { %all });
refused('a target that float32 does not hold',
        'steps[0]: rows.csv line 9, column "cnt": expected a finite target '
        . 'that float32 can hold for the objective squared, got 1e+300',
        'cnt', { %gbdt }, line => 9, text => '1,2,yes,low,1e300,1',
        train => { %all });

for my $got ('1e+39', '1e-60') {
    refused("a weight of $got",
            'steps[0]: rows.csv line 4, column "w": expected a weight of 0 '
            . "or one that float32 can hold, got $got",
            'cnt', { %gbdt }, line => 4, text => "1,2,yes,low,1,$got",
            train => { %all, weight => 'w' });
}

refused('a count below 0 of a generalised linear model',
        'steps[0]: rows.csv line 9, column "cnt": the target of a poisson '
        . 'fit is a count: expected 0 or more, got -2',
        'cnt', { fit => 'poisson' }, line => 9, text => '1,2,yes,low,-2,1',
        train => { %all });
refused('a missing number of a linear model',
        'steps[0]: inputs: "z" is missing in 1 of 60 training rows, first in '
        . 'rows.csv line 5: put an impute step before, or leave such rows out'
        . ' with "missing": "skip"',
        'cnt', { fit => 'linear' }, line => 5, text => '1,,yes,low,-2,1',
        train => { %all });

# -------------------------------------------------------------------- names

refused('one output of three classes',
        'steps[0].outputs: expected a list of 3 names, one for each class of '
        . 'the target "kind" ("low", "mid", "tall"), got an array of 1',
        'kind', { %gbdt });
refused('one prediction of three classes',
        'train.prediction: expected a list of 3 names of cells, one for each '
        . 'class of the target "kind" ("low", "mid", "tall"), got "a"',
        'kind', { %gbdt, outputs => ['a', 'b', 'c'] },
        train => { prediction => 'a' });
refused('a fit that is none',
        'r.json: steps[0].fit: expected one of "linear", "elastic_net", "logistic", '
        . '"multinomial", "poisson", "ftrl", "adagrad", "rls", "exec", '
        . '"gbdt", got "xgboost"',
        'yes', { fit => 'xgboost' });
refused('one that is nearly one',
        'r.json: steps[0].fit: expected one of "linear", "elastic_net", "logistic", '
        . '"multinomial", "poisson", "ftrl", "adagrad", "rls", "exec", '
        . '"gbdt", got "gdbt"; did you mean "gbdt"?',
        'yes', { fit => 'gdbt' });

done_testing();
