#include "client/locks_view.hpp"

#include "client/json_text.hpp"
#include "support/catch.hpp"

namespace mas {
namespace {

LocksView a_view() {
  LocksView view;
  view.broker = "h:1";
  view.totals.epoch = 7;
  view.totals.granting = true;
  view.totals.sessions = 2;
  view.totals.names = 1;
  view.totals.holders = 1;
  view.totals.waiters = 1;
  view.sessions = {{0x700000003, "a\tb", 61'000, 566, 1, 0},
                   {0x700000005, "other", 12'345, 0, 0, 1}};
  LockNameRow name;
  name.name = {LockSpace::user, "job \"1\""};
  name.holders = 1;
  name.waiters = 1;
  name.listed_holders = {{0x700000003, 99, LockMode::append, true, true, false, 3'723'000}};
  name.listed_waiters = {{0x700000005, LockMode::exclusive, 900}};
  view.names = {name};
  view.awaited = {name};
  return view;
}

}  // namespace

TEST_CASE("people see sessions, locks and waits as tables, whatever is in the names") {
  CHECK(locks_table(a_view()) ==
        "lock broker h:1: epoch 7, 2 sessions, 1 name, 1 lock held, 1 request waiting\n"
        "\n"
        "SESSION    AGE    SILENT  LOCKS  WAITING  WORKER\n"
        "700000003  1m01s  566ms   1      0        a?b\n"
        "700000005  12.3s  0ms     0      1        other\n"
        "\n"
        "NAME          MODE    FOR    WAITING  TOKEN  STATE     HOLDER\n"
        "user:job \"1\"  append  1h02m  1        99     works on  a?b\n"
        "\n"
        "LONGEST WAITS  MODE       FOR    BEHIND  WHO WAITS\n"
        "user:job \"1\"   exclusive  900ms  a?b     other\n");
}

TEST_CASE("programs see the same as one JSON object") {
  CHECK(
      locks_json(a_view()) ==
      R"({"broker":"h:1","epoch":7,"granting":true,)"
      R"("totals":{"sessions":2,"names":1,"locks":1,"waiting":1},"sessions":[)"
      R"({"session":"30064771075","worker":"a\u0009b","age_ms":61000,"silent_ms":566,"locks":1,"waiting":0},)"
      R"({"session":"30064771077","worker":"other","age_ms":12345,"silent_ms":0,"locks":0,"waiting":1}],)"
      R"("more_sessions":false,"names":[{"space":"user","name":"job \"1\"","holders":1,"waiters":1,"held_by":[)"
      R"({"session":"30064771075","token":"99","mode":"append","held_ms":3723000,"recalled":true,"kept":true,"converting":false}],)"
      R"("awaited_by":[{"session":"30064771077","mode":"exclusive","waited_ms":900}]}],"more_names":false,)"
      R"("longest_waits":[{"space":"user","name":"job \"1\"","holders":1,"waiters":1,"held_by":[)"
      R"({"session":"30064771075","token":"99","mode":"append","held_ms":3723000,"recalled":true,"kept":true,"converting":false}],)"
      R"("awaited_by":[{"session":"30064771077","mode":"exclusive","waited_ms":900}]}]})"
      "\n");
}

TEST_CASE("of all waits the longest are kept, longest first") {
  std::vector<LockNameRow> kept;
  for (std::uint64_t n = 0; n < 100; ++n) {
    LockNameRow row;
    row.listed_waiters = {{1, LockMode::shared, n * 37 % 100}};
    keep_longest_wait(kept, row);
  }
  REQUIRE(kept.size() == longest_waits_shown);
  for (std::size_t at = 0; at < kept.size(); ++at) {
    CHECK(kept[at].listed_waiters.front().waited_ms == 99 - at);
  }
}

TEST_CASE("ages are short and exact enough") {
  CHECK(age_text(0) == "0ms");
  CHECK(age_text(999) == "999ms");
  CHECK(age_text(59'999) == "59.9s");
  CHECK(age_text(60'000) == "1m00s");
  CHECK(age_text(3'599'999) == "59m59s");
  CHECK(age_text(3'600'000) == "1h00m");
  CHECK(age_text(86'400'000 + 5 * 3'600'000) == "1d05h");
}

TEST_CASE("a JSON string is valid JSON and UTF-8 for any bytes") {
  const auto quoted = [](std::string_view text) {
    std::string out;
    append_json_string(text, out);
    return out;
  };
  CHECK(quoted("") == "\"\"");
  CHECK(quoted("a\"b\\c\n") == "\"a\\\"b\\\\c\\u000a\"");
  CHECK(quoted("m\xc3\xa1s \xe2\x82\xac \xf0\x9f\x94\x92") ==
        "\"m\xc3\xa1s \xe2\x82\xac \xf0\x9f\x94\x92\"");
  const std::string replaced = "\xef\xbf\xbd";
  CHECK(quoted("\xff") == "\"" + replaced + "\"");
  CHECK(quoted("a\xc3") == "\"a" + replaced + "\"");                    // cut short
  CHECK(quoted("\xc0\x80") == "\"" + replaced + replaced + "\"");       // overlong
  CHECK(quoted("\xe0\x80\x80").size() == 2 + 3 * replaced.size());      // overlong
  CHECK(quoted("\xed\xa0\x80").size() == 2 + 3 * replaced.size());      // a surrogate
  CHECK(quoted("\xf4\x90\x80\x80").size() == 2 + 4 * replaced.size());  // beyond Unicode
}

}  // namespace mas
