#include <filesystem>
#include <set>

#include "answers.hpp"
#include "support/catch.hpp"

namespace mas {
namespace {

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

/// Ids that would be trouble as names of files.
std::vector<std::string> awkward_ids() {
  return {"../../etc/passwd",
          "../../../../../../../../tmp/mas-escaped",
          "/etc/passwd",
          "/tmp/mas-escaped",
          "a/b",
          "a//b",
          "a/../b",
          "a/b/",
          "a",
          "A",
          ".",
          "..",
          "...",
          "/",
          "//",
          "\\",
          "a\\b",
          "CON",
          "con",
          "nul.txt",
          "m\u00e9trica",   // composed
          "me\u0301trica",  // decomposed: another id
          "M\u00c9TRICA",
          "\u65e5\u672c\u8a9e",
          "\U0001f600",
          "zero\u200bwidth",
          "zerowidth",
          "%2e%2e",
          "%2F",
          "%",
          "%%",
          "_",
          "__",
          "-rf",
          "*",
          "?",
          "~",
          "$HOME",
          "`id`",
          "'\"",
          "a:b",
          "a|b",
          "lockbroker",
          "journal",
          "mas-up.lock",
          repeated("x", 200),
          repeated("x", 199),
          repeated("/", 200),
          repeated("\u00e9", 100),
          repeated("../", 66) + "ab"};
}

/// Everything below a directory, but for what is below `except`.
std::set<std::string> tree(const std::filesystem::path& root, const std::filesystem::path& except) {
  std::set<std::string> paths;
  for (auto it = std::filesystem::recursive_directory_iterator(root);
       it != std::filesystem::recursive_directory_iterator(); ++it) {
    paths.insert(it->path().string());
    if (it->path() == except) it.disable_recursion_pending();
  }
  return paths;
}

TEST_CASE("every id is a metric of its own and stays inside the data directory") {
  System system;
  const auto before = tree(system.directory(), system.data());
  const auto ids = awkward_ids();
  TextClient client = system.connect();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    CAPTURE(ids[i]);
    REQUIRE(client.ask("LOG " + ids[i] + " " + std::to_string(i)) == reply_inserted);
    REQUIRE(client.ask("NEW-ALERT " + ids[i] + " MAX 1 1e9") == reply_registered);
  }
  const auto check_values = [&](TextClient& reader) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      CAPTURE(ids[i]);
      REQUIRE(reader.ask("QUERY " + ids[i] + " MAX 0") == "200 [" + std::to_string(i) + ".0]");
    }
  };
  check_values(client);
  CHECK(client.ask("QUERY b MAX 0") == reply_not_found);  // a/../b is no way to it
  CHECK(client.ask("QUERY etc/passwd MAX 0") == reply_not_found);

  // Nothing appeared beside the data directory, where `..` would have led.
  CHECK(tree(system.directory(), system.data()) == before);
  CHECK(!std::filesystem::exists("/tmp/mas-escaped"));

  REQUIRE(system.stop() == ProcessEnd{0, 0});
  system.start();
  TextClient again = system.connect();
  check_values(again);
}

}  // namespace
}  // namespace mas
