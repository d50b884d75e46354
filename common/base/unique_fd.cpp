#include "base/unique_fd.hpp"

#include <unistd.h>

namespace mas {

void UniqueFd::reset() noexcept {
  // Linux frees the descriptor even where close() reports EINTR or EIO; trying again could close
  // somebody else's (close(2)). Writers learn of failed writes from fdatasync, not from here.
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace mas
