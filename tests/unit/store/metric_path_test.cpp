#include "store/metric_path.hpp"

#include <algorithm>
#include <cctype>
#include <random>
#include <set>

#include "support/catch.hpp"
#include "support/faulty_file_system.hpp"

using namespace mas;

namespace {

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const auto slash = std::min(path.find('/', at), path.size());
    parts.push_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  return parts;
}

/// What every path must be, whatever the id.
void check_safe(const std::string& id) {
  CAPTURE(id);
  const auto path = metric_directory(id);
  const auto parts = parts_of(path);
  REQUIRE(parts.size() >= 3);
  CHECK(parts[0] == "metrics");
  CHECK(parts[1].size() == 3);
  for (const auto& part : parts) {
    CHECK(!part.empty());
    CHECK(part.size() <= 255);
    CHECK(part.front() != '.');
    CHECK(part.back() != '.');
    CHECK(std::all_of(part.begin(), part.end(), [](unsigned char c) {
      return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_' || c == '-' || c == '.' ||
             c == '%' || c == '+';
    }));
  }
  // Parts that another follows, and those that are last, are never alike.
  for (std::size_t index = 2; index < parts.size(); ++index) {
    CHECK((parts[index].back() == '+') == (index + 1 < parts.size()));
    CHECK((parts[index].front() == '+') == (index > 2));
  }
  const auto back = metric_id_of(path);
  REQUIRE(back);
  CHECK(*back == id);
}

}  // namespace

TEST_CASE("a metric's directory is readable where the id is plain and says the id again") {
  CHECK(metric_directory("cpu.load_avg-1m").ends_with("/cpu.load_avg-1m"));
  CHECK(metric_directory("Cpu").ends_with("/%43pu"));
  CHECK(metric_directory("a/b").ends_with("/a%2fb"));
  CHECK(metric_directory("m\xc3\xa9trica").ends_with("/m%c3%a9trica"));
  // Bound for good: a path that changed would lose the metric.
  CHECK(metric_directory("mi-metrica") == "metrics/687/mi-metrica");
}

TEST_CASE("no id leaves its directory, hides, names a device or collides with another") {
  std::vector<std::string> ids{".",
                               "..",
                               "...",
                               "../../etc/passwd",
                               "/",
                               "a/b",
                               "a%2fb",
                               "con",
                               "CON",
                               "con.txt",
                               "nul",
                               "com1",
                               "com1.a.b",
                               "lpt9",
                               "comx",
                               "console",
                               "a.",
                               ".a",
                               "a",
                               "A",
                               "aA",
                               "Aa",
                               "%",
                               "%41",
                               "+",
                               "a+",
                               "+a",
                               "\\",
                               "a\\b",
                               "a:b",
                               "-",
                               "--help",
                               "~",
                               "\xe2\x80\x8b",
                               "\xf0\x9f\x98\x80",
                               "e\xcc\x81",
                               "\xc3\xa9",
                               "metrics",
                               "00000000",
                               "x.seg",
                               "*",
                               "?"};
  for (const char c : {'a', 'A', '.', '%', '+'}) {
    for (const std::size_t size : {1U, 84U, 85U, 86U, 199U, 200U}) ids.emplace_back(size, c);
  }
  // Around the cut of a part, with what would be special at the front of a name of its own.
  for (std::size_t size = 50; size < 130; ++size) {
    ids.push_back(std::string(size, 'Z') + "con");
    ids.push_back(std::string(size, 'Z') + "..");
  }
  std::set<std::string> paths;
  std::set<std::string> unique(ids.begin(), ids.end());
  for (const auto& id : unique) {
    check_safe(id);
    paths.insert(metric_directory(id));  // lower case already: cannot fold together
  }
  CHECK(paths.size() == unique.size());
}

TEST_CASE("random ids give safe paths that differ and lead back") {
  std::mt19937_64 random(8421);
  const std::string alphabet = "aAbB.%+/-_0 \x01\xc3\xa9\xff";
  std::set<std::string> ids;
  std::set<std::string> paths;
  for (int round = 0; round < 3000; ++round) {
    std::string id(1 + random() % 200, ' ');
    for (auto& c : id) c = alphabet[random() % alphabet.size()];
    check_safe(id);
    ids.insert(id);
    paths.insert(metric_directory(id));
  }
  CHECK(ids.size() == paths.size());
}

TEST_CASE("a look-alike of a metric's directory is no metric") {
  const auto path = metric_directory("cpu");
  for (const auto& wrong :
       {std::string(), std::string("metrics"), std::string("metrics/"), path + "/", path + "+",
        std::string("metrics/fff/cpu"), path.substr(0, 12) + "CPU", path.substr(0, 12) + "%63pu",
        path.substr(0, 12) + "%2", "x" + path}) {
    CAPTURE(wrong);
    CHECK_FALSE(metric_id_of(wrong));
  }
}

TEST_CASE("listing finds every metric, long ones too, and nothing else") {
  FaultyFileSystem files;
  REQUIRE(list_metrics(files, "data"));
  CHECK(list_metrics(files, "data")->empty());

  std::vector<std::string> ids{"cpu", "Cpu", "..", std::string(200, 'Q'), std::string(199, 'Q')};
  std::vector<std::string> to_sync;
  for (const auto& id : ids) {
    REQUIRE(make_directories(files, "data", metric_directory(id), to_sync));
  }
  REQUIRE(make_directories(files, "data", "metrics/fff/lost+found", to_sync));
  REQUIRE(make_directories(files, "data", "metrics/other/cpu", to_sync));
  REQUIRE(files.create("data/metrics/file"));
  std::sort(ids.begin(), ids.end());
  const auto found = list_metrics(files, "data");
  REQUIRE(found);
  CHECK(*found == ids);
}
