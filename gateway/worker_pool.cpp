#include "gateway/worker_pool.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "service/worker_protocol.hpp"

namespace mas {

std::optional<WorkerId> WorkerPool::on_hello(WorkerId id, InstanceId instance, const Hello& hello,
                                             MonoTime now) {
  std::optional<WorkerId> older;
  for (const auto& [other_id, other] : workers_) {
    if (other.instance == instance && other_id != id) older = other_id;
  }
  if (older) remove(*older);
  // Told twice (its welcome was slow): what is known stays, above all the credit in use.
  const auto [entry, is_new] = workers_.try_emplace(id);
  if (is_new) {
    entry->second = {.id = id,
                     .instance = instance,
                     .pool = hello.pool,
                     .name = std::string(hello.name),
                     .weight = hello.weight,
                     .credit = hello.credit,
                     .credit_bytes = hello.credit_bytes,
                     .heard = now};
  }
  entry->second.heard = now;
  return older;
}

void WorkerPool::on_heard(WorkerId id, MonoTime now) {
  const auto entry = workers_.find(id);
  if (entry != workers_.end()) entry->second.heard = now;
}

void WorkerPool::on_heartbeat(WorkerId id, bool ready) {
  const auto entry = workers_.find(id);
  if (entry == workers_.end() || entry->second.ready == ready) return;
  entry->second.ready = ready;
  gather(entry->second.pool);
}

void WorkerPool::on_goodbye(WorkerId id) {
  const auto entry = workers_.find(id);
  if (entry == workers_.end() || entry->second.draining) return;
  entry->second.draining = true;
  gather(entry->second.pool);
}

void WorkerPool::remove(WorkerId id) {
  const auto entry = workers_.find(id);
  if (entry == workers_.end()) return;
  const auto pool = entry->second.pool;
  workers_.erase(entry);
  gather(pool);
}

std::vector<WorkerId> WorkerPool::silent(MonoTime now) const {
  std::vector<WorkerId> out;
  for (const auto& [id, worker] : workers_) {
    if (now - worker.heard >= silence_max) out.push_back(id);
  }
  return out;
}

const PooledWorker* WorkerPool::find(WorkerId id) const {
  const auto entry = workers_.find(id);
  return entry == workers_.end() ? nullptr : &entry->second;
}

bool WorkerPool::take_credit(WorkerId id, std::uint32_t requests, std::uint64_t bytes) {
  const auto entry = workers_.find(id);
  if (entry == workers_.end()) return false;
  auto& worker = entry->second;
  if (worker.credit < requests || worker.credit_bytes < bytes) return false;
  worker.credit -= requests;
  worker.credit_bytes -= bytes;
  worker.outstanding += requests;
  return true;
}

void WorkerPool::return_credit(WorkerId id, std::uint32_t requests, std::uint64_t bytes) {
  const auto entry = workers_.find(id);
  if (entry == workers_.end()) return;
  auto& worker = entry->second;
  MAS_CHECK(worker.outstanding >= requests);
  worker.credit += requests;
  worker.credit_bytes += bytes;
  worker.outstanding -= requests;
}

const std::vector<WorkerId>& WorkerPool::serving(Pool pool) const {
  return serving_[index_of(pool)].ids;
}

std::uint64_t WorkerPool::version(Pool pool) const { return serving_[index_of(pool)].version; }

void WorkerPool::gather(Pool pool) {
  auto& serving = serving_[index_of(pool)];
  std::vector<WorkerId> ids;
  for (const auto& [id, worker] : workers_) {
    if (worker.pool == pool && worker.serves()) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end(), [this](WorkerId a, WorkerId b) {
    return workers_.at(a).instance < workers_.at(b).instance;
  });
  if (ids == serving.ids) return;
  serving.ids = std::move(ids);
  ++serving.version;
}

}  // namespace mas
