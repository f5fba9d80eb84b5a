package Test::Nginx::Util;

# The server under test: its settings, its folder, its configuration file,
# its start, reload and end.
#
# nginx runs in the foreground as a child of ours, so that its end is seen
# at once and its exit status is known.  What it and its libraries print is
# kept in logs/stderr.log; reports of sanitizers and valgrind in there, and
# workers that died of a signal, fail the test.
#
# Environment: TEST_NGINX_BINARY, TEST_NGINX_LOAD_MODULES,
# TEST_NGINX_SERVROOT, TEST_NGINX_PORT, TEST_NGINX_SERVER_PORT,
# TEST_NGINX_CLIENT_PORT, TEST_NGINX_RANDOMIZE, TEST_NGINX_USE_HUP,
# TEST_NGINX_USE_VALGRIND, TEST_NGINX_VALGRIND_EXIT_ON_FIRST_ERR,
# TEST_NGINX_LD_PRELOAD, TEST_NGINX_LOG_LEVEL, TEST_NGINX_ERROR_LOG,
# TEST_NGINX_MASTER_PROCESS, TEST_NGINX_WORKERS, TEST_NGINX_WORKER_USER,
# TEST_NGINX_EVENT_TYPE, TEST_NGINX_POSTPONE_OUTPUT, TEST_NGINX_TIMEOUT,
# TEST_NGINX_NO_SHUFFLE, TEST_NGINX_NO_CLEAN, TEST_NGINX_FAST_SHUTDOWN,
# TEST_NGINX_FORCE_RESTART_ON_TEST, TEST_NGINX_REUSE_PORT,
# TEST_NGINX_VERBOSE.
#
# Without a port in the environment a free one is taken.  The server root is
# TEST_NGINX_SERVROOT, or a folder named after the port below build/t; the
# latter is removed when every test passed.

use v5.14;
use warnings;

use Cwd ();
use Errno qw(EINTR);
use File::Path ();
use IO::Socket::INET ();
use POSIX ();
use Test::More ();
use Time::HiRes qw(sleep time);

my %env = map { /^TEST_NGINX_(.*)/ ? ($1 => $ENV{$_}) : () } keys %ENV;

