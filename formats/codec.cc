// SPDX-License-Identifier: Apache-2.0
#include "formats/codec.h"

namespace ulproof::formats {

std::string_view ValueClassName(ValueClass value_class) {
  switch (value_class) {
    case ValueClass::kZero:
      return "zero";
    case ValueClass::kSubnormal:
      return "subnormal";
    case ValueClass::kNormal:
      return "normal";
    case ValueClass::kInfinity:
      return "infinity";
    case ValueClass::kNan:
      break;
  }
  return "NaN";
}

}  // namespace ulproof::formats
