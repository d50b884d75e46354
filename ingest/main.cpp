#include <sys/resource.h>

#include <algorithm>

#include "ingest/ingest_loop.hpp"
#include "store/segment_format.hpp"

namespace {

/// Descriptors left for sockets, logs and directories.
constexpr rlim_t descriptors_kept = 64;

/// Raises the limit of descriptors as far as the system lets us; gives how many segment files may
/// be open at a time.
std::uint32_t open_files_allowed() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 256;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
  static_cast<void>(::getrlimit(RLIMIT_NOFILE, &limit));
  const auto files = limit.rlim_cur > 2 * descriptors_kept ? limit.rlim_cur - descriptors_kept
                                                           : limit.rlim_cur / 2;
  return static_cast<std::uint32_t>(std::min<rlim_t>(files, 100'000));
}

}  // namespace

int main(int argc, char** argv) {
  mas::IngestOptions ingest;
  ingest.open_files_max = open_files_allowed();
  mas::nanoseconds partition = ingest.partition_length;
  std::string durability = "interval";
  return mas::run_worker(
      argc, argv,
      {.name = "mas-ingest",
       .summary = "A worker of mas that stores samples: takes LOGs from gateways and appends them "
                  "to the metrics' files.",
       .pool = mas::Pool::ingest,
       .credit = 65'536,
       .credit_bytes = 16 * mas::MiB,
       .add_options =
           [&](mas::Options& options) {
             options.duration(partition, "partition", mas::partition_length_min,
                              mas::partition_length_max,
                              "time that one file of a metric covers, whole seconds");
             options.text(durability, "durability",
                          "what a power cut may take: interval (at most a second or so), process "
                          "(what the kernel has not written by itself)");
             options.count(ingest.open_files_max, "open-files", 1, 1'000'000,
                           "segment files open at a time");
           },
       .make = [&](mas::WorkerContext& context) -> mas::Result<std::unique_ptr<mas::Worker>> {
         ingest.partition_length = std::chrono::duration_cast<mas::seconds>(partition);
         if (ingest.partition_length != partition) {
           return mas::fail(mas::Error::invalid, "--partition: not whole seconds");
         }
         if (durability == "process") {
           ingest.flush_interval = mas::nanoseconds{0};
         } else if (durability != "interval") {
           return mas::fail(mas::Error::invalid, "--durability: '{}' is not interval or process",
                            durability);
         }
         return std::make_unique<mas::IngestLoop>(context, ingest);
       }});
}
