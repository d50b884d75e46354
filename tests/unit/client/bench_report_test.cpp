#include "client/bench_report.hpp"

#include "support/catch.hpp"

namespace mas {
namespace {

std::vector<BenchResult> two_results() {
  std::vector<BenchResult> results(2);
  results[0].scenario = "first";
  results[0].operations = 3;
  results[0].elapsed_seconds = 2;
  results[0].latency_of = "a \"thing\"";
  for (const int us : {1, 2, 1000}) results[0].latency.record(std::chrono::microseconds{us});
  results[0].figures = {{"ratio", 1.25, ""}, {"memory", 12.5, "MB"}};
  results[1].scenario = "second one";
  results[1].operations = 2'500'000;
  results[1].elapsed_seconds = 1;
  results[1].latency_of = "-";
  return results;
}

}  // namespace

TEST_CASE("a benchmark's table has a row for each scenario and its figures below") {
  CHECK(bench_table(two_results()) ==
        "SCENARIO    PER SECOND      P50   P99  P99.9   MAX  OF\n"
        "first                2  2.02 us  1 ms   1 ms  1 ms  a \"thing\"\n"
        "    ratio: 1.25\n"
        "    memory: 12.5 MB\n"
        "second one      2.50 M        -     -      -     -  -\n");
}

TEST_CASE("a benchmark's figures for programs are one JSON object") {
  CHECK(bench_json(two_results()) ==
        R"({"scenarios":[{"scenario":"first","operations":3,"elapsed_seconds":2.000000,)"
        R"("per_second":1.5,"latency_of":"a \"thing\"","latency_ns":{"count":3,"mean":334333.3,)"
        R"("p50":2015,"p99":1000000,"p99.9":1000000,"max":1000000},)"
        R"("figures":[{"name":"ratio","value":1.25,"unit":""},)"
        R"({"name":"memory","value":12.5,"unit":"MB"}]},)"
        R"({"scenario":"second one","operations":2500000,"elapsed_seconds":1.000000,)"
        R"("per_second":2500000.0,"latency_of":"-","latency_ns":{"count":0,"mean":0.0,"p50":0,)"
        R"("p99":0,"p99.9":0,"max":0},"figures":[]}]})"
        "\n");
}

}  // namespace mas
