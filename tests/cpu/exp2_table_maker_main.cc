// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "tests/cpu/exp2_table_maker.h"

int main() {
  const std::string text = ulproof::tests::MakeExp2Table();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
