#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>

#include "support/catch.hpp"
#include "support/system.hpp"

namespace mas {
namespace {

/// An option's name and its default.
using OptionList = std::map<std::string, std::string>;

/// The number of descriptors that this machine allows: not a value for a page.
constexpr std::string_view of_the_machine = "open-files";

OptionList from_help(const std::vector<std::string>& command) {
  auto words = command;
  words[0] = program_path(words[0]);
  words.emplace_back("--help");
  const auto help = run(words).out;
  // `--bind=127.0.0.1 (Env:`, as CLI11 2.4 and later has it `--bind [127.0.0.1]  (Env:`.
  static const std::regex row(
      R"(\n  --([a-z-]+)(?: [^=[(\n]*)?(?:=([^ \n]*)| ?\[([^\]\n]*)\] )? \(Env:)");
  OptionList options;
  for (std::sregex_iterator at(help.begin(), help.end(), row), end; at != end; ++at)
    options[(*at)[1]] = (*at)[2].str() + (*at)[3].str();
  return options;
}

/// The options that a section of the page lists.
OptionList from_page(const std::string& page, const std::string& section) {
  const auto begin = page.find("\n## " + section + "\n");
  REQUIRE(begin != std::string::npos);
  const auto end = page.find("\n## ", begin + 1);
  const auto text = page.substr(begin, end - begin);
  static const std::regex row(R"(\n\| `--([a-z-]+)` \| (?:`([^`]*)`)?)");
  OptionList options;
  for (std::sregex_iterator at(text.begin(), text.end(), row), last; at != last; ++at)
    options[(*at)[1]] = (*at)[2];
  return options;
}

TEST_CASE("docs/options.md lists the options of every program, with their defaults") {
  std::ifstream file(MAS_DOCS_DIR "/options.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const std::vector<std::vector<std::string>> programs{
      {"mas-gateway"}, {"mas-lockbroker"}, {"mas-ingest"},           {"mas-query"},
      {"mas-alerter"}, {"mas", "up"},      {"mas", "agent"},         {"mas", "ping"},
      {"mas", "lock"}, {"mas", "locks"},   {"mas", "bench", "locks"}};
  const std::set<std::string> workers{"mas-ingest", "mas-query", "mas-alerter"};
  for (const auto& program : programs) {
    auto section = program[0];
    for (std::size_t word = 1; word < program.size(); ++word) section += ' ' + program[word];
    CAPTURE(section);
    auto listed = from_page(page, section);
    listed.merge(from_page(page, "Every program"));
    if (workers.contains(section)) listed.merge(from_page(page, "Every worker"));
    auto helped = from_help(program);
    REQUIRE(helped.size() > 3);
    if (const auto at = helped.find(std::string(of_the_machine)); at != helped.end())
      at->second.clear();
    CHECK(listed == helped);
  }
}

}  // namespace
}  // namespace mas
