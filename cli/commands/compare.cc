// SPDX-License-Identifier: Apache-2.0
// ulproof compare: two files of tensors code by code, in bounded memory.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>

#include "cli/code_distance.h"
#include "cli/commands/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report/compare_report.h"
#include "cli/tensor_file.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;

constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 23;
// Columns and blocks are told one from another up to this many side by side.
constexpr std::uint64_t kMaxMarks = std::uint64_t{1} << 28;

struct CompareOptions {
  std::string a, b;
  std::string tensor;
  std::optional<formats::FormatSpec> dtype;
  formats::BlockShape block;
  RecordFiles record;
};

using Histogram = std::array<std::uint64_t, kDistanceClasses>;

// What the codes of a tensor are: of a float format, or integers.
struct CodeKind {
  std::optional<formats::FormatSpec> format;
  bool is_signed = false;
  int bits = 8;

  int ClassOf(std::uint64_t a, std::uint64_t b) const {
    return format && a <= format->code_mask() && b <= format->code_mask()
               ? DistanceClass(*format, a, b)
               : IntegerDistanceClass(bits, is_signed, a, b);
  }
};

CodeKind KindOf(const FileTensor& tensor, const std::optional<formats::FormatSpec>& dtype) {
  CodeKind kind = {.format = std::nullopt,
                   .is_signed = tensor.dtype.name.starts_with('I'),
                   .bits = tensor.dtype.bits};
  if (const auto format = FormatOf(tensor, dtype); format.ok()) kind.format = *format;
  return kind;
}

// A different element after the other, in order of rows.
class Differences {
 public:
  Differences(const formats::Shape& shape, const formats::BlockShape& block)
      : shape_(shape),
        block_(block),
        marked_cols_(std::min(shape.cols, kMaxMarks)),
        marked_blocks_(std::min(shape.cols / block.cols + 1, kMaxMarks)) {}

  void Add(std::uint64_t index, std::uint64_t a, std::uint64_t b, int distance_class) {
    const std::uint64_t row = index / shape_.cols;
    const std::uint64_t col = index % shape_.cols;
    if (count_++ == 0) {
      first_ = {row, col, a, b, distance_class};
      first_row_ = row;
      first_col_ = last_col_ = col;
    }
    if (rows_ == 0 || row != last_row_) ++rows_;
    if (row / block_.rows != block_row_) {
      std::fill(marked_blocks_.begin(), marked_blocks_.end(), false);
      block_row_ = row / block_.rows;
    }
    last_row_ = row;
    first_col_ = std::min(first_col_, col);
    last_col_ = std::max(last_col_, col);
    cols_ += Mark(marked_cols_, col);
    blocks_ += Mark(marked_blocks_, col / block_.cols);
    ++histogram_[static_cast<std::size_t>(distance_class)];
  }

  std::uint64_t count() const { return count_; }
  const Histogram& histogram() const { return histogram_; }

  Json Record(const FileTensor& tensor) const;

 private:
  static bool Mark(std::vector<bool>& marks, std::uint64_t i) {
    if (i >= marks.size() || marks[i]) return false;
    marks[i] = true;
    return true;
  }

  struct First {
    std::uint64_t row = 0, col = 0, a = 0, b = 0;
    int distance_class = 0;
  };

  formats::Shape shape_;
  formats::BlockShape block_;
  std::uint64_t count_ = 0;
  First first_;
  std::uint64_t first_row_ = 0, last_row_ = 0, first_col_ = 0, last_col_ = 0;
  std::uint64_t rows_ = 0, cols_ = 0, blocks_ = 0;
  std::uint64_t block_row_ = 0;
  std::vector<bool> marked_cols_;
  std::vector<bool> marked_blocks_;  // Of the row of blocks that is being read.
  Histogram histogram_ = {};
};

