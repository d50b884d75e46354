#include "service/process.hpp"

#include <fmt/format.h>

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

int refuse(std::string_view program, std::string_view why) {
  fmt::print(stderr, "{}: {}\n", program, why);
  return 2;
}

}  // namespace mas
