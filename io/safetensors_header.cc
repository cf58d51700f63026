// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "base/check.h"

namespace ulproof::io {
namespace {

using base::Result;
using base::Status;
using base::UsageError;

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr std::uint64_t kMaxTensorBytes = std::uint64_t{1} << 62;

// Elements of a shape, when they and their bits fit the limit.
std::optional<std::uint64_t> CountOf(const SafetensorsTensor& tensor) {
  std::uint64_t nonzero_product = 1;
  bool empty = false;
  for (const std::uint64_t side : tensor.shape) {
    empty |= side == 0;
    if (side == 0) continue;
    if (nonzero_product > kMaxTensorBytes / 8 / side) return std::nullopt;
    nonzero_product *= side;
  }
  return empty ? 0 : nonzero_product;
}

Status CheckSize(const SafetensorsTensor& tensor) {
  const auto count = CountOf(tensor);
  if (!count) {
    return UsageError(fmt::format("tensor {}: shape [{}] is larger than any file",
                                  QuotedName(tensor.name), fmt::join(tensor.shape, ", ")));
  }
  // Only dtypes below a byte can fail this; count % 8 keeps the product small.
  if (*count % 8 * static_cast<std::uint64_t>(tensor.dtype.bits) % 8 != 0) {
    return UsageError(fmt::format("tensor {}: {} elements of {} are not whole bytes",
                                  QuotedName(tensor.name), *count, tensor.dtype.name));
  }
  return base::Done{};
}

// A tensor as its JSON object gives it.
struct Entry {
  std::string name;
  std::optional<std::string> dtype = {};
  std::optional<std::vector<std::uint64_t>> shape = {};
  std::optional<std::vector<std::uint64_t>> data_offsets = {};
};

// Receives the JSON events in order. The depth is at most 3 by construction: anything deeper, or of
// another type than the format wants in its place, ends the parse with an error.
class HeaderHandler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<Entry> entries;
  SafetensorsMetadata metadata;
  std::string error;

  bool start_object(std::size_t) override {
    if (place_ == Place::kOutside) return Enter(Place::kTop);
    if (place_ != Place::kTop) return Unexpected("an object");
    if (key_ == kMetadataKey) return Enter(Place::kMetadata);
    entries.push_back({.name = key_});
    return Enter(Place::kTensor);
  }
  bool end_object() override {
    if (place_ == Place::kTensor) {
      const Entry& entry = entries.back();
      if (!entry.dtype || !entry.shape || !entry.data_offsets) {
        return Fail(Where() + "does not give all of dtype, shape and data_offsets");
      }
    }
    return Enter(place_ == Place::kTop ? Place::kOutside : Place::kTop);
  }
  bool key(std::string& text) override {
    key_ = text;
    if (place_ == Place::kTop && !names_.insert(text).second) {
      return Fail(fmt::format("{} is given twice", QuotedName(text)));
    }
    if (place_ == Place::kMetadata && !metadata.emplace(text, "").second) {
      return Fail(fmt::format("{}: {} is given twice", kMetadataKey, QuotedName(text)));
    }
    if (place_ == Place::kTensor) {
      const Entry& entry = entries.back();
      const bool repeated = (text == "dtype" && entry.dtype) || (text == "shape" && entry.shape) ||
                            (text == "data_offsets" && entry.data_offsets);
      if (repeated) return Fail(Where() + text + " is given twice");
    }
    return true;
  }
  bool string(std::string& text) override {
    if (place_ == Place::kMetadata) {
      metadata[key_] = text;
      return true;
    }
    if (place_ != Place::kTensor || key_ != "dtype") return Unexpected("a text");
    entries.back().dtype = text;
    return true;
  }
  bool start_array(std::size_t) override {
    if (place_ != Place::kTensor) return Unexpected("a list");
    if (key_ == "shape")
      entries.back().shape.emplace();
    else if (key_ == "data_offsets")
      entries.back().data_offsets.emplace();
    else
      return Unexpected("a list");
    return Enter(Place::kList);
  }
  bool end_array() override { return Enter(Place::kTensor); }
  bool number_unsigned(std::uint64_t value) override {
    if (place_ != Place::kList) return Unexpected("a number");
    Entry& entry = entries.back();
    (key_ == "shape" ? *entry.shape : *entry.data_offsets).push_back(value);
    return true;
  }
  bool number_integer(std::int64_t) override { return Unexpected("a negative number"); }
  bool number_float(double, const std::string&) override {
    return Unexpected("a number that is not an integer below 2^64");
  }
  bool null() override { return Unexpected("null"); }
  bool boolean(bool) override { return Unexpected("a truth value"); }
  bool binary(nlohmann::json::binary_t&) override { return Unexpected("binary"); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    return Fail(fmt::format("is not JSON at byte {}", position));
  }

 private:
  enum class Place { kOutside, kTop, kMetadata, kTensor, kList };

  bool Enter(Place place) {
    place_ = place;
    return true;
  }
  bool Fail(std::string message) {
    error = std::move(message);
    return false;
  }
  std::string Where() const {
    if (place_ == Place::kTensor || place_ == Place::kList) {
      return fmt::format("tensor {}: ", QuotedName(entries.back().name));
    }
    return place_ == Place::kMetadata ? fmt::format("{}: ", kMetadataKey) : "";
  }
  bool Unexpected(std::string_view what) {
    const std::string of = place_ == Place::kOutside ? "" : " for " + QuotedName(key_);
    return Fail(fmt::format("{}unexpected {}{}", Where(), what, of));
  }