Json HistogramJson(const Histogram& histogram) {
  Json json = Json::array();
  for (int c = 0; c < kDistanceClasses; ++c) {
    const std::uint64_t count = histogram[static_cast<std::size_t>(c)];
    if (count > 0) json.push_back({{"apart", DistanceClassName(c)}, {"count", count}});
  }
  return json;
}

Json Differences::Record(const FileTensor& tensor) const {
  const formats::BlockGrid grid = {shape_, block_};
  const int digits = (tensor.dtype.bits + 3) / 4;
  return {{"name", tensor.name},
          {"dtype", tensor.dtype.name},
          {"elements", shape_.count()},
          {"rows", shape_.rows},
          {"cols", shape_.cols},
          {"block", formats::BlockShapeName(block_)},
          {"blocks", grid.count()},
          {"different", count_},
          {"first",
           {{"row", first_.row},
            {"col", first_.col},
            {"a", fmt::format("{:0{}x}", first_.a, digits)},
            {"b", fmt::format("{:0{}x}", first_.b, digits)},
            {"apart", DistanceClassName(first_.distance_class)}}},
          {"where",
           {{"rows", rows_},
            {"cols", cols_},
            {"blocks", blocks_},
            {"first_row", first_row_},
            {"last_row", last_row_},
            {"first_col", first_col_},
            {"last_col", last_col_}}},
          {"histogram", HistogramJson(histogram_)}};
}

std::uint64_t CodeAt(const unsigned char* bytes, std::uint64_t i, std::uint64_t width) {
  std::uint64_t code = 0;  // Little-endian, as the files and the machine.
  std::memcpy(&code, bytes + i * width, width);
  return code;
}

// Elements of whole bytes; dtypes below a byte are compared byte by byte.
Result<Differences> CompareTensor(const TensorInput& a, const TensorInput& b,
                                  const FileTensor& in_a, const FileTensor& in_b,
                                  const CompareOptions& options, ProgressBar& progress) {
  const std::uint64_t width =
      in_a.dtype.bits < 8 ? 1 : static_cast<std::uint64_t>(in_a.dtype.bits) / 8;
  formats::Shape shape = MatrixOf(in_a);
  if (in_a.dtype.bits < 8) shape = {.rows = 1, .cols = in_a.bytes()};
  const CodeKind kind = in_a.dtype.bits < 8 ? CodeKind{} : KindOf(in_a, options.dtype);
  Differences differences(shape, options.block);
  std::vector<unsigned char> piece_a(std::min(kPieceBytes, in_a.bytes()));
  std::vector<unsigned char> piece_b(piece_a.size());
  for (std::uint64_t done = 0; done < in_a.bytes();) {
    const std::uint64_t count = std::min<std::uint64_t>(piece_a.size(), in_a.bytes() - done);
    if (Status read = a.Read(in_a, done, count, piece_a.data()); !read.ok()) return read.error();
    if (Status read = b.Read(in_b, done, count, piece_b.data()); !read.ok()) return read.error();
    if (std::memcmp(piece_a.data(), piece_b.data(), count) != 0) {
      for (std::uint64_t i = 0; i < count / width; ++i) {
        const std::uint64_t code_a = CodeAt(piece_a.data(), i, width);
        const std::uint64_t code_b = CodeAt(piece_b.data(), i, width);
        if (code_a != code_b) {
          differences.Add(done / width + i, code_a, code_b, kind.ClassOf(code_a, code_b));
        }
      }
    }
    done += count;
    progress.Advance(count);
  }
  return differences;
}

std::string ShapeText(const FileTensor& tensor) {
  return fmt::format("{}[{}]", tensor.dtype.name, fmt::join(tensor.shape, ","));
}

