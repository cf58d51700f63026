// SPDX-License-Identifier: Apache-2.0
#ifndef ULPROOF_BASE_TARGET_CLONES_H_
#define ULPROOF_BASE_TARGET_CLONES_H_

// Compiles a function twice, for the baseline processor and for AVX2, and picks at load time. The
// results are the same bits: no arithmetic here depends on the instruction set. Sanitizers do not
// bear the loader's early calls that this needs.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ULPROOF_TARGET_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define ULPROOF_TARGET_CLONES
#endif

#endif  // ULPROOF_BASE_TARGET_CLONES_H_
