# What mlopsctl train says of a run that went on although something is not as
# it should be: one note for each, in the report and, the same, in --json.
# Rows are made here; that something is amiss follows from how they are made.

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
my $json = JSON::PP->new->canonical;

$ENV{TMPDIR} = "$dir";

my ($rc, $out, $err, $report);


# Knuth's MMIX generator: rows are the same everywhere.

{
    use integer;

    my $state = 2024;

    sub uniform {
        $state = $state * 6364136223846793005 + 1442695040888963407;

        no integer;

        return (($state >> 33) & 0x3fffffff) / 0x40000000;
    }
}


# Trains by a recipe of those inputs and steps; $out is the report, $report
# that of --json, which is asked for with the same settings.

sub train {
    my ($in) = @_;
    my @steps = map { { inputs => $in->{inputs}, %$_ } }
                ref $in->{step} eq 'ARRAY' ? @{$in->{step}} : $in->{step};

    $steps[-1]{outputs} ||= ['p'];

    my %of = map { $_ => 1 } grep { !/\*$/ } map { @{$_->{inputs}} } @steps;
    delete @of{map { @{$_->{outputs} || []} } @steps};

    spew("$dir/recipe.json", $json->encode({
        recipe => 1,
        inputs => [map { { name => $_,
                           ($in->{types}{$_} ? (type => $in->{types}{$_})
                                             : ()) } } sort keys %of],
        train => { rows => { columns => [{ name => 'y' }],
                             %{$in->{rows} || {}} },
                   target => 'y', %{$in->{train} || {}} },
        steps => \@steps,
        signatures => [{ name => 'default', outputs => [{ name => 'p' }] }]
    }));

    my @command = ($ctl, 'train', "$dir/recipe.json",
                   "$dir/" . ($in->{file} || 'rows.csv'), '-o',
                   "$dir/m.mlm");

    my ($json_rc, $text) = outcome({}, @command, '--json');
    ($rc, $out, $err) = outcome({}, @command);

    $report = $rc eq '0' ? $json->decode($text) : { };

    is_deeply($report->{notes} || [], [$out =~ /^note +(.*)$/mg],
              'the notes of --json are those of the report');
}