// The names of both files, each once, in order.
std::vector<std::string> NamesOf(const TensorInput& a, const TensorInput& b) {
  std::vector<std::string> names;
  for (const TensorInput* input : {&a, &b}) {
    for (const FileTensor& tensor : input->tensors()) names.push_back(tensor.name);
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

const FileTensor* TensorNamed(const TensorInput& input, const std::string& name) {
  const auto& tensors = input.tensors();  // In order of name.
  const auto found = std::ranges::lower_bound(tensors, name, {}, &FileTensor::name);
  return found != tensors.end() && found->name == name ? &*found : nullptr;
}

Status Run(const CompareOptions& options, CommandContext& context) {
  const auto a = TensorInput::Open(options.a);
  if (!a.ok()) return a.error();
  const auto b = TensorInput::Open(options.b);
  if (!b.ok()) return b.error();
  std::vector<std::string> names = NamesOf(*a, *b);
  const bool by_place = a->kind() == FileKind::kNpy && b->kind() == FileKind::kNpy;
  if (by_place) names = {a->tensors()[0].name};  // Named after their files.
  if (!options.tensor.empty()) {
    if (const auto found = a->Find(options.tensor); !found.ok()) return found.error();
    names = {options.tensor};
  }
  Json record = RecordHead("compare", 1, context.invocation);
  record["a"] = options.a;
  record["b"] = options.b;
  Json differences = Json::array();
  Histogram histogram = {};
  std::uint64_t equal = 0;
  std::uint64_t different = 0;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
  for (const FileTensor& tensor : a->tensors()) bytes += tensor.bytes();
  {
    ProgressBar progress(context, "compare", bytes);
    for (const std::string& name : names) {
      const FileTensor* in_a = TensorNamed(*a, name);
      const FileTensor* in_b = by_place ? b->tensors().data() : TensorNamed(*b, name);
      std::string why;
      if (in_a == nullptr || in_b == nullptr) {
        why = fmt::format("only in {}", in_a == nullptr ? options.b : options.a);
      } else if (in_a->dtype != in_b->dtype || in_a->shape != in_b->shape) {
        why = fmt::format("is {} and {}", ShapeText(*in_a), ShapeText(*in_b));
      }
      if (!why.empty()) {
        differences.push_back({{"name", name}, {"why", why}});
        continue;
      }
      const auto compared = CompareTensor(*a, *b, *in_a, *in_b, options, progress);
      if (!compared.ok()) return compared.error();
      elements += in_a->count();
      different += compared->count();
      for (std::size_t c = 0; c < histogram.size(); ++c) histogram[c] += compared->histogram()[c];
      if (compared->count() == 0) {
        ++equal;
      } else {
        differences.push_back(compared->Record(*in_a));
      }
    }
  }
  record["tensors"] = names.size();
  record["equal_tensors"] = equal;
  record["elements"] = elements;
  record["different"] = different;
  record["histogram"] = HistogramJson(histogram);
  record["verdict"] = differences.empty() ? "pass" : "fail";
  if (!differences.empty()) context.SetExitCode(base::ExitCode::kMismatch);
  record["differences"] = std::move(differences);
  context.out << CompareText(record, context.use_color);
  return WriteRecord(options.record, record, ComparePicture(record));
}

}  // namespace

void AddCompareCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("compare", "Compare two files of tensors code by code");
  const auto options = std::make_shared<CompareOptions>();
  command->add_option("A", options->a, "One file: .npy or .safetensors")->required();
  command->add_option("B", options->b, "The other")->required();
  command->add_option("--tensor", options->tensor, "Compare only this tensor")->type_name("NAME");
  AddParsedOption(*command, "--block", options->block, formats::ParseBlockShape,
                  "Blocks in which differences are counted (default 32x32)")
      ->type_name("RxC");
  AddFormatOption(*command, "--dtype", options->dtype,
                  "Format of the codes in files of unsigned integers, as bfloat16");
  AddRecordOptions(*command, options->record);
  command->footer(
      "Codes are compared, not values: -0 is not +0. Exit code 1 when anything differs.\n"
      "Examples:\n"
      "  ulproof compare before.safetensors after.safetensors\n"
      "  ulproof compare a.npy b.npy --dtype bfloat16 --json difference.json");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
