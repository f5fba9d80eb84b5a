# Rows as those of the census of California's houses, from a generator: for
# demonstrations on machines without the public file.

package Houses;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(houses);


# n lines: longitude, latitude, age, rooms, bedrooms, population, households,
# income, value.  Values depend on income, place and age, not linearly.

sub houses {
    my ($n) = @_;
    my $state = 20_640;
    my $uniform = sub {
        my ($lo, $hi) = @_;

        $state = ($state * 1_103_515_245 + 12_345) % 2_147_483_648;
        return $lo + ($hi - $lo) * $state / 2_147_483_648;
    };

    return map {
        my $t = $uniform->(0, 1);
        my $long = -124.3 + 10 * $t + $uniform->(-0.5, 0.5);
        my $lat = 41.5 - 8.5 * $t + $uniform->(-1, 1);
        my $age = int $uniform->(1, 53);
        my $homes = int $uniform->(50, 1200);
        my $income = 0.5 + 14 * $uniform->(0, 1) ** 3;
        my $rooms = int $homes * $uniform->(3.5, 7) * (0.7 + $income / 15);
        my $beds = int $homes * $uniform->(0.95, 1.2);
        my $people = int $homes * $uniform->(2, 4);
        my $coast = abs($lat - 37.8 + 0.85 * ($long + 122.4));
        my $value = 40_000 + 38_000 * $income
                    + 150_000 / (1 + 3 * $coast) + 700 * $age
                    - 15_000 * $people / $homes
                    + $uniform->(-40_000, 40_000);

        $value = 500_001 if $value > 500_001;
        $value = 15_000 if $value < 15_000;

        sprintf('%.2f,%.2f,%d,%d,%d,%d,%d,%.4f,%d', $long, $lat, $age, $rooms,
                $beds, $people, $homes, $income, $value)
    } 1 .. $n;
}


1;
