#include "ingest/flush_loop.hpp"

#include <filesystem>
#include <future>

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace mas;

TEST_CASE("a flush that failed is tried again without another write") {
  const TempDir directory;
  const auto missing = directory.path() / "data";
  std::promise<void> twice;
  int errors = 0;
  {
    FlushLoop flusher(missing.string(), milliseconds{1}, [&](const Error&) {
      if (++errors == 2) twice.set_value();
    });
    flusher.wrote();
    REQUIRE(twice.get_future().wait_for(seconds{30}) == std::future_status::ready);
    std::filesystem::create_directory(missing);
  }
  CHECK(errors >= 2);  // and its end does not wait for a flush that never succeeds
}
