# What the block tests cannot say to a server: 100-continue, HTTP/2, clients
# that leave in the middle, many requests on one connection in any cut.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use Mlops qw(await);
use Site;
use Test::More;
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep);

my $toys = "$FindBin::Bin/../data/toys";
my $site = Site->new('http', workers => 1);

for my $name (qw(lin4 half_plus_two)) {
    my $image = "$site->{prefix}/$name.mlm";

    $site->ctl('import', "$toys/$name.json", '-o', $image);
    $site->publish($name, $image);
}

my $h2 = Mlops::free_port();

$site->conf(server => "listen 127.0.0.1:$h2 http2;" . <<'_END_');
        location /         { mlops_serve; }
        location = /small  { mlops_predict lin4; client_body_buffer_size 16; }
        location = /status { mlops_status; }
_END_

$site->start;

my $path = '/v2/models/half_plus_two/infer';
my $body = '{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[3]}]}';
my $head = "Host: a\r\nContent-Length: " . length($body) . "\r\n";


# Reads until the pattern has matched so many times, for at most a minute.

sub until_like {
    my ($socket, $pattern, $times) = @_;

    my $text = '';

    local $SIG{ALRM} = sub { die "alarm\n" };

    eval {
        alarm 60;
        while ((() = $text =~ /$pattern/g) < ($times // 1)) {
            sysread $socket, my $more, 65536 or last;
            $text .= $more;
        }
        alarm 0;
    };
    alarm 0;

    return $text;
}


# --------------------------------------------------------- 100-continue

my $socket = $site->connection;

print $socket "POST $path HTTP/1.1\r\n${head}Expect: 100-continue\r\n\r\n";
like(until_like($socket, qr/\r\n\r\n/), qr/^HTTP\/1\.1 100 /,
     'it asks for the body');

print $socket $body;
like(until_like($socket, qr/3\.5/), qr/^HTTP\/1\.1 200 .*3\.5/s,
     'and answers it');

print $socket "POST /v2/models/nobody/infer HTTP/1.1\r\n"
              . "${head}Expect: 100-continue\r\n\r\n";
like(until_like($socket, qr/known/), qr/^HTTP\/1\.1 404 /,
     'a body that nobody wants is not asked for');


# ------------------------------- a hundred requests in packets of 13 bytes

$socket = $site->connection;

my @paths = ($path, '/v2/models/nobody/infer', '/small', '/v2/nowhere');
my $stream = join '', map {
    my $at = $paths[$_ % 4];

    "POST $at HTTP/1.1\r\n$head\r\n$body"
} 0 .. 99;

my $pid = fork // die;

if ($pid == 0) {
    $socket->autoflush(1);
    print $socket $_ for unpack '(a13)*', $stream;
    POSIX::_exit(0);
}

my $text = until_like($socket, qr/\r\n\r\n\{[^\r]*\}/, 100);
waitpid $pid, 0;

is_deeply([ $text =~ /HTTP\/1\.1 (\d+)/g ], [ (200, 404, 400, 404) x 25 ],
          'each is answered, in order');


# --------------------------------------------- clients that go away early

for my $cut (1, 20, 100, length("POST $path HTTP/1.1\r\n$head\r\n") + 5) {
    for my $how ('close', 'reset') {
        my $leaver = $site->connection;
        my $all = "POST $path HTTP/1.1\r\n$head\r\n$body";

        print $leaver substr $all, 0, $cut;
        $leaver->flush;

        setsockopt $leaver, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)
            if $how eq 'reset';
        close $leaver;
    }
}

for (1 .. 50) {
    my $leaver = $site->connection;

    print $leaver "POST $path HTTP/1.1\r\n$head\r\n$body" x 20;
    $leaver->flush;
    setsockopt $leaver, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    close $leaver;
}

ok(await(60, sub {
    my $status = ($site->get('/status'))[2];
    return $status =~ /"pins":0/ && $status !~ /"pins":[1-9]/;
}), 'no version stays pinned');


# ------------------------------------------------------------------ HTTP/2

SKIP: {
    my $version = `curl -V 2>/dev/null`;

    skip 'curl with HTTP/2 is not installed', 3 if $version !~ /\bHTTP2\b/;

    my @curl = ('curl', '-s', '-m', 60, '--http2-prior-knowledge',
                '-w', ' %{http_version} %{http_code}');
    my $url = "http://127.0.0.1:$h2";

    like(Mlops::run(@curl, '-d', $body, "$url$path"),
         qr/"data":\[3\.5\]\}\]\} 2 200$/, 'HTTP/2 answers');
    like(Mlops::run(@curl, '-d', '{', "$url$path"),
         qr/^\{"error":"half_plus_two: malformed .*"\} 2 400$/,
         'its errors are of our shape');

    # without a body: where nginx refuses a request before it has read one,
    # it resets the stream behind the answer, which some clients call a
    # failure

    like(Mlops::run(@curl, "$url/v2/models/nobody"),
         qr/^\{"error":".*nobody.*"\} 2 404$/, 'those of nginx, too');
}

is($site->logged('\[(?:alert|emerg|crit|error)\]'), 0, 'nothing to log')
    or diag($site->log);
is($site->workers, 1, 'the worker lives');
is($site->logged('exited on signal'), 0, 'and is the first one');

done_testing();
