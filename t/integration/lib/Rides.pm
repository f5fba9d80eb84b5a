# Events of rides for tests of features: drawn by a generator, the same for
# the same seed, with what streams really do: late and early events, some
# too late, some from the future, some sent twice, some that are no events.
#
#     my $rides = Rides->new(seed => 1, partitions => 4, entities => 150);
#     $stream->send('rides', $rides->next(100));

package Rides;

use strict;
use warnings;

our $start_ms = 1_700_000_000_000;


# A view of all functions; %option overrides what stands in braces.

sub view {
    my (%option) = @_;

    my %of = (
        name => 'rides',
        source => 'kafka=main topic=rides format=json',
        time => 'lateness=30s skew=1m',
        clock => 'event',
        dedupe => 'dedupe ride within=10m max=100000 type=int64;',
        ttl => '2h',
        max => 10000,
        shards => 1,
        more => '',
        features => features(),
        %option,
    );

    return <<"_END_";
mlops_view $of{name} {
    source        $of{source};
    entity        driver_id int64;
    event_time    ts unit=ms $of{time};
    clock         $of{clock};
    $of{dedupe}
    $of{features}
    ttl           $of{ttl};
    max_entities  $of{max};
    shards        $of{shards};
    $of{more}
}
_END_
}


sub features {
    return <<'_END_';
    feature  n_1h      count()                  window=1h;
    feature  n_5m      count()                  window=5m hop=1m kind=hopping;
    feature  n_2m      count()                  window=2m kind=tumbling;
    feature  n_all     count();
    feature  paid_1h   sum(fare)                window=1h "where=status == 'paid' and not (fare < 3 or fare == null)";
    feature  mean_10m  mean(fare)               window=10m;
    feature  low_10m   min(fare)                window=10m;
    feature  high_10m  max(fare)                window=10m hop=10s;
    feature  std_1h    std(fare)                window=1h;
    feature  var_5m    variance(fare)           window=5m hop=1m;
    feature  first_1h  first(fare)              window=1h;
    feature  last_fare last(fare);
    feature  zone      last(zone)               type=string bytes=8;
    feature  last_3    last_k(fare,3);
    feature  rate_5m   rate()                   window=5m hop=1m;
    feature  decayed   decayed_sum(fare,10m)    window=1h;
    feature  zones     approx_distinct(zone)    window=1h;
    feature  p90       quantile(fare,0.9)       window=1h bins=256;
    feature  share     ratio(paid_1h,n_1h);
    feature  open      open(fare)               window=1m;
    feature  high      high(fare)               window=1m;
    feature  low       low(fare)                window=1m;
    feature  close     close(fare)              window=1m;
    feature  ema       ema(fare,5)              window=1m;
    feature  sma       sma(fare,3)              window=1m;
    feature  macd      macd(fare,3,6)           window=1m;
    feature  rsi       rsi(fare,4)              window=1m;
    feature  k         stochastic(fare,4)       window=1m;
_END_
}


sub new {
    my ($class, %option) = @_;

    return bless {
        partitions => 4,
        entities => 150,
        step_ms => 500,             # of a partition's time, on average
        odd => 1,                   # late, duplicate, malformed …
        future => 1,
        jump => 400,                # one in so many events is 10 minutes on
        ride => 0,
        state => 1,
        %option,
        state => ($option{seed} // 1) * 2654435761 & 0xffffffff,
        clock => [ map { $start_ms } 1 .. ($option{partitions} // 4) ],
    }, $class;
}


sub random {
    my ($self, $n) = @_;

    $self->{state} = ($self->{state} * 1664525 + 1013904223) & 0xffffffff;

    return int(($self->{state} >> 8) / 16777216 * $n);
}


# So many records: [ partition, timestamp, key, value ].

sub next {
    my ($self, $n) = @_;
    my @records;

    push @records, $self->record while @records < $n;

    return @records;
}


sub record {
    my ($self) = @_;
    my $entity = $self->random($self->{entities});
    my $partition = $entity % $self->{partitions};

    if ($self->{odd} && defined $self->{again} && $self->random(40) == 0) {
        return delete $self->{again};
    }

    my $now = $self->{clock}[$partition] +=
        $self->random(2 * $self->{step_ms})
        + ($self->random($self->{jump}) == 0 ? 600_000 : 0);

    my ($ts, $driver) = ($now, $entity + 1000);

    # two of the same entity and time, now and then

    if (defined $self->{last} && $self->random(15) == 0) {
        ($partition, $now, $ts, $driver) = @{ $self->{last} };
        $entity = $driver - 1000;
    }

    $self->{last} = [ $partition, $now, $ts, $driver ];

    my $fare = $self->random(10) == 0 ? 'null'
                                      : (200 + $self->random(4000)) / 100;
    my $status = $self->random(4) ? '"paid"' : $self->random(2) ? '"free"'
                                                                : 'null';
    my $zone = 'z' . $self->random(30);
    my $odd = $self->{odd} ? $self->random(100) : 100;

    if ($odd < 20) {
        $ts -= $self->random(29_000);           # out of order, accepted

    } elsif ($odd < 22) {
        $ts -= 25_000 + $self->random(10_000);  # some of it too late

    } elsif ($odd < 24 && $self->{future}) {
        $ts += 61_000 + $self->random(10_000_000);  # from the future

    } elsif ($odd < 26) {
        $driver = '"x"';                        # malformed

    } elsif ($odd < 27) {
        $ts = 'null';
    }

    my $ride = ++$self->{ride};
    my $value = "{\"driver_id\":$driver,\"ts\":$ts,\"ride\":$ride,"
                . "\"fare\":$fare,\"status\":$status,\"zone\":\"$zone\"}";

    $value = substr $value, 0, 20 if $odd == 27;
    $value = '\N' if $odd == 28;

    my @record = ($partition, $now, $entity + 1000, $value);

    $self->{again} = [ @record ] if $odd >= 30 && $odd < 60;

    return [ @record ];
}


1;
