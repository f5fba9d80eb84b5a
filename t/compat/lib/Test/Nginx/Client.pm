package Test::Nginx::Client;

# Requests and responses: builds the bytes of the sections request,
# raw_request and pipelined_requests, sends them packet by packet, reads to
# the end of the connection, and takes responses apart.
#
# A request is { packets => [ { value, delay_before } ], methods => [ ... ] }.
# A response is { code, headers => [ [name, value] ], raw, body }.

use v5.14;
use warnings;

use Errno qw(EAGAIN EINTR);
use IO::Select ();
use IO::Socket::INET ();
use Time::HiRes qw(sleep time);

use Test::Nginx::Util ();

my $set = \%Test::Nginx::Util::Set;


sub bail_out {
    Test::Nginx::Util::bail_out(@_);
}


# "Name: value" lines, '#' comments left out; true second where chunked.

sub headers_of {
    my ($text) = @_;

    my ($out, $chunked) = ('', 0);

    for my $line (split /\n+/, $text // '') {
        next if $line =~ /^\s*#/;

        my ($name, $value) = split /:\s*/, $line, 2;

        $value //= '';
        $value =~ s/\r$//;
        $chunked = 1 if lc $name eq 'transfer-encoding'
                        && lc $value eq 'chunked';
        $out .= "$name: $value\r\n";
    }

    return ($out, $chunked);
}


# From "METHOD [URI [VERSION]]\nbody" to the bytes of the head, and the body
# without white space around it, unless the headers state a length.

