// SPDX-License-Identifier: Apache-2.0
#include "cli/report/record_changes.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

namespace ulproof::cli {
namespace {

bool ChangesWithEveryRun(std::string_view key) {
  constexpr auto kVolatile = std::to_array<std::string_view>(
      {"machine", "rerun", "seconds", "oracle_seconds", "tokens_per_second", "simulated"});
  return std::find(kVolatile.begin(), kVolatile.end(), key) != kVolatile.end();
}

// "rg16" or "cast/edges cpu-avx3": what names a row of a list; "" when nothing does.
std::string RowName(const Json& row) {
  if (!row.is_object()) return "";
  std::string name;
  for (const char* key :
       {"id", "name", "check", "law", "tensor", "file", "method", "broken", "format", "to", "bits",
        "block", "backend", "weights", "step", "lane", "lag"}) {
    if (!row.contains(key) || row[key].is_structured()) continue;
    if (!name.empty()) name += ' ';
    name += row[key].is_string() ? row[key].get<std::string>() : row[key].dump();
  }
  return name;
}

// The rows of a list by their names; a row without one goes by its position.
class Rows {
 public:
  explicit Rows(const Json& rows) : rows_(rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) by_name_.emplace(Name(rows[i], i), i);
  }
  static std::string Name(const Json& row, std::size_t index) {
    const std::string name = RowName(row);
    return name.empty() ? std::to_string(index) : name;
  }
  // The row of this name (the first one), or null.
  const Json* Find(const std::string& name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &rows_[found->second];
  }

 private:
  const Json& rows_;
  std::unordered_map<std::string, std::size_t> by_name_;
};

void Walk(const Json& before, const Json& after, const std::string& place,
          std::vector<RecordChange>& changes) {
  const auto inner = [&place](const std::string& name) {
    return place.empty() ? name : place + "/" + name;
  };
  if (before.is_object() && after.is_object()) {
    for (const auto& [key, value] : after.items()) {
      if (!ChangesWithEveryRun(key)) {
        Walk(before.value(key, Json()), value, inner(key), changes);
      }
    }
    for (const auto& [key, value] : before.items()) {
      if (!after.contains(key) && !ChangesWithEveryRun(key)) {
        changes.push_back({inner(key), value, Json()});
      }
    }
  } else if (before.is_array() && after.is_array()) {
    const Rows old_rows(before), new_rows(after);
    for (std::size_t i = 0; i < after.size(); ++i) {
      const std::string name = Rows::Name(after[i], i);
      const Json* partner = old_rows.Find(name);
      Walk(partner == nullptr ? Json() : *partner, after[i], inner(name), changes);
    }
    for (std::size_t i = 0; i < before.size(); ++i) {
      const std::string name = Rows::Name(before[i], i);
      if (new_rows.Find(name) == nullptr) changes.push_back({inner(name), before[i], Json()});
    }
  } else if (before != after) {
    changes.push_back({place, before, after});
  }
}

}  // namespace

std::vector<RecordChange> RecordChanges(const Json& before, const Json& after) {
  std::vector<RecordChange> changes;
  Walk(before, after, "", changes);
  return changes;
}

}  // namespace ulproof::cli
