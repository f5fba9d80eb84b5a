# Apache Kafka itself: one node that is broker and controller (KRaft), on
# ports of its own, from the jars of Maven Central.
#
#     my $kafka = Kafka->new("$dir/kafka", topics => { rides => 6 });
#     $kafka->{address}
#     $kafka->kill; $kafka->start; $kafka->pause; $kafka->go_on;
#
# Jars are fetched once, into BUILD/interop/kafka.  What cannot be fetched or
# started is a failure: there is no test without the broker.

package Kafka;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Path qw(make_path remove_tree);
use IO::Socket::INET;
use POSIX ();

use Mlops qw($root $build run slurp_quiet spew await);

my $owner = $$;
my %started;


sub new {
    my ($class, $dir, %option) = @_;

    remove_tree($dir);
    make_path($dir);

    my $self = bless { dir => $dir, jars => jars(), pid => 0 }, $class;

    ($self->{port}, $self->{controller}) = ports(2);
    $self->{address} = "127.0.0.1:$self->{port}";
    $self->configure($option{config} // {});
    $self->java('kafka.tools.StorageTool', 'format', '-t',
                'MkU3OEVBNTcwNTJENDM2Qg', '-c', "$dir/server.properties");
    $self->start;

    for my $topic (sort keys %{ $option{topics} // {} }) {
        $self->topic($topic, $option{topics}{$topic});
    }

    return $self;
}


# The class path.

sub jars {
    my $dir = "$build/interop/kafka";

    if (! -e "$dir/done") {
        remove_tree($dir);
        make_path($dir);
        run('mvn', '-q', '-B', '-f', "$root/t/interop/pom.xml",
            'dependency:copy-dependencies', '-DincludeScope=runtime',
            "-DoutputDirectory=$dir/lib");
        spew("$dir/done", '');
    }

    return abs_path("$dir/lib") . '/*';
}


# Ports that nobody has at the moment.

sub ports {
    my ($n) = @_;
    my @sockets = map { IO::Socket::INET->new(Listen => 1,
                                              LocalAddr => '127.0.0.1')
                        // die "no port: $!\n" } 1 .. $n;

    return map { $_->sockport } @sockets;
}


sub configure {
    my ($self, $more) = @_;
    my $at = "127.0.0.1:$self->{controller}";

    my %of = (
        'process.roles' => 'broker,controller',
        'node.id' => 1,
        'controller.quorum.voters' => "1\@$at",
        'listeners' => "PLAINTEXT://$self->{address},CONTROLLER://$at",
        'advertised.listeners' => "PLAINTEXT://$self->{address}",
        'controller.listener.names' => 'CONTROLLER',
        'inter.broker.listener.name' => 'PLAINTEXT',
        'listener.security.protocol.map' =>
            'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
        'log.dirs' => "$self->{dir}/data",
        'auto.create.topics.enable' => 'false',
        'offsets.topic.replication.factor' => 1,
        'offsets.topic.num.partitions' => 4,
        'transaction.state.log.replication.factor' => 1,
        'transaction.state.log.min.isr' => 1,
        'transaction.state.log.num.partitions' => 1,
        'group.initial.rebalance.delay.ms' => 0,
        'log.cleaner.backoff.ms' => 500,

        # records of tests are as old as their event times
        'log.retention.ms' => -1,
        %$more,
    );

    spew("$self->{dir}/server.properties",
         join '', map { "$_=$of{$_}\n" } sort keys %of);
    spew("$self->{dir}/log4j.properties", <<'_END_');
log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c: %m%n
_END_
}


# A tool of Kafka's own, to its end.

sub java {
    my ($self, $class, @args) = @_;

    return run('java', '-Xmx256m', '-cp', $self->{jars},
               "-Dlog4j.configuration=file:$self->{dir}/log4j.properties",
               $class, @args);
}


sub start {
    my ($self) = @_;
    my $log = "$self->{dir}/log";

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $log or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        { exec 'java', '-Xmx512m', '-cp', $self->{jars},
              "-Dlog4j.configuration=file:$self->{dir}/log4j.properties",
              'kafka.Kafka', "$self->{dir}/server.properties" };
        POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    $started{$pid} = 1;

    await(120, sub {
        IO::Socket::INET->new(PeerAddr => $self->{address}, Timeout => 1)
            && `kcat -L -b $self->{address} 2>&1` =~ /broker 1 at/;
    }, 0.2) or die 'Kafka does not start: ' . slurp_quiet($log) . "\n";
}


sub topic {
    my ($self, $name, $partitions, %config) = @_;

    $self->java('org.apache.kafka.tools.TopicCommand',
                '--bootstrap-server', $self->{address}, '--create',
                '--topic', $name, '--partitions', $partitions,
                '--replication-factor', 1,
                map { ('--config', "$_=$config{$_}") } sort keys %config);
}


# Removes what stands before an offset, as retention does.

sub delete_before {
    my ($self, $topic, $partition, $offset) = @_;
    my $file = "$self->{dir}/delete.json";

    spew($file, "{\"partitions\":[{\"topic\":\"$topic\",\"partition\":"
                . "$partition,\"offset\":$offset}],\"version\":1}");
    $self->java('org.apache.kafka.tools.DeleteRecordsCommand',
                '--bootstrap-server', $self->{address},
                '--offset-json-file', $file);
}


sub end {
    my ($self, $signal) = @_;

    CORE::kill($signal, $self->{pid});
    waitpid $self->{pid}, 0;
    delete $started{ $self->{pid} };
}


sub kill { $_[0]->end('KILL') }
sub stop { $_[0]->end('TERM') }
sub pause { CORE::kill 'STOP', $_[0]{pid} }
sub go_on { CORE::kill 'CONT', $_[0]{pid} }


END {
    if ($$ == $owner) {
        my $status = $?;

        for my $pid (keys %started) {
            CORE::kill 'CONT', $pid;
            CORE::kill 'KILL', $pid;
            waitpid $pid, 0;
        }

        $? = $status;
    }
}


1;
