#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A campaign by GNU parallel, on this machine or, with --sshloginfile, on several that share the folder:
#
#   ./parallel.sh 64 --from float32 --to float8_e4m3fn --overflow sat
#   PARALLEL='--sshloginfile hosts --workdir .' ./parallel.sh 64 ...
#
# The first word is the number of shards, the others are those of `ulproof exhaustive`. Shards that were
# interrupted go on from their files in parts/ when the same line is run again. ULPROOF is the program,
# when it is not on the path. Ends with the merged result and its exit code.
set -euo pipefail
shards=$1
shift
ulproof=${ULPROOF:-ulproof}
mkdir -p parts
# Exit code 1 is a mismatch: a result, which merge reports. Others are failures of the shard.
run_shard='"$@"; status=$?; (( status <= 1 ))'
seq "$shards" | parallel --halt soon,fail=1 --quote bash -c "$run_shard" shard \
  "$ulproof" exhaustive "$@" --threads 1 --shard "{}/$shards" --checkpoint "parts/{}.json" \
  >parts/parallel.log
files=()
for (( index = 1; index <= shards; ++index )); do files+=("parts/$index.json"); done
exec "$ulproof" merge "${files[@]}"