sub head_and_body {
    my ($name, $text, $more, $connection) = @_;

    my ($line, $body) = split /\r?\n/, $text, 2;

    ($line // '') =~ /^\s*(\S+)(?: +(\S+))?(?: +(\S.*?))?\s*$/
        or bail_out("$name - request: expected METHOD URI, got \"",
                    $line // '', '"');

    my ($method, $uri, $version) = ($1, $2 // '/', $3 // 'HTTP/1.1');
    my ($headers, $chunked) = headers_of($more);
    my $head = "$method $uri $version\r\n";

    $body //= '';

    $head .= "Host: $set->{server_name}\r\n" if $headers !~ /^Host:/mi;
    $head .= "Connection: $connection\r\n" if $headers !~ /^Connection/mi;
    $head .= $headers;

    if ($body ne '' && ! $chunked && $headers !~ /^Content-Length:/m) {
        $body =~ s/^\s+|\s+$//g;
        $head .= 'Content-Length: ' . length($body) . "\r\n";
    }

    return ($method, "$head\r\n", $body);
}


# Keeps the cuts of a request that was given in packets: a cut inside the
# body stays where it was, one inside the head moves to its end.

sub packets_of {
    my ($name, $spec, $more) = @_;

    my @given = map { ref $_ eq 'HASH' ? { %$_ } : { value => $_ } }
                    ref $spec eq 'ARRAY' ? @$spec : ($spec);

    for (@given) {
        bail_out("$name - request: a packet is a string or has a value")
            if ref $_->{value} || ! defined $_->{value};
    }

    my $text = join '', map { $_->{value} } @given;

    while ($text =~ s/^\s*#[^\n]*\n|^\s+//) { }

    my ($method, $head, $body) = head_and_body($name, $text, $more, 'close');

    if (@given == 1) {
        return { methods => [ $method ],
                 packets => [ { %{ $given[0] }, value => "$head$body" } ] };
    }

    # Where each packet begins, counted from the end of the text, is where
    # it begins in the bytes that are sent.

    my $bytes = "$head$body";
    my $rest = length(join '', map { $_->{value} } @given);
    my ($trimmed) = $text =~ /(\s*)\z/;
    my $tail = $body eq '' || $text =~ /\Q$body\E\z/ ? 0 : length $trimmed;
    my $sent = 0;
    my @packets;

    for my $i (0 .. $#given) {
        $rest -= length $given[$i]{value};

        my $left = $rest - $tail;
        $left = 0 if $left < 0;

        my $end = $i == $#given ? length $bytes : length($bytes) - $left;
        $end = length $head if $end < length $head;

        push @packets, { %{ $given[$i] },
                         value => substr($bytes, $sent, $end - $sent) };
        $sent = $end;
    }

    return { methods => [ $method ],
             packets => [ grep { $_->{value} ne '' } @packets ] };
}


sub requests {
    my ($block) = @_;

    my $name = $block->name;
    my $more = $block->more_headers // '';
    my $more_of = sub {
        my ($i) = @_;

        return $more if ref $more ne 'ARRAY';

        defined $more->[$i]
            or bail_out("$name - more_headers: nothing for request $i");

        return $more->[$i];
    };

    if (defined(my $raw = $block->raw_request)) {
        my @packets = map { { value => $_ } } ref $raw ? @$raw : ($raw);
        my ($method) = $packets[0]{value} =~ /^\s*(\S+)/;

        return [ { packets => \@packets, methods => [ $method // '' ] } ];
    }

    if (defined(my $list = $block->pipelined_requests)) {
        ref $list eq 'ARRAY'
            or bail_out("$name - pipelined_requests: expected an array");

        my ($bytes, @methods) = '';

        for my $i (0 .. $#$list) {
            my ($method, $head, $body) = head_and_body(
                $name, Test::Nginx::Util::expand($list->[$i], $name),
                $more_of->($i), $i == $#$list ? 'close' : 'keep-alive');

            $bytes .= "$head$body";
            push @methods, $method;
        }

        return [ { packets => [ { value => $bytes } ],
                   methods => \@methods } ];
    }

    my $spec = $block->request;

    bail_out("$name - no request") if ! defined $spec || $spec eq '';

    my @list = ref $spec eq 'ARRAY' ? @$spec : ($spec);

    return [ map { packets_of($name, $list[$_], $more_of->($_)) }
                 0 .. $#list ];
}


sub seconds {
    my ($text) = @_;

    return if ! defined $text || $text !~ /^\s*([\d.]+)\s*(ms|s)?\s*$/;

    return $1 / (($2 // 's') eq 'ms' ? 1000 : 1);
}


# Sends the request and returns all that came back.

sub exchange {
    my ($block, $request) = @_;

    my $name = $block->name;
    my $limit = seconds($block->timeout) // $set->{timeout};
    my $addr = $block->server_addr_for_client // $set->{server_addr};

    my $sock = IO::Socket::INET->new(
        PeerAddr => $addr, PeerPort => $set->{client_port},
        Proto => 'tcp', Timeout => $limit);

    if (! $sock) {
        Test::More::fail("$name - cannot connect to"
                         . " $addr:$set->{client_port}: $!");
        return '';
    }

    $sock->blocking(0);

    local $SIG{PIPE} = 'IGNORE';

    my @packets = map { { %$_ } } @{ $request->{packets} };
    my $delay = seconds($block->raw_request_middle_delay);
    my $select = IO::Select->new($sock);
    my $received = '';
    my $due = 0;

    while (1) {
        my $now = time;
        my $writing = @packets && $now >= $due;
        my $wait = @packets && ! $writing ? $due - $now : $limit;

        my ($readable, $writable) = IO::Select->select(
            $select, $writing ? $select : undef, undef, $wait);

        if (! $readable && ! $writable) {
            next if @packets && ! $writing;

            if (defined $block->abort) {
                last;
            }

            Test::More::fail("$name - no answer within $limit s");
            last;
        }

        if ($readable && @$readable) {
            my $n = sysread $sock, my $data, 65536;

            if (! defined $n) {
                next if $! == EAGAIN || $! == EINTR;
                warn "$name - reading the response failed: $!\n";
                last;
            }

            last if $n == 0;
            $received .= $data;
        }

        if ($writable && @$writable) {
            my $packet = $packets[0];

            utf8::encode($packet->{value}) if utf8::is_utf8($packet->{value});

            my $n = syswrite $sock, $packet->{value};

            if (! defined $n) {
                next if $! == EAGAIN || $! == EINTR;

                # The server may have answered and closed already.
                @packets = ();
                next;
            }

            substr($packet->{value}, 0, $n) = '';
            next if $packet->{value} ne '';

            shift @packets;

            if (@packets) {
                $due = time + ($packets[0]{delay_before} // $delay // 0);

            } elsif (defined(my $how = $block->shutdown)) {
                shutdown $sock, $how =~ /\d/ ? $how : 1;
            }
        }
    }

    close $sock;

    return $received;
}


# Takes the first response off the bytes; the second value is what follows.

sub parse {
    my ($block, $raw, $method) = @_;

    my $name = $block->name;

    if (defined $block->http09) {
        return ({ code => 200, headers => [], raw => '', body => $raw }, '');
    }

    # Nothing but final responses counts.

    $raw =~ s/^HTTP\/1\.1 100 [^\r\n]*\r\n\r\n//;

    if ($raw !~ s/^(HTTP\/\d\.\d (\d+)[^\r\n]*\r\n(?:[^\r\n]+\r\n)*)\r\n//) {
        return ({ code => '', headers => [], raw => '', body => $raw }, '');
    }

    my $response = { code => $2, raw => $1, body => '', headers => [] };

    for my $line (split /\r\n/, $response->{raw}) {
        push @{ $response->{headers} }, [ $1, $2 ]
            if $line =~ /^([^:\s]+):[ \t]*(.*?)[ \t]*$/;
    }

    if ($method eq 'HEAD' || $response->{code} =~ /^(?:1..|204|304)$/) {
        return ($response, $raw);
    }

    my $length = header($response, 'Content-Length');

    if ((header($response, 'Transfer-Encoding') // '') eq 'chunked') {

        while (1) {
            if ($raw !~ s/^[ \t]*([0-9A-Fa-f]+)[ \t]*(?:;[^\r\n]*)?\r\n//) {
                Test::More::fail("$name - bad chunk in the response");
                return ($response, '');
            }

            my $size = hex $1;

            if ($size == 0) {
                $raw =~ s/^(?:[^\r\n]+\r\n)*\r\n//
                    or Test::More::fail("$name - bad end of the chunks");
                last;
            }

            $response->{body} .= substr $raw, 0, $size, '';

            if ($raw !~ s/^\r\n//) {
                Test::More::fail("$name - a chunk of the response is cut");
                return ($response, '');
            }
        }

    } elsif (defined $length) {
        warn "$name - body of $length bytes expected, got ", length $raw,
             "\n" if length $raw < $length;

        $response->{body} = substr $raw, 0, $length, '';

    } else {
        $response->{body} = $raw;
        $raw = '';
    }

    return ($response, $raw);
}


sub header {
    my ($response, $name) = @_;

    my @values = map { $_->[1] } grep { lc $_->[0] eq lc $name }
                     @{ $response->{headers} };

    return @values ? join(', ', @values) : undef;
}


# The command that sends the same request, for a person to try.

sub curl_command {
    my ($request) = @_;

    my $bytes = join '', map { $_->{value} } @{ $request->{packets} };
    my ($head, $body) = split /\r?\n\r?\n/, $bytes, 2;
    my ($line, @headers) = split /\r?\n/, $head;
    my ($method, $uri) = split / /, $line;
    my @command = qw(curl -sS -i);

    push @command, $method eq 'HEAD' ? '-I' : ('-X', $method)
        if $method ne 'GET';

    for my $header (grep { ! /^(?:Host: localhost|Connection|
                                  Content-Length)/xi } @headers) {
        push @command, '-H', $header;
    }

    push @command, '--data-binary', $body if defined $body && $body ne '';
    push @command,
         "http://$set->{server_addr}:$set->{client_port}" . ($uri // '/');

    return join ' ', map {
        my $word = $_;
        $word =~ s/'/'\\''/g;
        $word =~ m{^[\w./:=-]+$} ? $word : "'$word'";
    } @command;
}


1;
