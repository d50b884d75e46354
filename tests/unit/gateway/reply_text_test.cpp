#include "gateway/reply_text.hpp"

#include "support/catch.hpp"

namespace mas {

TEST_CASE("every reply is its line of the contract, to the byte") {
  CHECK(reply_text(Reply::metric_inserted) == "201 Metric Inserted\n");
  CHECK(reply_text(Reply::alert_registered) == "200 Alert Registered\n");
  CHECK(reply_text(Reply::metric_not_found) == "404 Metric Not Found\n");
  CHECK(reply_text(Reply::busy) == "503 The server is busy, try again later\n");
  CHECK(reply_text(Reply::unknown_command) ==
        "400 Bad Request -- Available commands: ['LOG', 'QUERY', 'NEW-ALERT']\n");
  CHECK(reply_text(Reply::malformed_log) == "400 Bad Request -- LOG <id:str> <value:float>\n");
  CHECK(reply_text(Reply::malformed_query) ==
        "400 Bad Request -- QUERY <id:str> <op:AVG|MAX|MIN|COUNT> <secs:int> [from:iso_date] "
        "[to:iso_date]\n");
  CHECK(reply_text(Reply::malformed_new_alert) ==
        "400 Bad Request -- NEW-ALERT <id:str> <op:AVG|MAX|MIN|COUNT> <secs:int> <limit:float>\n");
  CHECK(reply_text(Reply::line_too_long) == "400 Bad Request -- Line Too Long\n");
}

}  // namespace mas
