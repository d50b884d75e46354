#include "answers.hpp"
#include "support/catch.hpp"

namespace mas {
namespace {

/// A good LOG of that many bytes.
std::string log_of_size(std::size_t size) {
  std::string text = "LOG m 1";
  text.resize(size, ' ');
  return text;
}

TEST_CASE("a line may have 1,024 bytes before its end, whichever end it has") {
  const System system;
  CHECK(answers_to(system, log_of_size(1024) + "\n") == line(reply_inserted));
  CHECK(answers_to(system, log_of_size(1024) + "\r\n") == line(reply_inserted));
  CHECK(answers_to(system, log_of_size(1024)) == line(reply_inserted));
  CHECK(answers_to(system, log_of_size(1025) + "\n") == line(reply_too_long));
  CHECK(answers_to(system, log_of_size(1025) + "\r\n") == line(reply_too_long));
  CHECK(answers_to(system, log_of_size(1025)) == line(reply_too_long));
}

TEST_CASE("what remains of a line that is too long is skipped, and the connection lives on") {
  const System system;
  TextClient client = system.connect();
  CHECK(client.ask(log_of_size(1025)) == reply_too_long);
  CHECK(client.ask("LOG m 1") == reply_inserted);
  CHECK(client.ask(std::string(3'000'000, 'x')) == reply_too_long);
  CHECK(client.ask("QUERY m COUNT 3600") == "200 [1]");
}

TEST_CASE("lines end in LF or CRLF, and the last one in the end of the stream") {
  const System system;
  CHECK(answers_to(system, "LOG m 1\r\nLOG m 2\nQUERY m MAX 0\r\n") ==
        line(reply_inserted) + line(reply_inserted) + "200 [1.0, 2.0]\n");
  CHECK(answers_to(system, "LOG m 3") == line(reply_inserted));
  CHECK(answers_to(system, "LOG m 4\r") == line(reply_inserted));
  CHECK(answers_to(system, "QUERY m MAX 0") == "200 [1.0, 2.0, 3.0, 4.0]\n");
}

TEST_CASE("an empty line is a bad request, an empty stream is none") {
  const System system;
  CHECK(answers_to(system, "\n") == line(reply_unknown));
  CHECK(answers_to(system, "\r\n\n") == line(reply_unknown) + line(reply_unknown));
  CHECK(answers_to(system, "") == "");
}

TEST_CASE("a request is understood however its bytes are split into packets") {
  const System system;
  const std::string request = "LOG caf\u00e9 1.5\r\n";
  for (std::size_t split = 1; split < request.size(); ++split) {
    TextClient client = system.connect();
    client.send(request.substr(0, split));
    // Another connection's answer shows that the gateway has turned meanwhile.
    REQUIRE(system.ask("FOO") == reply_unknown);
    client.send(request.substr(split));
    CHECK(client.read_line() == reply_inserted);
  }
  CHECK(system.ask("QUERY caf\u00e9 COUNT 3600") ==
        "200 [" + std::to_string(request.size() - 1) + "]");
}

TEST_CASE("a client that vanishes in the middle of a line costs nothing") {
  const System system;
  for (int i = 0; i < 50; ++i) {
    TextClient client = system.connect();
    client.send("LOG m 1\nLOG m 2\nLOG vanished 3");
    if (i % 2 == 0) client.read_lines(2);
    client.reset();
  }
  CHECK(system.ask("LOG m 3") == reply_inserted);
  CHECK(system.ask("QUERY vanished COUNT 1") == reply_not_found);
}

}  // namespace
}  // namespace mas
