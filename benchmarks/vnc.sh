#!/usr/bin/env bash
# The numbers of docs/results/vnc.md: 20 slices of real serial-section TEM, 15 minutes a model.
#
#     SEGET_DATA=/path/to/data bash benchmarks/vnc.sh [MINUTES]
#
# Wants $SEGET_DATA/vnc/{tomogram,membrane,mitochondria,glia,synapse,intracellular}.mrc; writes
# build/vnc: datasets, runs, segmentations with a picture a test slice, and scores as JSON.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-15}
out=build/vnc
data=$(cd "$SEGET_DATA/vnc" && pwd)
mkdir -p $out

for holdout in block every-5th; do
    {
        echo "name = \"vnc\""
        echo "holdout = \"$holdout\""
        echo "[[tomogram]]"
        echo "image = \"$data/tomogram.mrc\""
        echo "[tomogram.masks]"
        for structure in membrane mitochondria glia synapse intracellular; do
            echo "$structure = \"$data/$structure.mrc\""
        done
    } > $out/$holdout.toml
done

one() { # name, dataset, options of train
    local name=$1 dataset=$2
    shift 2
    seget train $out/$dataset.toml -o $out/runs/$name --max-minutes "$minutes" --from scratch --resume "$@"
}

score() { # name, dataset, models
    local name=$1 dataset=$2
    shift 2
    seget segment "$data/tomogram.mrc" "$@" -o $out/$name
    seget evaluate $out/$name $out/$dataset.toml --json > $out/$name.json
    seget evaluate $out/$name $out/$dataset.toml --no-pictures
}

one mitochondria block -s mitochondria
one membrane block -s membrane
score two block $out/runs/membrane $out/runs/mitochondria
one joint block --joint
score joint block $out/runs/joint
one joint-every-5th every-5th --joint
score joint-every-5th every-5th $out/runs/joint-every-5th
