#include "query/query_loop.hpp"

int main(int argc, char** argv) {
  mas::WorkerProgram program;
  program.name = "mas-query";
  program.summary = "Answers QUERY: reads metrics' files and streams aggregates to the gateways.";
  program.pool = mas::Pool::query;
  program.credit = mas::query_credit;
  program.credit_bytes = mas::query_credit_bytes;
  program.add_options = [](mas::Options&) {};
  program.make = [](mas::WorkerContext& context) -> mas::Result<std::unique_ptr<mas::Worker>> {
    return std::make_unique<mas::QueryLoop>(context);
  };
  return mas::run_worker(argc, argv, program);
}
