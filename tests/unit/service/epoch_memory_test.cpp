#include "service/epoch_memory.hpp"

#include "store/posix_file.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

namespace mas {
namespace {

struct Directory {
  TempDir temporary;
  PosixFileSystem files;
  std::string path = temporary.path().string();
};

}  // namespace

TEST_CASE("a data directory that no broker was seen from knows of none") {
  Directory data;
  CHECK(EpochMemory(data.files, data.path).latest().value() == BrokerEpoch{});
}

TEST_CASE("the latest broker is remembered, by whichever process saw it") {
  Directory data;
  REQUIRE(EpochMemory(data.files, data.path).remember({7, 0xabc, milliseconds{3000}}));
  EpochMemory other(data.files, data.path);
  CHECK(other.latest().value() == BrokerEpoch{7, 0xabc, milliseconds{3000}});
  REQUIRE(other.remember({9, 1, milliseconds{1}}));
  REQUIRE(other.remember({9, 1, milliseconds{1}}));  // every worker says it
  REQUIRE(
      EpochMemory(data.files, data.path).remember({8, 2, milliseconds{1}}));  // one that is late
  CHECK(other.latest().value() == BrokerEpoch{9, 1, milliseconds{1}});
}

TEST_CASE("of two brokers of one epoch the longer leases count") {
  Directory data;
  EpochMemory epochs(data.files, data.path);
  REQUIRE(epochs.remember({7, 0x2, milliseconds{1000}}));
  REQUIRE(epochs.remember({7, 0x1, milliseconds{9000}}));
  CHECK(epochs.latest().value() == BrokerEpoch{7, 0x2, milliseconds{9000}});
}

TEST_CASE("files that are no broker's are not taken for one") {
  Directory data;
  REQUIRE(EpochMemory(data.files, data.path).remember({7, 0xabc, milliseconds{3000}}));
  for (const auto* name :
       {"ffffffff", "FFFFFFFF-0000000000000001-00000bb8", "ffffffff-0000000000000001",
        "ffffffff_0000000000000001-00000bb8", "ffffffff-000000000000001-00000bb8",
        "ffffffff-0000000000000001-00000bb8.new"}) {
    REQUIRE(data.files.create(data.path + "/epochs/" + name));
  }
  CHECK(EpochMemory(data.files, data.path).latest().value() ==
        BrokerEpoch{7, 0xabc, milliseconds{3000}});
}

TEST_CASE("a directory that cannot be read is told, not guessed") {
  Directory data;
  REQUIRE(data.files.create(data.path + "/epochs"));  // a file
  EpochMemory epochs(data.files, data.path);
  CHECK_FALSE(epochs.latest());
  CHECK_FALSE(epochs.remember({1, 1, milliseconds{1}}));
}

}  // namespace mas
