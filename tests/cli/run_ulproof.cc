// SPDX-License-Identifier: Apache-2.0
#include "tests/cli/run_ulproof.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <thread>

namespace ulproof::cli {
namespace {

// Everything that can be read from `fd` until its end.
std::string Drain(int fd) {
  std::string text;
  std::array<char, 65536> buffer;
  for (ssize_t got; (got = read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  close(fd);
  return text;
}

void Feed(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t put = write(fd, text.data() + done, text.size() - done);
    if (put <= 0) break;  // The program stopped reading: its business.
    done += static_cast<std::size_t>(put);
  }
  close(fd);
}

[[noreturn]] void Exec(const std::vector<std::string>& arguments, const CommandSetup& setup, int in,
                       int out, int err) {
  if (!setup.out_path.empty()) out = open(setup.out_path.c_str(), O_WRONLY | O_CREAT, 0600);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  signal(SIGPIPE, SIG_DFL);
  if (setup.max_file_bytes > 0) {
    const auto bytes = static_cast<rlim_t>(setup.max_file_bytes);
    const rlimit limit = {bytes, bytes};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  for (const std::string& entry : setup.environment) putenv(const_cast<char*>(entry.c_str()));
  std::vector<char*> argv = {const_cast<char*>("ulproof")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(ULPROOF_BINARY, argv.data());
  _exit(127);
}

// Sends the signal as soon as the named file appears.
void KillWhenExists(pid_t child, const CommandSetup& setup) {
  for (int i = 0; i < 20000; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(setup.kill_in_directory)) {
      if (entry.path().filename().string().starts_with(setup.kill_when_exists)) {
        kill(child, setup.kill_signal);
        return;
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ADD_FAILURE() << setup.kill_when_exists << " never appeared";
  kill(child, SIGKILL);
}

}  // namespace

CommandResult RunUlproof(const std::vector<std::string>& arguments, const CommandSetup& setup) {
  signal(SIGPIPE, SIG_IGN);
  std::array<int, 2> in, out, err;
  EXPECT_EQ(
      pipe2(in.data(), O_CLOEXEC) | pipe2(out.data(), O_CLOEXEC) | pipe2(err.data(), O_CLOEXEC), 0);
  const pid_t child = fork();
  EXPECT_GE(child, 0);
  if (child == 0) Exec(arguments, setup, in[0], out[1], err[1]);
  close(in[0]);
  close(out[1]);
  close(err[1]);
  CommandResult result;
  std::jthread feeder([&] { Feed(in[1], setup.input); });
  std::jthread out_reader([&] { result.out = Drain(out[0]); });
  std::jthread err_reader([&] { result.err = Drain(err[0]); });
  if (!setup.kill_when_exists.empty()) KillWhenExists(child, setup);
  if (setup.kill_after_ms > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(setup.kill_after_ms));
    kill(child, setup.kill_signal);  // Not waited for yet, so the number is still its own.
  }
  int status = 0;
  rusage usage{};
  EXPECT_EQ(wait4(child, &status, 0, &usage), child);
  feeder.join();
  out_reader.join();
  err_reader.join();
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.peak_memory_kib = usage.ru_maxrss;
  return result;
}

}  // namespace ulproof::cli
