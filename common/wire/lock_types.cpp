#include "wire/lock_types.hpp"

namespace mas {

std::string_view to_text(LockMode mode) {
  switch (mode) {
    case LockMode::shared:
      return "shared";
    case LockMode::append:
      return "append";
    case LockMode::exclusive:
      return "exclusive";
  }
  return "?";
}

std::string_view to_text(LockSpace space) {
  switch (space) {
    case LockSpace::metric:
      return "metric";
    case LockSpace::journal:
      return "journal";
    case LockSpace::shard:
      return "shard";
    case LockSpace::user:
      return "user";
  }
  return "?";
}

std::string to_text(const LockName& name) {
  std::string text(to_text(name.space));
  text += ':';
  text += name.text;
  return text;
}

}  // namespace mas
