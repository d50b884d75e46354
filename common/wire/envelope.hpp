#pragma once

#include <cstdint>
#include <string_view>

namespace mas {

/// Names one life of one process: drawn at random at its start. A message for an earlier life of
/// its receiver, or one that a reused address receives by mistake, is recognized by it and dropped.
using InstanceId = std::uint64_t;
/// "Whoever you are": only a hello, sent before the peer's instance is known, carries it.
inline constexpr InstanceId any_instance = 0;

inline constexpr std::uint8_t wire_version = 1;
inline constexpr std::size_t cluster_name_bytes_max = 64;

/// The first five fields of every message between mas' own processes. `type` is one of the
/// enumerations in worker_messages or lock_messages, whichever the port speaks.
struct Envelope {
  std::uint8_t type = 0;
  std::string_view cluster;  ///< into the message, or owned by the sender
  InstanceId from = any_instance;
  InstanceId to = any_instance;
};

}  // namespace mas
