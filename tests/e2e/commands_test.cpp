#include <array>
#include <chrono>
#include <ctime>

#include "answers.hpp"
#include "support/catch.hpp"

namespace mas {
namespace {

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

TEST_CASE("every row of the table of commands is answered byte for byte") {
  const System system;
  CHECK(answers_to(system, "FOO\n") == line(reply_unknown));
  CHECK(answers_to(system, "LOG m 1\n") == "201 Metric Inserted\n");
  CHECK(answers_to(system, "LOG m\n") == line(reply_bad_log));
  CHECK(answers_to(system, "LOG m 2.5\n") == "201 Metric Inserted\n");
  CHECK(answers_to(system, "QUERY m MAX 0\n") == "200 [1.0, 2.5]\n");
  CHECK(answers_to(system, "QUERY m\n") == line(reply_bad_query));
  CHECK(answers_to(system, "QUERY never MAX 0\n") == "404 Metric Not Found\n");
  CHECK(answers_to(system, "NEW-ALERT m MAX 1 5\n") == "200 Alert Registered\n");
  CHECK(answers_to(system, "NEW-ALERT m\n") == line(reply_bad_alert));
  CHECK(answers_to(system, "NEW-ALERT never MAX 1 5\n") == "404 Metric Not Found\n");
}

TEST_CASE("the documented session works as it is written") {
  const System system;
  TextClient client = system.connect();
  CHECK(client.ask("LOG mi-metrica 1") == "201 Metric Inserted");
  CHECK(client.ask("QUERY mi-metrica MIN 1") == "200 [1.0]");
  CHECK(client.ask("QUERY mi-metrica MAX 1") == "200 [1.0]");
  CHECK(client.ask("QUERY mi-metrica AVG 1") == "200 [1.0]");
  CHECK(client.ask("QUERY mi-metrica COUNT 3600 2022-04-26T00:00:00 2099-01-01T00:00:00") ==
        "200 [1]");
  CHECK(client.ask("NEW-ALERT mi-metrica MIN 1 1") == "200 Alert Registered");
  CHECK(client.ask("QUERY foo COUNT 1") == "404 Metric Not Found");
  CHECK(client.ask("NEW-ALERT foo MIN 1 1") == "404 Metric Not Found");
  CHECK(client.ask("FOO") == reply_unknown);
}

TEST_CASE("whatever is no command is told the commands there are") {
  const System system;
  TextClient client = system.connect();
  for (const std::string& request :
       {std::string(""), std::string(" \t "), std::string("log m 1"), std::string("LOGm 1"),
        std::string("NEW_ALERT m MAX 1 1"), std::string("\xff\xfe"), std::string("LOG\0 m 1", 8),
        std::string("GET / HTTP/1.1"), std::string("\xef\xbb\xbfLOG m 1")}) {
    CAPTURE(request);
    CHECK(client.ask(request) == reply_unknown);
  }
}

TEST_CASE("a malformed LOG of every kind is told its form") {
  const System system;
  TextClient client = system.connect();
  for (const std::string& arguments : {std::string(""),
                                       std::string("m"),
                                       std::string("m 1 2"),
                                       std::string("m one"),
                                       std::string("m nan"),
                                       std::string("m inf"),
                                       std::string("m -infinity"),
                                       std::string("m 0x1p3"),
                                       std::string("m 1_000"),
                                       std::string("m 1,5"),
                                       std::string("m 1e"),
                                       std::string("m 1e+"),
                                       std::string("m ."),
                                       std::string("m +"),
                                       std::string("m --1"),
                                       std::string("m 1e309"),
                                       std::string("m 1.7976931348623159e308"),
                                       std::string("m\rn 1"),
                                       std::string("m 1\0", 4),
                                       repeated("i", 201) + " 1",
                                       std::string("a\u00a0b 1"),
                                       std::string("a\u2028b 1"),
                                       std::string("a\u2029b 1"),
                                       std::string("a\u3000b 1"),
                                       std::string("a\u0085b 1"),
                                       std::string("a\x01 1"),
                                       std::string("a\x7f 1"),
                                       std::string("\xff 1"),
                                       std::string("\xc0\xaf 1"),
                                       std::string("\xed\xa0\x80 1"),
                                       std::string("\xf4\x90\x80\x80 1"),
                                       std::string("\xc3 1")}) {
    CAPTURE(arguments);
    CHECK(client.ask("LOG " + arguments) == reply_bad_log);
  }
  CHECK(client.ask("LOG m 1\r\r") == reply_bad_log);  // only the last one belongs to the end
}

TEST_CASE("a malformed QUERY of every kind is told its form, also of a metric that is not there") {
  const System system;
  TextClient client = system.connect();
  REQUIRE(client.ask("LOG m 1") == reply_inserted);
  for (const std::string id : {"m", "never"}) {
    CHECK(client.ask("QUERY") == reply_bad_query);
    for (const char* rest : {"",
                             " MAX",
                             " max 1",
                             " SUM 1",
                             " MAX -1",
                             " MAX x",
                             " MAX 1e309",
                             " MAX nan",
                             " MAX 1 20220426",
                             " MAX 1 2022-02-30",
                             " MAX 1 2022-13-01",
                             " MAX 1 2022-4-26",
                             " MAX 1 0000-01-01",
                             " MAX 1 10000-01-01",
                             " MAX 1 2022-04-26T24:00:00",
                             " MAX 1 2022-04-26T00:00:60",
                             " MAX 1 2022-04-26T00:00",
                             " MAX 1 2022-04-26t00:00:00",
                             " MAX 1 2022-04-26T00:00:00z",
                             " MAX 1 2022-04-26T00:00:00+0200",
                             " MAX 1 2022-04-26T00:00:00.",
                             " MAX 1 2022-04-26T00:00:00.1234567890Z",
                             " MAX 1 2022-04-26Z",
                             " MAX 1 now",
                             " MAX 1 2022-04-26 never",
                             " MAX 1 2022-04-26 2022-04-27 2022-04-28"}) {
      CAPTURE(id, rest);
      CHECK(client.ask("QUERY " + id + rest) == reply_bad_query);
    }
  }
}

TEST_CASE("a malformed NEW-ALERT of every kind is told its form") {
  const System system;
  TextClient client = system.connect();
  REQUIRE(client.ask("LOG m 1") == reply_inserted);
  for (const char* arguments :
       {"", " m", " m MAX", " m MAX 1", " m MAX 1 1 1", " m max 1 1", " m SUM 1 1", " m MAX -1 1",
        " m MAX x 1", " m MAX 1 x", " m MAX 1 nan", " m MAX 1 1e309", " never MAX 1"}) {
    CAPTURE(arguments);
    CHECK(client.ask(std::string("NEW-ALERT") + arguments) == reply_bad_alert);
  }
}

TEST_CASE("spaces and tabs separate, in runs and at both ends") {
  const System system;
  TextClient client = system.connect();
  CHECK(client.ask("  LOG\t m \t 1 \t") == reply_inserted);
  CHECK(client.ask("\tQUERY  m\tCOUNT\t\t3600") == "200 [1]");
}

TEST_CASE("numbers are taken in every form and come back as the shortest that reads the same") {
  const System system;
  TextClient client = system.connect();
  const std::vector<std::pair<std::string, std::string>> forms{
      {"1", "1.0"},
      {"-0.5", "-0.5"},
      {"1e-3", "0.001"},
      {"+2.", "2.0"},
      {".5", "0.5"},
      {"-0", "-0.0"},
      {"0.1", "0.1"},
      {"100000000000000000000", "1e+20"},
      {"1e16", "1e+16"},
      {"9999999999999998", "9999999999999998.0"},
      {"0.0001", "0.0001"},
      {"0.00001", "1e-05"},
      {"1.7976931348623158e308", "1.7976931348623157e+308"},
      {"5e-324", "5e-324"},
      {"1e-400", "0.0"},
      {"0.30000000000000004", "0.30000000000000004"}};
  for (std::size_t i = 0; i < forms.size(); ++i) {
    const auto id = "n" + std::to_string(i);
    CAPTURE(forms[i].first);
    CHECK(client.ask("LOG " + id + " " + forms[i].first) == reply_inserted);
    CHECK(client.ask("QUERY " + id + " MIN 0") == "200 [" + forms[i].second + "]");
    if (forms[i].second != "-0.0")
      CHECK(client.ask("QUERY " + id + " AVG 3600") == "200 [" + forms[i].second + "]");
  }
}

TEST_CASE("operations aggregate a window, and without windows each sample stands alone") {
  const System system;
  TextClient client = system.connect();
  client.send("LOG m 4\nLOG m -1\nLOG m 3\n");
  REQUIRE(client.read_lines(3) == std::vector<std::string>(3, std::string(reply_inserted)));
  CHECK(client.ask("QUERY m MAX 3600") == "200 [4.0]");
  CHECK(client.ask("QUERY m MIN 3600") == "200 [-1.0]");
  CHECK(client.ask("QUERY m AVG 3600") == "200 [2.0]");
  CHECK(client.ask("QUERY m COUNT 3600") == "200 [3]");
  CHECK(client.ask("QUERY m COUNT 0") == "200 [1, 1, 1]");
  CHECK(client.ask("QUERY m AVG 0.0") == "200 [4.0, -1.0, 3.0]");
  CHECK(client.ask("QUERY m COUNT 1e300") == "200 [3]");
}

TEST_CASE("an average stays finite near the largest double") {
  const System system;
  TextClient client = system.connect();
  client.send("LOG m 1.7976931348623157e308\nLOG m 1.7976931348623157e308\n");
  client.read_lines(2);
  CHECK(client.ask("QUERY m AVG 3600") == "200 [1.7976931348623157e+308]");
}

TEST_CASE("from and to bound a query at both ends, and nothing between them is an empty list") {
  const System system;
  TextClient client = system.connect();
  REQUIRE(client.ask("LOG m 1") == reply_inserted);
  CHECK(client.ask("QUERY m COUNT 3600 2022-04-26") == "200 [1]");
  CHECK(client.ask("QUERY m COUNT 3600 2022-04-26 2022-04-27") == "200 []");
  CHECK(client.ask("QUERY m COUNT 3600 2099-01-01") == "200 []");
  CHECK(client.ask("QUERY m COUNT 3600 2099-01-01 2022-01-01") == "200 []");
  CHECK(client.ask("QUERY m COUNT 3600 0001-01-01T00:00:00.123456789Z "
                   "9999-12-31T23:59:59-23:59") == "200 [1]");
}

/// `moment` as a date and time without a zone, `hours` east of UTC.
std::string local_time(std::chrono::system_clock::time_point moment, std::chrono::hours east) {
  const std::time_t seconds_since_epoch = std::chrono::system_clock::to_time_t(moment + east);
  std::tm fields{};
  ::gmtime_r(&seconds_since_epoch, &fields);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &fields);
  return text.data();
}

TEST_CASE("a date without a zone is the server's local time") {
  using std::chrono::hours;
  const auto [zone, east] =
      GENERATE(table<const char*, int>({{"<+14>-14", 14}, {"<-12>12", -12}, {"", 0}}));
  const System system(System::Options().environment("TZ", zone));
  TextClient client = system.connect();
  REQUIRE(client.ask("LOG m 1") == reply_inserted);
  const auto now = std::chrono::system_clock::now();
  const auto range = [&, offset = hours(east)](hours from, hours to) {
    return local_time(now + from, offset) + " " + local_time(now + to, offset);
  };
  CHECK(client.ask("QUERY m COUNT 0 " + range(hours(-1), hours(1))) == "200 [1]");
  CHECK(client.ask("QUERY m COUNT 0 " + range(hours(1), hours(2))) == "200 []");
  CHECK(client.ask("QUERY m COUNT 0 " + range(hours(-2), hours(-1))) == "200 []");
}

}  // namespace
}  // namespace mas
