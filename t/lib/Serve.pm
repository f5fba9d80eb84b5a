# Requests and expected answers of the module's dialects, for the "eval" of
# test blocks, which call them as main::v2(…).
#
# serve_block gives a block a store and a registry, and locations with
# mlops_serve where it has none of its own; json_body has each body that
# claims to be JSON parsed by a library that is not ours.

package Serve;

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();
use Test::More ();

our @EXPORT = qw(v2 v1 post out good good_answer bad each_bad each_good
                 json_body serve_block);

my $s1 = '[6.8,2.8,4.8,1.4,6.0,3.4,4.5,1.6]';


sub post {
    my ($path, $body) = @_;

    return "POST $path\n$body";
}


# A V2 request: (model, body) or (model, shape, datatype, data).

sub v2 {
    my ($model, @of) = @_;

    my ($shape, $type, $data) = @of;
    my $body = @of == 1 ? $of[0]
               : qq({"inputs":[{"name":"x","shape":$shape,)
                 . qq("datatype":"$type","data":$data}]});

    return post("/v2/models/$model/infer", $body);
}


sub v1 {
    my ($model, $body) = @_;

    return post("/v1/models/$model:predict", $body);
}


# A V2 answer with one output.

sub out {
    my ($model, $name, $type, $shape, $data) = @_;

    return qq({"model_name":"$model","model_version":"1","outputs":[)
           . qq({"name":"$name","datatype":"$type","shape":$shape,)
           . qq("data":$data}]});
}


# A request that is always right, to see that the connection lives.

sub good {
    return v2('lin4', '[2,4]', 'FP32', $s1);
}


sub good_answer {
    return out('lin4', 'prediction', 'FP32', '[2,1]', '[32.9,33.2]');
}


# For pairs (request, pattern of the error): the requests, each with a good
# one behind it on the same connection, and what to expect.

sub bad {
    my (@pairs) = @_;

    return [ map { ($pairs[2 * $_], good()) } 0 .. @pairs / 2 - 1 ];
}


sub each_bad {
    my ($codes, @pairs) = @_;

    return [ map {
        my $text = $pairs[2 * $_ + 1];

        $codes ? ($codes, 200)
               : (qr/^\{"error":"$text"\}$/, good_answer())
    } 0 .. @pairs / 2 - 1 ];
}


# The same for requests that all succeed: pairs (request, answer).

sub each_good {
    my ($what, @pairs) = @_;

    return [ map { $what eq 'request' ? $pairs[2 * $_]
                   : $what eq 'code' ? 200 : $pairs[2 * $_ + 1] }
             0 .. @pairs / 2 - 1 ];
}


# For add_response_body_check.

sub json_body {
    my ($block, $body) = @_;

    return if !defined $body || $body !~ /^[\{\[]/;

    my $value = eval { JSON::PP->new->decode($body) };

    Test::More::ok(defined $value, $block->name . ' - body is JSON')
        or Test::More::diag($@, $body);
}


# For add_block_preprocessor.

sub serve_block {
    my ($block) = @_;

    $block->set_value('http_config',
        '    mlops_store $TEST_NGINX_STORE;
    mlops_registry $TEST_NGINX_REGISTRY;
' . ($block->http_config // ''));

    $block->set_value('config', '    location / { mlops_serve; }')
        if !defined $block->config;
}


1;
