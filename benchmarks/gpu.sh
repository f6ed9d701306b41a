#!/bin/sh
# What a CUDA machine does with seget, in under six minutes and without network: correctness, steps
# and epochs, slices and volumes, memory. Run it from a checkout:
#
#     PYTHONPATH=$PWD/src sh benchmarks/gpu.sh [results.json]
#
# It prints one table, and writes JSON to $OUT/gpu.json where OUT is set, else to the path given
# (gpu.json). A part that fails is said and left out. PYTHON names the interpreter.
set -u
cd "$(dirname "$0")/.." || exit 1
export PYTHONPATH="$PWD/src:$PWD${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-python3}" -m benchmarks.gpu "${1:-gpu.json}"
