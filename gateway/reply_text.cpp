#include "gateway/reply_text.hpp"

#include "base/check.hpp"

namespace mas {

std::string_view reply_text(Reply reply) {
  switch (reply) {
    case Reply::metric_inserted:
      return "201 Metric Inserted\n";
    case Reply::alert_registered:
      return "200 Alert Registered\n";
    case Reply::metric_not_found:
      return "404 Metric Not Found\n";
    case Reply::busy:
      return "503 The server is busy, try again later\n";
    case Reply::unknown_command:
      return "400 Bad Request -- Available commands: ['LOG', 'QUERY', 'NEW-ALERT']\n";
    case Reply::malformed_log:
      return "400 Bad Request -- LOG <id:str> <value:float>\n";
    case Reply::malformed_query:
      return "400 Bad Request -- QUERY <id:str> <op:AVG|MAX|MIN|COUNT> <secs:int>"
             " [from:iso_date] [to:iso_date]\n";
    case Reply::malformed_new_alert:
      return "400 Bad Request -- NEW-ALERT <id:str> <op:AVG|MAX|MIN|COUNT> <secs:int>"
             " <limit:float>\n";
    case Reply::line_too_long:
      return "400 Bad Request -- Line Too Long\n";
  }
  MAS_CHECK(false);  // no other reply exists
  return {};
}

}  // namespace mas
