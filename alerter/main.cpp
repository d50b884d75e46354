#include "alerter/alerter_loop.hpp"

int main(int argc, char** argv) {
  mas::AlerterOptions options;
  mas::WorkerProgram program;
  program.name = "mas-alerter";
  program.summary = "Registers alert rules and judges them at the end of every period.";
  program.pool = mas::Pool::alerter;
  program.credit = mas::alerter_credit;
  program.credit_bytes = mas::alerter_credit_bytes;
  program.add_options = [&options](mas::Options& rows) {
    rows.duration(options.period, "alert-period", mas::seconds{1}, std::chrono::hours{24},
                  "how often each rule is judged; the same for all alerters");
    rows.duration(options.lag, "alert-lag", mas::seconds{0}, std::chrono::hours{1},
                  "how long after its end a period is judged, so that late samples are in");
  };
  program.make =
      [&options](mas::WorkerContext& context) -> mas::Result<std::unique_ptr<mas::Worker>> {
    return std::make_unique<mas::AlerterLoop>(context, options);
  };
  return mas::run_worker(argc, argv, program);
}