  Place place_ = Place::kOutside;
  std::string key_;
  std::set<std::string> names_;
};

Result<SafetensorsTensor> TensorOf(const Entry& entry) {
  const auto failed = [&](std::string_view what) {
    return UsageError(fmt::format("tensor {}: {}", QuotedName(entry.name), what));
  };
  const auto dtype = ParseSafetensorsDtype(*entry.dtype);
  if (!dtype.ok()) return failed(dtype.error().message);
  SafetensorsTensor tensor = {.name = entry.name, .dtype = *dtype, .shape = *entry.shape};
  if (const Status size = CheckSize(tensor); !size.ok()) return size.error();
  const std::vector<std::uint64_t>& offsets = *entry.data_offsets;
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    return failed(fmt::format("data_offsets [{}] are not [begin, end]", fmt::join(offsets, ", ")));
  }
  if (offsets[1] - offsets[0] != tensor.bytes()) {
    return failed(fmt::format("data_offsets cover {} bytes, but shape [{}] of {} takes {}",
                              offsets[1] - offsets[0], fmt::join(tensor.shape, ", "),
                              tensor.dtype.name, tensor.bytes()));
  }
  tensor.data_begin = offsets[0];
  return tensor;
}

// Whether the tensors cover [0, data_bytes) exactly once.
Status CheckCover(const std::vector<SafetensorsTensor>& tensors, std::uint64_t data_bytes) {
  std::vector<const SafetensorsTensor*> by_place;
  for (const SafetensorsTensor& tensor : tensors) by_place.push_back(&tensor);
  std::sort(by_place.begin(), by_place.end(), [](const auto* a, const auto* b) {
    return std::pair(a->data_begin, a->bytes()) < std::pair(b->data_begin, b->bytes());
  });
  std::uint64_t end = 0;
  const SafetensorsTensor* before = nullptr;
  for (const SafetensorsTensor* tensor : by_place) {
    if (tensor->data_begin != end) {
      const std::string what = tensor->data_begin > end ? "leaves a gap after" : "overlaps";
      return UsageError(fmt::format("tensor {} at byte {} {} {}", QuotedName(tensor->name),
                                    tensor->data_begin, what,
                                    before ? QuotedName(before->name) : "the header"));
    }
    if (tensor->bytes() > data_bytes - end) {
      return UsageError(fmt::format("tensor {} ends at byte {}, the data at byte {}",
                                    QuotedName(tensor->name), end + tensor->bytes(), data_bytes));
    }
    end += tensor->bytes();
    before = tensor;
  }
  if (end != data_bytes) {
    return UsageError(fmt::format("the last {} bytes belong to no tensor", data_bytes - end));
  }
  return base::Done{};
}

}  // namespace

std::string QuotedName(std::string_view name) {
  return nlohmann::json(std::string(name))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::uint64_t SafetensorsTensor::count() const {
  const auto count = CountOf(*this);
  ULPROOF_CHECK(count.has_value());
  return *count;
}

std::uint64_t SafetensorsTensor::bytes() const {
  const auto bits = static_cast<std::uint64_t>(dtype.bits);
  return count() / 8 * bits + count() % 8 * bits / 8;
}

Result<SafetensorsHeader> ParseSafetensorsHeader(std::string_view text, std::uint64_t data_bytes) {
  const auto failed = [](const std::string& what) {
    return UsageError("safetensors header: " + what);
  };
  if (!text.starts_with('{')) return failed("does not begin with '{'");
  HeaderHandler handler;
  if (!nlohmann::json::sax_parse(text, &handler)) return failed(handler.error);
  SafetensorsHeader header{.tensors = {}, .metadata = std::move(handler.metadata)};
  for (const Entry& entry : handler.entries) {
    auto tensor = TensorOf(entry);
    if (!tensor.ok()) return failed(tensor.error().message);
    header.tensors.push_back(std::move(*tensor));
  }
  if (const Status cover = CheckCover(header.tensors, data_bytes); !cover.ok()) {
    return failed(cover.error().message);
  }
  std::sort(header.tensors.begin(), header.tensors.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return header;
}

Result<std::string> LayOutSafetensors(std::vector<SafetensorsTensor>& tensors,
                                      const SafetensorsMetadata& metadata) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(-tensors[a].dtype.bits, std::string_view(tensors[a].name)) <
           std::pair(-tensors[b].dtype.bits, std::string_view(tensors[b].name));
  });
  std::vector<std::string> members;
  if (!metadata.empty()) {
    std::vector<std::string> pairs;
    for (const auto& [key, value] : metadata) {
      pairs.push_back(QuotedName(key) + ":" + QuotedName(value));
    }
    members.push_back(fmt::format("\"{}\":{{{}}}", kMetadataKey, fmt::join(pairs, ",")));
  }
  std::set<std::string_view> names = {kMetadataKey};
  std::uint64_t begin = 0;
  for (const std::size_t index : order) {
    SafetensorsTensor& tensor = tensors[index];
    if (!names.insert(tensor.name).second) {
      return UsageError(fmt::format("two tensors of the name {}", QuotedName(tensor.name)));
    }
    if (const Status size = CheckSize(tensor); !size.ok()) return size.error();
    if (tensor.bytes() > kMaxTensorBytes - begin) return UsageError("the tensors pass 2^62 bytes");
    tensor.data_begin = begin;
    begin += tensor.bytes();
    members.push_back(fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                                  QuotedName(tensor.name), tensor.dtype.name,
                                  fmt::join(tensor.shape, ","), tensor.data_begin, begin));
  }
  std::string text = fmt::format("{{{}}}", fmt::join(members, ","));
  text.append((8 - text.size() % 8) % 8, ' ');
  if (text.size() > kMaxSafetensorsHeaderBytes) {
    return UsageError(fmt::format("safetensors header of {} bytes; the format allows {}",
                                  text.size(), kMaxSafetensorsHeaderBytes));
  }
  return text;
}

}  // namespace ulproof::io
