#include "alerter/rule_file.hpp"

#include <algorithm>

#include "support/catch.hpp"
#include "support/faulty_file_system.hpp"

namespace mas {
namespace {

constexpr std::uint32_t shard = 7;

BookedRule booked(const std::string& id, double limit = 5) {
  return {.rule = {id, Op::max, seconds{1}, limit},
          .registered = wall_time(100),
          .judged_until = wall_time(100),
          .fired_until = std::nullopt};
}
std::string path(std::uint64_t token) { return fmt::format("data/rules/07/{:016x}.rules", token); }

/// A holder of the shard's lock: reads, then writes as the alerter does.
struct Holder {
  Holder(FileSystem& files, std::uint64_t token) : file(files, "data", shard, token) {
    auto read = file.load();
    REQUIRE(read);
    ignored_bytes = read->ignored_bytes;
    book = std::move(read->book);
  }
  template <typename Record>
  Result<void> write(const Record& record) {
    Bytes records;
    append_record(records, record);
    auto written = file.write(book, records);
    if (written) REQUIRE(book.apply(record));
    return written;
  }

  RuleFile file;
  RuleBook book;
  std::size_t ignored_bytes = 0;
};

std::vector<BookedRule> rules_on_disk(FileSystem& files, std::uint64_t token) {
  return Holder(files, token).book.rules();
}
bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

TEST_CASE("a shard without a file has no rules, and reading makes none") {
  FaultyFileSystem files;
  CHECK(rules_on_disk(files, 1).empty());
  CHECK(files.paths().empty());
}

TEST_CASE("rules and marks survive a restart") {
  FaultyFileSystem files;
  {
    Holder first(files, 1);
    REQUIRE(first.write(booked("cpu")));
    REQUIRE(first.write(booked("mem")));
    REQUIRE(first.write(PeriodJudged{wall_time(200), {0, 1}, {1}}));
  }
  const auto rules = rules_on_disk(files, 2);
  REQUIRE(rules.size() == 2);
  CHECK(rules[0].judged_until == wall_time(200));
  CHECK_FALSE(rules[0].fired_until);
  CHECK(rules[1].fired_until == wall_time(200));
}

TEST_CASE("a write that returns is on stable storage, and so are its names") {
  FaultyFileSystem files;
  Holder holder(files, 1);
  REQUIRE(holder.write(booked("cpu")));
  CHECK(contains(files.synced, path(1) + ".new"));
  CHECK(contains(files.synced, "data"));
  CHECK(contains(files.synced, "data/rules"));
  CHECK(contains(files.synced, "data/rules/07"));
  files.synced.clear();
  REQUIRE(holder.write(booked("mem")));
  CHECK(files.synced == std::vector<std::string>{path(1)});
}

TEST_CASE("each holder writes to its own file, and the one before it is removed when told") {
  FaultyFileSystem files;
  Holder first(files, 1);
  REQUIRE(first.write(booked("cpu")));
  Holder second(files, 5);
  CHECK_FALSE(second.file.written());
  REQUIRE(second.write(booked("mem")));
  CHECK(second.file.written());
  CHECK(files.paths() == std::vector<std::string>{path(1), path(5)});
  second.file.drop_older();
  CHECK(files.paths() == std::vector<std::string>{path(5)});
  CHECK(rules_on_disk(files, 6).size() == 2);
}

TEST_CASE("what an earlier holder writes after a take-over is read by nobody") {
  FaultyFileSystem files;
  Holder first(files, 1);
  REQUIRE(first.write(booked("cpu")));
  Holder second(files, 5);
  REQUIRE(second.file.write(second.book, {}));

  SECTION("into the file it has open") { REQUIRE(first.write(booked("late"))); }
  SECTION("into that file after it was removed") {
    second.file.drop_older();
    REQUIRE(first.write(booked("late")));
  }
  SECTION("as a whole new file") {
    files.fail_after(0, {"broken", 3});
    CHECK_FALSE(first.write(booked("late")));
    files.on_operation = nullptr;
    REQUIRE(first.write(booked("late")));
  }
  const auto rules = rules_on_disk(files, 6);
  REQUIRE(rules.size() == 1);
  CHECK(rules[0].rule.id == "cpu");
}

TEST_CASE("a holder whose successor has written already is told so") {
  FaultyFileSystem files;
  Holder second(files, 5);
  REQUIRE(second.write(booked("cpu")));
  RuleFile late(files, "data", shard, 3);
  CHECK(late.load().error().kind == Error::busy);
}

TEST_CASE("a file cut at any byte is taken over with all that was acknowledged before") {
  FaultyFileSystem whole;
  std::vector<std::size_t> ends;
  Holder holder(whole, 1);
  for (const auto* id : {"a", "b", "c"}) {
    REQUIRE(holder.write(booked(id)));
    ends.push_back(whole.bytes(path(1)).size());
  }
  const auto bytes = whole.bytes(path(1));
  for (std::size_t size = ends[0]; size <= bytes.size(); ++size) {
    CAPTURE(size);
    FaultyFileSystem files;
    Holder writer(files, 1);
    REQUIRE(writer.write(booked("a")));
    files.bytes(path(1)).assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    Holder next(files, 2);
    const auto whole_rules = static_cast<std::size_t>(
        std::count_if(ends.begin(), ends.end(), [&](std::size_t end) { return end <= size; }));
    CHECK(next.book.size() == whole_rules);
    CHECK(next.ignored_bytes == size - ends[whole_rules - 1]);
    // What it adds is not behind the torn tail.
    REQUIRE(next.write(booked("new")));
    CHECK(rules_on_disk(files, 3).size() == whole_rules + 1);
  }
}

TEST_CASE("a damaged head is an error, never an empty book") {
  FaultyFileSystem files;
  Holder holder(files, 1);
  REQUIRE(holder.write(booked("cpu")));
  files.bytes(path(1))[0] ^= 1;
  RuleFile next(files, "data", shard, 2);
  const auto read = next.load();
  REQUIRE_FALSE(read);
  CHECK(read.error().kind == Error::torn);
  CHECK(read.error().text.find(path(1)) != std::string::npos);
}

TEST_CASE("after any failed operation nothing acknowledged is lost, and the next write succeeds") {
  // Each operation of the first write, of an append and of a rewrite fails once.
  std::uint64_t failures = 0;
  for (std::uint64_t passing = 0; passing < 60; ++passing) {
    for (const std::size_t taken : {std::size_t{0}, std::size_t{5}, std::size_t{1000}}) {
      CAPTURE(passing, taken);
      FaultyFileSystem files;
      Holder holder(files, 1);
      std::vector<std::string> acknowledged;
      files.fail_after(passing, {"no space left on device", taken});
      for (const auto* id : {"a", "b", "c", "d"}) {
        if (holder.write(booked(id))) {
          acknowledged.emplace_back(id);
        } else {
          ++failures;
        }
        // Whoever takes over at this moment finds all of it.
        auto copy = files.on_operation;
        files.on_operation = nullptr;
        const auto seen = rules_on_disk(files, 9);
        files.on_operation = copy;
        for (const auto& one : acknowledged) {
          CHECK(std::any_of(seen.begin(), seen.end(),
                            [&](const BookedRule& rule) { return rule.rule.id == one; }));
        }
      }
      CHECK(acknowledged.size() >= 3);
      // What failed may be there until the next write, which replaces the file.
      files.on_operation = nullptr;
      REQUIRE(holder.write(booked("e")));
      CHECK(rules_on_disk(files, 9).size() == acknowledged.size() + 1);
    }
  }
  CHECK(failures > 10);
}

TEST_CASE("a file that grows by marks is rewritten, and stays bounded") {
  FaultyFileSystem files;
  Holder holder(files, 1);
  REQUIRE(holder.write(booked("cpu")));
  std::size_t largest = 0;
  for (int period = 0; period < 20'000; ++period) {
    REQUIRE(holder.write(PeriodJudged{wall_time(1000 + period), {0}, {}}));
    largest = std::max(largest, files.bytes(path(1)).size());
  }
  CHECK(largest < 80 * KiB);
  CHECK(rules_on_disk(files, 2).at(0).judged_until == wall_time(1000 + 19'999));
  CHECK(files.open_files == 1);
}

TEST_CASE("other names in the directory are left alone") {
  FaultyFileSystem files;
  Holder first(files, 1);
  REQUIRE(first.write(booked("cpu")));
  REQUIRE(files.create("data/rules/07/notes.txt"));
  REQUIRE(files.create("data/rules/07/zzzzzzzzzzzzzzzz.rules"));
  REQUIRE(files.create(path(9) + ".new"));
  Holder second(files, 2);
  CHECK(second.book.size() == 1);
  REQUIRE(second.write(booked("mem")));
  second.file.drop_older();
  CHECK(contains(files.paths(), "data/rules/07/notes.txt"));
}

}  // namespace mas
