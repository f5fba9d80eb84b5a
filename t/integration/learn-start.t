# Going on from a model: what was learned is taken for the same objective,
# target and classes only, and a refusal names both sides.

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


# A recipe of one learner, and what training by it says.

sub train {
    my ($target, $step, %train) = @_;

    my $outputs = $step->{outputs} // ['p'];

    spew("$dir/r.json", encode_json({
        recipe => 1, inputs => [{ name => 'x' }, { name => 'z' }],
        train => { target => $target,
                   rows => { columns => [
                       { name => 'yes', type => 'BYTES' },
                       { name => 'kind', type => 'BYTES' },
                       { name => 'digit' }, { name => 'y' },
                       { name => 'cnt' } ] }, %train },
        steps => [{ kind => 'model', inputs => ['x', 'z'],
                    outputs => $outputs, %$step }],
        signatures => [{ name => 'default',
                         outputs => [map {{ name => $_ }} @$outputs] }],
    }));

    return outcome({ dir => "$dir" }, $ctl, 'train', 'r.json', 'rows.csv',
                   '-o', 'new.mlm');
}


sub keep {
    my ($name, @how) = @_;

    my ($rc, $out, $err) = train(@how);

    is($rc, 0, "$name is learned") or diag($err);
    rename "$dir/new.mlm", "$dir/$name" or die "$name: $!";
}


sub goes_on {
    my ($name, @how) = @_;

    my ($rc, $out, $err) = train(@how);

    is($rc, 0, "$name goes on") or diag($err);
}


sub refused {
    my ($name, $text, @how) = @_;

    unlink "$dir/new.mlm";
    my ($rc, $out, $err) = train(@how);

    is($rc, 1, "$name is refused");
    like($err, qr/\Q$text\E$/m, 'and both sides are named');
    ok(! -e "$dir/new.mlm", 'and no image is there');
}


my $rows = "x,z,yes,kind,digit,y,cnt\n";

for my $i (1 .. 90) {
    my ($x, $z) = ($i * 37 % 91 / 10, $i * 53 % 89 / 10);

    $rows .= join(',', $x, $z, $x > $z ? 'yes' : 'no',
                  $x > 6 ? 'tall' : $z > 5 ? 'low' : 'mid', $x > $z ? 7 : 3,
                  $x - 2 * $z, int($x)) . "\n";
}

spew("$dir/rows.csv", $rows);

my %gbdt = (fit => 'gbdt', trees => 3);
my @three = (outputs => ['a', 'b', 'c']);

# --------------------------------------------------------------------- trees

keep('two.mlm', 'yes', { %gbdt });
keep('three.mlm', 'kind', { %gbdt, @three });
keep('digit.mlm', 'digit', { %gbdt, objective => 'logistic' });
keep('number.mlm', 'y', { %gbdt });
keep('count.mlm', 'cnt', { %gbdt, objective => 'poisson' });

goes_on('trees of two classes', 'yes', { %gbdt, start => 'two.mlm' });
goes_on('the same, with its classes named', 'yes',
        { %gbdt, start => 'two.mlm' }, classes => ['no', 'yes']);
goes_on('trees of three classes', 'kind',
        { %gbdt, start => 'three.mlm', @three });
goes_on('trees of classes that are numbers', 'digit',
        { %gbdt, start => 'digit.mlm', objective => 'logistic' },
        classes => [3, 7]);
goes_on('trees of a number', 'y', { %gbdt, start => 'number.mlm' });

refused('another order of classes',
        'steps[0].start: expected the trees of "two.mlm" to be of'
        . ' the classes "yes", "no", in this order, got "no", "yes"',
        'yes', { %gbdt, start => 'two.mlm' }, classes => ['yes', 'no']);
refused('another order of three',
        'classes "mid", "low", "tall", in this order, got "low",'
        . ' "mid", "tall"',
        'kind', { %gbdt, start => 'three.mlm', @three },
        classes => ['mid', 'low', 'tall']);
refused('another number of classes',
        'classes "high", "low", "mid", "tall", in this order, got'
        . ' "low", "mid", "tall"',
        'kind', { %gbdt, start => 'three.mlm',
                  outputs => ['a', 'b', 'c', 'd'] },
        classes => ['high', 'low', 'mid', 'tall']);
refused('numbers in another order',
        ' classes "7", "3", in this order, got "3", "7"',
        'digit', { %gbdt, start => 'digit.mlm', objective => 'logistic' },
        classes => [7, 3]);

refused('a poisson model for a squared fit',
        'steps[0].start: expected the trees of "count.mlm" to be'
        . ' for the objective "squared", got "poisson"',
        'cnt', { %gbdt, start => 'count.mlm' });
refused('a squared model for a poisson fit',
        'for the objective "poisson", got "squared"',
        'cnt', { %gbdt, start => 'number.mlm', objective => 'poisson' });
