#include "query/query_plan.hpp"

namespace mas {

QueryPlan plan_query(const QueryRequest& request) {
  return {.id = std::string(request.id),
          .from = request.from,
          .to = request.to,
          .op = request.op,
          .form = request.form,
          .window = request.window,
          .reads = request.from <= request.to};
}

}  // namespace mas
