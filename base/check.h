// SPDX-License-Identifier: Apache-2.0
// ULPROOF_CHECK: a promise between our own functions. Prints the condition, the place and the given
// values, then aborts. Never used for input from outside (that is Result) and never compiled out.
#ifndef ULPROOF_BASE_CHECK_H_
#define ULPROOF_BASE_CHECK_H_

#include <string>
#include <string_view>

namespace ulproof::base {

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              std::string_view detail);

inline std::string_view CheckDetail() { return {}; }
template <typename Text>
Text CheckDetail(Text&& text) {
  return text;
}

}  // namespace ulproof::base

// The optional second argument is text (a std::string or literal), evaluated only on failure.
#define ULPROOF_CHECK(condition, ...)                                 \
  (static_cast<bool>(condition)                                       \
       ? void(0)                                                      \
       : ::ulproof::base::CheckFailed(__FILE__, __LINE__, #condition, \
                                      ::ulproof::base::CheckDetail(__VA_ARGS__)))

#endif  // ULPROOF_BASE_CHECK_H_
