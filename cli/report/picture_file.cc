// SPDX-License-Identifier: Apache-2.0
#include "cli/report/picture_file.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "cli/report/file.h"

namespace ulproof::cli {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

base::Error Failed(const std::string& why) {
  return base::EnvironmentError("cannot make a PNG: " + why +
                                "; --svg needs no other program (Debian: librsvg2-bin)");
}

// rsvg-convert from one unnamed file to another: no pipe can fill up, nothing is left behind.
base::Status Convert(std::FILE* svg, std::FILE* png) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(svg), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(png), STDOUT_FILENO);
  std::string arguments[] = {"rsvg-convert", "--zoom=2", "--format=png"};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
  pid_t child = 0;
  const int spawned = posix_spawnp(&child, "rsvg-convert", &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (spawned == ENOENT) return Failed("rsvg-convert is not installed");
  if (spawned != 0) return Failed(std::strerror(spawned));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return Failed("rsvg-convert failed");
  return base::Done{};
}

}  // namespace

base::Status WriteSvg(const std::string& path, const Picture& picture) {
  return WriteReport(path, RenderSvg(picture));
}

base::Status WritePng(const std::string& path, const Picture& picture) {
  const std::string text = RenderSvg(picture);
  const File svg(std::tmpfile());
  const File png(std::tmpfile());
  if (!svg || !png) return Failed(std::strerror(errno));
  if (std::fwrite(text.data(), 1, text.size(), svg.get()) != text.size() ||
      std::fflush(svg.get()) != 0 || std::fseek(svg.get(), 0, SEEK_SET) != 0) {
    return Failed(std::strerror(errno));
  }
  if (base::Status converted = Convert(svg.get(), png.get()); !converted.ok()) return converted;
  std::string bytes;
  char buffer[1 << 16];
  std::rewind(png.get());
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof(buffer), png.get())) > 0;) {
    bytes.append(buffer, got);
  }
  if (bytes.empty()) return Failed("rsvg-convert wrote nothing");
  return WriteReport(path, bytes);
}

}  // namespace ulproof::cli
