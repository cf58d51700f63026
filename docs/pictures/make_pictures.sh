#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes every picture of the documentation: docs/pictures/make_pictures.sh [ULPROOF], from any folder.
# The same program gives the same bytes on every machine with the same instruction sets.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
ulproof=$(command -v "${1:-ulproof}") || { echo "usage: $0 path/to/ulproof" >&2; exit 2; }
ulproof=$(realpath "$ulproof")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 "$here/make_checkpoint.py" gpt2-like.safetensors

# Share of noise absorbed against b: the picture of the README.
"$ulproof" anneal --law rg16 --bits 1..13 --blocks 256 --panel absorbed --svg "$here/absorption.svg" \
  --out-format bfloat16,float8_e4m3fn,float8_e5m2,float6_e3m2fn,float4_e2m1fn > /dev/null
"$ulproof" hist --law rg16,rgbits --count 4000000 --seed 1 --svg "$here/hist.svg" > /dev/null
"$ulproof" underflow gpt2-like.safetensors --bits 4,6,8 --out-format bfloat16,float8_e4m3fn \
  --seed 1 --svg "$here/underflow.svg" > /dev/null
"$ulproof" anneal --bits 2..10 --svg "$here/anneal.svg" > /dev/null
"$ulproof" formats-for gpt2-like.safetensors --max-absorbed 0.05 --min-snr 10 --svg "$here/formats-for.svg" > /dev/null
"$ulproof" quantizer snr --table --svg "$here/quantizer-snr.svg" > /dev/null
"$ulproof" quantizer crossover --format int2,int4,float4_e2m1fn,int8,float8_e4m3fn \
  --svg "$here/quantizer-crossover.svg" > /dev/null
