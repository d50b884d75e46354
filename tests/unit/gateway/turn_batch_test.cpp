#include "gateway/turn_batch.hpp"

#include "support/catch.hpp"

using namespace mas;

namespace {

MonoTime at(int seconds_since_start) { return MonoTime{seconds{seconds_since_start}}; }

std::vector<std::uint64_t> slots_of(const std::vector<Origin>& origins) {
  std::vector<std::uint64_t> slots;
  for (const auto& origin : origins) slots.push_back(origin.slot);
  return slots;
}

/// A worker's batches with `samples` samples gathered, slots 0 and up.
void gather(TurnBatches& batches, std::uint64_t first_slot, std::uint32_t samples, MonoTime now) {
  for (std::uint32_t count = 0; count < samples; ++count) {
    batches.add({.client = 1, .slot = first_slot + count}, "cpu", wall_time(count), count, now);
  }
}

}  // namespace

TEST_CASE("a turn's samples become one message, column by column") {
  TurnBatches batches(100);
  batches.add({1, 0}, "cpu", wall_time(10), 0.5, at(0));
  batches.add({2, 0}, "disk", wall_time(11), 0.25, at(0));
  const auto* batch = batches.next_unsent();
  REQUIRE(batch != nullptr);
  CHECK(batch->batch == 100);
  CHECK(sample_count(*batch) == 2);
  ByteReader ids(batch->ids);
  CHECK(ids.short_text() == "cpu");
  CHECK(ids.short_text() == "disk");
  CHECK(ids.done());
  ByteReader values(batch->values);
  CHECK(values.f64() == 0.5);
  CHECK(TurnBatches::bytes_of(*batch) == 4 + 5 + 16 + 16);
  batches.sent();
  CHECK(batches.next_unsent() == nullptr);
  CHECK(batches.unsent_samples() == 0);
}

TEST_CASE("more samples than a batch holds go into the next one") {
  TurnBatches batches(1);
  gather(batches, 0, batch_samples_max + 1, at(0));
  CHECK(sample_count(*batches.next_unsent()) == batch_samples_max);
  batches.sent();
  CHECK(batches.next_unsent()->batch == 2);
  CHECK(sample_count(*batches.next_unsent()) == 1);
}

TEST_CASE("answers by range tell each sample's fate once, and give its credit back once") {
  TurnBatches batches(1);
  gather(batches, 0, 4, at(0));
  const auto bytes_sent = TurnBatches::bytes_of(*batches.next_unsent());
  batches.sent();
  std::vector<Origin> origins;
  std::uint64_t bytes = 0;
  CHECK(batches.answered(1, {2, 2, Status::done}, origins, bytes) == 2);
  CHECK(slots_of(origins) == std::vector<std::uint64_t>{2, 3});
  CHECK(bytes == 0);
  origins.clear();
  CHECK(batches.answered(1, {1, 2, Status::done}, origins, bytes) == 1);  // 2 is told already
  CHECK(slots_of(origins) == std::vector<std::uint64_t>{1});
  origins.clear();
  CHECK(batches.answered(1, {0, 1, Status::busy}, origins, bytes) == 1);
  CHECK(bytes == bytes_sent);
  CHECK(batches.answered(1, {0, 4, Status::done}, origins, bytes) == 0);  // the batch is over
}

TEST_CASE("answers to batches that never were, and ranges beyond a batch, change nothing") {
  TurnBatches batches(10);
  gather(batches, 0, 2, at(0));
  std::vector<Origin> origins;
  std::uint64_t bytes = 0;
  CHECK(batches.answered(10, {0, 2, Status::done}, origins, bytes) == 0);  // not sent yet
  batches.sent();
  CHECK(batches.answered(9, {0, 1, Status::done}, origins, bytes) == 0);
  CHECK(batches.answered(11, {0, 1, Status::done}, origins, bytes) == 0);
  CHECK(batches.answered(10, {1, 2, Status::done}, origins, bytes) == 0);
  CHECK(batches.answered(10, {0xffffffffU, 2, Status::done}, origins, bytes) == 0);
  CHECK(origins.empty());
}

TEST_CASE("what is given up is told at once, and its late answer gives credit and nothing else") {
  TurnBatches batches(1);
  gather(batches, 0, 2, at(0));
  batches.sent();
  gather(batches, 2, 2, at(5));
  std::vector<Origin> origins;
  batches.give_up(at(4), origins);
  CHECK(slots_of(origins) == std::vector<std::uint64_t>{0, 1});
  origins.clear();
  std::uint64_t bytes = 0;
  CHECK(batches.answered(1, {0, 2, Status::done}, origins, bytes) == 2);
  CHECK(origins.empty());
  CHECK(batches.unsent_samples() == 2);
}

TEST_CASE("samples given up before they were sent are never sent") {
  TurnBatches batches(1);
  gather(batches, 0, 2, at(0));
  batches.sent();
  gather(batches, 2, 3, at(1));
  std::vector<Origin> origins;
  batches.give_up(at(1), origins);
  CHECK(origins.size() == 5);
  CHECK(batches.next_unsent() == nullptr);
  CHECK(batches.unsent_samples() == 0);
  gather(batches, 5, 1, at(2));
  CHECK(batches.next_unsent()->batch == 2);  // numbers go on without a gap
}

TEST_CASE("unsent samples move to another worker whole, sent ones stay") {
  TurnBatches from(1);
  gather(from, 0, 2, at(0));
  from.sent();
  gather(from, 2, 2, at(0));
  std::vector<std::uint64_t> moved;
  from.move_unsent([&](Origin origin, std::string_view id, WallTime stamp, double value) {
    moved.push_back(origin.slot);
    CHECK(id == "cpu");
    CHECK(to_int(stamp) == static_cast<std::int64_t>(value));
  });
  CHECK(moved == std::vector<std::uint64_t>{2, 3});
  CHECK(from.unsent_samples() == 0);
  std::vector<Origin> origins;
  from.give_up(at(9), origins);
  CHECK(origins.size() == 2);
}
