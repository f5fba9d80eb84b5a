#!/bin/sh
# XGBoost from PyPI, three releases, against mlopsctl: models of the library
# are imported, and exported again; trees that were trained here are exported.
# TAP on stdout, the table of differences on stderr.
#
# Each release has a virtual environment below BUILD/interop, made once.  A
# release that cannot be installed is a failure, never a skip.
# MLOPS_XGBOOST="1.7.6 2.1.4" chooses others, MLOPS_ROWS the rows a model.

set -u

build=${BUILD:-build}
mlopsctl=${MLOPSCTL:-$build/bin/mlopsctl}
releases=${MLOPS_XGBOOST:-1.7.6 2.1.* latest}
rows=${MLOPS_ROWS:-2000}
here=$(dirname "$0")
n=0
failed=0

set -f
set -- $releases
set +f

echo "1..$#"

install() {
    env=$1
    release=$2

    [ -e "$env/done" ] && return 0

    rm -rf "$env"
    python3=/usr/bin/python3
    [ -x "$python3" ] || python3=python3

    # the release's own dependencies would bring libraries for GPUs

    "$python3" -m venv "$env" || return 1

    case $release in
    latest)  wanted="xgboost>=3" ;;
    *)       wanted="xgboost==$release" ;;
    esac

    case $release in
    1.*)  numpy="numpy<2" ;;
    *)    numpy="numpy" ;;
    esac

    "$env/bin/pip" install -q --disable-pip-version-check "$numpy" scipy \
        pandas || return 1
    "$env/bin/pip" install -q --disable-pip-version-check --no-deps \
        "$wanted" || return 1
    touch "$env/done"
}

for release in "$@"; do
    n=$((n + 1))
    name=$(printf '%s' "$release" | tr -d '*' | sed 's/\.$//')
    env=$build/interop/xgboost-$name
    work=$env/work

    if ! install "$env" "$release" >&2; then
        echo "not ok $n - xgboost $release: cannot be installed"
        failed=1
        continue
    fi

    mkdir -p "$work"
    : > "$work/trained"

    if "$env/bin/python" "$here/xgboost_matrix.py" "$mlopsctl" "$work" \
        "$rows" > "$work/table" 2> "$work/errors" \
       && "$env/bin/python" "$here/export_trained.py" "$mlopsctl" "$work" \
        > "$work/trained" 2>> "$work/errors"
    then
        echo "ok $n - $(tail -n 1 "$work/table")"

    else
        echo "not ok $n - xgboost $release"
        tail -n 5 "$work/errors" >&2
        grep -A 1 '^not ok' "$work/trained" >&2
        failed=1
    fi

    cat "$work/table" >&2
done

exit $failed
