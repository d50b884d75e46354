// What one core stores: decoded batches in, blocks on disk and answers out, without the network.
//   ingest_bench [metrics=1000] [batch=1000] [seconds=3] [directory=/tmp]
// Beside it, as the ceiling, what the kernel takes of bare writes of the same size to as many
// files.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/unique_fd.hpp"
#include "ingest/metric_owners.hpp"
#include "store/posix_file.hpp"
#include "support/log_columns.hpp"

using namespace mas;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string number(std::size_t index) { return "bench.metric-" + std::to_string(index); }

double samples_per_second(const std::string& directory, std::size_t metrics, std::size_t batch,
                          double run_seconds) {
  PosixFileSystem files;
  SegmentStore store(files, directory, seconds{86'400});
  store.remember_for_sync = false;
  MetricOwners owners(store, metrics);
  std::vector<std::string_view> to_lock;
  std::vector<std::string_view> to_strengthen;
  std::vector<IngestBatches::Answer> answers;
  std::int64_t stamp = 1'700'000'000'000'000'000;
  std::size_t metric = 0;
  std::uint64_t batches = 0;
  std::size_t warm_batches = metrics / batch + 1;  // directories, locks and files are made in these
  auto start = Clock::now();
  std::uint64_t samples = 0;
  LogColumns columns;
  do {
    // Filled anew each time: the columns would come from the network.
    columns = LogColumns();
    for (std::size_t at = 0; at < batch; ++at) {
      columns.add(number(metric), wall_time(stamp += 1'000), 21.5);
      metric = metric + 1 == metrics ? 0 : metric + 1;
    }
    owners.on_batch(1, columns.batch(++batches));
    do {
      owners.turn(to_lock, to_strengthen);
      for (const auto id : to_lock) owners.on_granted(id, {1, true});
      to_lock.clear();
    } while (owners.unfinished());
    answers.clear();
    owners.take_answers(true, answers);
    if (warm_batches > 0 && --warm_batches == 0) {
      start = Clock::now();
      samples = 0;
    } else {
      samples += batch;
    }
  } while (warm_batches > 0 || seconds_since(start) < run_seconds);
  MAS_CHECK(owners.idle() && owners.counts().writes_failed == 0);
  return static_cast<double>(samples) / seconds_since(start);
}

double writes_per_second(const std::string& directory, std::size_t metrics, double run_seconds) {
  std::vector<UniqueFd> files;
  for (std::size_t index = 0; index < metrics; ++index) {
    const auto path = directory + '/' + std::to_string(index);
    files.emplace_back(::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0666));
    MAS_CHECK(files.back());
  }
  const Bytes block(88, 7);
  std::uint64_t writes = 0;
  const auto start = Clock::now();
  while (seconds_since(start) < run_seconds) {
    for (const auto& file : files) {
      MAS_CHECK(::write(file.get(), block.data(), block.size()) == 88);
    }
    writes += files.size();
  }
  return static_cast<double>(writes) / seconds_since(start);
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int index, const char* fallback) {
    return std::string(index < argc ? argv[index] : fallback);
  };
  const auto metrics = std::stoul(argument(1, "1000"));
  const auto batch = std::stoul(argument(2, "1000"));
  const auto run_seconds = std::stod(argument(3, "3"));
  auto directory = argument(4, "/tmp") + "/mas-bench-XXXXXX";
  if (metrics == 0 || batch == 0 || ::mkdtemp(directory.data()) == nullptr) {
    std::fprintf(stderr, "ingest_bench: bad arguments or directory\n");
    return 2;
  }
  rlimit limit{};
  MAS_CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  MAS_CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  std::filesystem::create_directory(directory + "/bare");

  const auto stored = samples_per_second(directory, metrics, batch, run_seconds);
  const auto bare = writes_per_second(directory + "/bare", metrics, run_seconds);
  std::filesystem::remove_all(directory);
  std::printf("metrics=%zu batch=%zu stored=%.0f/s bare_writes=%.0f/s ratio=%.2f\n", metrics, batch,
              stored, bare, stored / bare);
  return 0;
}
