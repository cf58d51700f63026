# SPDX-License-Identifier: Apache-2.0
# What every line of this project is compiled with: no contraction that is not written (an FMA is written
# as one), no fast-math. tests/house/exact_math_test.cc checks the effect at run time.
if(CMAKE_CXX_FLAGS MATCHES "-ffast-math|-Ofast|-funsafe-math-optimizations|-ffp-contract=fast")
  message(FATAL_ERROR "ulproof compares bits: remove the fast-math flags from CMAKE_CXX_FLAGS")
endif()

add_library(ulproof_exact_math INTERFACE)
add_library(ulproof::exact_math ALIAS ulproof_exact_math)
set_target_properties(ulproof_exact_math PROPERTIES EXPORT_NAME exact_math)
target_compile_features(ulproof_exact_math INTERFACE cxx_std_20)
target_compile_options(ulproof_exact_math INTERFACE -ffp-contract=off -fno-math-errno)

# Warnings and sanitizers are ours alone: consumers of the installed library do not inherit them.
add_library(ulproof_developer_flags INTERFACE)
target_compile_options(ulproof_developer_flags INTERFACE -Wall -Wextra -Wpedantic
  # -Wrestrict has false positives in std::string of GCC 12 (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local> $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(ULPROOF_WERROR)
  target_compile_options(ulproof_developer_flags INTERFACE -Werror)
endif()
if(ULPROOF_SANITIZE)
  target_compile_options(ulproof_developer_flags INTERFACE
    -fsanitize=${ULPROOF_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(ulproof_developer_flags INTERFACE -fsanitize=${ULPROOF_SANITIZE})
endif()
