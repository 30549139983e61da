#include "runtime/processor.h"

#include <sys/utsname.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cnnopt {
namespace {

using ::testing::HasSubstr;

TEST(Processor, IsNamedAsTheKernelNamesIt) {
  EXPECT_EQ(ProcessorIn("processor\t: 0\nmodel name\t: AMD EPYC 7763: 64-Core \nflags : fpu\n\nmodel name : other\n"),
            "AMD EPYC 7763: 64-Core");
  EXPECT_EQ(ProcessorIn("CPU implementer\t: 0x41\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\n"), "0x41 0xd0c 0x3");
  EXPECT_EQ(ProcessorIn(""), "");
}

TEST(Processor, OfThisMachineHasItsArchitecture) {
  struct utsname system{};
  ASSERT_EQ(uname(&system), 0);
  EXPECT_THAT(ProcessorName(), HasSubstr(system.machine));
}

}  // namespace
}  // namespace cnnopt
