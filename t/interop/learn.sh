#!/bin/sh
# Learners against XGBoost, LightGBM, scikit-learn and River from PyPI: TAP on
# stdout.  The libraries are in a virtual environment below BUILD/interop,
# made once; one that cannot be installed, or rows that are not there, are a
# failure, never a skip.  The tables of docs/learning.md are left in
# BUILD/interop/learn/tables.md; a run that was ended goes on where it was.

set -u

build=${BUILD:-build}
mlopsctl=${MLOPSCTL:-$build/bin/mlopsctl}
data=${MLOPS_DATA:-../shared/data}
here=$(dirname "$0")
env=$build/interop/learners
work=$build/interop/learn

fail() {
    echo "not ok 1 - $1"
    echo "1..1"
    exit 1
}

if [ ! -e "$env/done" ]; then
    rm -rf "$env"
    python3=/usr/bin/python3
    [ -x "$python3" ] || python3=python3

    # XGBoost's own dependencies would bring libraries for GPUs

    "$python3" -m venv "$env" \
    && "$env/bin/pip" install -q --disable-pip-version-check \
           numpy scipy pandas scikit-learn lightgbm river >&2 \
    && "$env/bin/pip" install -q --disable-pip-version-check --no-deps \
           xgboost >&2 \
    && touch "$env/done" \
    || fail "the libraries can be installed from PyPI"
fi

for file in cal_housing.data elec2.csv auto_mpg.csv wine.data; do
    [ -r "$data/$file" ] || fail "$data/$file can be read (MLOPS_DATA)"
done

mkdir -p "$work" || fail "$work can be made"

exec "$env/bin/python" "$here/learn_quality.py" "$mlopsctl" "$data" "$work"
