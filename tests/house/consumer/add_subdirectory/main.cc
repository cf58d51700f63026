// SPDX-License-Identifier: Apache-2.0
// A user's program: the formats as data.
#include <cstdio>

#include "formats/catalogue.h"
#include "formats/codec.h"

int main() {
  using namespace ulproof::formats;
  const auto spec = ParseFormat("e4m3fn");
  if (!spec.ok() || FormatName(*spec) != "float8_e4m3fn") return 1;
  const Decoded largest = Decode(*spec, spec->max_finite_code());
  std::printf("%s: largest value %llu * 2^%d\n", FormatName(*spec).c_str(),
              static_cast<unsigned long long>(largest.significand), largest.exponent);
  return largest.significand == 14 && largest.exponent == 5 ? 0 : 1;
}
