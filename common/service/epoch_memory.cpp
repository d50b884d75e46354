#include "service/epoch_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace mas {
namespace {

constexpr std::size_t epoch_digits = 8;
constexpr std::size_t broker_digits = 16;
constexpr std::size_t ttl_digits = 8;
constexpr std::size_t broker_at = epoch_digits + 1;
constexpr std::size_t ttl_at = broker_at + broker_digits + 1;

std::string file_name(const BrokerEpoch& broker) {
  return fmt::format("{:08x}-{:016x}-{:08x}", broker.epoch, broker.broker,
                     broker.lease_ttl.count());
}

template <typename Number>
bool parse_hex(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return error == std::errc{} && end == text.data() + text.size();
}

/// Nothing for any name that file_name() does not make.
std::optional<BrokerEpoch> parse_file_name(std::string_view name) {
  BrokerEpoch broker;
  std::uint32_t ttl_ms = 0;
  if (name.size() != ttl_at + ttl_digits ||
      !parse_hex(name.substr(0, epoch_digits), broker.epoch) ||
      !parse_hex(name.substr(broker_at, broker_digits), broker.broker) ||
      !parse_hex(name.substr(ttl_at), ttl_ms)) {
    return std::nullopt;
  }
  broker.lease_ttl = milliseconds{ttl_ms};
  if (file_name(broker) != name) return std::nullopt;
  return broker;
}

}  // namespace

EpochMemory::EpochMemory(FileSystem& files, const std::string& data_directory)
    : files_(&files), data_directory_(data_directory), directory_(data_directory + "/epochs") {}

Result<BrokerEpoch> EpochMemory::latest() {
  const auto entries = files_->list(directory_);
  if (!entries) {
    if (entries.error().kind == Error::not_found) return BrokerEpoch{};
    return pass_on(entries);
  }
  BrokerEpoch latest;
  for (const auto& entry : *entries) {
    const auto broker = parse_file_name(entry.name);
    if (!broker || broker->epoch < latest.epoch) continue;
    // Two of one epoch: one of them had lost its epoch file, and leases of either may be alive.
    const auto ttl_of_same = broker->epoch == latest.epoch ? latest.lease_ttl : milliseconds{0};
    latest = *broker;
    latest.lease_ttl = std::max(latest.lease_ttl, ttl_of_same);
  }
  return latest;
}

Result<void> EpochMemory::remember(const BrokerEpoch& broker) {
  if (auto made = files_->make_directory(directory_)) {
    if (auto synced = files_->sync_directory(data_directory_); !synced) return synced;
  } else if (made.error().kind != Error::exists) {
    return made;
  }
  if (auto made = files_->create(directory_ + '/' + file_name(broker)); !made) {
    if (made.error().kind != Error::exists) return pass_on(made);
  }
  if (auto synced = files_->sync_directory(directory_); !synced) return synced;
  const auto entries = files_->list(directory_);
  if (!entries) return pass_on(entries);
  for (const auto& entry : *entries) {
    const auto earlier = parse_file_name(entry.name);
    // Left behind it would only be ignored.
    if (earlier && earlier->epoch < broker.epoch) {
      static_cast<void>(files_->unlink(directory_ + '/' + entry.name));
    }
  }
  return {};
}

}  // namespace mas
