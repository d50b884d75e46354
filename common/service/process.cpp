#include "service/process.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <random>

namespace mas {

InstanceId random_instance() {
  std::random_device device;
  InstanceId instance = any_instance;
  while (instance == any_instance) {
    instance = (static_cast<InstanceId>(device()) << 32) | device();
  }
  return instance;
}

std::optional<InstanceId> parse_instance(std::string_view text) {
  InstanceId instance = any_instance;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), instance, 16);
  if (error != std::errc{} || end != text.data() + text.size() || instance == any_instance) {
    return std::nullopt;
  }
  return instance;
}

int refuse(std::string_view program, std::string_view why) {
  fmt::print(stderr, "{}: {}\n", program, why);
  return 2;
}

}  // namespace mas
