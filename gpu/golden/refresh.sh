#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rebuilds the kept PTX of gpu/kernels, so that machines without CUDA simulate exactly what nvcc emits.
#   golden/refresh.sh          compile and write golden/<arch>/*.ptx and golden/MANIFEST
#   golden/refresh.sh --check  compile to a temporary folder and compare byte for byte
# Exit: 0 same or written, 1 different, 3 no nvcc or another version than the MANIFEST's (with --check).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

archs=(sm_80 sm_90)
# No contraction that is not written; no line information, so that no path of the build machine gets in.
flags=(-ptx -std=c++20 -fmad=false)

nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
[[ -x $nvcc ]] || { echo "refresh.sh: no nvcc (set NVCC)" >&2; exit 3; }
version=$("$nvcc" --version | sed -n 's/.*\(V[0-9.]*\)$/\1/p')

build() {  # build <folder>: all PTX and the MANIFEST
  local out=$1 arch source
  for arch in "${archs[@]}"; do
    mkdir -p "$out/$arch"
    for source in ../kernels/*.cu; do
      "$nvcc" "${flags[@]}" -arch="$arch" "$source" -o "$out/$arch/$(basename "$source" .cu).ptx"
    done
  done
  {
    echo "nvcc $version"
    echo "flags ${flags[*]} -arch=<folder>"
    (cd "$out" && sha256sum sm_*/*.ptx)
  } >"$out/MANIFEST"
}

if [[ ${1:-} == --check ]]; then
  kept=$(sed -n 's/^nvcc //p' MANIFEST)
  [[ $kept == "$version" ]] || { echo "refresh.sh: nvcc is $version, the kept PTX is from $kept" >&2; exit 3; }
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  build "$scratch"
  diff -rq "$scratch" . --exclude=refresh.sh --exclude=CMakeLists.txt
else
  rm -rf sm_*/
  build .
fi
