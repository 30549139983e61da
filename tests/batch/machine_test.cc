#include "batch/machine.h"

#include <map>
#include <string>

#include "gtest/gtest.h"
#include "onnx_io/memory_limit.h"

namespace cnnopt {
namespace {

Environment Of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

TEST(Machine, ProcessorsAreThoseOfTheTask) {
  const int64_t all = Processors(Of({}));
  EXPECT_GE(all, 1);
  EXPECT_EQ(Processors(Of({{"SLURM_CPUS_PER_TASK", "1"}})), 1);
  EXPECT_EQ(Processors(Of({{"SLURM_CPUS_PER_TASK", "100000"}})), all);
  for (const char* odd : {"", "0", "-3", "two"}) EXPECT_EQ(Processors(Of({{"SLURM_CPUS_PER_TASK", odd}})), all) << odd;
}

TEST(Machine, MemoryIsThatOfTheTask) {
  const int64_t machine = DefaultMemoryLimit();
  EXPECT_EQ(MemoryBudget(Of({}), 2), machine);
  EXPECT_EQ(MemoryBudget(Of({{"SLURM_MEM_PER_NODE", "100"}}), 2), int64_t{80} << 20);
  EXPECT_EQ(MemoryBudget(Of({{"SLURM_MEM_PER_CPU", "50"}}), 2), int64_t{80} << 20);
  EXPECT_EQ(MemoryBudget(Of({{"SLURM_MEM_PER_NODE", "100000000"}}), 2), machine);
}

}  // namespace
}  // namespace cnnopt
