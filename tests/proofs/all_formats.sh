#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# all_formats.sh FILE FROM TO: a theorem for all formats at once, by the SMT solver Z3 (FILE.smt2) or from Coq's and
# Flocq's definition of rounding (FILE.v). Catches: a claim that is only true of the formats in the catalogue, and a
# proof that would take a false one - with TO in the place of FROM it must be refused.
# Exit code 77 where the tool is not installed (Debian: z3; coq and libcoq-flocq).
set -euo pipefail
file=$1 from=$2 to=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
need() { command -v "$1" >/dev/null || { echo "SKIPPED: no $1 here, $file has not been proved"; exit 77; }; }

text=$(<"$file")
[[ $(grep -cF -- "$from" "$file") == 1 ]] || fail "'$from' is not in one line of $file"

case $file in
  *.smt2)
    need z3
    [[ $(z3 "$file" | tee /dev/stderr | sort -u) == unsat ]] || fail "there is a counterexample"
    [[ $(z3 -in <<<"${text/"$from"/"$to"}") == sat* ]] || fail "it takes '$to'"
    ;;
  *.v)
    need coqc
    echo 'From Flocq Require Import Core.' >"$work/flocq.v"
    coqc -q "$work/flocq.v" >/dev/null 2>&1 || { echo "SKIPPED: no Flocq here, $file has not been proved"; exit 77; }
    ! grep -nE '\b(Admitted|admit|Axiom|Parameter)\b' "$file" || fail "it takes something for granted"
    cp "$file" "$work/theorem.v"
    coqc -q "$work/theorem.v" | tee "$work/assumptions"
    # What it rests on: the axioms of Coq's real numbers and nothing of ours.
    ! grep -E '^[A-Za-z_.]+' "$work/assumptions" |
      grep -vE '^(Axioms|ClassicalDedekindReals|FunctionalExtensionality|Classical_Prop)' || fail "an axiom of ours"
    printf '%s\n' "${text/"$from"/"$to"}" >"$work/variant.v"
    ! coqc -q "$work/variant.v" >/dev/null 2>&1 || fail "it takes '$to'"
    ;;
esac
echo "proved for all formats: $file"
