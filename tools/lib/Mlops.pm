# What the demonstration, the benchmarks and the integration tests share:
# running commands, an nginx of our own, single requests, load.

package Mlops;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);

our @EXPORT = qw(
    $root $build $nginx $ctl $load
    run outcome slurp slurp_quiet spew now await request fields
    read_answers thousands
    nginx_start nginx_stop nginx_pid workers free_port
);

our $root  = abs_path(dirname(__FILE__) . "/../..");
our $build = $ENV{BUILD} ? abs_path($ENV{BUILD}) : "$root/build";
our $nginx = $ENV{NGINX_BIN} || find_nginx();
our $ctl   = "$build/bin/mlopsctl";
our $load  = "$build/bench/load";


sub find_nginx {
    for my $dir (split(/:/, $ENV{PATH} || ''), '/usr/sbin', '/sbin') {
        return "$dir/nginx" if -x "$dir/nginx";
    }

    die "nginx is not installed: make deps\n";
}


sub run {
    my (@command) = @_;

    open(my $pipe, '-|', @command) or die "$command[0]: $!\n";
    my $text = do { local $/; <$pipe> };

    if (!close($pipe)) {
        die join(' ', @command) . " failed\n";
    }

    return defined $text ? $text : '';
}


# Runs a command that may fail, with what is added to the environment (env),
# read from standard input (in) and in which folder (dir): its exit code or
# "signal N", its output, its errors.  One that hangs is ended.

sub outcome {
    my ($how, @command) = @_;

    my ($in, $out, $err) = map {
        open(my $file, '+>:raw', undef) or die "temporary file: $!\n"; $file;
    } 1 .. 3;

    if (defined $how->{in}) {
        print {$in} $how->{in} or die "temporary file: $!\n";
        seek($in, 0, 0) or die "temporary file: $!\n";
    }

    my $pid = fork() // die "fork: $!\n";

    if ($pid == 0) {
        local @ENV{keys %{$how->{env}}} = values %{$how->{env}};

        !defined $how->{dir} || chdir($how->{dir}) or POSIX::_exit(126);
        !defined $how->{in} || open(STDIN, '<&', $in) or POSIX::_exit(126);
        open(STDOUT, '>&', $out) or POSIX::_exit(126);
        open(STDERR, '>&', $err) or POSIX::_exit(126);
        alarm 300;
        exec { $command[0] } @command or POSIX::_exit(127);
    }

    waitpid $pid, 0;

    my $rc = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;

    return ($rc, map { seek($_, 0, 0); local $/; scalar(<$_>) // '' }
                 $out, $err);
}


sub slurp {
    my ($file) = @_;
    open(my $in, '<:raw', $file) or die "$file: $!\n";
    local $/;
    my $text = <$in>;
    return defined $text ? $text : '';
}


# The same of a file that may go away at any time: then nothing.

sub slurp_quiet {
    my ($file) = @_;
    open(my $in, '<:raw', $file) or return '';
    local $/;
    my $text = <$in>;
    return defined $text ? $text : '';
}


sub spew {
    my ($file, $text) = @_;
    open(my $out, '>:raw', $file) or die "$file: $!\n";
    print $out $text;
    close($out) or die "$file: $!\n";
}


sub now {
    return clock_gettime(CLOCK_MONOTONIC);
}


# Calls what until it is true, at most so many seconds, and once more behind
# them: a machine that stood still for all of the time has not seen what came
# of it.  Returns its result, or nothing.

sub await {
    my ($seconds, $what, $pause) = @_;
    my $until = now() + $seconds;

    while (1) {
        my $last = now() >= $until;
        my $result = $what->();

        return $result if $result;
        return if $last;

        sleep($pause || 0.02);
    }
}


# One request on a connection of its own, to "host:port": status, headers,
# body.  Status 0: no connection, or no answer.

sub request {
    my ($listen, $path, $body) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => $listen, Timeout => 5)
        or return (0, {}, '');

    my $method = defined $body ? 'POST' : 'GET';
    my $length = defined $body ? 'Content-Length: ' . length($body) . "\r\n"
                               : '';

    print $socket "$method $path HTTP/1.1\r\nHost: $listen\r\n"
                  . "Connection: close\r\n$length\r\n"
                  . (defined $body ? $body : '');

    my $text = do { local $/; <$socket> };
    my ($head, $content) = split /\r\n\r\n/, defined $text ? $text : '', 2;
    my ($status) = ($head || '') =~ m{^HTTP/1\.1 (\d+)};
    my %headers = map { lc($_->[0]) => $_->[1] }
                  map { [split /:\s*/, $_, 2] }
                  grep { /:/ } split /\r\n/, $head || '';

    return ($status || 0, \%headers, defined $content ? $content : '');
}


# Starts nginx under a prefix of its own, with prefix/nginx.conf.

sub nginx_start {
    my ($prefix) = @_;

    make_path("$prefix/logs", "$prefix/tmp");
    run($nginx, '-p', $prefix, '-c', "$prefix/nginx.conf",
        '-e', "$prefix/logs/error.log");
}


# The master's process number under a prefix, if it lives.

sub nginx_pid {
    my ($prefix) = @_;
    my $pid = slurp_quiet("$prefix/logs/nginx.pid");
    chomp $pid;

    return unless $pid =~ /^\d+$/;
    return slurp_quiet("/proc/$pid/cmdline") =~ /nginx/ ? $pid : undef;
}


sub nginx_stop {
    my ($prefix) = @_;
    my $pid = nginx_pid($prefix) or return;

    kill('TERM', $pid);
    await(5, sub { !kill(0, $pid) }) || kill('KILL', $pid);
}


# Process numbers of a master's workers.

sub workers {
    my ($master) = @_;
    my @pids;

    for my $file (glob "/proc/[0-9]*/stat") {
        open(my $in, '<', $file) or next;
        my $stat = <$in>;
        next unless defined $stat && $stat =~ /^(\d+) \(.*\) \S (\d+)/s;
        my ($pid, $parent) = ($1, $2);
        next unless $parent == $master;
        push @pids, $pid if slurp_quiet("/proc/$pid/cmdline")
                            =~ /worker process/;
    }

    return @pids;
}


# Below the range from which the system takes ports of outgoing connections:
# none of those has it by the time a server listens there.

my %given;

sub free_port {
    for (1 .. 200) {
        my $port = 10000 + int rand 20000;

        next if $given{$port};

        my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                           LocalPort => $port, Listen => 1)
            or next;

        $given{$port} = 1;
        return $port;
    }

    die "no free port\n";
}


sub fields {
    my ($line) = @_;
    return map { split /=/, $_, 2 } split ' ', $line;
}


sub read_answers {
    my ($file) = @_;

    return map {
        my @f = split /\t/, $_, 7;
        { body => $f[0], version => $f[1], status => $f[2], count => $f[3],
          first => $f[4], last => $f[5], text => $f[6] };
    } split /\n(?=\d+\t)/, slurp($file);
}


sub thousands {
    my ($n) = @_;
    1 while $n =~ s/^(\d+)(\d{3})/$1,$2/;
    return $n;
}


1;
