#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rebuilds the kept PTX of gpu/kernels, so that machines without CUDA simulate exactly what nvcc emits.
#   golden/refresh.sh          compile and write golden/sm_80/*.ptx and golden/MANIFEST
#   golden/refresh.sh --check  compile to a temporary folder and compare byte for byte
# For sm_90 the same sources must give the same text but for the line that names the target, so one copy
# is kept and the MANIFEST has both sums.
# Exit: 0 same or written, 1 different, 3 no nvcc or another version than the MANIFEST's (with --check).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# No contraction that is not written; no line information, so that no path of the build machine gets in.
flags=(-ptx -std=c++20 -fmad=false)

nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
[[ -x $nvcc ]] || { echo "refresh.sh: no nvcc (set NVCC)" >&2; exit 3; }
version=$("$nvcc" --version | sed -n 's/.*\(V[0-9.]*\)$/\1/p')

build() {  # build <folder>: the PTX of sm_80 and the MANIFEST
  local out=$1 source name
  local other
  other=$(mktemp -d)
  mkdir -p "$out/sm_80" "$other/sm_90"
  for source in ../kernels/*.cu; do
    name=$(basename "$source" .cu).ptx
    "$nvcc" "${flags[@]}" -arch=sm_80 "$source" -o "$out/sm_80/$name"
    "$nvcc" "${flags[@]}" -arch=sm_90 "$source" -o "$other/sm_90/$name"
    cmp -s <(sed 's/^\.target sm_90$/.target sm_80/' "$other/sm_90/$name") "$out/sm_80/$name" ||
      { echo "refresh.sh: $name is not the same for sm_80 and sm_90: keep both" >&2; exit 1; }
  done
  {
    echo "nvcc $version"
    echo "flags ${flags[*]} -arch=<folder>"
    (cd "$out" && sha256sum sm_80/*.ptx)
    (cd "$other" && sha256sum sm_90/*.ptx)
  } >"$out/MANIFEST"
  rm -rf "$other"
}

if [[ ${1:-} == --check ]]; then
  kept=$(sed -n 's/^nvcc //p' MANIFEST)
  [[ $kept == "$version" ]] || { echo "refresh.sh: nvcc is $version, the kept PTX is from $kept" >&2; exit 3; }
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  build "$scratch"
  cmp "$scratch/MANIFEST" MANIFEST
  diff -rq "$scratch/sm_80" sm_80
else
  rm -rf sm_80
  build .
fi
