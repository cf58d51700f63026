// SPDX-License-Identifier: Apache-2.0
// Catches: an include against the arrows of docs/design.md (a reference that learns from the code
// it judges would agree with it, bugs and all), a heavy library outside its folders, and files that
// grow out of shape. The rules are the tables below; the last tests plant one fault per rule and
// see it found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace ulproof {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string_view>;

constexpr int kMaxLines = 900;
constexpr int kWarnLines = 500;

// A folder and the folders that its files may include ("*" for all).
struct Layer {
  std::string_view folder;
  Names may_include;
};
const std::vector<Layer>& Layers() {
  static const std::vector<Layer> layers = {
      {"base", {"base"}},
      {"formats", {"base", "formats"}},
      {"io", {"base", "formats", "io"}},
      {"reference", {"base", "formats", "reference"}},
      {"reference/compare", {"base", "formats", "reference", "reference/compare"}},
      {"reference/inspect", {"base", "formats", "reference", "reference/inspect"}},
      {"cpu", {"base", "formats", "cpu"}},
      {"gpu", {"base", "formats", "gpu"}},
      {"trainer", {"base", "formats", "io", "trainer"}},
      {"proofs", {"*"}},
      {"fuzz", {"*"}},
      {"bench", {"*"}},
      {"cli",
       {"base", "formats", "io", "reference", "reference/compare", "reference/inspect", "cpu",
        "gpu", "trainer", "proofs", "cli"}},
      {"examples", {"gpu"}},
      {"tests", {"*"}},
  };
  return layers;
}

// A library by the start of its includes, and the folders that may use it.
const std::vector<Layer>& Libraries() {
  static const Names evidence = {"reference", "reference/compare", "proofs", "tests", "bench",
                                 "fuzz"};
  static const std::vector<Layer> libraries = {
      {"mpfr.h", evidence},       {"gmp", evidence},
      {"boost/", evidence},       {"rapidcheck", {"reference/compare", "tests", "fuzz"}},
      {"gtest/", {"tests"}},      {"gmock/", {"tests"}},
      {"benchmark/", {"bench"}},  {"hwy/", {"cpu", "tests", "bench"}},
      {"CLI/", {"cli", "tests"}},
  };
  return libraries;
}

// Joined from halves, so that this file does not hold the words it looks for.
const std::string kSetsRounding = std::string("feset") + "round";
const std::string kAsksRounding = std::string("feget") + "round";
Names BannedWords() {
  static const std::vector<std::string> words = {kSetsRounding, std::string("TO") + "DO",
                                                 std::string("FIX") + "ME",
                                                 std::string("-ffast") + "-math"};
  return {words.begin(), words.end()};
}

// cmake/ExactMath.cmake names fast-math to refuse it. A test may compare with the machine in
// another rounding direction if it puts the old one back.
bool MayHold(std::string_view path, std::string_view contents, std::string_view word) {
  if (path == "cmake/ExactMath.cmake" || path.ends_with(".md")) return true;
  return word == kSetsRounding && path.starts_with("tests/") &&
         contents.find(kAsksRounding) != std::string_view::npos;
}

bool Contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end() ||
         std::find(names.begin(), names.end(), "*") != names.end();
}

// The innermost folder of the table that `path` lies in, or nothing.
const Layer* LayerOf(std::string_view path) {
  const Layer* found = nullptr;
  for (const Layer& layer : Layers()) {
    const bool inside = path.size() > layer.folder.size() && path.starts_with(layer.folder) &&
                        path[layer.folder.size()] == '/';
    if (inside && (found == nullptr || layer.folder.size() > found->folder.size())) found = &layer;
  }
  return found;
}

// What stands between the quotes or brackets of an #include line; empty on other lines.
std::string_view IncludedPath(std::string_view line) {
  const std::size_t hash = line.find_first_not_of(" \t");
  if (hash == std::string_view::npos || line[hash] != '#') return {};
  const std::size_t word = line.find_first_not_of(" \t", hash + 1);
  if (word == std::string_view::npos || !line.substr(word).starts_with("include")) return {};
  const std::size_t open = line.find_first_of("<\"", word);
  if (open == std::string_view::npos) return {};
  const std::size_t close = line.find_first_of(">\"", open + 1);
  if (close == std::string_view::npos) return {};
  return line.substr(open + 1, close - open - 1);
}

