# The training recipes of the scenarios, as they ship: trained on the public
# data where that is at hand, compared with the numbers that others reached,
# published, asked through nginx.  Without the data the same recipes are
# trained on rows whose rule is known, and have to find it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use JSON::PP qw(decode_json encode_json);
use Mlops qw($build $root run slurp spew);
use Site;
use Test::More;

my $data = $ENV{MLOPS_DATA} // "$root/../shared/data";
my $site = Site->new('learn-scenarios', workers => 1);
my $dir = $site->{prefix};

sub near {
    my ($got, $expected, $within, $what) = @_;

    ok(defined $got && abs($got - $expected) <= $within * abs($expected),
       $what) or diag('got ' . ($got // 'nothing') . ", expected $expected");
}


# Trains; the facts of the image, the weights and bias of its fitted step.

sub train {
    my ($name, $rows, @more) = @_;

    $site->ctl('train', "$root/conf/scenarios/$name/train.json", $rows, '-o',
               "$dir/$name.mlm", '--recipe-out', "$dir/$name.json", @more);
    $site->publish($name, "$dir/$name.mlm");

    my $facts = decode_json($site->ctl('inspect', "$dir/$name.mlm",
                                       '--json'))->{facts};
    my $fitted = decode_json(slurp("$dir/$name.json"));
    my ($affine) = grep { $_->{kind} eq 'affine' } @{ $fitted->{steps} };

    return ($facts->{metadata}{training}, $affine);
}


sub weights {
    my ($affine) = @_;
    my $w = $affine->{weights};

    return @{ ref $w->[0] ? $w->[0] : $w } if ref $w eq 'ARRAY';
    return @$w{ @{ $affine->{inputs} } };
}


sub bias {
    my ($affine) = @_;
    return ref $affine->{bias} ? $affine->{bias}[0] : $affine->{bias};
}


sub metric {
    my ($training, $part, $name) = @_;

    return $training->{metrics}{$part}{$name}{value};
}


sub answer {
    my ($path, $body) = @_;
    my ($status, undef, $text) = $site->get($path, encode_json($body));

    return $status == 200 ? decode_json($text) : { error => $text };
}


# ---------------------------------------------------------------- the rows

my $state = 1;

sub uniform {                   # a generator of our own: the same everywhere
    my ($lo, $hi) = @_;

    $state = ($state * 1103515245 + 12345) % 2147483648;
    return $lo + ($hi - $lo) * $state / 2147483648;
}


my %real = map { $_ => -r "$data/$_" }
               qw(cal_housing.data auto_mpg.csv wine.data);

diag("no public data in $data: rows are generated, the numbers of others are "
     . 'not compared') if grep { !$_ } values %real;

sub generated {
    my ($file, $header, $n, $row) = @_;

    spew("$dir/$file", join('', map { "$_\n" } (defined $header ? $header : ()),
                            map { join(',', $row->()) } 1 .. $n));
    return "$dir/$file";
}


$site->conf(server => <<'_END_');
        location = /housing { mlops_predict housing; }
        location = /mpg     { mlops_predict mpg; }
        location = /wine    { mlops_predict wine; }
_END_


# ------------------------------------------------------------------ housing

my @house = (8.3252, 41, 6, 1, 322, 2.55, 37.88, -122.23);
my @house_names = qw(median_income_in_block median_house_age_in_block
                     average_rooms average_bedrooms population_per_block
                     average_house_occupancy block_latitude block_longitude);
my @house_rule = (40_000, 1_000, -9_000, 60_000, -0.5, -300, -40_000,
                  -41_000);

my $rows = $real{'cal_housing.data'} ? "$data/cal_housing.data"
    : generated('cal_housing.data', undef, 500, sub {
        my @x = (uniform(-124, -114), uniform(32, 42), uniform(1, 52),
                 uniform(100, 5000), uniform(50, 900), uniform(50, 3000),
                 uniform(40, 800), uniform(0.5, 15));
        my ($lon, $lat, $age, $rooms, $bedrooms, $people, $homes, $income)
            = @x;
        my @in = ($income, $age, $rooms / $homes, $bedrooms / $homes,
                  $people, $people / $homes, $lat, $lon);
        my $y = -3_500_000;

        $y += $house_rule[$_] * $in[$_] for 0 .. $#in;

        return map { sprintf '%.17g', $_ } @x, $y;
    });

my ($training, $affine) = train('housing', $rows);
my @w = weights($affine);

if ($real{'cal_housing.data'}) {
    my @known = (0.44867490966572054, 0.009724257517905325,
                 -0.12332334282795979, 0.7831449067929754,
                 -2.029620580142709e-06, -0.0035263184871341413,
                 -0.41979248658835827, -0.43370806496398595);

    near($w[$_], $known[$_], 1e-9, "$house_names[$_]") for 0 .. $#known;
    near(bias($affine), -37.023277706063766, 1e-9, 'intercept');

    is($training->{rows}{train}, 16512, 'rows for training');
    is($training->{rows}{gate}, 4128, 'rows held out');

    near(metric($training, 'train', 'r2'), 0.612551191397, 1e-9,
         'R2 of training');
    near(metric($training, 'gate', 'mse'), 0.555891598695, 1e-9, 'mse');
    near(metric($training, 'gate', 'rmse'), 0.745581383013, 1e-9, 'rmse');
    near(metric($training, 'gate', 'mae'), 0.533200130496, 1e-9, 'mae');
    near(metric($training, 'gate', 'median_error'), -0.122439328735, 1e-9,
         'median error');
    near(metric($training, 'gate', 'r2'), 0.575787706032, 1e-9, 'R2');

} else {
    near($w[$_] * 100_000, $house_rule[$_], 1e-7, $house_names[$_])
        for 0 .. $#house_rule;
}


# ---------------------------------------------------------------------- mpg

$rows = $real{'auto_mpg.csv'} ? "$data/auto_mpg.csv"
    : generated('auto_mpg.csv', 'mpg,cyl,dpl,hp,wght,acc,year,org,name', 300,
                sub {
        my ($w, $y) = (uniform(1600, 5000), int uniform(70, 83));

        return (map({ sprintf '%.17g', $_ } 290 - 0.01 * $w - 7 * $y + 2e-6
                    * $w * $w - 1e-4 * $w * $y + 0.05 * $y * $y),
                6, 200, 100, sprintf('%.17g', $w), 15, $y, 1, 'car');
    });

($training, $affine) = train('mpg', $rows);
@w = weights($affine);

if ($real{'auto_mpg.csv'}) {
    my @known = (-0.011679612856445544, -7.060561163198998,
                 1.990763366502412e-06, -9.908094137825339e-05,
                 0.05334613191026808);

    near($w[$_], $known[$_], 1e-9, "weight $_ of the second degree")
        for 0 .. $#known;
    near(bias($affine), 289.081052253733, 1e-9, 'intercept');
    is($training->{rows}{train}, 368, 'rows without outliers');
    near(metric($training, 'train', 'r2'), 0.871950173845, 1e-9, 'R2');

} else {
    my @rule = (-0.01, -7, 2e-6, -1e-4, 0.05);
    near($w[$_], $rule[$_], 1e-6, "weight $_") for 0 .. $#rule;
}


# --------------------------------------------------------------------- wine

my @wine = (14.23, 1.71, 2.43, 15.6, 127, 2.8, 3.06, 0.28, 2.29, 5.64, 1.04,
            3.92, 1065);

$rows = $real{'wine.data'} ? "$data/wine.data"
    : generated('wine.data', 'Class label, Alcohol, Malic acid, Ash, '
                . 'Alcalinity of ash, Magnesium, Total phenols, Flavanoids, '
                . 'Nonflavanoid phenols, Proanthocyanins, Color intensity, '
                . 'Hue, OD280/OD315 of diluted wines, Proline', 178, sub {
        my @x = map { uniform($_ * 0.8, $_ * 1.2) } @wine;

        return (1 + int uniform(0, 3), map { sprintf '%.17g', $_ } @x);
    });

($training, $affine) = train('wine', $rows);
@w = weights($affine);

is($training->{rows}{train}, 133, 'wines for training');
is($training->{rows}{gate}, 45, 'wines held out');

if ($real{'wine.data'}) {
    my @known = (-0.08859256813243407, 0.03010953339542891, 0,
                 0.03325565874495721, -0.00089709200813401, 0,
                 -0.27066861503348133, 0, 0, 0.09766022977458363, 0,
                 -0.16580168126263345, -0.00092334306025397);

    for (0 .. $#known) {
        $known[$_] == 0 ? cmp_ok($w[$_], '==', 0, "weight $_ is none")
                        : near($w[$_], $known[$_], 1e-7, "weight $_");
    }

    near(bias($affine), 2.6241210124635455, 1e-8, 'intercept');
    near(metric($training, 'gate', 'rmse'), 0.2620253858063992, 1e-7, 'rmse');
    near(metric($training, 'gate', 'mae'), 0.20795593258138048, 1e-7, 'mae');
    near(metric($training, 'gate', 'r2'), 0.898517490376526, 1e-7, 'R2');

} else {
    ok((grep { $_ == 0 } @w), 'weights that say nothing are none');
}


# ---------------------------------------------------------- asked in nginx

$site->start;

my %body;
@body{@house_names} = @house;

my $house = answer('/housing', \%body);

if ($real{'cal_housing.data'}) {
    is($house->{median_house_value}, 425468, 'a house: 425468');

} else {
    ok($house->{median_house_value}, 'a house has a price');
}

my $car = answer('/mpg', { weight_kg => 1080, year => 1971 });

near($car->{fuel_consumption_l_100_km}, 10.042277210581904, 1e-9,
     'a car of 1971') if $real{'auto_mpg.csv'};
ok($car->{fuel_consumption_l_100_km}, 'a car has a consumption');

$car = answer('/mpg', { instances => [ [ 2381.4, 71 ] ] });
near($car->{predictions}[0], 23.422434812442678, 1e-9,
     'in miles per gallon, too') if $real{'auto_mpg.csv'};

my $wine = answer('/wine', { instances => [ [ @wine ] ] });

near($wine->{predictions}[0], -0.09095155436029811, 1e-7, 'a wine')
    if $real{'wine.data'};
ok(defined $wine->{predictions}[0], 'a wine has an answer');


# ------------------------------------------------------------- once more

for (qw(housing mpg wine)) {
    my $file = { housing => 'cal_housing.data', mpg => 'auto_mpg.csv',
                 wine => 'wine.data' }->{$_};
    my $path = $real{$file} ? "$data/$file" : "$dir/$file";
    my $said = $site->ctl('reproduce', "$dir/$_.mlm", $path);

    like($said, qr/the same/, "$_ is rebuilt, bit for bit");
}

done_testing();