sub notes {
    my ($name, $in, @like) = @_;

    train($in);
    is($rc, 0, $name) or diag($err);

    my @notes = @{$report->{notes} || []};

    is(scalar @notes, scalar @like, "$name: notes")
        or diag(join "\n", @notes);
    like($notes[$_] // '', $like[$_], "$name: note " . ($_ + 1))
        for 0 .. $#like;
}


sub file {
    my ($name, $head, $n, $line) = @_;

    spew("$dir/$name", "$head\n" . join '', map { $line->($_) . "\n" }
                                              1 .. $n);
}


# The last cells of the rows of train and of the gate, told by the one before.

sub parts {
    my ($name) = @_;
    my %of;

    for my $line (split /\n/, slurp("$dir/$name")) {
        my @cells = split /,/, $line;
        push @{$of{$cells[-2]}}, $cells[-1];
    }

    return @of{qw(train gate)};
}


my %linear = (kind => 'affine', fit => 'linear');
my %logistic = (kind => 'model', fit => 'logistic');
my %gbdt = (kind => 'model', fit => 'gbdt', objective => 'squared',
            trees => 20);

file('rows.csv', 'a,b,twice,same,empty,cat,y', 200, sub {
    my ($a, $b) = map { sprintf '%.3f', 10 * uniform() } 1, 2;

    return join ',', $a, $b, 2 * $a, 7, '', "c$_[0]",
                     sprintf('%.4f', 3 * $a - $b + uniform());
});

# ----------------------------------------------------------------- nothing

notes('a run without fault', { inputs => ['a', 'b'], step => \%linear });
is_deeply($report->{notes}, [], 'has an empty list');

# -------------------------------------------------------------------- rows

file('lost.csv', 't,a,y', 300, sub {
    my ($i) = @_;

    return join ',', $i, $i % 7 || '', $i % 10 ? $i % 7 + uniform() : '';
});

notes('rows that are lost', {
    file => 'lost.csv', inputs => ['a'], step => \%linear,
    rows => { columns => [{ name => 'y' }, { name => 't' }],
              filters => [{ kind => 'missing', inputs => ['a'] }] },
    train => { split => { by => 'time', column => 't', train => 0.5,
                          gate => 0.3, purge => 20 } }
});

# 300 / 10 have no target, 300 / 7 = 42 no a, 300 / 70 = 4 neither: 232 are
# left, whose last 0.3 are the gate and 0.5 before it train; purged are those
# within 20 of the gate's first

{
    my ($read, $left, $target, $filtered, $purged, $unused) = $out =~
        /^rows \s+ (\d+)\ read,\ (\d+)\ left\ out:\ (\d+)\ without\ target,
         \ (\d+)\ filtered,\ (\d+)\ purged,\ (\d+)\ in\ no\ part$/mx;

    is($read, 300, 'rows that were read');
    is($target, 30, 'without target');
    is($filtered, 38, 'filtered');
    cmp_ok($purged, '>', 5, 'purged');
    is($left, 30 + 38 + $purged + $unused, 'left out in all');

    my $used = 0;
    $used += $_->{rows} for values %{$report->{parts}};
    is($used + $left, 300, 'the parts have the others');
    is_deeply([@$report{qw(left_out without_target filtered purged
                           in_no_part)}],
              [$left, 30, 38, $purged, $unused], '--json has them, too');
}

file('few.csv', 'a,y', 4, sub { "$_[0]," . ($_[0] == 2 ? 5 : '') });
train({ file => 'few.csv', inputs => ['a'], step => \%linear });
is($rc, 1, 'one row to train with is an error');
like($err, qr/few\.csv: expected at least 2 training rows, got 1 of 4: 3 have no target/,
     'that says where the others are');

# ----------------------------------------------------------- linear models

notes('inputs that say nothing', {
    inputs => ['a', 'same', 'twice', 'b'], step => \%linear },
    qr/^steps\[0\] linear: 1 input has one value and the weight 0: "same"$/,
    qr/^steps\[0\] linear: 1 input is a combination of those before, and has the weight 0: "twice"$/);

file('apart.csv', 'a,y', 60, sub { "$_[0]," . ($_[0] > 30 ? 1 : 0) });

notes('classes that are told apart', {
    file => 'apart.csv', inputs => ['a'], step => \%logistic },
    qr/^steps\[0\] logistic: .*tell some rows apart without error.*alpha/);

file('noise.csv', 'a,b,y', 300, sub {
    my ($a, $b) = (uniform(), uniform());

    return join ',', $a, $b, uniform() < $a * $a * $b ? 1 : 0;
});

notes('a fit that was cut short', {
    file => 'noise.csv', inputs => ['a', 'b'],
    step => { %logistic, iterations => 1 } },
    qr/^steps\[0\] logistic: not converged after 1 iteration/);

# ------------------------------------------------------------- preparation

notes('rare categories', {
    inputs => ['cat'], types => { cat => 'BYTES' },
    step => [{ kind => 'one_hot', fit => 'categories', prefix => 'k=',
               limit => 3, inputs => ['cat'] },
             { %linear, inputs => ['k=*'] }] },
    qr/^steps\[0\] categories: 197 of 200 categories of "cat" have no cell of their own$/);

# ------------------------------------------------------------ boosted trees

notes('trees of columns without values', {
    inputs => ['a', 'b', 'same', 'empty'], step => \%gbdt },
    qr/^steps\[0\] gbdt: 2 inputs have fewer than two values: "same", "empty"$/);

notes('trees of nothing', { inputs => ['empty'], step => \%gbdt },
    qr/^steps\[0\] gbdt: no input has two values: no tree splits$/,
    qr/^the model predicts the same for all 200 rows of train$/);

notes('trees that stop early', {
    file => 'noise.csv', inputs => ['a', 'b'],
    step => { %gbdt, trees => 400, learning_rate => 0.5,
              early_stopping => 3 },
    train => { split => { by => 'random', seed => 1, train => 0.7,
                          tune => 0.3 } } },
    qr/^steps\[0\] gbdt: stopped after \d+ of 400 rounds, as the loss of tune did not fall; \d+ are kept$/);

# ---------------------------------------------------------------- float32

file('far.csv', 'a,b,far,y,yfar', 400, sub {
    my ($a, $b) = map { 100 * uniform() } 1, 2;

    return join ',', map { sprintf '%.4f', $_ } $a, $b, 1e9 + $a,
                     3 * $a + $b, 1e9 + 3 * $a + $b;
});

my %gate = (split => { by => 'random', seed => 1, train => 0.7,
                       gate => 0.3 });

notes('trees of an input far from 0', {
    file => 'far.csv', inputs => ['far', 'b'], step => \%gbdt,
    train => { %gate } },
    qr/^steps\[0\] gbdt: float32, .* cannot tell apart the values of 1 of them: "far" \([23] of 280 values\); subtract an offset/);

notes('the same, with the offset subtracted', {
    file => 'far.csv', inputs => ['near', 'b'],
    step => [{ kind => 'binary', op => 'sub', constant => 1e9,
               inputs => ['far'], outputs => ['near'] },
             { %gbdt, inputs => ['near', 'b'] }],
    train => { %gate } });
cmp_ok($report->{parts}{gate}{r2}{value}, '>', 0.9, 'is learned well');

notes('a linear model of it', {
    file => 'far.csv', inputs => ['far', 'b'], step => \%linear,
    train => { %gate } });
cmp_ok($report->{parts}{gate}{r2}{value}, '>', 0.999999,
       'which sees doubles');

train({ file => 'far.csv', inputs => ['a', 'b'], step => \%gbdt,
        rows => { columns => [{ name => 'yfar' }] },
        train => { target => 'yfar' } });
is($rc, 1, 'a target far from 0 is an error of trees');
like($err, qr/steps\[0\]: float32 rounds the target by [\d.]+, where its deviation is [\d.]+: subtract an offset/,
     'that says what helps');

notes('the same, with the offset subtracted and added again', {
    file => 'far.csv', inputs => ['a', 'b'],
    step => [{ %gbdt, trees => 100, outputs => ['less'] },
             { kind => 'binary', op => 'add', constant => 1e9,
               inputs => ['less'], outputs => ['p'] }],
    rows => { columns => [{ name => 'yfar' }],
              steps => [{ kind => 'binary', op => 'sub', constant => 1e9,
                          inputs => ['yfar'], outputs => ['y'] }] },
    train => { %gate } });
cmp_ok($report->{parts}{gate}{r2}{value}, '>', 0.9, 'is learned well');

{
    my (undef, $p) = split /\n/,
        (outcome({ in => "a,b\n50,50\n" }, $ctl, 'predict', "$dir/m.mlm"))[1];

    ok(abs($p - 1e9 - 200) < 40, 'and predicted where it is') or diag($p);
}

notes('an online model of an input far from 0', {
    file => 'far.csv', inputs => ['far', 'b'],
    step => { kind => 'model', fit => 'adagrad', loss => 'squared' },
    train => { %gate } },
    qr/^steps\[0\] adagrad: float32, .*: "far" \([23] of 280 values\)/,
    qr/^the model is worse than a constant: mse of gate [\d.e+]+, of the training rows' mean [\d.e+]+$/);

# --------------------------------------------------- worse than a constant

file('turned.csv', 'a,c,part,y', 200, sub {
    my ($i) = @_;
    my $sign = $i > 150 ? -1 : 1;

    return join ',', $i % 10, $i % 10 > 4 ? 'x' : 'y',
                     $i > 150 ? 'gate' : 'train',
                     $sign * ($i % 10 - 4.5) + uniform();
});

notes('a gate that turned around', {
    file => 'turned.csv', inputs => ['a'], step => \%linear,
    rows => { columns => [{ name => 'y' },
                          { name => 'part', type => 'BYTES' }] },
    train => { split => { by => 'column', column => 'part' } } },
    qr/^the model is worse than a constant: mse of gate \S+, of the training rows' mean \S+$/);

{
    my ($model, $mean) = $report->{notes}[0] =~ /gate (\S+), .* (\S+)$/;

    ok(abs($model / $report->{parts}{gate}{rmse}{value} ** 2 - 1) < 1e-4,
       'by its mean squared error') or diag($model);

    my ($train, $gate) = parts('turned.csv');
    my $sum = 0;
    $sum += $_ / @$train for @$train;

    my $want = 0;
    $want += ($_ - $sum) ** 2 / @$gate for @$gate;
    ok(abs($mean / $want - 1) < 1e-4, 'and that of the mean')
        or diag("$mean, $want");
}

notes('quantiles that are right are no worse', {
    file => 'far.csv', inputs => ['a', 'b'],
    step => { %gbdt, objective => 'quantile', alpha => 0.95 },
    train => { %gate } });

file('flip.csv', 'a,part,y', 200, sub {
    my ($i) = @_;

    return join ',', $i % 10, $i > 150 ? 'gate' : 'train',
                     ($i % 10 > 4 xor $i > 150 xor uniform() < 0.1) ? 'u'
                                                                    : 'v';
});

notes('classes that turned around', {
    file => 'flip.csv', inputs => ['a'], step => \%logistic,
    rows => { columns => [{ name => 'y', type => 'BYTES' },
                          { name => 'part', type => 'BYTES' }] },
    train => { split => { by => 'column', column => 'part' } } },
    qr/^the model is worse than a constant: log_loss of gate [\d.]+, of the training rows' shares \S+$/);

{
    my ($shares) = $report->{notes}[0] =~ / (\S+)$/;
    my ($train, $gate) = parts('flip.csv');
    my %share;

    $share{$_} += 1 / @$train for @$train;

    my $want = 0;
    $want -= log($share{$_}) / @$gate for @$gate;
    ok(abs($shares / $want - 1) < 1e-4, 'by the log loss of the shares')
        or diag("$shares, $want");
}

# ------------------------------------------------------------------ online

file('refused.csv', 'a,y', 100, sub {
    return $_[0] % 10 ? "$_[0]," . ($_[0] + uniform()) : ",$_[0]";
});

notes('rows that are refused', {
    file => 'refused.csv', inputs => ['known'],
    step => [{ kind => 'impute', value => 0, inputs => ['a'],
               outputs => ['known'] },
             { kind => 'model', fit => 'rls', inputs => ['a'],
               outputs => ['q'] },
             { kind => 'impute', value => 0, inputs => ['q'],
               outputs => ['p'] }],
    train => { prediction => ['p'] } },
    qr/^steps\[1\] rls: 10 of 100 rows are refused, the last as .* not finite/);

# ------------------------------------------------------------------- bounds

{
    my @names = map { sprintf 'column-%03d', $_ } 1 .. 90;

    file('many.csv', join(',', @names, 'a', 'y'), 50, sub {
        return join ',', (1) x 90, $_[0] % 7, $_[0] % 7 + uniform();
    });

    notes('many inputs', { file => 'many.csv', inputs => [@names, 'a'],
                           step => \%linear },
        qr/: 90 inputs have one value and the weight 0: "column-001", "column-002", .* and \d+ more$/);
    cmp_ok(length $report->{notes}[0], '<', 400, 'are named in part');
}

done_testing();
