# An nginx of a test's own: prefix, store, registry, load.  Everything that
# was started ends with the test, whatever happens.

package Site;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use FindBin;
use IO::Socket::INET;
use Time::HiRes qw(sleep);

use lib abs_path(dirname(__FILE__) . '/../../../tools/lib');
use Mlops qw($build $nginx $ctl $load run slurp slurp_quiet spew await request
             fields read_answers nginx_pid free_port);

our $module = (split ' ', $ENV{TEST_NGINX_LOAD_MODULES}
                          // "$build/ngx_http_mlops_module.so")[0];

my @preload_env = qw(LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS);
my @sites;
my @children;
my $owner = $$;


# A site with an empty registry and, unless store => PATH says otherwise, a
# store on tmpfs where there is one.

sub new {
    my ($class, $name, %options) = @_;

    my $shm = -w '/dev/shm' && -k '/dev/shm';
    my $prefix = "$build/t/$name.$$";

    my $self = bless {
        name => $name,
        prefix => $prefix,
        port => free_port(),
        registry => "$prefix/registry",
        store => $shm ? "/dev/shm/ngx_mlops-$name.$$" : "$prefix/store",
        workers => 2,
        %options,
    }, $class;

    remove_tree($prefix, $self->{store});
    make_path("$prefix/logs", "$prefix/tmp");

    push @sites, $self;

    return $self;
}


sub listen_at {
    my ($self) = @_;
    return "127.0.0.1:$self->{port}";
}


# Writes nginx.conf: what stands in http and in server is the test's.

sub conf {
    my ($self, %part) = @_;

    my $user = $> == 0 ? 'user ' . ($self->{user} // 'nobody nogroup') . ';' : '';
    my $main = $part{main} // '';
    my $http = $part{http} // '';
    my $server = $part{server} // '';
    # a new binary gets the variables that are named, and no others

    $main .= join '', map { "env $_;\n" } @preload_env
        if ($ENV{TEST_NGINX_LD_PRELOAD} // '') ne '';

    my $store = $part{store} // "mlops_store $self->{store};";
    my $registry = $part{registry} // "mlops_registry $self->{registry};";

    spew("$self->{prefix}/nginx.conf", <<"_END_");
load_module $module;
$user
worker_processes $self->{workers};
pid logs/nginx.pid;
error_log logs/error.log info;
$main
events { worker_connections 512; }
http {
    access_log off;
    keepalive_requests 100000000;
    client_body_buffer_size 1m;
    client_body_temp_path tmp;
    proxy_temp_path tmp;
    fastcgi_temp_path tmp;
    uwsgi_temp_path tmp;
    scgi_temp_path tmp;
    $store
    $registry
    $http
    server {
        listen 127.0.0.1:$self->{port};
        $server
    }
}
_END_
}


sub args {
    my ($self) = @_;

    return ('-p', "$self->{prefix}/", '-c', 'nginx.conf',
            '-e', 'logs/error.log');
}


# The sanitizers' libraries, where the module was built with them.

sub preload {
    return if ($ENV{TEST_NGINX_LD_PRELOAD} // '') eq '';

    $ENV{LD_PRELOAD} = $ENV{TEST_NGINX_LD_PRELOAD};
    $ENV{ASAN_OPTIONS} = 'detect_leaks=0';
}


# Runs nginx with more arguments: exit code and what it said.

sub nginx {
    my ($self, @args) = @_;

    my $out = "$self->{prefix}/logs/said";
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', $out;
        open STDERR, '>&', \*STDOUT;
        preload();
        exec $nginx, $self->args, @args;
        exit 127;
    }

    waitpid $pid, 0;

    return ($? >> 8, slurp($out));
}


sub start {
    my ($self) = @_;

    my ($code, $said) = $self->nginx;

    die "nginx does not start: $said\n" . $self->log if $code != 0;

    await(60, sub { $self->master }) or die "no pid file\n";
    await(60, sub { $self->workers == $self->{workers} })
        or die "no workers\n" . $self->log;
}


sub master {
    my ($self) = @_;
    return nginx_pid($self->{prefix});
}


# The workers that are not on their way out.

sub workers {
    my ($self, $master) = @_;
    $master //= $self->master or return;
    return grep { slurp_quiet("/proc/$_/cmdline") !~ /shutting down/ }
                Mlops::workers($master);
}


# Reloads, and waits until none of the workers that were there takes
# connections any more.  False where the configuration was refused.

sub reload {
    my ($self) = @_;

    my %before = map { $_ => 1 } $self->workers;

    kill 'HUP', $self->master;

    return await(60, sub {
        my @now = $self->workers;
        return @now == $self->{workers} && ! grep { $before{$_} } @now;
    });
}


sub log {
    my ($self) = @_;
    return slurp_quiet("$self->{prefix}/logs/error.log");
}


sub logged {
    my ($self, $pattern) = @_;
    my $n = () = $self->log =~ /$pattern/g;
    return $n;
}


sub get {
    my ($self, $path, $body) = @_;
    return request($self->listen_at, $path, $body);
}


# Runs mlopsctl; dies with what it said where it fails.

sub ctl {
    my ($self, @args) = @_;
    my $text = run($ENV{MLOPSCTL} // $ctl, @args);
    chomp $text;
    return $text;
}


# An image of one answer: inputs x and s, prediction = value, whatever they
# are.  So much text makes it large (each key of the map is looked at when
# the image is loaded).

sub constant {
    my ($self, $value, $bytes) = @_;

    my $file = "$self->{prefix}/constant-$value";
    my $keys = int(($bytes // 0) / 4000) || 1;

    spew("$file.json", join '', sprintf(<<'_END_', $value),
{
    "recipe": 1,
    "inputs": [{"name": "x", "type": "FP64", "default": 0},
               {"name": "s", "type": "BYTES", "default": ""}],
    "steps": [
        {"kind": "affine", "inputs": ["x"], "weights": [0], "bias": %s,
         "outputs": ["value"]},
        {"kind": "map", "inputs": ["s"], "outputs": ["more"], "other": 0,
         "missing": 0, "entries": {
_END_
        join(',', map { sprintf '"%08d%s": 1', $_, 'y' x 3992 } 1 .. $keys),
        <<'_END_');
        }},
        {"kind": "binary", "op": "add", "inputs": ["value", "more"],
         "outputs": ["prediction"]}
    ],
    "signatures": [{"name": "default", "outputs": [{"name": "prediction"}]}]
}
_END_

    $self->ctl('import', "$file.json", '-o', "$file.mlm");

    return "$file.mlm";
}


sub publish {
    my ($self, $name, $image, @more) = @_;

    return $self->ctl('publish', '-r', $self->{registry},
                      (-d $self->{store} ? ('-s', $self->{store}) : ()),
                      $name, $image, @more);
}


# A connection that is kept: ask() answers status, version, pid, text.  The
# location has to send X-Pid.

sub connection {
    my ($self) = @_;

    return IO::Socket::INET->new(PeerAddr => $self->listen_at, Timeout => 5)
           || die "connect: $!\n";
}


sub ask {
    my ($socket, $path, $body) = @_;

    $body //= '{}';

    print $socket "POST $path HTTP/1.1\r\nHost: a\r\nContent-Length: "
                  . length($body) . "\r\n\r\n$body";

    my ($head, $text) = ('', '');

    while (defined(my $line = <$socket>)) {
        last if $line eq "\r\n";
        $head .= $line;
    }

    my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;

    read $socket, $text, $length if $length;

    return ($status // 0, ($head =~ /^Mlops-Version: (\S+)\r$/m)[0] // '',
            ($head =~ /^X-Pid: (\d+)/m)[0] // 0, $text);
}


# One connection to each worker, by process number.  Several are opened at
# once: alone, each would go to the worker that waits first in line.

sub connections {
    my ($self, $path) = @_;

    my (%by_pid, @spare);

    for (1 .. 100) {
        my @new = map { $self->connection } 1 .. 2 * $self->{workers};

        for my $socket (@new) {
            my (undef, undef, $pid) = ask($socket, $path);
            $by_pid{$pid} //= $socket;
        }

        push @spare, @new;
        last if keys %by_pid == $self->{workers};
    }

    return \%by_pid;
}


# Waits until every worker answers so.

sub all_answer {
    my ($self, $path, $body, $expected) = @_;
    my @sockets = values %{ $self->connections($path) };

    return if @sockets < $self->{workers};

    return await(60, sub {
        return ! grep { (ask($_, $path, $body))[3] ne $expected } @sockets;
    });
}


# How often a version of a model (any version) has answered with 200; the
# location /metrics has to be there.

sub served {
    my ($self, $model, $version) = @_;
    my ($status, undef, $page) = $self->get('/metrics');
    my $n = 0;

    $version //= '[^"]*';

    for ($page =~ /^mlops_requests_total(\{.*)/mg) {
        $n += $1 if /model="$model"/ && /version="$version"/ && /code="200"/
                    && / (\d+)$/;
    }

    return $n;
}


# Waits until so many more requests of it have been answered: those of a load
# that goes on, while the test asks for nothing.

sub await_served {
    my ($self, $more, @of) = @_;
    my $before = $self->served(@of);

    return await(60, sub { $self->served(@of) >= $before + $more });
}


# Waits until nginx has read all that was sent on a connection: nothing is
# under way, and nothing waits for its worker, or for one to accept it.

sub taken {
    my ($socket) = @_;
    my ($here, $there) = map { sprintf ':%04X', $_ } $socket->sockport,
                                                     $socket->peerport;
    my $established = '01 (\w+):(\w+) ';

    await(60, sub {
        my $table = slurp('/proc/net/tcp');
        my ($unsent) = $table =~ /^ *\d+: \w+$here \w+$there $established/m;
        my (undef, $unread) =
            $table =~ /^ *\d+: \w+$there \w+$here $established/m;

        return defined $unsent && hex($unsent) == 0
               && defined $unread && hex($unread) == 0;
    }) or die "nginx has not read what was sent\n";
}


# Another process of the test; ended with it.

sub spawn {
    my ($self, $out, @command) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', $out or exit 126;
        open STDERR, '>&', \*STDOUT;
        preload() if $command[0] eq $nginx;
        exec @command;
        exit 127;
    }

    push @children, $pid;

    return $pid;
}


# Load in the background; see bench/load.c.

sub load {
    my ($self, $path, $bodies, @options) = @_;

    my $file = "$self->{prefix}/bodies";
    spew($file, join '', map { "$_\n" } @$bodies);

    unshift @options, '-d', 600 if ! grep { /^-[dn]$/ } @options;

    my $answers = "$self->{prefix}/answers";
    my $report = "$self->{prefix}/report";

    my $pid = $self->spawn($report, $load, '-o', $answers, @options,
                           $self->listen_at, $path, $file);

    return { pid => $pid, report => $report, answers => $answers };
}


# Ends it and returns its report and answers.

sub load_end {
    my ($self, $job, $kill) = @_;

    kill 'INT', $job->{pid} if $kill // 1;
    waitpid $job->{pid}, 0;
    @children = grep { $_ != $job->{pid} } @children;

    my ($line) = grep { /requests=/ } split /\n/, slurp($job->{report});
    my @answers = read_answers($job->{answers});

    chomp $_->{text} for @answers;

    return ({ fields($line // '') }, @answers);
}


# Ends all masters, that of an upgrade that was not finished as well.

sub stop {
    my ($self) = @_;

    my @masters = $self->master // ();
    my $old = slurp_quiet("$self->{prefix}/logs/nginx.pid.oldbin") =~ s/\s//gr;

    push @masters, $old
        if $old ne '' && slurp_quiet("/proc/$old/cmdline") =~ /nginx/;

    my @pids = (@masters, map { Mlops::workers($_) } @masters) or return;

    kill 'TERM', @masters;
    await(20, sub { ! grep { kill 0, $_ } @pids }) or kill 'KILL', @pids;
}


END {
    if ($$ == $owner) {
        my $code = $?;

        for my $pid (@children) {
            kill 'KILL', $pid;
            waitpid $pid, 0;
        }

        for my $site (@sites) {
            $site->stop;
            next if $ENV{KEEP} || ($code != 0 && $ENV{KEEP_FAILED});
            remove_tree($site->{prefix}, $site->{store});
        }

        $? = $code;
    }
}


1;
