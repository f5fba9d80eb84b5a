# A stream of a test's own: a broker in memory, records put into it exactly,
# workers that may be killed, tables as they stand in the store.
#
#     my $stream = Stream->new($site, rides => 4);       topics and partitions
#     $stream->send('rides', record(...), …);
#     my $worker = $stream->worker;
#     $stream->await_applied('rides', 'rides_view');
#     my $rows = $stream->dump('rides_view');
#
# A broker that is there already, with its {address} and the topics, is given
# as -broker.
#
# What was sent is kept, so that the same log can be computed in another way.

package Stream;

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use IO::Handle ();
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

use Mlops qw($root $build $ctl run slurp slurp_quiet spew await fields);

our $worker = "$build/bin/mlops-features";
our $fault  = "$build/t/fault/mlops-features";
our $broker = "$build/bin/mlops-broker";
our $feed   = "$build/bench/feed";

my $owner = $$;
my %children;
my @stores;


# Broker with option -control: control() has it take orders, and it ends with
# this process whatever happens to it.

sub new {
    my ($class, $site, %topics) = @_;
    my $on = delete $topics{-broker};
    my $control = delete $topics{-control};

    for my $topic (keys %topics) {
        die "topic $topic: $topics{$topic} is no number of partitions\n"
            if $topics{$topic} !~ /^\d{1,4}\z/;
    }

    my $self = bless {
        site => $site,
        topics => { %topics },
        sent => { map { $_ => [ map { [] } 1 .. $topics{$_} ] } keys %topics },
        state => "$site->{store}.state",    # on tmpfs: fsync costs nothing
    }, $class;

    remove_tree($self->{state});
    make_path($self->{state},
              ($site->{registry} // "$site->{prefix}/registry") . '/models');
    push @stores, $self->{state};

    if ($on) {
        $self->{address} = $on->{address};
        return $self;
    }

    my $address = "$site->{prefix}/broker";
    my $log = "$site->{prefix}/logs/broker";

    my @command = ($broker, '-f', $address, ($control ? '-c' : ()),
                   map { ('-t', "$_:$topics{$_}") } sort keys %topics);

    if ($control) {
        pipe(my $in, $self->{control}) or die "pipe: $!\n";
        $self->{control}->autoflush(1);
        $self->{broker} = spawn_from($in, $log, {}, @command);

    } else {
        $self->{broker} = spawn($log, {}, @command);
    }

    spew("$site->{prefix}/logs/broker.pid", $self->{broker});

    await(60, sub {
        ($self->{address}) = slurp_quiet($address) =~ /^(\S+:\d+)/;
    }) or die 'no broker: ' . slurp_quiet($log) . "\n";

    return $self;
}


# A process of the test; its output goes to a file.  Ended with the test.

sub spawn {
    my ($out, $env, @command) = @_;

    open my $in, '<', '/dev/null' or die "/dev/null: $!\n";
    return spawn_from($in, $out, $env, @command);
}


sub spawn_from {
    my ($in, $out, $env, @command) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        @ENV{keys %$env} = values %$env;
        open STDIN, '<&', $in or POSIX::_exit(126);
        open STDOUT, '>>', $out or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        { exec { $command[0] } @command };
        POSIX::_exit(127);
    }

    $children{$pid} = 1;

    return $pid;
}


# An order for the broker: "down 1", "up 1", "rtt 1 50".

sub control {
    my ($self, $line) = @_;
    print { $self->{control} } "$line\n" or die "broker: $!\n";
}


# Waits at most so long for the end of a process: its wait status, or nothing.

sub reap {
    my ($pid, $seconds) = @_;
    my $status;

    await($seconds, sub {
        return if waitpid($pid, POSIX::WNOHANG()) == 0;
        $status = $?;
        delete $children{$pid};
        return 1;
    }, 0.002);

    return $status;
}


sub stop {
    my ($pid, $signal, $seconds) = @_;

    return if ! $children{$pid};
    kill $signal // 'TERM', $pid;

    my $status = reap($pid, $seconds // 60);

    if (! defined $status) {
        kill 'KILL', $pid;
        reap($pid, 5);
        die "process $pid did not end\n";
    }

    return $status;
}


# A record: [ partition, timestamp in ms, key, value, header… ].

sub send {
    my ($self, $topic, @records) = @_;

    return if ! @records;

    for my $record (@records) {
        push @{ $self->{sent}{$topic}[$record->[0]] }, $record;
    }

    my $file = "$self->{site}{prefix}/feed";
    spew($file, join '', map { join("\t", @$_) . "\n" } @records);

    my %report = fields(run('/bin/sh', '-c', "'$feed' '$self->{address}'"
                            . " '$topic' < '$file'"));

    die "feed: not all was delivered\n"
        if $report{failed} || $report{records} != @records;
}


# A record and its offset as a line for t/features/oracle.py.

sub json_record {
    my ($record, $offset) = @_;
    my ($partition, $when, $key, $value, @headers) = @$record;
    my %of = (partition => $partition + 0, offset => $offset + 0,
              timestamp => $when + 0, key => $key,
              value => $value eq '\N' ? undef : $value,
              headers => { map { split /=/, $_, 2 } @headers });

    return JSON::PP->new->canonical->encode(\%of) . "\n";
}


# The log of a topic, partition by partition, as a file for oracle.py.

sub log {
    my ($self, $topic, $file) = @_;
    my $sent = $self->{sent}{$topic};

    spew($file, join '', map { my $records = $_;
                               map { json_record($records->[$_], $_) }
                                   0 .. $#$records } @$sent);
}


sub worker {
    my ($self, %option) = @_;

    my $site = $option{site} // $self->{site};
    my $log = "$site->{prefix}/logs/features";

    return spawn($log, { %{ $option{env} // {} } },
                 $option{program} // $worker, '-s', $site->{store},
                 @{ $option{args} // [] });
}


sub worker_log {
    my ($self, $site) = @_;
    return slurp_quiet(($site // $self->{site})->{prefix} . '/logs/features');
}


# Tables of a view by definition and shard, and what their headers say, read
# by the documented layout: { offset => [ … by partition ], rows, evicted }.

sub headers {
    my ($self, $view, $site) = @_;
    my $features = ($site // $self->{site})->{store} . '/features';
    my @tables;

    opendir my $dir, $features or return;

    for my $name (sort readdir $dir) {
        next unless $name =~ /^\Q$view\E\.([0-9a-f]{16})\.(\d+)$/;
        my ($hash, $shard) = ($1, $2);

        open my $in, '<:raw', "$features/$name" or next;
        next unless read($in, my $head, 4096 + 1024 * 32) == 4096 + 1024 * 32;

        my (%offset, %clock, %owned);

        for my $partition (0 .. 1023) {
            my ($offset, $clock, $owned) =
                unpack 'q< q< Q<', substr $head, 4096 + 32 * $partition, 24;

            $offset{$partition} = $offset if $owned || $offset != -1;
            $clock{$partition} = $clock;
            $owned{$partition} = $owned;
        }

        my ($superseded, $rows, $evicted) = unpack 'Q< Q< Q<',
                                            substr $head, 256, 24;

        push @tables, { name => $name, hash => $hash, shard => $shard,
                        offset => \%offset, clock => \%clock,
                        owned => \%owned, rows => $rows,
                        evicted => $evicted, superseded => $superseded };
    }

    return @tables;
}


# Waits until a worker has applied all that was sent to the topic.

sub await_applied {
    my ($self, $topic, $view, $site, $seconds) = @_;
    my $sent = $self->{sent}{$topic};
    my $why = '';

    return if await($seconds // 60, sub {
        $why = $self->behind($topic, $view, $site);
        return $why eq '';
    }, 0.005);

    die "view $view: $why\n" . $self->worker_log($site);
}


# Who of a group's nodes owns what: the node's place in the list by partition,
# for partitions that one of them has read to the end of what was sent.  As
# the tables' headers say it; a partition that two of them claim is nobody's.

sub owners {
    my ($self, $topic, $view, @nodes) = @_;
    my $sent = $self->{sent}{$topic};
    my (%owner, %claims);

    for my $i (0 .. $#nodes) {
        for my $table ($self->headers($view, $nodes[$i])) {
            next if $table->{superseded};

            for my $partition (grep { $table->{owned}{$_} } 0 .. $#$sent) {
                $claims{$partition}++;
                $owner{$partition} = $i
                    if ($table->{offset}{$partition} // -1)
                       >= @{ $sent->[$partition] } - 1;
            }
        }
    }

    delete @owner{grep { $claims{$_} != 1 } keys %claims};

    return \%owner;
}


# The tables of a group as that of one worker: of each row the one that the
# owner of its partition has.  Nothing where a partition has no owner, or one
# moved while the tables were read: a group moves partitions when it likes,
# and a node that gives one away takes its rows out of the table.

sub group_dump {
    my ($self, $topic, $view, @nodes) = @_;
    my $partitions = @{ $self->{sent}{$topic} };
    my $places = sub {
        my $owner = $self->owners($topic, $view, @nodes);
        my @moves = map { $self->worker_log($_)
                              =~ /"\Q$view\E": (partition \d+ .*)/g } @nodes;

        return ($owner, join "\n", @moves,
                        map { "$_=$owner->{$_}" } sort keys %$owner);
    };

    my ($owner, $before) = $places->();
    return if keys %$owner < $partitions;

    my @rows;

    for my $i (0 .. $#nodes) {
        push @rows, grep { ($owner->{(split /\t/)[-3]} // -1) == $i }
                         split /\n/, $self->dump($view, undef, $nodes[$i]);
    }

    my (undef, $after) = $places->();
    return if $after ne $before;

    return join '', map { "$_\n" }
                    sort { (split /\t/, $a)[0] <=> (split /\t/, $b)[0] } @rows;
}


# What a view has not yet applied of a topic; nothing where it has all.

sub behind {
    my ($self, $topic, $view, $site) = @_;
    my $sent = $self->{sent}{$topic};
    my @tables = grep { ! $_->{superseded} } $self->headers($view, $site)
        or return 'no table';

    for my $table (@tables) {
        for my $partition (0 .. $#$sent) {
            my $n = @{ $sent->[$partition] } or next;
            my $offset = $table->{offset}{$partition} // -1;

            return "$table->{name}: partition $partition is at $offset of "
                   . ($n - 1) if $offset < $n - 1;
        }
    }

    return '';
}


# What the status of this process says of its (first) view, or nothing.

sub status {
    my ($self, $pid, $site) = @_;
    my $file = ($site // $self->{site})->{store}
               . '/status/mlops-features.json';
    my $status = eval { JSON::PP::decode_json(slurp_quiet($file)) } or return;

    return if $status->{pid} != $pid;
    return $status->{views}[0];
}


# The canonical dump of a view.

sub dump {
    my ($self, $view, $as_of, $site) = @_;

    return run($ctl, 'table', 'dump', $view, '-s',
               ($site // $self->{site})->{store}, '--canonical',
               (defined $as_of ? ('--as-of', $as_of) : ()));
}


# One row of it: values by name, or nothing.

sub row {
    my ($self, $view, $key, $as_of) = @_;

    for my $line (split /\n/, $self->dump($view, $as_of)) {
        my ($found, @cells) = split /\t/, $line;
        next if $found ne $key && $found ne "\"$key\"";

        return { map { my ($name, $value) = split /=/, $_, 2;
                       ($name => $value eq 'null' ? undef : $value) }
                     @cells[0 .. $#cells - 3] };
    }

    return;
}


# The same log through a worker that nobody disturbs, on a store and a state
# of its own: its canonical dump.  option => plan is what the plan becomes.

sub clean_dump {
    my ($self, $topic, $view, %option) = @_;
    my $other = $self->other_store('clean', $option{plan});
    my $status = reap($self->worker(site => $other,
                                    args => [ '--once', $view ]),
                      $option{seconds} // 120);

    die "clean run: status " . ($status // 'none') . "\n"
        . $self->worker_log($other) if ! defined $status || $status != 0;

    my $text = $self->dump($view, undef, $other);
    remove_tree(@$other{qw(prefix store state)});

    return $text;
}


# A second store beside the site's, with its plan but for its rooms.

sub other_store {
    my ($self, $name, $change) = @_;
    my $site = $self->{site};
    my $other = { prefix => "$site->{prefix}/$name",
                  store => "$site->{store}.$name",
                  state => "$site->{store}.$name.state" };

    remove_tree(@$other{qw(prefix store state)});
    my $registry = $site->{registry} // "$site->{prefix}/registry";

    make_path("$other->{prefix}/logs", $other->{state}, "$registry/models");
    run($ctl, 'sync', '-r', $registry, '-s', $other->{store}, '--create');

    my $plan = slurp("$site->{store}/plan.json");

    $plan =~ s/\Q$self->{state}\E(?=")/$other->{state}/g;
    $plan =~ s/\Q$site->{store}\E(?=")/$other->{store}/g;
    $plan = $change->($plan) if $change;
    spew("$other->{store}/plan.json", $plan);

    push @stores, @$other{qw(store state)};

    return $other;
}


# Is a dump what t/features/oracle.py makes of the log?

sub oracle {
    my ($self, $topic, $view, $dump, @options) = @_;
    my $dir = $self->{site}{prefix};

    $self->log($topic, "$dir/log.jsonl");

    return system('python3', "$root/t/features/oracle.py", '--conf',
                  "$dir/nginx.conf", '--view', $view, '--compare', $dump,
                  @options, "$dir/log.jsonl") == 0;
}


# The same without a word.

sub oracle_quiet {
    my ($self, @args) = @_;

    open my $out, '>&', \*STDOUT or die "dup: $!\n";
    open STDOUT, '>', '/dev/null' or die "/dev/null: $!\n";

    my $same = $self->oracle(@args);

    open STDOUT, '>&', $out or die "dup: $!\n";

    return $same;
}


# What it says of each record: late => 3, …

sub verdicts {
    my ($self, $topic, $conf, $view) = @_;
    my $log = "$self->{site}{prefix}/log.jsonl";

    $self->log($topic, $log);

    return split ' ', run('/bin/sh', '-c', "python3 '$root/t/features/oracle.py'"
        . " --conf '$conf' --view '$view' --verdicts '$log' 2>&1 >/dev/null");
}


# Dead letters, as "partition/offset" of the records that they are.

sub letters {
    my ($self, $topic) = @_;
    my $text = run('kcat', '-C', '-q', '-e', '-b', $self->{address}, '-t',
                   $topic, '-o', 'beginning', '-f', '%h\n');
    my @places;

    for my $line (split /\n/, $text) {
        my ($partition) = $line =~ /__connect\.errors\.partition=(\d+)/;
        my ($offset) = $line =~ /__connect\.errors\.offset=(\d+)/;

        push @places, "$partition/$offset" if defined $offset;
    }

    return @places;
}


sub kafka {
    my ($self, $more) = @_;

    return "mlops_kafka main { bootstrap.servers $self->{address}; "
           . "fetch.wait.max.ms 10; " . ($more // '') . " }\n";
}


# Says where two dumps differ first.

sub differ {
    my @a = split /\n/, $_[0];
    my @b = split /\n/, $_[1];

    for my $i (0 .. ($#a > $#b ? $#a : $#b)) {
        my ($here, $there) = ($a[$i] // '(end)', $b[$i] // '(end)');
        next if $here eq $there;

        my @h = split /\t/, $here;
        my @t = split /\t/, $there;
        my @wrong = map { ($h[$_] // '') . ' | ' . ($t[$_] // '') }
                    grep { ($h[$_] // '') ne ($t[$_] // '') }
                         0 .. ($#h > $#t ? $#h : $#t);

        Test::More::diag("line ", $i + 1, " of ", scalar @a, ", ", scalar @b,
                         ": key $h[0], here | there:\n", join "\n", @wrong);
        return;
    }
}


# Processes that were started go on after the end.

sub keep {
    %children = ();
}


END {
    if ($$ == $owner) {
        my $code = $?;

        for my $pid (keys %children) {
            kill 'KILL', $pid;
            waitpid $pid, 0;
        }

        remove_tree($_) for @stores;

        $? = $code;
    }
}


1;
