#pragma once

#include <string>

#include "wire/worker_messages.hpp"

namespace mas {

/// What one query takes: which samples, and what becomes of them. Owns what the request only
/// showed. Thread-safety: plain value.
struct QueryPlan {
  std::string id;
  WallTime from;
  WallTime to;  ///< inclusive
  Op op = Op::avg;
  AnswerForm form = AnswerForm::text;
  nanoseconds window{0};
  /// False where no sample can be in the range (`from` after `to`): the metric is looked up, as it
  /// might not exist, but nothing is read.
  bool reads = true;
};

[[nodiscard]] QueryPlan plan_query(const QueryRequest& request);

}  // namespace mas
