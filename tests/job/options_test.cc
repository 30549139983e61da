#include "job/options.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/help.h"
#include "cli/passes_command.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "passes/catalog.h"

namespace cnnopt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// Splits at blanks; every argument of these tests is free of them.
absl::StatusOr<SlimArguments> Parse(absl::string_view line) {
  return ParseSlimArguments(absl::StrSplit(line, ' ', absl::SkipEmpty()));
}

SlimArguments Parsed(absl::string_view line) {
  absl::StatusOr<SlimArguments> arguments = Parse(line);
  EXPECT_TRUE(arguments.ok()) << line << ": " << arguments.status();
  return arguments.ok() ? *std::move(arguments) : SlimArguments();
}

TEST(Options, DefaultsAreTheDocumentedOnes) {
  const SlimArguments a = Parsed("in.onnx out.onnx");
  EXPECT_EQ(a.in, "in.onnx");
  EXPECT_EQ(a.out, "out.onnx");
  EXPECT_THAT(a.passes, IsEmpty());
  EXPECT_TRUE(a.cleanup && a.latency && a.provenance);
  EXPECT_FALSE(a.dry_run || a.force || a.fail_if_unchanged || a.quiet || a.verbose || a.assume_constant);
  EXPECT_EQ(a.verify, Verify::kEnforce);
  EXPECT_EQ(a.seed, 1u);
  EXPECT_FALSE(a.target_macs.has_value() || a.target_params.has_value() || a.target_size.has_value());
  EXPECT_FALSE(a.bounds.max_error.has_value() || a.bounds.min_agreement.has_value() || a.samples.has_value());
  EXPECT_FALSE(a.external_threshold.has_value());
}