bool EndsWithAny(std::string_view path, const Names& endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [path](std::string_view ending) { return path.ends_with(ending); });
}
bool IsCxx(std::string_view path) { return EndsWithAny(path, {".h", ".cc", ".cu", ".cuh"}); }
bool HasLicenceLine(std::string_view path) {
  return IsCxx(path) || path == "run" ||
         EndsWithAny(path, {"CMakeLists.txt", ".cmake", ".cmake.in", ".sh", ".py"});
}

// Everything wrong with one file, one line of text each, beginning with the path.
std::vector<std::string> Violations(const std::string& path, const std::string& contents) {
  std::vector<std::string> found;
  const auto report = [&](int line, const std::string& what) {
    found.push_back(path + ":" + std::to_string(line) + ": " + what);
  };
  const bool plain = std::all_of(path.begin(), path.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/';
  });
  if (!plain) report(0, "a path of letters, digits, '_', '-' and '.' only, please");

  const Layer* layer = LayerOf(path);
  std::istringstream lines(contents);
  std::string line;
  int number = 0;
  bool licensed = false;
  while (std::getline(lines, line)) {
    ++number;
    licensed = licensed || (number <= 2 &&
                            line.find("SPDX-License-Identifier: Apache-2.0") != std::string::npos);
    for (const std::string_view word : BannedWords()) {
      if (line.find(word) != std::string::npos && !MayHold(path, contents, word)) {
        report(number, "banned: " + std::string(word));
      }
    }
    if (!IsCxx(path)) continue;
    if (line.starts_with("using namespace")) report(number, "banned: using namespace");
    const std::string_view included = IncludedPath(line);
    if (included.empty()) continue;
    if (layer == nullptr) {
      report(number, "a source outside the folders of the layering table");
      continue;
    }
    for (const Layer& library : Libraries()) {
      if (included.starts_with(library.folder) && !Contains(library.may_include, layer->folder)) {
        report(number, std::string(included) + " is not for " + std::string(layer->folder));
      }
    }
    const Layer* target = LayerOf(included);
    if (target != nullptr && !Contains(layer->may_include, target->folder)) {
      report(number, std::string(layer->folder) + " must not include " + std::string(included));
    }
  }
  if (HasLicenceLine(path) && !licensed) report(1, "the SPDX line is missing");
  if (IsCxx(path) && number > kMaxLines) {
    report(number, "longer than " + std::to_string(kMaxLines) + " lines");
  }
  return found;
}

