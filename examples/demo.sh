#!/usr/bin/env bash
# The whole way on a small made-up tomogram: train, segment, evaluate. About two minutes on 2 cores.
set -euo pipefail
cd "$(dirname "$0")/.."
demo=build/demo

python examples/small_dataset.py $demo
seget train $demo/dataset.toml -o $demo/run --joint --max-minutes 1.5 --overwrite
seget segment $demo/tomogram.mrc $demo/run -o $demo/segmented --overwrite
seget evaluate $demo/segmented $demo/dataset.toml

echo "Look at: $demo/segmented/pictures and $demo/run/curves.png"