TEST(Options, EveryFlagArrives) {
  const SlimArguments a = Parsed(
      "--target-macs=0.5 --target-params=0.4 --target-size=1.5MB --max-error 2e-2 --min-agreement=0.9 "
      "--calibration=c.npy --calibration=mask=m.npy --samples=16 --seed=7 --max-memory=1.5GB --input-shape=x:1,3,8,8 "
      "--no-cleanup --assume-constant --report=a.json --report=b.json --dry-run --force --fail-if-unchanged "
      "--fit=weights --external-data=4K --no-provenance --verify=report --no-latency --threads=3 --ort=lib.so -v "
      "in.onnx out.onnx");
  EXPECT_EQ(a.target_macs, 0.5);
  EXPECT_EQ(a.target_params, 0.4);
  EXPECT_EQ(a.target_size->bytes, 1'500'000);
  EXPECT_EQ(a.target_size->fraction, 0);
  EXPECT_EQ(a.bounds.max_error, 0.02);
  EXPECT_EQ(a.bounds.min_agreement, 0.9);
  EXPECT_THAT(a.calibration, ElementsAre("c.npy", "mask=m.npy"));
  EXPECT_EQ(a.samples, 16);
  EXPECT_EQ(a.seed, 7u);
  EXPECT_EQ(a.max_memory, 1'500'000'000);
  EXPECT_THAT(a.input_shapes, ElementsAre(Pair("x", ElementsAre(1, 3, 8, 8))));
  EXPECT_FALSE(a.cleanup || a.provenance || a.latency || a.quiet);
  EXPECT_TRUE(a.assume_constant && a.dry_run && a.force && a.fail_if_unchanged && a.verbose);
  EXPECT_THAT(a.reports, ElementsAre("a.json", "b.json"));
  EXPECT_EQ(a.external_threshold, 4096);
  EXPECT_EQ(a.verify, Verify::kReport);
  EXPECT_EQ(a.fit, Fit::kWeights);
  EXPECT_EQ(a.threads, 3);
  EXPECT_EQ(a.ort, "lib.so");
  EXPECT_EQ(a.in, "in.onnx");
  EXPECT_EQ(a.out, "out.onnx");
}

TEST(Options, FlagsMayStandAnywhereAndTakeNoPositions) {
  for (const char* line : {"--report r.json in out", "in --report r.json out", "in out --report r.json",
                           "--report r.json --pass dsc in out", "--external-data in out", "in --pass dsc out"}) {
    const SlimArguments a = Parsed(line);
    EXPECT_EQ(a.in, "in") << line;
    EXPECT_EQ(a.out, "out") << line;
  }
  const SlimArguments a = Parsed("-q -- --strange.onnx -out");
  EXPECT_EQ(a.in, "--strange.onnx");
  EXPECT_EQ(a.out, "-out");
  EXPECT_TRUE(a.quiet);
}

TEST(Options, PassesByRepetitionAndByCommas) {
  const SlimArguments a = Parsed("in out --pass=dsc:rank=2,fold-batch-norm --pass=fold-constants");
  ASSERT_EQ(a.passes.size(), 3u);
  EXPECT_EQ(a.passes[0].name, "dsc");
  EXPECT_EQ(a.passes[0].rank, 2);
  EXPECT_EQ(a.passes[1].name, "fold-batch-norm");
  EXPECT_EQ(a.passes[1].rank, std::nullopt);
  EXPECT_EQ(a.passes[2].name, "fold-constants");
  EXPECT_THAT(Parsed("in out --pass=auto").passes, IsEmpty());
}

TEST(Options, InputShapesSplitAtTheLastColon) {
  EXPECT_THAT(Parsed("in out --input-shape=input:0:1,3,8,8").input_shapes,
              ElementsAre(Pair("input:0", ElementsAre(1, 3, 8, 8))));
  EXPECT_THAT(Parsed("in out --input-shape=1,3,8,8").input_shapes, ElementsAre(Pair("", ElementsAre(1, 3, 8, 8))));
  EXPECT_THAT(Parsed("in out --input-shape=a:1 --input-shape b:2").input_shapes,
              ElementsAre(Pair("a", ElementsAre(1)), Pair("b", ElementsAre(2))));
}

TEST(Options, ExternalDataTakesASizeOnlyWithAnEqualsSign) {
  EXPECT_EQ(Parsed("in out --external-data").external_threshold, kDefaultExternalThreshold);
  EXPECT_EQ(Parsed("in out --external-data=0").external_threshold, 0);
  EXPECT_EQ(Parsed("in out --external-data=2M").external_threshold, 2 * 1024 * 1024);
}

TEST(Options, HelpAndVersionNeedNothingElse) {
  EXPECT_EQ(Parsed("--help").action, SlimArguments::Action::kHelp);
  EXPECT_EQ(Parsed("-h in").action, SlimArguments::Action::kHelp);
  EXPECT_EQ(Parsed("--version").action, SlimArguments::Action::kVersion);
}

TEST(Options, EveryLimitOfTheReaderHasAFlag) {
  for (const LimitInfo& limit : AllLimits()) {
    EXPECT_EQ(Parsed("in out").limits.*limit.field, Limits().*limit.field) << limit.flag;
    const SlimArguments a = Parsed(absl::StrCat("in out ", limit.flag, "=12"));
    for (const LimitInfo& other : AllLimits()) {
      EXPECT_EQ(a.limits.*other.field, other.flag == limit.flag ? 12 : Limits().*other.field) << limit.flag;
    }
    EXPECT_THAT(HelpText(), HasSubstr(limit.flag));
    for (const char* wrong : {"0", "-1", "1e3", "9223372036854775807", ""}) {
      EXPECT_FALSE(Parse(absl::StrCat("in out ", limit.flag, "=", wrong)).ok()) << limit.flag << wrong;
    }
  }
  EXPECT_EQ(Parsed("in out --max-file-bytes=2147483647").limits.file_bytes, 2'147'483'647);
  EXPECT_EQ(Parsed("in out --max-model-memory=3GiB").limits.memory_bytes, int64_t{3} << 30);
}

TEST(Options, DryRunNeedsNoOut) { EXPECT_EQ(Parsed("in --dry-run").out, ""); }

struct Refused {
  const char* line;
  const char* message;  // a part of it
};

TEST(Options, RefusesWhatMakesNoSense) {
  const Refused cases[] = {
      {"", "IN and OUT are missing"},
      {"in", "OUT is missing"},
      {"in out third", "unexpected third argument 'third'"},
      {"in out --target-mac=0.5", "unknown option --target-mac, did you mean --target-macs?"},
      {"in out --traget-macs 0.5", "unknown option --traget-macs, did you mean --target-macs?"},
      {"in out --calib=x", "did you mean --calibration?"},
      {"in out --frobnicate", "unknown option --frobnicate, 'cnnopt --help' lists them"},
      {"in out -x", "unknown option -x"},
      {"in out --pass=dcs", "unknown pass 'dcs', did you mean 'dsc'?"},
      {"in out --pass=fold-batchnorm", "did you mean 'fold-batch-norm'?"},
      {"in out --pass=", "--pass needs a value: --pass=NAME[:rank=N]"},
      {"--calibration= in out", "--calibration needs a value"},
      {"in out --pass=dsc,", "unknown pass ''"},
      {"in out --pass=dsc:rang=2", "unknown setting 'rang=2' of dsc"},
      {"in out --pass=dsc:rank=0", "expected rank="},
      {"in out --pass=dsc:rank=2x", "expected rank="},
      {"in out --pass=dsc:rank=", "expected rank="},
      {"in out --pass=dsc:rank=1:rank=2", "rank is given twice"},
      {"in out --pass=dsc --pass=dsc:rank=2", "pass dsc is given twice"},
      {"in out --pass=fold-batch-norm:rank=2", "a cleanup pass has no rank"},
      {"in out --pass=auto,dsc", "--pass=auto"},
      {"in out --pass=dsc:rank=2 --target-macs=0.5", "exclude each other"},
      {"in out --pass=dsc:rank=2 --target-params=0.5", "rank= and --target-params exclude each other"},
      {"in out --pass=dsc:rank=2 --target-size=1MB", "rank= and --target-size exclude each other"},
      {"in out --no-cleanup --pass=fold-batch-norm", "exclude each other"},
      {"in out -q -v", "exclude each other"},
      {"in out --samples=0", "expected a whole number from 1 to 1000000"},
      {"in out --samples=1.5", "expected a whole number"},
      {"in out --max-memory=5", "expected bytes like 500MB or 2GiB"},
      {"in out --max-depth=1001", "expected a whole number from 1 to 1000"},
      {"in out --max-file-bytes=2147483648", "expected a whole number from 1 to 2147483647"},
      {"in out --seed=-1", "expected a whole number from 0 to 18446744073709551615"},
      {"in out --seed=18446744073709551616", "expected a whole number"},
      {"in out --threads=-1", "expected a whole number from 0 to 1024"},
      {"in out --threads=1025", "expected a whole number from 0 to 1024"},
      {"in out --input-shape=x:1,3,-1", "sizes from 1 on"},
      {"in out --input-shape=x:", "sizes from 1 on"},
      {"in out --input-shape=x:1,,3", "sizes from 1 on"},
      {"in out --input-shape=x:1x3", "sizes from 1 on"},
      {"in out --input-shape=x:4294967296,4294967296", "64 bits"},
      {"in out --input-shape=x:1 --input-shape=x:2", "a shape of input 'x' is given twice"},
      {"in out --fit=data", "--fit=data: expected samples or weights"},
      {"in out --verify=maybe", "--verify=maybe: expected enforce, report or off"},
      {"in out --report=r.txt", "--report=r.txt: expected a file name that ends in .json, .md, .csv or .html"},
      {"in out --external-data=4G", "expected a size like 1024, 4K or 1M"},
      {"in out --external-data=-1", "expected a size"},
      {"in out --external-data=9223372036854775807K", "expected a size"},
      {"in out --force=maybe", "--force takes no value, found 'maybe'"},
      {"in out --seed=1 --seed=2", "--seed is given twice"},
      {"in out --target-macs", "--target-macs needs a value: --target-macs=X"},
      {"in out --scale=1 --scale=2", "--scale is given twice"},
      {"in out --calibration=a --scale=0",
       "--scale=0: expected one number or three, like 0.5 or 0.5,0.4,0.3, none of them 0"},
      {"in out --calibration=a --std=1,0,1", "none of them 0"},
      {"in out --calibration=a --mean=1,2", "expected one number or three"},
      {"in out --calibration=a --mean=1,2,3,4", "expected one number or three"},
      {"in out --calibration=a --mean=1,,3", "expected one number or three"},
      {"in out --calibration=a --mean=inf", "expected one number or three"},
      {"in out --calibration=a --resize=224x", "--resize=224x: expected WxH, N or fit, sizes from 1 to 65535"},
      {"in out --calibration=a --resize=x224", "expected WxH, N or fit"},
      {"in out --calibration=a --resize=0", "expected WxH, N or fit"},
      {"in out --calibration=a --resize=65536x1", "expected WxH, N or fit"},
      {"in out --calibration=a --resize=1x2x3", "expected WxH, N or fit"},
      {"in out --calibration=a --crop=fit", "--crop=fit: expected WxH, N or center"},
      {"in out --calibration=a --crop=-1", "expected WxH, N or center"},
      {"in out --calibration=a --channel-order=grb", "--channel-order=grb: expected rgb, bgr or gray"},
      {"in out --calibration=a --layout=chw", "--layout=chw: expected nchw, nhwc or auto"},
      {"in out --mean=0.5", "--mean=0.5 is for images, which --calibration gives"},
  };
  for (const Refused& refused : cases) {
    const absl::StatusOr<SlimArguments> arguments = Parse(refused.line);
    ASSERT_FALSE(arguments.ok()) << refused.line;
    EXPECT_EQ(arguments.status().code(), absl::StatusCode::kInvalidArgument) << refused.line;
    EXPECT_THAT(std::string(arguments.status().message()), HasSubstr(refused.message)) << refused.line;
    EXPECT_EQ(arguments.status().message().find('\n'), absl::string_view::npos) << refused.line;
  }
}

TEST(Options, FractionsAreParsedStrictly) {
  for (const char* flag : {"--target-macs", "--target-params", "--max-error", "--min-agreement"}) {
    for (const char* text :
         {"0", "-0.5", "1.01", "nan", "inf", "0.5x", "0,5", "+0.5", "0x1p-1", "", "1e400", "1e-400"}) {
      const absl::StatusOr<SlimArguments> arguments = ParseSlimArguments({"in", "out", flag, text});
      ASSERT_FALSE(arguments.ok()) << flag << "=" << text;
      EXPECT_THAT(std::string(arguments.status().message()),
                  HasSubstr(absl::StrCat(flag, "=", text, ": expected a number above 0 and at most 1")));
    }
    for (const char* text : {"1", "0.5", ".5", "5e-1", "1e-300"}) {
      EXPECT_TRUE(ParseSlimArguments({"in", "out", flag, text}).ok()) << flag << "=" << text;
    }
  }
}

TEST(Options, TimeIsAFractionOrMilliseconds) {
  EXPECT_EQ(Parsed("in out --target-latency=0.5").target_latency->fraction, 0.5);
  EXPECT_EQ(Parsed("in out --target-latency=12.5ms").target_latency->milliseconds, 12.5);
  EXPECT_EQ(Parsed("in out --target-latency=12.5ms").target_latency->fraction, 0);
  for (const char* text : {"0", "1.5", "12", "-3ms", "0ms", "ms", "12s", ""}) {
    const absl::StatusOr<SlimArguments> arguments = ParseSlimArguments({"in", "out", "--target-latency", text});
    EXPECT_FALSE(arguments.ok()) << text;
    EXPECT_THAT(std::string(arguments.status().message()), HasSubstr("--target-latency")) << text;
  }
}

TEST(Options, ACostCacheIsForABudgetOfTime) {
  EXPECT_EQ(Parsed("in out --target-latency=0.5 --cost-cache=times.json").cost_cache, "times.json");
  const absl::StatusOr<SlimArguments> arguments =
      ParseSlimArguments({"in", "out", "--target-macs=0.5", "--cost-cache=times.json"});
  ASSERT_FALSE(arguments.ok());
  EXPECT_THAT(std::string(arguments.status().message()), HasSubstr("--cost-cache"));
}

TEST(Options, AFileSizeIsAFractionOrBytesWithTheirUnit) {
  const std::pair<const char*, int64_t> sizes[] = {{"512KB", 512'000},          {"512K", 512'000},
                                                   {"1.5M", 1'500'000},         {"2GB", 2'000'000'000},
                                                   {"10MiB", 10 * 1024 * 1024}, {"700B", 700}};
  for (const auto& [text, bytes] : sizes) {
    const SlimArguments a = Parsed(absl::StrCat("in out --target-size=", text));
    EXPECT_EQ(a.target_size->bytes, bytes) << text;
    EXPECT_EQ(a.target_size->fraction, 0) << text;
  }
  EXPECT_EQ(Parsed("in out --target-size=0.25").target_size->fraction, 0.25);
  EXPECT_EQ(Parsed("in out --target-size=1").target_size->fraction, 1);
  for (const char* text : {"0", "1.5", "-1KB", "1e30MB", "nan", "nanKB", "infB", "0B", "KB", "5 MB", "10mb", "0.1B"}) {
    const absl::StatusOr<SlimArguments> arguments = ParseSlimArguments({"in", "out", "--target-size", text});
    ASSERT_FALSE(arguments.ok()) << text;
    EXPECT_THAT(std::string(arguments.status().message()), HasSubstr("or bytes like 800KB")) << text;
  }
}

TEST(Options, MessagesCannotSteerATerminal) {
  for (const char* word : {"--\x1b[31m", "--seed=\x1b[31m", "--pass=\x1b[31m", "--force=\x1b[31m"}) {
    const absl::StatusOr<SlimArguments> arguments = ParseSlimArguments({"in", "out", word});
    ASSERT_FALSE(arguments.ok());
    EXPECT_EQ(arguments.status().message().find('\x1b'), absl::string_view::npos) << word;
  }
}

TEST(CanonicalOptions, HoldWhatChangesTheBytesInAFixedOrder) {
  EXPECT_THAT(CanonicalOptions(Parsed("in out"), ""), IsEmpty());
  EXPECT_THAT(CanonicalOptions(Parsed("in out --seed=1 -q --threads=2 --force --report=r.json --ort=x"), ""),
              IsEmpty());
  EXPECT_THAT(CanonicalOptions(Parsed("in out --calibration=/home/me/c.npy --samples=4 --max-error=0.10 --seed=3 "
                                      "--input-shape=x:1,2 --input-shape=3 --pass=dsc:rank=2 --verify=off "
                                      "--assume-constant --external-data --fit=weights"),
                               "abc"),
              ElementsAre("--pass=dsc:rank=2", "--assume-constant", "--max-error=0.1", "--calibration=sha256:abc",
                          "--samples=4", "--fit=weights", "--seed=3", "--input-shape=3", "--input-shape=x:1,2",
                          "--verify=off", "--external-data=1024"));
}

TEST(Options, Images) {
  const ImageOptions images =
      Parsed(
          "in out --calibration=a --scale=0.017 --mean=123.7,116.3,103.5 --std=1,2,4 --resize=256x128 --crop=224 "
          "--channel-order=bgr --layout=nhwc")
          .images;
  EXPECT_THAT(images.scale, ElementsAre(0.017));
  EXPECT_THAT(images.mean, ElementsAre(123.7, 116.3, 103.5));
  EXPECT_THAT(images.deviation, ElementsAre(1, 2, 4));
  EXPECT_EQ(images.resize, (ResizeRule{ResizeRule::Kind::kExactly, {256, 128}}));
  EXPECT_EQ(images.crop, (CropRule{CropRule::Kind::kToSize, {224, 224}}));
  EXPECT_EQ(images.channel_order, ChannelOrder::kBgr);
  EXPECT_EQ(images.layout, ImageLayout::kNhwc);
  const ImageOptions others =
      Parsed("in out --calibration=a --resize=256 --crop=center --channel-order=gray --layout=auto").images;
  EXPECT_EQ(others.resize, (ResizeRule{ResizeRule::Kind::kShorter, {256, 256}}));
  EXPECT_EQ(others.crop.kind, CropRule::Kind::kToInput);
  EXPECT_EQ(others.channel_order, ChannelOrder::kGray);
  EXPECT_EQ(others.layout, ImageLayout::kAuto);
  EXPECT_EQ(Parsed("in out --calibration=a --resize=fit").images.resize.kind, ResizeRule::Kind::kFit);
  EXPECT_EQ(Parsed("in out --calibration=a").images, ImageOptions());
}

TEST(CanonicalOptions, ImagesParseBackToTheSameOptions) {
  for (const char* line :
       {"--scale=0.017 --mean=123.7,116.3,103.5 --std=1,2,4 --resize=256x128 --crop=224x100 --channel-order=bgr",
        "--mean=0.1 --resize=256 --crop=center --channel-order=gray --layout=nchw",
        "--std=0.3333333333333333 --resize=fit --channel-order=rgb --layout=nhwc"}) {
    const SlimArguments arguments = Parsed(absl::StrCat("in out --calibration=/home/me/a ", line));
    const std::vector<std::string> flags = CanonicalOptions(arguments, "abc");
    ASSERT_FALSE(flags.empty());
    EXPECT_EQ(flags[0], "--calibration=sha256:abc");
    EXPECT_EQ(absl::StrJoin(flags.begin() + 1, flags.end(), " "), line);
    EXPECT_EQ(Parsed(absl::StrCat("in out ", absl::StrJoin(flags, " "))).images, arguments.images);
  }
}

TEST(CanonicalOptions, ParseBackToTheSameOptions) {
  const char* line =
      "in out --target-macs=0.3333333333333333 --target-params=0.25 --target-size=1.5KiB --max-error=1e-05 "
      "--min-agreement=0.99 --no-cleanup --pass=dsc --verify=report";
  std::vector<std::string> flags = CanonicalOptions(Parsed(line), "");
  flags.insert(flags.begin(), {"in", "out"});
  const absl::StatusOr<SlimArguments> again = ParseSlimArguments(flags);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->target_macs, 0.3333333333333333);
  EXPECT_EQ(again->bounds.max_error, 1e-5);
  EXPECT_EQ(again->target_params, 0.25);
  EXPECT_EQ(again->target_size->bytes, 1536);
  EXPECT_EQ(again->bounds.min_agreement, 0.99);
  EXPECT_FALSE(again->cleanup);
  EXPECT_EQ(again->verify, Verify::kReport);
  ASSERT_EQ(again->passes.size(), 1u);
}

TEST(Help, NamesEveryFlagPassDefaultAndExitCodeWithin80Columns) {
  const std::string help = HelpText();
  for (const Flag& flag : Flags()) {
    EXPECT_THAT(help, HasSubstr(flag.name));
  }
  for (const PassEntry& entry : Catalog()) {
    EXPECT_THAT(help, HasSubstr(absl::StrCat("\n  ", entry.name, " ")));
  }
  EXPECT_THAT(help, HasSubstr(absl::StrCat(kDefaultMaxError)));
  EXPECT_THAT(help, HasSubstr(absl::StrCat(kBudgetMaxError)));
  for (const char* code : {"\n  0   ", "\n  4   ", "\n  74  ", "\n  75  "}) {
    EXPECT_THAT(help, HasSubstr(code));
  }
  for (const absl::string_view line : absl::StrSplit(help, '\n')) {
    EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(Passes, OneLineEach) {
  const std::string text = PassesText();
  for (const PassEntry& entry : Catalog()) {
    EXPECT_THAT(text, HasSubstr(entry.name));
    EXPECT_THAT(text, HasSubstr(entry.summary));
  }
  EXPECT_EQ(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')), Catalog().size());
}

}  // namespace
}  // namespace cnnopt
