// SPDX-License-Identifier: Apache-2.0
// Runs thread blocks of one program. A warp is a list of fragments, each a set of lanes at one
// instruction; the fragment with the lowest instruction always runs, and fragments that meet merge,
// which reconverges what compilers emit without knowing post-dominators. Lanes that a warp-wide
// operation names must come to that very instruction (for bar.warp.sync: to any one); else the run
// ends with a deadlock report. Internal to launch.cc.
#ifndef ULPROOF_GPU_PTX_INTERPRETER_H_
#define ULPROOF_GPU_PTX_INTERPRETER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gpu/ptx/block.h"
#include "gpu/ptx/compiled_runs.h"
#include "gpu/ptx/launch.h"
#include "gpu/ptx/program.h"

namespace ulproof::gpu::ptx {

// What runs of blocks add up to.
struct BlockCounts {
  // For each operation, how often runs of operations began there, less how often they ended before
  // it: the prefix sum is how often it was issued. One entry more than operations.
  std::vector<std::int64_t> warp_steps;
  std::vector<std::int64_t> thread_steps;
  std::uint64_t branches = 0;
  std::uint64_t divergent_branches = 0;
};

struct BlockEnvironment {
  const Program* program = nullptr;
  const CompiledRuns* compiled = nullptr;
  LaunchShape shape;
  LaunchOptions options;
  Memory* memory = nullptr;
  std::span<const std::uint8_t> parameters;
  std::vector<std::uint64_t> module_addresses;  // By Program::addresses.
};

// The state of one block, reused for one after another by one thread.
class BlockRunner {
 public:
  explicit BlockRunner(const BlockEnvironment& environment);

  // Runs the block with that linear index. False: it faulted, see block().fault.
  bool Run(std::uint64_t block_index);

  const Block& block() const { return block_; }
  const BlockCounts& counts() const { return counts_; }
  const RaceCheck* race() const { return race_.get(); }

 private:
  struct Fragment {
    std::uint32_t pc;
    LaneMask mask;
    bool waits;  // For the other lanes of a member mask: not before a merge.
  };
  // Lanes of one warp that stand at a barrier.
  struct Parked {
    std::uint32_t warp;
    std::uint32_t pc;
    LaneMask mask;
  };
  struct Barrier {
    std::uint32_t arrived = 0;    // Threads.
    std::uint32_t expected = 0;   // 0: every thread of the block that has not exited.
    std::uint32_t set_lanes = 0;  // bar.red: threads whose predicate holds.
    std::vector<Parked> parked;
  };
  struct WarpState {
    Warp warp;
    LaneMask born;  // Lanes that have a thread.
    std::array<Fragment, kLanes> fragments;
    std::uint32_t count;
  };

  std::uint64_t ParameterValue(const Program::ParameterConstant& parameter) const;
  void FillConstants();
  void StartWarps(std::uint64_t block_index);
  void RunWarp(WarpState& state);
  // Runs fragment `at` until it branches, waits, ends, or reaches another fragment.
  void RunFragment(WarpState& state, std::uint32_t at);
  void RunStraight(Warp& warp, LaneMask mask, std::uint32_t begin, std::uint32_t end);
  bool Step(WarpState& state, std::uint32_t at);
  bool Branch(WarpState& state, std::uint32_t at, LaneMask taken, std::uint32_t target);
  bool IndexedBranch(WarpState& state, std::uint32_t at, const Operation& operation, LaneMask mask);
  bool Members(WarpState& state, std::uint32_t at, const Operation& operation, LaneMask mask);
  void ReleaseWarpBarrier(WarpState& state);
  bool Arrive(WarpState& state, std::uint32_t at, const Operation& operation, LaneMask mask);
  void Release(Barrier& barrier);
  void ReleaseComplete();
  void Insert(WarpState& state, Fragment fragment);
  void Remove(WarpState& state, std::uint32_t at);
  void Record(std::uint32_t begin, std::uint32_t end, LaneMask mask);
  void Fail(const WarpState& state, std::uint32_t pc, LaneMask mask, std::string message);
  void ReportDeadlock();

  const BlockEnvironment& environment_;
  const Program& program_;
  Block block_;
  BlockCounts counts_;
  std::unique_ptr<RaceCheck> race_;
  std::unique_ptr<std::byte[]> registers_;
  std::byte* file_ = nullptr;  // registers_, aligned.
  std::vector<WarpState> warps_;
  std::vector<std::uint32_t> order_;
  std::array<Barrier, 16> barriers_;
  std::uint32_t alive_ = 0;  // Threads that have not exited.
  std::uint64_t budget_ = 0;
};

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_INTERPRETER_H_
