// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

namespace ulproof::base {

std::string Error::ToString() const {
  std::string where = file;
  if (line > 0) where += (where.empty() ? "line " : ":") + std::to_string(line);
  if (line > 0 && column > 0) where += ":" + std::to_string(column);
  return where.empty() ? message : where + ": " + message;
}

}  // namespace ulproof::base
