// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace ulproof::cli {
namespace {

constexpr std::chrono::milliseconds kRedrawInterval{100};
constexpr std::size_t kMaxBarColumns = 40;
constexpr std::string_view kEraseLine = "\r\x1b[K";

std::string DurationText(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace

ProgressBar::ProgressBar(const CommandContext& context, std::string label, std::uint64_t total)
    : context_(context),
      enabled_(context.err_is_terminal && total > 0),
      total_(total),
      label_(std::move(label)) {}

ProgressBar::~ProgressBar() {
  if (drawn_) context_.err << kEraseLine << std::flush;
}

void ProgressBar::Advance(std::uint64_t done) {
  if (!enabled_) return;
  const std::lock_guard lock(mutex_);
  done_ = std::min(done_ + done, total_);
  DrawIfDue();
}

void ProgressBar::SetLabel(std::string label) {
  if (!enabled_) return;
  const std::lock_guard lock(mutex_);
  label_ = std::move(label);
  next_draw_ = {};
  DrawIfDue();
}

void ProgressBar::DrawIfDue() {
  const Clock::time_point now = Clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + kRedrawInterval;
  drawn_ = true;
  const double fraction = static_cast<double>(done_) / static_cast<double>(total_);
  const double elapsed_s = std::chrono::duration<double>(now - start_).count();
  const std::string left =
      done_ == 0 ? "" : DurationText(elapsed_s * (1 - fraction) / fraction) + " left";
  const std::string tail = fmt::format(" {:3.0f}%  {}", 100 * fraction, left);
  const std::size_t columns = static_cast<std::size_t>(std::max(context_.terminal_columns, 20)) - 1;
  const std::string label = label_.substr(0, columns / 2);
  std::string line = label;
  if (label.size() + tail.size() + 8 < columns) {
    const std::size_t bar = std::min(columns - label.size() - tail.size() - 3, kMaxBarColumns);
    const auto filled = static_cast<std::size_t>(fraction * static_cast<double>(bar));
    line += fmt::format(" [{:<{}}]", std::string(filled, '='), bar);
  }
  context_.err << kEraseLine << (line + tail).substr(0, columns) << std::flush;
}

}  // namespace ulproof::cli
