// SPDX-License-Identifier: Apache-2.0
// Errors that come from outside (text, files, the machine) travel as values: Result<T> holds a T or
// an Error. Broken promises inside the program are ULPROOF_CHECK (base/check.h); numeric events
// such as overflow are results of the operation, never errors.
#ifndef ULPROOF_BASE_RESULT_H_
#define ULPROOF_BASE_RESULT_H_

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace ulproof::base {

// The process's exit codes. A command ends with the one that describes what happened first.
enum class ExitCode : int {
  kOk = 0,
  kMismatch = 1,     // The comparison was made, and bits differ.
  kUsage = 2,        // The caller's input is wrong: arguments, a file's content.
  kEnvironment = 3,  // The machine failed us: I/O, missing hardware or software.
};

struct Error {
  ExitCode exit_code = ExitCode::kUsage;
  std::string message;
  std::string file = {};  // Empty when the error is not in a file.
  int line = 0;           // 1-based; 0 = unknown.
  int column = 0;         // 1-based; 0 = unknown.

  // "file:line:column: message", leaving out what is unknown.
  std::string ToString() const;
};

inline Error UsageError(std::string message) {
  return Error{.exit_code = ExitCode::kUsage, .message = std::move(message)};
}
inline Error EnvironmentError(std::string message) {
  return Error{.exit_code = ExitCode::kEnvironment, .message = std::move(message)};
}

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Precondition: ok().
  const T& value() const& {
    ULPROOF_CHECK(ok(), error().ToString());
    return std::get<0>(state_);
  }
  T& value() & {
    ULPROOF_CHECK(ok(), error().ToString());
    return std::get<0>(state_);
  }
  T&& value() && {
    ULPROOF_CHECK(ok(), error().ToString());
    return std::get<0>(std::move(state_));
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  // Precondition: !ok().
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

// A Result without a value: success, or why not.
struct Done {};
using Status = Result<Done>;

}  // namespace ulproof::base

#endif  // ULPROOF_BASE_RESULT_H_