// The files of the repository, relative to its root; build trees and hidden folders are not part of
// it.
std::vector<std::string> RepositoryFiles() {
  const fs::path root = ULPROOF_SOURCE_DIR;
  std::vector<std::string> files;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator();
       ++it) {
    const std::string name = it->path().filename().string();
    if (it->is_directory()) {
      if (name.starts_with(".") || (it.depth() == 0 && name.starts_with("build"))) {
        it.disable_recursion_pending();
      }
    } else if (it->is_regular_file() && !name.starts_with(".")) {
      files.push_back(fs::relative(it->path(), root).generic_string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string ReadFile(const std::string& path) {
  std::ifstream stream(fs::path(ULPROOF_SOURCE_DIR) / path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

bool IsText(std::string_view path) {
  return HasLicenceLine(path) || path.ends_with(".md") || path.ends_with(".json");
}

TEST(LayeringTest, TheRepositoryKeepsItsShape) {
  const std::vector<std::string> files = RepositoryFiles();
  ASSERT_THAT(files, testing::Contains("formats/format_spec.h")) << "wrong source directory?";
  std::vector<std::string> found;
  for (const std::string& path : files) {
    const std::string contents = IsText(path) ? ReadFile(path) : std::string();
    const std::vector<std::string> here = Violations(path, contents);
    found.insert(found.end(), here.begin(), here.end());
    const auto lines = std::count(contents.begin(), contents.end(), '\n');
    if (IsCxx(path) && lines > kWarnLines) {
      std::cout << "note: " << path << " has " << lines << " lines (" << kWarnLines
                << " is the habit)\n";
    }
  }
  EXPECT_THAT(found, testing::IsEmpty());
}

constexpr char kLicence[] = "// SPDX-License-Identifier: Apache-2.0\n";

std::vector<std::string> Planted(const std::string& path, const std::string& line) {
  return Violations(path, kLicence + line + "\n");
}

TEST(LayeringTest, PlantedIncludesAreFound) {
  const struct {
    const char* path;
    const char* line;
  } faults[] = {
      {"cpu/cast.cc", "#include \"reference/ops/cast.h\""},
      {"cpu/cast.cc", "  #  include \"reference/compare/judge.h\""},
      {"reference/ops/cast.cc", "#include \"cpu/targets.h\""},
      {"reference/ops/cast.cc", "#include \"reference/compare/judge.h\""},
      {"reference/compare/judge.cc", "#include \"cpu/targets.h\""},
      {"formats/codec.h", "#include \"reference/ops/cast.h\""},
      {"base/text.h", "#include \"formats/codec.h\""},
      {"io/npy.cc", "#include \"cli/command.h\""},
      {"cli/main.cc", "#include \"tests/support/matchers.h\""},
      {"cpu/cast.cc", "#include <mpfr.h>"},
      {"cli/main.cc", "#include <gmp.h>"},
      {"formats/codec.cc", "#include <boost/multiprecision/cpp_int.hpp>"},
      {"cpu/cast.cc", "#include <gtest/gtest.h>"},
      {"reference/ops/cast.cc", "#include <hwy/highway.h>"},
      {"elsewhere/new.cc", "#include <string>"},
  };
  for (const auto& [path, line] : faults) {
    EXPECT_THAT(Planted(path, line), testing::SizeIs(1)) << path << " with " << line;
  }
}

TEST(LayeringTest, IncludesAlongTheArrowsAreNotFaults) {
  EXPECT_THAT(Planted("cpu/cast.cc", "#include <hwy/highway.h>"), testing::IsEmpty());
  EXPECT_THAT(Planted("reference/exact/dyadic.cc", "#include <mpfr.h>"), testing::IsEmpty());
  EXPECT_THAT(Planted("reference/compare/judge.cc", "#include \"reference/ops/cast.h\""),
              testing::IsEmpty());
  EXPECT_THAT(Planted("tests/cpu/cast_test.cc", "#include \"reference/ops/cast.h\""),
              testing::IsEmpty());
  EXPECT_THAT(Planted("cpu/cast.cc", "// #include \"reference/ops/cast.h\""), testing::IsEmpty());
}

TEST(LayeringTest, PlantedShapeFaultsAreFound) {
  EXPECT_THAT(Violations("base/new.h", "#include <string>\n"), testing::SizeIs(1)) << "no SPDX";
  EXPECT_THAT(Violations("cmake/New.cmake", "message(x)\n"), testing::SizeIs(1)) << "no SPDX";
  EXPECT_THAT(Violations("docs/two words.md", ""), testing::SizeIs(1)) << "blank in a path";
  EXPECT_THAT(Planted("base/new.cc", "using namespace std;"), testing::SizeIs(1));
  for (const std::string_view word : BannedWords()) {
    EXPECT_THAT(Planted("base/new.cc", std::string(word)), testing::SizeIs(1)) << word;
  }
  EXPECT_THAT(Planted("tests/new_test.cc", kSetsRounding), testing::SizeIs(1))
      << "the rounding direction is not put back";
  EXPECT_THAT(Planted("tests/new_test.cc", kAsksRounding + kSetsRounding), testing::IsEmpty());
  EXPECT_THAT(Planted("base/new.cc", std::string(kMaxLines, '\n')), testing::SizeIs(1))
      << "too long";
}

}  // namespace
}  // namespace ulproof
