// SPDX-License-Identifier: Apache-2.0
#include "formats/tensor.h"

namespace ulproof::formats {

std::string ElementTypeName(const ElementType& type) {
  switch (type.kind) {
    case ElementKind::kCode:
      return FormatName(type.format);
    case ElementKind::kInt8:
      return "int8";
    case ElementKind::kNibbleWord:
      break;
  }
  return "nibbles";
}

}  // namespace ulproof::formats
