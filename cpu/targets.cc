// SPDX-License-Identifier: Apache-2.0
#include "cpu/targets.h"

#include <algorithm>
#include <cctype>

namespace ulproof::cpu {

std::string TargetName(Target target) {
  std::string name = hwy::TargetName(target);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

std::vector<Target> RunnableTargets() {
  std::vector<Target> targets;
  // Highway numbers its targets from the best (lowest bit) to the portable fallback (highest).
  for (std::int64_t rest = hwy::SupportedTargets() & HWY_TARGETS; rest != 0; rest &= rest - 1) {
    targets.push_back(rest & -rest);
  }
  return targets;
}

}  // namespace ulproof::cpu
