#include <csignal>

#include "answers.hpp"
#include "support/catch.hpp"

namespace mas {
namespace {

TEST_CASE("with two workers in each pool all three commands work as with one") {
  System system(System::Options().pools(2, 2, 2));
  CHECK(system.pids_of("mas-ingest").size() == 2);
  CHECK(system.pids_of("mas-query").size() == 2);
  CHECK(system.pids_of("mas-alerter").size() == 2);
  constexpr int metrics = 500;
  std::string logs;
  std::string queries;
  std::string rules;
  for (int i = 0; i < metrics; ++i) {
    const auto id = "m" + std::to_string(i);
    logs += "LOG " + id + " " + std::to_string(i) + "\nLOG " + id + " 0.5\n";
    queries += "QUERY " + id + " MAX 0\n";
    rules += "NEW-ALERT " + id + " MAX 1 1e9\n";
  }
  TextClient writer = system.connect();
  writer.send(logs);
  for (int i = 0; i < 2 * metrics; ++i) REQUIRE(writer.read_line() == reply_inserted);
  TextClient reader = system.connect();
  reader.send(queries);
  for (int i = 0; i < metrics; ++i)
    REQUIRE(reader.read_line() == "200 [" + std::to_string(i) + ".0, 0.5]");
  writer.send(rules);
  for (int i = 0; i < metrics; ++i) REQUIRE(writer.read_line() == reply_registered);
  CHECK(system.stop() == ProcessEnd{0, 0});
}

TEST_CASE("without workers each command is refused at once, and served when its workers come") {
  System system(System::Options().pools(0, 0, 0));
  TextClient client = system.connect();
  CHECK(client.ask("LOG m 1") == reply_busy);
  CHECK(client.ask("QUERY m MAX 1") == reply_busy);
  CHECK(client.ask("NEW-ALERT m MAX 1 1") == reply_busy);
  // The shape of a request is checked before anything else.
  CHECK(client.ask("LOG m") == reply_bad_log);
  CHECK(client.ask("QUERY m") == reply_bad_query);
  CHECK(client.ask("NEW-ALERT m") == reply_bad_alert);
  CHECK(client.ask("FOO") == reply_unknown);

  Process ingest(system.worker_arguments("mas-ingest"));
  CHECK(system.ask_until_served("LOG m 1") == reply_inserted);
  CHECK(client.ask("QUERY m MAX 1") == reply_busy);
  Process query(system.worker_arguments("mas-query"));
  CHECK(system.ask_until_served("QUERY m COUNT 3600") == "200 [1]");
  CHECK(client.ask("NEW-ALERT m MAX 1 1") == reply_busy);
  Process alerter(system.worker_arguments("mas-alerter"));
  CHECK(system.ask_until_served("NEW-ALERT m MAX 1 1") == reply_registered);

  // A worker that is told to end says goodbye, so its pool is known to be empty again.
  for (Process* worker : {&ingest, &query, &alerter}) {
    worker->signal(SIGTERM);
    CHECK(worker->wait() == ProcessEnd{0, 0});
  }
  CHECK(client.ask("LOG m 1") == reply_busy);
  CHECK(client.ask("QUERY m MAX 1") == reply_busy);
  CHECK(client.ask("NEW-ALERT m MAX 1 1") == reply_busy);
}

TEST_CASE("a worker that joins and one that leaves lose nothing that was acknowledged") {
  const System system;
  constexpr int metrics = 200;
  std::string logs;
  for (int i = 0; i < metrics; ++i) logs += "LOG m" + std::to_string(i) + " 1\n";
  const auto log_each = [&] {
    TextClient client = system.connect();
    client.send(logs);
    int refused = 0;
    for (int i = 0; i < metrics; ++i)
      if (client.read_line() != reply_inserted) ++refused;
    return refused;
  };
  CHECK(log_each() == 0);
  {
    Process second(system.worker_arguments("mas-ingest"));
    second.wait_for_stderr("started");
    // Metrics move to the newcomer whenever the gateway hears of it, here or later.
    for (int round = 0; round < 20; ++round) CHECK(log_each() == 0);
    second.signal(SIGTERM);
    CHECK(second.wait() == ProcessEnd{0, 0});
  }
  CHECK(log_each() == 0);
  TextClient client = system.connect();
  for (int i = 0; i < metrics; ++i)
    REQUIRE(client.ask("QUERY m" + std::to_string(i) + " COUNT 3600") == "200 [22]");
}

}  // namespace
}  // namespace mas
