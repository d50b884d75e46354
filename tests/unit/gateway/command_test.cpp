#include "gateway/command.hpp"

#include <cmath>
#include <memory>
#include <string>

#include "support/catch.hpp"

namespace mas {
namespace {

constexpr std::int64_t second = 1'000'000'000;
/// 2022-04-26T00:00:00Z
constexpr std::int64_t april_26 = 1'650'931'200 * second;

/// A line on the heap, of exactly its size, and what it says.
class Parsed {
 public:
  explicit Parsed(const std::string& line, const TimeZone& local = FixedZone{})
      : copy_(std::make_unique<char[]>(line.size())) {
    line.copy(copy_.get(), line.size());
    command_ = parse_command({copy_.get(), line.size()}, local);
  }
  [[nodiscard]] const Command& operator*() const { return command_; }

 private:
  std::unique_ptr<char[]> copy_;
  Command command_;
};

bool is(const std::string& line, const Command& expected) { return *Parsed(line) == expected; }
bool is_refused(const std::string& line, Reply reply) { return is(line, BadRequest{reply}); }

}  // namespace

TEST_CASE("LOG takes an id and a value") {
  CHECK(is("LOG cpu 1", Log{"cpu", 1.0}));
  CHECK(is("\t LOG \t cpu   -0.5e1 \t", Log{"cpu", -5.0}));
  CHECK(is("LOG métrica .5", Log{"métrica", 0.5}));
  CHECK(is("LOG ../../etc/passwd +2.", Log{"../../etc/passwd", 2.0}));
  CHECK(is("LOG LOG 1", Log{"LOG", 1.0}));
  CHECK(is("LOG cpu 1e-400", Log{"cpu", 0.0}));
  const Parsed minus_zero("LOG cpu -0");
  CHECK(std::signbit(std::get<Log>(*minus_zero).value));
  const std::string longest(200, 'm');
  CHECK(is("LOG " + longest + " 1", Log{longest, 1.0}));
}

TEST_CASE("QUERY takes an id, an operation, seconds, and up to two times") {
  CHECK(is("QUERY cpu AVG 1", Query{.id = "cpu", .op = Op::avg, .window = nanoseconds{second}}));
  CHECK(is("QUERY cpu COUNT 0", Query{.id = "cpu", .op = Op::count, .window = nanoseconds{0}}));
  CHECK(is("QUERY cpu MAX 2.5 2022-04-26", Query{.id = "cpu",
                                                 .op = Op::max,
                                                 .window = nanoseconds{5 * second / 2},
                                                 .from = wall_time(april_26)}));
  CHECK(is("QUERY cpu MIN 1e-9 2022-04-26T00:00:00Z 2022-04-26T00:00:05.5",
           Query{.id = "cpu",
                 .op = Op::min,
                 .window = nanoseconds{1},
                 .from = wall_time(april_26),
                 .to = wall_time(april_26 + 11 * second / 2)}));
  const Query everything{.id = "m", .op = Op::avg, .window = nanoseconds{0}};
  CHECK(everything.from == WallTime::min());
  CHECK(everything.to == WallTime::max());
}

TEST_CASE("a QUERY from later than to is legal") {
  CHECK(is("QUERY cpu AVG 1 2022-04-26T00:00:01 2022-04-26",
           Query{.id = "cpu",
                 .op = Op::avg,
                 .window = nanoseconds{second},
                 .from = wall_time(april_26 + second),
                 .to = wall_time(april_26)}));
}

TEST_CASE("a QUERY's times without a zone are local, both of them") {
  const FixedZone east(std::chrono::hours{1});
  const Parsed query("QUERY cpu AVG 1 2022-04-26 2022-04-26", east);
  const WallTime expected = wall_time(april_26) - std::chrono::hours{1};
  CHECK(std::get<Query>(*query).from == expected);
  CHECK(std::get<Query>(*query).to == expected);
}

TEST_CASE("NEW-ALERT takes an id, an operation, seconds and a limit") {
  CHECK(is("NEW-ALERT cpu MIN 1 5.0", NewAlert{"cpu", Op::min, nanoseconds{second}, 5.0}));
  CHECK(is("NEW-ALERT cpu COUNT 0.5 -1e3",
           NewAlert{"cpu", Op::count, nanoseconds{second / 2}, -1000.0}));
  // Equal numbers are equal rules, however they are written.
  CHECK(*Parsed("NEW-ALERT cpu AVG 60 5") == *Parsed("NEW-ALERT cpu AVG 6e1 5.0"));
}

TEST_CASE("anything but the three commands gets the list of them") {
  for (const char* const line : {"",
                                 " ",
                                 "\t \t",
                                 "FOO",
                                 "log cpu 1",
                                 "Log cpu 1",
                                 "LOGS cpu 1",
                                 "LO cpu 1",
                                 "LOG,cpu,1",
                                 "query cpu AVG 1",
                                 "NEW-alert cpu AVG 1 1",
                                 "NEW ALERT cpu AVG 1 1",
                                 "NEWALERT cpu AVG 1 1",
                                 "NEW_ALERT cpu AVG 1 1",
                                 "\xff",
                                 "LOG\r",
                                 "\rLOG cpu 1",
                                 "LOG\xc2\xa0 cpu 1",
                                 "\xef\xbb\xbfLOG cpu 1",
                                 "\"LOG\" cpu 1",
                                 "DELETE cpu",
                                 "GET / HTTP/1.1",
                                 "FOO a b c d e f g h"}) {
    CAPTURE(line);
    CHECK(is_refused(line, Reply::unknown_command));
  }
  CHECK(is_refused(std::string("LOG\0 cpu 1", 10), Reply::unknown_command));
}

TEST_CASE("a malformed LOG gets the form of LOG") {
  for (const char* const line : {"LOG",
                                 "LOG cpu",
                                 "LOG cpu 1 2",
                                 "LOG cpu 1 2 3 4 5 6 7 8",
                                 "LOG cpu one",
                                 "LOG cpu nan",
                                 "LOG cpu inf",
                                 "LOG cpu -Infinity",
                                 "LOG cpu 0x10",
                                 "LOG cpu 1_000",
                                 "LOG cpu 1,5",
                                 "LOG cpu 1e309",
                                 "LOG cpu -1e309",
                                 "LOG cpu 1\r",
                                 "LOG cpu\r 1",
                                 "LOG 1",
                                 "LOG cpu  ",
                                 "LOG cpu\x01 1",
                                 "LOG cpu\x7f 1",
                                 "LOG cp\xc2\xa0u 1",
                                 "LOG cpu\xc2\x85 1",
                                 "LOG cpu\xe2\x80\xa8 1",
                                 "LOG cpu\xff 1",
                                 "LOG \xc3( 1",
                                 "LOG cpu \xff",
                                 "LOG m\xe9trica 1",
                                 "LOG cpu 1 \xff",
                                 "LOG cpu 1 #"}) {
    CAPTURE(line);
    CHECK(is_refused(line, Reply::malformed_log));
  }
  CHECK(is_refused("LOG " + std::string(201, 'm') + " 1", Reply::malformed_log));
  CHECK(is_refused(std::string("LOG c\0u 1", 9), Reply::malformed_log));
}

TEST_CASE("a malformed QUERY gets the form of QUERY") {
  for (const char* const line : {"QUERY",
                                 "QUERY cpu",
                                 "QUERY cpu AVG",
                                 "QUERY cpu 1",
                                 "QUERY AVG 1",
                                 "QUERY cpu avg 1",
                                 "QUERY cpu Avg 1",
                                 "QUERY cpu SUM 1",
                                 "QUERY cpu AVG -1",
                                 "QUERY cpu AVG -1e-400",
                                 "QUERY cpu AVG 1s",
                                 "QUERY cpu AVG nan",
                                 "QUERY cpu AVG inf",
                                 "QUERY cpu AVG 1e309",
                                 "QUERY cpu AVG 1 2022",
                                 "QUERY cpu AVG 1 20220426",
                                 "QUERY cpu AVG 1 2022-02-30",
                                 "QUERY cpu AVG 1 2022-04-26 2022-04-31",
                                 "QUERY cpu AVG 1 2022-04-26 now",
                                 "QUERY cpu AVG 1 2022-04-26 00:00:00",
                                 "QUERY cpu AVG 1 2022-04-26T24:00:00",
                                 "QUERY cpu AVG 1 2022-04-26 2022-04-27 2022-04-28",
                                 "QUERY cpu AVG 1 a b c d e f g",
                                 "QUERY cpu AVG 1 2022-04-26T00:00:00z",
                                 "QUERY cpu AVG\r 1",
                                 "QUERY cpu\xff AVG 1",
                                 "QUERY cpu AV\xff 1",
                                 "QUERY cpu AVG 1\xff",
                                 "QUERY cpu AVG 1 2022-04-26\xff",
                                 "QUERY cp\xe3\x80\x80u AVG 1"}) {
    CAPTURE(line);
    CHECK(is_refused(line, Reply::malformed_query));
  }
}

TEST_CASE("a malformed NEW-ALERT gets the form of NEW-ALERT") {
  for (const char* const line :
       {"NEW-ALERT", "NEW-ALERT cpu", "NEW-ALERT cpu AVG", "NEW-ALERT cpu AVG 1",
        "NEW-ALERT cpu AVG 1 1 1", "NEW-ALERT cpu AVG 1 1 1 1 1 1", "NEW-ALERT cpu MEAN 1 1",
        "NEW-ALERT cpu AVG -1 1", "NEW-ALERT cpu AVG 1 nan", "NEW-ALERT cpu AVG 1 1e309",
        "NEW-ALERT cpu AVG 1 high", "NEW-ALERT cpu AVG 1 2022-04-26", "NEW-ALERT cpu\x1f AVG 1 1",
        "NEW-ALERT \xff AVG 1 1", "NEW-ALERT cpu AVG 1 1\xff"}) {
    CAPTURE(line);
    CHECK(is_refused(line, Reply::malformed_new_alert));
  }
}

}  // namespace mas
