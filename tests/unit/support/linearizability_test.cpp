#include "support/linearizability.hpp"

#include "support/catch.hpp"

namespace mas {
namespace {

using What = LockOperation::What;

constexpr auto shared = LockMode::shared;
constexpr auto append = LockMode::append;
constexpr auto exclusive = LockMode::exclusive;

MonoTime at(int tick) { return MonoTime{milliseconds{tick}}; }

/// A history in the words of who made it. Nobody is told when a release has taken effect.
class History {
 public:
  History& acquire(std::size_t client, int from, int to, LockMode mode, LockToken token) {
    operations_.push_back({client, What::acquire, at(from), at(to), mode, token});
    return *this;
  }
  History& up(std::size_t client, int from, int to) {
    operations_.push_back({client, What::convert, at(from), at(to), exclusive, 0});
    return *this;
  }
  History& down(std::size_t client, int from, LockMode mode) {
    operations_.push_back({client, What::convert, at(from), MonoTime::max(), mode, 0});
    return *this;
  }
  History& release(std::size_t client, int from) {
    operations_.push_back({client, What::release, at(from), MonoTime::max(), shared, 0});
    return *this;
  }
  [[nodiscard]] bool good() const { return !not_linearizable(operations_); }

 private:
  std::vector<LockOperation> operations_;
};

TEST_CASE("a history in which nothing happens is linearizable") { CHECK(History{}.good()); }

TEST_CASE("holders that do not conflict may overlap") {
  CHECK(History{}.acquire(1, 0, 1, shared, 1).acquire(2, 1, 2, shared, 2).good());
  CHECK(History{}.acquire(1, 0, 1, shared, 1).acquire(2, 1, 2, append, 2).good());
  CHECK(History{}.acquire(1, 0, 1, append, 1).acquire(2, 1, 2, shared, 2).good());
}

TEST_CASE("holders that conflict must not overlap") {
  const auto both = [](LockMode first, LockMode second) {
    return History{}.acquire(1, 0, 1, first, 1).acquire(2, 2, 3, second, 2).release(1, 4).good();
  };
  CHECK_FALSE(both(shared, exclusive));
  CHECK_FALSE(both(append, append));
  CHECK_FALSE(both(append, exclusive));
  CHECK_FALSE(both(exclusive, shared));
  CHECK_FALSE(both(exclusive, append));
  CHECK_FALSE(both(exclusive, exclusive));
}

TEST_CASE("a release takes effect at any time after it began, and not before") {
  CHECK(
      History{}.acquire(1, 0, 1, exclusive, 1).release(1, 2).acquire(2, 0, 9, exclusive, 2).good());
  CHECK(
      History{}.acquire(1, 0, 1, exclusive, 1).release(1, 9).acquire(2, 0, 9, exclusive, 2).good());
  CHECK_FALSE(
      History{}.acquire(1, 0, 1, exclusive, 1).release(1, 9).acquire(2, 0, 8, exclusive, 2).good());
}

TEST_CASE("a grant takes effect at any time between its request and its answer") {
  // Only with client 2's grant before client 1's can both have held it alone.
  CHECK(History{}
            .acquire(1, 0, 20, exclusive, 2)
            .acquire(2, 0, 5, exclusive, 1)
            .release(2, 6)
            .good());
  CHECK_FALSE(
      History{}.acquire(1, 0, 3, exclusive, 2).acquire(2, 0, 5, exclusive, 1).release(2, 6).good());
}

TEST_CASE("tokens go up from grant to grant") {
  const auto two = [](LockToken first, LockToken second) {
    return History{}
        .acquire(1, 0, 1, exclusive, first)
        .release(1, 2)
        .acquire(2, 3, 4, exclusive, second)
        .good();
  };
  CHECK(two(1, 2));
  CHECK_FALSE(two(2, 1));
  CHECK_FALSE(two(2, 2));
  // Readers that come in together have tokens of their own too.
  CHECK_FALSE(History{}.acquire(1, 0, 1, shared, 5).acquire(2, 2, 3, shared, 5).good());
}

TEST_CASE("a cached shared lock is granted again under its token, to its holder alone") {
  const auto again = [](std::size_t client, LockMode mode) {
    return History{}
        .acquire(1, 0, 1, shared, 3)
        .release(1, 2)
        .acquire(2, 3, 4, append, 4)
        .release(2, 5)
        .acquire(client, 6, 7, mode, 3)
        .good();
  };
  CHECK(again(1, shared));
  CHECK_FALSE(again(1, exclusive));
  CHECK_FALSE(again(2, shared));
}

TEST_CASE("a conversion up needs the name for itself, one down lets others in") {
  const auto up = [](int reader_leaves) {
    return History{}
        .acquire(1, 0, 1, append, 1)
        .acquire(2, 2, 3, shared, 2)
        .up(1, 4, 5)
        .release(2, reader_leaves)
        .good();
  };
  CHECK(up(4));
  CHECK_FALSE(up(6));

  const auto down = [](int from, LockMode others) {
    return History{}
        .acquire(1, 0, 1, exclusive, 1)
        .down(1, from, append)
        .acquire(2, 2, 5, others, 2)
        .good();
  };
  CHECK(down(5, shared));
  CHECK_FALSE(down(6, shared));
  CHECK_FALSE(down(5, append));
}

TEST_CASE("what one client does takes effect in its order") {
  // Weakened at 2, so the reader may come in; strengthened again before the reader has left.
  CHECK_FALSE(History{}
                  .acquire(1, 0, 1, exclusive, 1)
                  .down(1, 2, append)
                  .up(1, 3, 4)
                  .acquire(2, 5, 6, shared, 2)
                  .good());
  CHECK_FALSE(History{}.release(1, 0).acquire(1, 1, 2, shared, 1).good());
  CHECK_FALSE(History{}.acquire(1, 0, 1, shared, 1).acquire(1, 2, 3, shared, 2).good());
  CHECK_FALSE(History{}.acquire(1, 0, 1, shared, 1).release(1, 2).down(1, 3, shared).good());
}

TEST_CASE("an order is found behind many wrong turns, and its absence is told in time") {
  // Writers whose requests all overlap: by their tokens only one of the 16! orders is right.
  constexpr int writers = 16;
  const auto history = [](int last_may_hold_until) {
    History all;
    for (int n = writers; n > 0; --n) {
      const auto client = static_cast<std::size_t>(n);
      all.acquire(client, 0, 100, exclusive, static_cast<LockToken>(n));
      all.release(client, n == 1 ? last_may_hold_until : 0);
    }
    return all;
  };
  CHECK(history(50).good());
  CHECK_FALSE(history(101).good());

  // Readers that come and go at any time, and a writer that can never come in between.
  History readers;
  for (std::size_t n = 1; n <= 4; ++n) {
    for (int round = 0; round < 8; ++round) {
      readers.acquire(n, 0, 1000, shared, static_cast<LockToken>(round) * 4 + n).release(n, 0);
    }
  }
  CHECK(readers.good());
  readers.acquire(9, 0, 1000, exclusive, 1);
  CHECK_FALSE(readers.good());
}

TEST_CASE("what cannot be placed is told") {
  const auto wrong = not_linearizable({{7, What::acquire, at(0), at(1), exclusive, 1},
                                       {8, What::acquire, at(2), at(3), shared, 2}});
  REQUIRE(wrong);
  CHECK(wrong->find("client 7 exclusive, token 1") != std::string::npos);
  CHECK(wrong->find("client 8 holds nothing") != std::string::npos);
  CHECK(wrong->find("acquire shared token 2") != std::string::npos);
}

}  // namespace
}  // namespace mas