our %Set = (
    repeat_each        => 1,
    worker_connections => 64,
    workers            => $env{WORKERS} || 1,
    log_level          => $env{LOG_LEVEL} || 'debug',
    timeout            => $env{TIMEOUT} || 3,
    server_name        => 'localhost',
    server_addr        => '127.0.0.1',
    preamble           => '',
    shuffle            => ! $env{NO_SHUFFLE},
    root_location      => 1,
    accumulate         => 0,
    hup                => $env{USE_HUP} ? 1 : 0,
    master             => ($env{MASTER_PROCESS} // 'off') eq 'on' ? 1 : 0,
    binary             => $env{BINARY} || 'nginx',
    env                => [],
);

our @cleanup_handlers;

my $set = \%Set;
my $valgrind = $env{USE_VALGRIND};
my $pid;                    # of the running nginx
my $owner = $$;             # a forked helper must not clean up
my $log_pos = 0;
my $previous;               # the block that the server was started for
my $previous_config;
my $version;                # of nginx, as a number
my $version_path = '';      # what the generated server answers
my %rand_ports;


sub port_is_free {
    my ($port) = @_;

    my $sock = IO::Socket::INET->new(
        LocalAddr => '0.0.0.0', LocalPort => $port, Proto => 'tcp',
        Listen => 1, ReuseAddr => 1);

    return defined $sock;
}


# Below the range from which the system takes ports of outgoing connections.

sub free_port {
    for (1 .. 1000) {
        my $port = 10000 + int rand 20000;

        next if grep { $_ == $port } grep { defined } values %rand_ports;
        return $port if port_is_free($port);
    }

    bail_out('no free port');
}


srand;

$set->{server_port} = $env{SERVER_PORT} || $env{PORT};
$set->{server_port} = free_port()
    if ! $set->{server_port} || $env{RANDOMIZE};
$set->{client_port} = $env{RANDOMIZE} ? $set->{server_port}
                      : $env{CLIENT_PORT} || $env{PORT}
                        || $set->{server_port};

my $base = ($ENV{BUILD} ? Cwd::abs_path($ENV{BUILD}) : undef)
           // Cwd::cwd() . '/build';
my $own_root = ! $env{SERVROOT} || $env{RANDOMIZE};

$set->{server_root} = $env{SERVROOT} || "$base/t/servroot";
$set->{server_root} = Cwd::cwd() . "/$set->{server_root}"
    if $set->{server_root} !~ m{^/};
$set->{server_root} .= "_$set->{server_port}" if $own_root;


sub bail_out {
    end_server();
    Test::More::BAIL_OUT(join '', @_);
}


sub verbose {
    warn "# @_\n" if $env{VERBOSE};
}


# $TEST_NGINX_NAME becomes what the environment says; RAND_PORT_n is a port
# that nobody uses, the same one all through a block.

sub expand {
    my ($text, $name) = @_;

    return $text if ! defined $text || ref $text;

    $text =~ s{\$(TEST_NGINX_[A-Z0-9_]+)}{
        my $variable = $1;

        $variable =~ /^TEST_NGINX_RAND_PORT_\d+$/
            ? ($rand_ports{$variable} //= free_port())
            : $ENV{$variable}
              // bail_out("$name - the environment has no $variable");
    }ge;

    return $text;
}


sub binary_version {
    return $version if defined $version;

    my $text = `$set->{binary} -V 2>&1`;

    $version = $text =~ m{^(?:nginx|openresty)[^/\n]*/(\d+)\.(\d+)\.(\d+)}m
                   ? $1 * 1_000_000 + $2 * 1_000 + $3 : 0;

    return $version;
}


sub version_is {
    my ($op, $major, $minor, $patch) = @_;

    my $have = binary_version();
    my $want = $major * 1_000_000 + $minor * 1_000 + $patch;

    return $op eq '<'  ? $have < $want
         : $op eq '<=' ? $have <= $want
         : $op eq '>'  ? $have > $want
         :               $have >= $want;
}


sub begin {
    $ENV{TEST_NGINX_SERVER_PORT} //= $set->{server_port};
    $ENV{TEST_NGINX_SERVER_PORT} = $set->{server_port} if $env{RANDOMIZE};

    my ($dir) = $set->{server_root} =~ m{^(.*)/};

    File::Path::make_path($dir) if ! -d $dir;

    binary_version()
        or bail_out("$set->{binary} does not run");
}


# ---------------------------------------------------------------- folder

sub empty_root {
    my $root = $set->{server_root};

    # Only what nginx and this runner make: the variable may point at
    # somebody's own folder.

    File::Path::remove_tree(
        map { "$root/$_" } qw(conf html logs client_body_temp proxy_temp
                              fastcgi_temp uwsgi_temp scgi_temp));
}


sub make_root {
    my $root = $set->{server_root};

    empty_root();
    File::Path::make_path("$root/conf", "$root/html", "$root/logs");

    spew("$root/html/index.html",
         "<html><head><title>It works!</title></head>"
         . "<body>It works!</body></html>");
}


sub spew {
    my ($path, $bytes) = @_;

    utf8::encode($bytes) if utf8::is_utf8($bytes);

    open my $out, '>:raw', $path or bail_out("cannot write $path: $!");
    print $out $bytes;
    close $out or bail_out("cannot write $path: $!");
}


sub slurp {
    my ($path) = @_;

    open my $in, '<:raw', $path or return '';
    local $/;

    return scalar <$in> // '';
}


sub write_user_files {
    my ($block) = @_;

    my $files = $block->user_files // return;
    my @list;

    if (ref $files) {
        @list = @$files;

    } else {
        for my $line ($files =~ /[^\n]*\n|[^\n]+/g) {
            if ($line =~ /^>>> (\S+)(?:\s+(\S.*?))?\s*$/) {
                push @list, [ $1, '', $2 ];

            } elsif (@list) {
                $list[-1][1] .= $line;
            }
        }
    }

    for my $file (@list) {
        my ($name, $text, $date) = @$file;
        my $path = $name =~ m{^/} ? $name
                                  : "$set->{server_root}/html/$name";

        File::Path::make_path($path =~ m{^(.*)/});
        spew($path, expand($text // '', $block->name));

        system('env', 'TZ=GMT', 'touch', '-t', $date, $path)
            if defined $date;
    }
}


# A section of Perl; it sees this package, as it does in the other runner.

sub run_perl {
    my ($block, $section) = @_;

    my $code = $block->$section // return;

    eval $code;

    bail_out($block->name, " - $section failed: $@") if $@;
}


sub write_config {
    my ($block, $config) = @_;

    my $root = $set->{server_root};
    my $name = $block->name;
    my $main = expand($block->main_config // '', $name);
    my $http = expand($block->http_config // '', $name);
    my $post = expand($block->post_main_config // '', $name);
    my $server_name = $block->server_name // $set->{server_name};
    my $master = $set->{master} || $set->{hup} ? 'on' : 'off';
    my $listen = $set->{server_port} . ($env{REUSE_PORT} ? ' reuseport' : '');
    my $modules = join '', map { "load_module $_;\n" }
                           split ' ', $env{LOAD_MODULES} // '';
    my $user = $env{WORKER_USER} // ($> == 0 ? 'root' : undef);
    my @env = qw(LD_PRELOAD LD_LIBRARY_PATH ASAN_OPTIONS UBSAN_OPTIONS);
    my $env = join '', map { /\s/ ? "env '$_';\n" : "env $_;\n" }
                       @env, @{ $set->{env} };
    my $temp = join '', map {
        $http =~ /\b$_\_temp_path\b/ ? '' : "    ${_}_temp_path"
                                            . " $root/${_}_temp;\n"
    } qw(client_body proxy fastcgi scgi uwsgi);
    my $postpone = defined $env{POSTPONE_OUTPUT}
                   && $http !~ /\bpostpone_output\b/
                   ? "    postpone_output $env{POSTPONE_OUTPUT};\n" : '';

    my $text = "worker_processes $set->{workers};\n"
        . "daemon off;\n"
        . "master_process $master;\n"
        . "error_log $root/logs/error.log $set->{log_level};\n"
        . "pid $root/logs/nginx.pid;\n"
        . $env
        . (defined $user ? "user $user;\n" : '')
        . $modules
        . "$main\n"
        . "http {\n"
        . "    access_log $root/logs/access.log;\n"
        . $temp
        . "    default_type text/plain;\n"
        . "    keepalive_timeout 68000ms;\n"
        . $postpone
        . "\n$http\n"
        . "    server {\n"
        . "        listen $listen;\n"
        . "        server_name '$server_name';\n"
        . "        client_max_body_size 30M;\n"
        . "$set->{preamble}\n"
        . "$config\n";

    $text .= "        location / {\n"
           . "            root $root/html;\n"
           . "            index index.html index.htm;\n"
           . "        }\n" if $set->{root_location};

    $text .= "    }\n";

    # Tells when a reload has come through.

    if ($set->{hup}) {
        $version_path = sprintf 'v%d', rand 1e9;

        $text .= "    server {\n"
               . "        listen $listen;\n"
               . "        server_name 'Test-Nginx';\n"
               . "        return 200 $version_path;\n"
               . "    }\n";
    }

    $text .= "}\n"
           . "$post\n"
           . "events {\n"
           . "    accept_mutex off;\n"
           . "    worker_connections $set->{worker_connections};\n"
           . (defined $env{EVENT_TYPE} ? "    use $env{EVENT_TYPE};\n" : '')
           . "}\n";

    spew("$root/conf/nginx.conf", $text);
}


sub prepare {
    my ($block, $config) = @_;

    make_root();
    run_perl($block, 'post_setup_server_root');
    write_user_files($block);
    write_config($block, $config);
}


# ---------------------------------------------------------------- process

sub command {
    my ($plain) = @_;

    my $root = $set->{server_root};
    my @command = ($set->{binary}, '-p', "$root/",
                   '-c', "$root/conf/nginx.conf");

    push @command, '-e', "$root/logs/error.log"
        if binary_version() >= 1_019_005;

    return @command if $plain || ! $valgrind;

    my @options = $valgrind =~ /^\d+$/
        ? qw(--tool=memcheck --leak-check=full --show-leak-kinds=definite
             --errors-for-leak-kinds=definite)
        : split ' ', $valgrind;

    push @options, qw(--exit-on-first-error=yes --error-exitcode=1)
        if $env{VALGRIND_EXIT_ON_FIRST_ERR};
    push @options, '--suppressions=valgrind.suppress'
        if -f 'valgrind.suppress';

    return ('valgrind', '-q', '--num-callers=50', '--gen-suppressions=all',
            @options, @command);
}


sub spawn {
    my ($block, $plain) = @_;

    my @command = command($plain);
    my $stderr = "$set->{server_root}/logs/stderr.log";

    verbose("start: @command");

    $pid = fork // bail_out("fork failed: $!");

    return if $pid;

    # A group of its own: the end of nginx is ours to say, Ctrl-C included.

    setpgrp;

    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', $stderr;
    open STDERR, '>>', $stderr;

    if (defined $env{LD_PRELOAD}) {
        $ENV{LD_PRELOAD} = join ' ', $env{LD_PRELOAD},
                                     $ENV{LD_PRELOAD} // ();
    }

    # What nginx keeps until its end is no leak of the module's.

    if (($ENV{LD_PRELOAD} // '') =~ /asan/) {
        $ENV{ASAN_OPTIONS} = join ':', $ENV{ASAN_OPTIONS} // (),
                                       'detect_leaks=0';
    }

    # A variable of that name would hand it sockets.

    delete $ENV{NGINX};

    { exec { $command[0] } @command }
    POSIX::_exit(127);
}


# The status if the child has ended, else undef.

sub reap {
    my ($limit) = @_;

    my $end = time + $limit;

    while (1) {
        my $done = waitpid $pid, POSIX::WNOHANG();

        if ($done == $pid) {
            undef $pid;
            return $?;
        }

        return if time >= $end;
        sleep 0.005;
    }
}


sub answers {
    my $sock = IO::Socket::INET->new(
        PeerAddr => $set->{server_addr}, PeerPort => $set->{server_port},
        Proto => 'tcp', Timeout => 1);

    return defined $sock;
}


# Waits until nginx accepts connections, or has ended: then its status.

sub wait_for_start {
    my $end = time + 60;
    my $pid_file = "$set->{server_root}/logs/nginx.pid";

    while (time < $end) {
        my $status = reap(0);

        return $status if defined $status;
        return if slurp($pid_file) =~ /\d/ && answers();

        sleep 0.01;
    }

    return;
}


sub start {
    my ($block, $config) = @_;

    prepare($block, $config);

    # The port may still be held by a worker that is on its way out.

    for my $try (1 .. 5) {
        spawn($block);

        my $status = wait_for_start();

        if (! defined $status) {
            $log_pos = 0;
            $previous = $block;
            return 1;
        }

        my $log = slurp("$set->{server_root}/logs/error.log");

        if ($log =~ /Address already in use/ && $try < 5) {
            sleep 0.2 * $try;
            next;
        }

        Test::More::fail($block->name . ' - nginx did not start, status '
                         . ($status >> 8) . ', signal ' . ($status & 127));
        Test::More::diag($log =~ s/^.*\[(?:debug|notice)\].*\n//mgr,
                         slurp("$set->{server_root}/logs/stderr.log"));
        undef $previous;
        return 0;
    }
}


# Starts nginx with a configuration that it must refuse.

sub start_to_die {
    my ($block) = @_;

    end_server();

    my $config = expand($block->config, $block->name) // '';
    my $hup = delete local $set->{hup};

    %rand_ports = ();
    prepare($block, $config);
    spawn($block, 1);

    my $status = wait_for_start();

    $log_pos = 0;

    if (! defined $status) {
        end_server();
        return;
    }

    warn slurp("$set->{server_root}/logs/stderr.log")
        if $env{VERBOSE} && ! defined $block->suppress_stderr;

    keep_log();
    undef $previous;
    undef $previous_config;

    return $status;
}


sub children {
    my ($of) = @_;

    return split ' ', slurp("/proc/$of/task/$of/children");
}


sub shutting_down {
    my ($worker) = @_;

    my $title = slurp("/proc/$worker/cmdline");

    return $title eq '' || $title =~ /shutting down/;
}


sub version_answer {
    my $sock = IO::Socket::INET->new(
        PeerAddr => $set->{server_addr}, PeerPort => $set->{server_port},
        Proto => 'tcp', Timeout => 1) or return '';

    print $sock "GET /ver HTTP/1.0\r\nHost: Test-Nginx\r\n\r\n";

    local $/;
    my $answer = <$sock> // '';

    return $answer =~ /\r\n\r\n(.*)/s ? $1 : '';
}


# A reload is over when no old worker takes connections and the new ones
# answer with the version of the new configuration.

sub reload {
    my ($block, $config) = @_;

    my $root = $set->{server_root};
    my @old = children($pid);
    my $name = $block->name;

    keep_log();

    File::Path::remove_tree("$root/html");
    File::Path::make_path("$root/html");
    spew("$root/html/index.html", "It works!");

    run_perl($block, 'post_setup_server_root');
    write_user_files($block);
    write_config($block, $config);

    unlink "$root/logs/error.log", "$root/logs/access.log";
    kill 'USR1', $pid;

    my $end = time + 20;

    sleep 0.005 until -e "$root/logs/error.log" || time >= $end;

    kill 'HUP', $pid;

    if (defined $block->reload_fails) {
        sleep 0.3;
        $log_pos = 0;
        return;
    }

    $end = time + 60;

    while (time < $end) {
        my $status = reap(0);

        bail_out("$name - nginx ended at reload\n",
                 slurp("$root/logs/error.log")) if defined $status;

        if (! (grep { ! shutting_down($_) } @old)
            && version_answer() eq $version_path)
        {
            $log_pos = 0;
            return;
        }

        sleep 0.01;
    }

    Test::More::fail("$name - the reload did not come through");
    Test::More::diag(slurp("$root/logs/error.log") =~ s/^.*\[debug\].*\n//mgr);
}


# Brings a server into being for the block: a new one, a reloaded one, or,
# where the block has no configuration, one with that of the block before.
# False where nginx did not start.

sub provide {
    my ($block) = @_;

    my $config = $block->config;

    %rand_ports = () if defined $config;
    $config = expand($config, $block->name) // $previous_config
        // bail_out($block->name, ' - no config, and none before it');

    my $force = $env{FORCE_RESTART_ON_TEST} // 1;

    if ($pid && ! $force && defined $previous_config
        && $previous_config eq $config)
    {
        return 1;
    }

    $previous_config = $config;

    if ($pid && $set->{hup}) {
        reload($block, $config);
        $previous = $block;
        return 1;
    }

    end_server();

    return start($block, $config);
}


sub keep_log {
    return if ! defined $env{ERROR_LOG};

    open my $out, '>>', $env{ERROR_LOG} or return;
    print $out slurp("$set->{server_root}/logs/error.log");
}


sub end_server {
    return if ! defined $pid || $$ != $owner;

    my $master = $pid;

    kill $env{FAST_SHUTDOWN} ? 'TERM' : 'QUIT', $master;

    my $status = reap(30);

    if (! defined $status) {
        kill 'TERM', $master;
        $status = reap(10);
    }

    if (! defined $status) {
        Test::More::fail("nginx $master did not end");
        kill 'KILL', -$master;
        reap(2);
        $status = 0;
    }

    keep_log();
    judge_end($status);
}


# Nothing that nginx printed or left behind may be a crash.

sub judge_end {
    my ($status) = @_;

    my $root = $set->{server_root};
    my $name = $previous ? $previous->name : $0;
    my $printed = slurp("$root/logs/stderr.log");
    my $log = slurp("$root/logs/error.log");

    if ($status != 0) {
        Test::More::fail("$name - nginx ended with status " . ($status >> 8)
                         . ', signal ' . ($status & 127));
        Test::More::diag($printed);

    } elsif ($printed =~ /Sanitizer|runtime error:|^==\d+== /m) {
        Test::More::fail("$name - nginx's run has findings");
        Test::More::diag($printed);
    }

    while ($log =~ /^(.*exited (?:on signal|with (?:fatal )?code [1-9]).*)$/mg)
    {
        Test::More::fail("$name - $1");
    }

    if ($previous) {
        Test::Nginx::Checks::shutdown_log($previous, [ split /^/, $log ]);
    }

    undef $previous;
}


# -------------------------------------------------------------------- logs

sub forget_log {
    $log_pos = 0;
}


# The lines that came since the last look; $more sees them as they grow and
# says when there are enough.

sub error_lines {
    my ($more) = @_;

    my $path = "$set->{server_root}/logs/error.log";
    my $end = time + $set->{timeout} + ($valgrind ? 20 : 0);
    my $from = $set->{accumulate} ? 0 : $log_pos;
    my @lines;

    # The log phase of a request comes after its last byte.

    sleep 0.02;

    while (1) {
        my $text = slurp($path);

        @lines = split /^/, length $text > $from ? substr $text, $from : '';
        $log_pos = length $text;

        last if ! $more || $more->(\@lines) || time >= $end;
        sleep 0.02;
    }

    return \@lines;
}


sub access_lines {
    my ($more) = @_;

    my $end = time + $set->{timeout} + ($valgrind ? 20 : 0);
    my @lines;

    sleep 0.02;

    while (1) {
        @lines = split /^/, slurp("$set->{server_root}/logs/access.log");
        last if $more->(\@lines) || time >= $end;
        sleep 0.02;
    }

    return \@lines;
}


# --------------------------------------------------------------------- end

sub finish {
    my $again = $env{NO_CLEAN};

    if ($again) {
        warn "# nginx $pid goes on, on port $set->{server_port}, in",
             " $set->{server_root}\n" if $pid;
        undef $pid;
        return;
    }

    end_server();
    $_->() for @cleanup_handlers;

    if (Test::Builder->new->is_passing) {
        if ($own_root) {
            empty_root();
            rmdir $set->{server_root};
        }

    } else {
        Test::More::diag("logs are in $set->{server_root}/logs");
    }
}


$SIG{$_} = sub { end_server(); exit 1 } for qw(INT TERM HUP);

END {
    if ($pid && $$ == $owner) {
        local $?;

        kill 'TERM', $pid;
        defined reap(2) or kill 'KILL', -$pid;
    }
}


1;
