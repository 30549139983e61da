#include "job/exit_code.h"

#include <new>
#include <sstream>
#include <stdexcept>

#include "cli/command_line.h"
#include "gtest/gtest.h"

namespace cnnopt {
namespace {

TEST(ExitCode, FollowsWhereTheErrorCameFrom) {
  const absl::Status missing = absl::NotFoundError("missing");
  EXPECT_EQ(StatusToExitCode(From(Origin::kUsage, missing)), 2);
  EXPECT_EQ(StatusToExitCode(From(Origin::kInput, missing)), 3);
  EXPECT_EQ(StatusToExitCode(From(Origin::kSlim, missing)), 3);
  EXPECT_EQ(StatusToExitCode(From(Origin::kOutput, missing)), 74);
  EXPECT_EQ(StatusToExitCode(From(Origin::kSlim, absl::FailedPreconditionError("no runtime"))), 2);
  EXPECT_EQ(StatusToExitCode(From(Origin::kSlim, absl::UnimplementedError("op"))), 3);
  EXPECT_EQ(StatusToExitCode(absl::OkStatus()), 0);
}

TEST(ExitCode, DefectsOfOurOwnAreCalledThat) {
  EXPECT_EQ(StatusToExitCode(absl::NotFoundError("nobody said where")), 1);
  for (const Origin origin : {Origin::kUsage, Origin::kInput, Origin::kSlim, Origin::kOutput}) {
    EXPECT_EQ(StatusToExitCode(From(origin, absl::InternalError("broken"))), 1);
  }
}

TEST(ExitCode, TheFirstOriginStays) {
  const absl::Status status = From(Origin::kOutput, From(Origin::kInput, absl::NotFoundError("m")));
  EXPECT_EQ(StatusToExitCode(status), 3);
  EXPECT_EQ(status.message(), "m");
}

TEST(ExitCode, FromPassesValuesThrough) {
  EXPECT_EQ(*From(Origin::kInput, absl::StatusOr<int>(7)), 7);
  EXPECT_TRUE(From(Origin::kInput, absl::OkStatus()).ok());
}

TEST(Guarded, OutOfMemoryIsTemporary) {
  std::ostringstream err;
  EXPECT_EQ(Guarded([]() -> ExitCode { throw std::bad_alloc(); }, err), 75);
  EXPECT_EQ(err.str(), "cnnopt: out of memory\n");
}

TEST(Guarded, OtherExceptionsAreInternal) {
  std::ostringstream err;
  EXPECT_EQ(Guarded([]() -> ExitCode { throw std::runtime_error("two\nlines\x1b"); }, err), 1);
  EXPECT_EQ(err.str(), "cnnopt: internal error: two lines\\x1b\n");
}

TEST(Guarded, PassesTheCodeThrough) {
  std::ostringstream err;
  EXPECT_EQ(Guarded([] { return kExitVerification; }, err), 4);
  EXPECT_EQ(err.str(), "");
}

}  // namespace
}  // namespace cnnopt
