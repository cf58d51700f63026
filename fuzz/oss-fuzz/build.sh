#!/bin/bash -eu
# SPDX-License-Identifier: Apache-2.0
# OSS-Fuzz runs this in its builder: the engine comes in LIB_FUZZING_ENGINE, sanitizers in CXXFLAGS.
cmake -S . -B build/oss-fuzz -G Ninja -DULPROOF_FUZZ=ON -DULPROOF_BUILD_CLI=OFF \
  -DULPROOF_BUILD_TESTS=OFF -DULPROOF_BUILD_BENCH=OFF
cmake --build build/oss-fuzz --target fuzzers
for target in build/oss-fuzz/fuzz/fuzz_*; do
  [[ -f $target && -x $target && $target != *replay ]] || continue
  cp "$target" "$OUT/"
  subject=${target##*/fuzz_}
  zip -qj "$OUT/fuzz_${subject}_seed_corpus.zip" "fuzz/corpus/$subject"/*
done