refused('a logistic model for a squared fit',
        'for the objective "squared", got "logistic"',
        'y', { %gbdt, start => 'two.mlm' });
refused('another target',
        'steps[0].start: expected the trees of "number.mlm" to be'
        . ' of the target "cnt", got "y"',
        'cnt', { %gbdt, start => 'number.mlm' });

# a target that settings name

($_) = train('y', { %gbdt });
($_) = outcome({ dir => "$dir" }, $ctl, 'train', 'r.json', 'rows.csv', '-o',
               'set.mlm', '--set', 'train.target="cnt"');
goes_on('a target of the settings', 'cnt', { %gbdt, start => 'set.mlm' });
refused('not the recipe\'s', 'of the target "y", got "cnt"',
        'y', { %gbdt, start => 'set.mlm' });

# ---------------------------------------- images that do not tell their steps

sub foreign {
    my ($name, @links) = @_;

    spew("$dir/f.json", encode_json({
        recipe => 1, inputs => [{ name => 'x' }, { name => 'z' }],
        steps => [{ kind => 'trees', f32 => JSON::PP::true,
                    inputs => ['x', 'z'], outputs => ['m'], base => [0.5],
                    trees => [{ input => 'x', below => 4,
                                left => { leaf => -1 },
                                right => { leaf => 1 } }] }, @links],
        signatures => [{ name => 'default', outputs => [
            { name => $links[-1] ? $links[-1]{outputs}[0] : 'm' }] }],
    }));

    my ($rc, $out, $err) = outcome({ dir => "$dir" }, $ctl, 'import',
                                   'f.json', '-o', $name);
    is($rc, 0, "$name is imported") or diag($err);
}

sub link_of {
    my ($op, @names) = @_;

    return { kind => 'unary', op => $op, inputs => [$names[0] // 'm'],
             outputs => [$names[1] // 'q'] };
}

foreign('f-none.mlm');
foreign('f-sigmoid.mlm', link_of('sigmoid'));
foreign('f-exp.mlm', link_of('identity', 'm', 'n'), link_of('exp', 'n'));
foreign('f-tanh.mlm', link_of('tanh'));

goes_on('trees without a link', 'y', { %gbdt, start => 'f-none.mlm' });
goes_on('the same for huber', 'y',
        { %gbdt, start => 'f-none.mlm', objective => 'huber' });
goes_on('a sigmoid', 'yes', { %gbdt, start => 'f-sigmoid.mlm' });
goes_on('an exp', 'cnt',
        { %gbdt, start => 'f-exp.mlm', objective => 'poisson' });
refused('a sigmoid for numbers',
        'steps[0].start: expected the trees of "f-sigmoid.mlm" to'
        . ' be for the objective "squared", got the link of'
        . ' "logistic" behind them',
        'y', { %gbdt, start => 'f-sigmoid.mlm' });
refused('an exp for numbers',
        '"squared", got the link of "poisson" behind them',
        'y', { %gbdt, start => 'f-exp.mlm' });
refused('no link for classes',
        '"logistic", got no link behind them',
        'yes', { %gbdt, start => 'f-none.mlm' });
refused('a link of no objective',
        '"squared", got a step behind them that is no objective\'s link',
        'y', { %gbdt, start => 'f-tanh.mlm' });

# -------------------------------------------------------------------- states

my %ftrl = (fit => 'ftrl', bits => 8);

keep('f.mlm', 'yes', { %ftrl, state => 'two.state' });
goes_on('a state of two classes', 'yes', { %ftrl, start => 'two.state' });
goes_on('the same, with its classes named', 'yes',
        { %ftrl, start => 'two.state' }, classes => ['no', 'yes']);
refused('a state of another order',
        'steps[0].start: expected the state "two.state" to be of'
        . ' the classes "yes", "no", in this order, got "no", "yes"',
        'yes', { %ftrl, start => 'two.state' }, classes => ['yes', 'no']);

keep('d.mlm', 'digit', { %ftrl, state => 'digit.state' });
goes_on('a state of numbers', 'digit', { %ftrl, start => 'digit.state' });
refused('a state of other classes',
        'of the target "yes", got "digit"',
        'yes', { %ftrl, start => 'digit.state' });

keep('a.mlm', 'y', { fit => 'adagrad', loss => 'squared', bits => 8,
                     state => 'y.state' });
refused('a state of another target',
        'expected the state "y.state" to be of the target "cnt", got "y"',
        'cnt', { fit => 'adagrad', loss => 'squared', bits => 8,
                 start => 'y.state' });

keep('rls.mlm', 'y', { fit => 'rls', state => 'rls.state' });
goes_on('one of rls', 'y', { fit => 'rls', start => 'rls.state' });
refused('one of rls of another target',
        'of the target "cnt", got "y"',
        'cnt', { fit => 'rls', start => 'rls.state' });

done_testing();
