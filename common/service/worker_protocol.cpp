#include "service/worker_protocol.hpp"

#include <utility>

namespace mas {

WorkerProtocol::Step WorkerProtocol::on_message(WorkerMessage type, InstanceId from, MonoTime now) {
  Step step;
  switch (type) {
    case WorkerMessage::welcome:
      if (gateway_ != any_instance && gateway_ != from) step.lost = gateway_;
      gateway_ = from;
      heard_ = now;
      // At once, as a worker that is not known to be ready gets no work.
      step.heartbeat = !draining_;
      step.goodbye = draining_ && !farewell_;
      spoken_ = now;
      return step;
    case WorkerMessage::hello_again:
      step.lost = std::exchange(gateway_, any_instance);
      step.hello = !draining_;
      hello_at_ = now;
      return step;
    default:
      break;
  }
  if (from != gateway_) return step;  // an earlier life of the gateway, or not introduced yet
  heard_ = now;
  if (type == WorkerMessage::farewell) {
    farewell_ = draining_;
    // Nobody asked for it: the gateway itself ends. Another may come in its place.
    if (!draining_) {
      step.lost = std::exchange(gateway_, any_instance);
      step.told = true;
      hello_at_ = now;
    }
  }
  step.deliver = type != WorkerMessage::farewell && type != WorkerMessage::gateway_heartbeat;
  return step;
}

WorkerProtocol::Step WorkerProtocol::on_time(MonoTime now) {
  Step step;
  if (gateway_ != any_instance && now - heard_ >= silence_max) {
    step.lost = std::exchange(gateway_, any_instance);
    hello_at_ = MonoTime{};
  }
  if (gateway_ == any_instance) {
    const bool due = hello_at_ == MonoTime{} || now - hello_at_ >= hello_interval;
    step.hello = due && !draining_;
    if (step.hello) hello_at_ = now;
  } else if (now - spoken_ >= heartbeat_interval) {
    step.heartbeat = true;
    spoken_ = now;
  }
  return step;
}

WorkerProtocol::Step WorkerProtocol::drain() {
  Step step;
  step.goodbye = !draining_ && gateway_ != any_instance;
  draining_ = true;
  return step;
}

}  // namespace mas
