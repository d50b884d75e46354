// Adds one to the number in a file, however many do so at once, on whichever machines.
// Usage: count_up HOST:PORT FILE
#include <cstdint>
#include <cstdio>
#include <fstream>

#include "locks/lock_client.hpp"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto give_up = [](const mas::Error& error) {
    std::fprintf(stderr, "count_up: %s\n", error.text.c_str());
    return 1;
  };
  auto client = mas::LockClient::connect(argv[1]);
  if (!client) return give_up(client.error());

  auto lock = client->lock(argv[2], mas::LockMode::exclusive, mas::seconds{30});
  if (!lock) return give_up(lock.error());

  std::uint64_t count = 0;
  std::ifstream(argv[2]) >> count;
  ++count;
  if (!lock->valid()) return give_up({mas::Error::lost, "the lock is lost, nothing was written"});
  std::ofstream(argv[2]) << count << '\n';
  std::printf("%llu with token %llu\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(lock->token()));
  return 0;  // the lock is let go of, then the client ends
}
