#include "lockbroker/lock_table.hpp"

#include <fmt/format.h>

#include <map>
#include <sstream>

#include "support/catch.hpp"

namespace mas {
namespace {

/// Plays a script against a LockTable and writes down what comes out. A line of a script is an
/// event; indented lines after it are the actions that it must have, in order:
///
///   acquire a m exclusive
///       a granted m exclusive clean
///
/// Events: open S, renew S, close S, expire S; acquire S N MODE, cancel S N, release S N [as-found|
/// unclean] [value=V|forget], down S N MODE [value=V|forget], up S N [wait], unable S N, keep S N
/// (a name that begins with my- is in the space user); wait MS lets time pass with everything done
/// when it is due, and with heartbeats of all sessions but those that were silenced with silence S;
/// stall MS lets it pass with nobody doing anything.
class Script {
 public:
  explicit Script(LockTableOptions options = {}) : table_(options) { event(TimePassed{}); }

  [[nodiscard]] std::string play(const std::string& script) {
    written_.clear();
    std::istringstream lines(script);
    for (std::string line; std::getline(lines, line);) {
      if (line.find_first_not_of(' ') == std::string::npos) continue;
      const auto indent = line.find_first_not_of(' ');
      if (indent_ == std::string::npos) indent_ = indent;
      if (indent > indent_) continue;
      written_ += line + "\n";
      step(line);
      table_.verify();
    }
    return written_;
  }

  LockTable& table() { return table_; }
  [[nodiscard]] LockToken session(const std::string& name) const { return sessions_.at(name); }
  [[nodiscard]] LockToken token(const std::string& session, const std::string& name) const {
    return tokens_.at({session, name});
  }
  MonoTime now{};

 private:
  void step(const std::string& line) {
    std::istringstream words(line);
    std::string verb, who, what, word;
    words >> verb >> who;
    if (verb == "wait") return wait(milliseconds{std::stoi(who)});
    if (verb == "stall") {
      now += milliseconds{std::stoi(who)};
      return;
    }
    if (verb == "time") return event(TimePassed{});
    if (verb == "silence") {
      silent_.push_back(who);
      return;
    }
    if (verb == "open") {
      opening_ = who;
      return event(OpenSession{1});
    }
    const auto session = sessions_.at(who);
    if (verb == "renew") return renew(who);
    if (verb == "close") return event(CloseSession{session});
    if (verb == "expire") return event(ExpireSession{session});

    LockRequest request;
    words >> what;
    request.name = {what.starts_with("my-") ? LockSpace::user : LockSpace::metric, what};
    if (tokens_.count({who, what}) != 0) request.token = tokens_.at({who, what});
    using Op = LockRequest::Op;
    const std::map<std::string, Op> ops{{"acquire", Op::acquire}, {"cancel", Op::cancel},
                                        {"release", Op::release}, {"down", Op::convert_down},
                                        {"up", Op::convert_up},   {"unable", Op::unable},
                                        {"keep", Op::keep}};
    REQUIRE(ops.count(verb) == 1);
    request.op = ops.at(verb);
    while (words >> word) {
      if (word == "shared")
        request.mode = LockMode::shared;
      else if (word == "append")
        request.mode = LockMode::append;
      else if (word == "exclusive")
        request.mode = LockMode::exclusive;
      else if (word == "as-found")
        request.end = LockEnd::as_found;
      else if (word == "unclean")
        request.end = LockEnd::unclean;
      else if (word == "wait")
        request.wait = true;
      else if (word == "forget")
        request.value = LockValue{};
      else if (word.rfind("value=", 0) == 0)
        request.value = LockValue{true, word.substr(6)};
      else
        FAIL("what is '" << word << "'?");
    }
    event(LockEventRequest{session, &request});
  }

  void wait(milliseconds span) {
    const auto until = now + span;
    while (table_.next_deadline() <= until) {
      now = std::max(now, table_.next_deadline());
      renew_all();
      event(TimePassed{});
    }
    now = until;
    renew_all();
    event(TimePassed{});
  }

  void renew_all() {
    for (const auto& [name, token] : sessions_) {
      if (std::find(silent_.begin(), silent_.end(), name) == silent_.end()) {
        event(RenewSession{token, 1});
      }
    }
  }

  void renew(const std::string& who) {
    const auto before = renewed_;
    event(RenewSession{sessions_.at(who), 1});
    written_ += fmt::format("    {} {}\n", who, renewed_ > before ? "renewed" : "not renewed");
  }

  void event(const LockTableEvent& event) {
    actions_.clear();
    table_.on(event, now, actions_);
    for (const auto& action : actions_) write(action);
  }

  void write(const LockTableAction& action) {
    if (const auto* opened = std::get_if<SessionOpened>(&action)) {
      sessions_[opening_] = opened->session;
    } else if (std::get_if<SessionRefused>(&action) != nullptr) {
      written_ += fmt::format("    {} has no session\n", opening_);
    } else if (std::get_if<SessionRenewed>(&action) != nullptr) {
      ++renewed_;
    } else if (const auto* gone = std::get_if<SessionGone>(&action)) {
      written_ += fmt::format("    {} {} lost={}\n", name_of(gone->session),
                              gone->why == SessionGone::Why::closed ? "closed" : "expired",
                              gone->locks_lost);
    } else if (const auto* overdue = std::get_if<RecallOverdue>(&action)) {
      written_ += fmt::format("    {} overdue {} for {}\n", name_of(overdue->session),
                              overdue->name.text, to_text(overdue->wanted));
    } else if (const auto* told = std::get_if<AnswerSession>(&action)) {
      write(name_of(told->session), told->answer);
    }
  }

  void write(const std::string& who, const LockAnswer& answer) {
    using Op = LockAnswer::Op;
    const auto& name = answer.name.text;
    const auto found = [&] {
      return fmt::format("{}{}", answer.grant.previous_end_clean ? "clean" : "unclean",
                         answer.grant.value.valid ? " value=" + answer.grant.value.bytes : "");
    };
    switch (answer.op) {
      case Op::granted:
        // Of two grants of one name the later has the higher token, whoever gets them.
        CHECK(answer.grant.token > highest_[name]);
        highest_[name] = answer.grant.token;
        tokens_[{who, name}] = answer.grant.token;
        written_ += fmt::format("    {} granted {} {} {}\n", who, name, to_text(answer.grant.mode),
                                found());
        break;
      case Op::converted:
        CHECK(answer.grant.token == tokens_.at({who, name}));
        written_ += fmt::format("    {} converted {} {} {}\n", who, name,
                                to_text(answer.grant.mode), found());
        break;
      case Op::refused:
        written_ += fmt::format("    {} refused {}: {}\n", who, name, to_text(answer.why));
        break;
      case Op::not_converted:
        written_ += fmt::format("    {} not converted {}: {}\n", who, name, to_text(answer.why));
        break;
      case Op::recall:
        CHECK(answer.grant.token == tokens_.at({who, name}));
        written_ += fmt::format("    {} recalled {} for {}\n", who, name, to_text(answer.wanted));
        break;
    }
  }

  [[nodiscard]] std::string name_of(LockToken session) const {
    for (const auto& [name, token] : sessions_) {
      if (token == session) return name;
    }
    return "?";
  }

  LockTable table_;
  std::vector<LockTableAction> actions_;
  std::map<std::string, LockToken> sessions_;
  std::map<std::pair<std::string, std::string>, LockToken> tokens_;
  std::map<std::string, LockToken> highest_;
  std::vector<std::string> silent_;
  std::string opening_;
  std::string written_;
  std::size_t indent_ = std::string::npos;
  int renewed_ = 0;
};

/// A script without the margin that it has inside the source.
std::string unindented(const std::string& script) {
  std::istringstream lines(script);
  std::string out;
  std::size_t margin = std::string::npos;
  for (std::string line; std::getline(lines, line);) {
    const auto indent = line.find_first_not_of(' ');
    if (indent == std::string::npos) continue;
    margin = std::min(margin, indent);
    out += line.substr(margin) + "\n";
  }
  return out;
}

void check(const std::string& script, LockTableOptions options = {}) {
  const auto expected = unindented(script);
  CHECK(Script(options).play(expected) == expected);
}

}  // namespace

TEST_CASE("readers share a name, and an appender joins them") {
  check(R"(
    open a
    open b
    open c
    acquire a m shared
        a granted m shared clean
    acquire b m shared
        b granted m shared clean
    acquire c m append
        c granted m append clean
  )");
}

TEST_CASE("a second writer waits until the first lets go") {
  check(R"(
    open a
    open b
    acquire a m append
        a granted m append clean
    wait 20
    acquire b m append
        a recalled m for append
    release a m
        b granted m append clean
  )");
}

TEST_CASE("nothing overtakes a conflicting waiter ahead of it") {
  check(R"(
    open a
    open b
    open c
    acquire a m shared
        a granted m shared clean
    acquire b m exclusive
        a recalled m for exclusive
    acquire c m shared
    release a m
        b granted m exclusive clean
        b recalled m for shared
    down b m append
        c granted m shared clean
  )");
}

TEST_CASE("neighbours in line that are compatible are granted together") {
  check(R"(
    open a
    open b
    open c
    open d
    open e
    acquire a m exclusive
        a granted m exclusive clean
    wait 50
    acquire b m shared
        a recalled m for shared
    acquire c m shared
    acquire d m append
    acquire e m exclusive
    release a m
        b granted m shared clean
        c granted m shared clean
        d granted m append clean
        b recalled m for exclusive
        c recalled m for exclusive
    wait 20
        d recalled m for exclusive
  )");
}

TEST_CASE("a holder is recalled for a reader at once, with the mode that is wanted") {
  check(R"(
    open w
    open r
    acquire w m exclusive
        w granted m exclusive clean
    acquire r m shared
        w recalled m for shared
    down w m append value=3-segments
        r granted m shared clean value=3-segments
  )");
}

TEST_CASE("a writer is recalled for another writer only after the minimum hold") {
  check(R"(
    open a
    open b
    acquire a m append
        a granted m append clean
    wait 5
    acquire b m append
    wait 14
    wait 1
        a recalled m for append
    release a m
        b granted m append clean
  )");
}

TEST_CASE("two writers that compete for one name take turns, none faster than the minimum hold") {
  Script script;
  static_cast<void>(script.play("open a\nopen b\nacquire a m exclusive\n"));
  std::string other = "b";
  std::string holder = "a";
  for (int turn = 0; turn < 20; ++turn) {
    const auto started = script.now;
    CHECK(script.play("acquire " + other + " m exclusive\n") ==
          "acquire " + other + " m exclusive\n");
    const auto recalled = script.play("wait 20\n");
    CHECK(recalled == "wait 20\n    " + holder + " recalled m for exclusive\n");
    CHECK(script.now - started >= milliseconds{20});
    const auto granted = script.play("release " + holder + " m\n");
    CHECK(granted.find(other + " granted m exclusive") != std::string::npos);
    std::swap(holder, other);
  }
  CHECK(script.table().figures().writer_turns == 20);
}

TEST_CASE("the minimum hold never outlasts a lease") {
  LockTableOptions options;
  options.minimum_hold = milliseconds{60'000};
  check(R"(
    open a
    open b
    acquire a m append
        a granted m append clean
    acquire b m append
    wait 2999
    wait 1
        a recalled m for append
  )",
        options);
}

TEST_CASE("a recall asks again when more is wanted than before") {
  check(R"(
    open w
    open r
    open x
    acquire w m exclusive
        w granted m exclusive clean
    wait 50
    acquire r m shared
        w recalled m for shared
    acquire x m append
    down w m append
        r granted m shared clean
        w recalled m for append
    release w m
        x granted m append clean
  )");
}

TEST_CASE("a conversion up is given at once when nobody else holds or waits") {
  check(R"(
    open w
    acquire w m append
        w granted m append clean
    up w m
        w converted m exclusive clean
  )");
}

TEST_CASE("a conversion up that may not wait is refused when a reader holds the name") {
  check(R"(
    open w
    open r
    acquire w m append
        w granted m append clean
    acquire r m shared
        r granted m shared clean
    up w m
        w not converted m: somebody else holds or awaits it
  )");
}

TEST_CASE("a conversion up waits first in line while readers are recalled") {
  check(R"(
    open w
    open r
    open s
    acquire w m append
        w granted m append clean
    acquire r m shared
        r granted m shared clean
    up w m wait
        r recalled m for exclusive
    acquire s m shared
    release r m
        w converted m exclusive clean
        w recalled m for shared
    down w m append
        s granted m shared clean
  )");
}

TEST_CASE("a recall for another writer cancels a conversion that waits") {
  check(R"(
    open w
    open r
    open x
    acquire w m append
        w granted m append clean
    acquire r m shared
        r granted m shared clean
    wait 50
    up w m wait
        r recalled m for exclusive
    acquire x m append
        w not converted m: somebody else holds or awaits it
        w recalled m for append
    release w m
        x granted m append clean
  )");
}

TEST_CASE("a holder that is recalled cannot convert up") {
  check(R"(
    open w
    open x
    acquire w m append
        w granted m append clean
    wait 50
    acquire x m append
        w recalled m for append
    up w m wait
        w not converted m: somebody else holds or awaits it
  )");
}

TEST_CASE("a reader cannot convert up, as two that waited for each other never would") {
  check(R"(
    open a
    acquire a m shared
        a granted m shared clean
    up a m wait
        a not converted m: makes no sense to the lock broker
  )");
}

TEST_CASE("a session that is not heard of expires and its locks go to the next, marked unclean") {
  check(R"(
    open a
    open b
    acquire a m exclusive
        a granted m exclusive clean
    acquire b m append
    silence a
    wait 2999
        a recalled m for append
    wait 1
        a expired lost=1
        b granted m append unclean
  )");
}

TEST_CASE("a session that expires while it waits is granted nothing") {
  check(R"(
    open a
    open b
    open c
    acquire a m exclusive
        a granted m exclusive clean
    silence b
    acquire b m exclusive
    acquire c m exclusive
    wait 3000
        a recalled m for exclusive
        b expired lost=0
    release a m
        c granted m exclusive clean
  )");
}

TEST_CASE("readers are granted when the waiter ahead of them expires") {
  check(R"(
    open a
    open b
    open c
    acquire a m shared
        a granted m shared clean
    acquire b m exclusive
        a recalled m for exclusive
    acquire c m shared
    expire b
        b expired lost=0
        c granted m shared clean
  )");
}

TEST_CASE("a process known to be gone loses its session at once") {
  check(R"(
    open a
    open b
    acquire a m append
        a granted m append clean
    acquire b m exclusive
    expire a
        a expired lost=1
        b granted m exclusive unclean
  )");
}

TEST_CASE("the same client back with a new session waits for its old lock like anybody else") {
  check(R"(
    open old
    acquire old m append
        old granted m append clean
    silence old
    open new
    acquire new m append
    wait 20
        old recalled m for append
    wait 2980
        old expired lost=1
        new granted m append unclean
  )");
}

TEST_CASE("a holder that does not honour a recall is not renewed, and so expires") {
  check(R"(
    open a
    open b
    acquire a m exclusive
        a granted m exclusive clean
    acquire b m shared
        a recalled m for shared
    wait 2999
    wait 1
        a overdue m for shared
    renew a
        a not renewed
    wait 2999
    wait 1
        a expired lost=1
        b granted m shared unclean
  )");
}

TEST_CASE("a holder that honours an overdue recall is renewed again") {
  check(R"(
    open a
    open b
    acquire a m exclusive
        a granted m exclusive clean
    acquire b m shared
        a recalled m for shared
    wait 3000
        a overdue m for shared
    down a m append
        b granted m shared clean
    renew a
        a renewed
  )");
}

TEST_CASE("a holder unable to let go has the waiting requests refused and is recalled again") {
  check(R"(
    open a
    open b
    open c
    acquire a m exclusive
        a granted m exclusive clean
    acquire b m shared
        a recalled m for shared
    acquire c m shared
    unable a m
        b refused m: the holder cannot let go now
        c refused m: the holder cannot let go now
    renew a
        a renewed
    acquire b m shared
        a recalled m for shared
    down a m append
        b granted m shared clean
  )");
}

TEST_CASE("who keeps a user's lock works on, and whoever waits goes on waiting") {
  check(R"(
    open a
    open b
    open c
    acquire a my-x shared
        a granted my-x shared unclean
    acquire b my-x exclusive
        a recalled my-x for exclusive
    keep a my-x
    acquire c my-x shared
    wait 60000
    renew a
        a renewed
    release a my-x
        b granted my-x exclusive unclean
        b recalled my-x for shared
    wait 3000
        b overdue my-x for shared
    keep b my-x
    renew b
        b renewed
    wait 60000
    silence b
    wait 3000
        b expired lost=1
        c granted my-x shared unclean
  )",
        LockTableOptions{.after_unclean_stop = true});
}

TEST_CASE("who keeps a lock says so anew when more is wanted") {
  check(R"(
    open a
    open b
    open c
    acquire a my-x append
        a granted my-x append clean
    acquire b my-x append
    wait 20
        a recalled my-x for append
    keep a my-x
    wait 6000
    cancel b my-x
        b refused my-x: cancelled
    acquire c my-x exclusive
        a recalled my-x for exclusive
    wait 3000
        a overdue my-x for exclusive
    renew a
        a not renewed
  )");
}

TEST_CASE("only a lock in the space user can be kept, and only when it is recalled") {
  check(R"(
    open a
    open b
    acquire a m exclusive
        a granted m exclusive clean
    acquire a my-x exclusive
        a granted my-x exclusive clean
    keep a my-x
    acquire b m shared
        a recalled m for shared
    keep a m
    acquire b my-x shared
        a recalled my-x for shared
    release a my-x
        b granted my-x shared clean
    wait 3000
        a overdue m for shared
    renew a
        a not renewed
  )");
}

TEST_CASE("an unclean end is remembered while nobody wants the name") {
  check(R"(
    open a
    open b
    open c
    acquire a m append
        a granted m append clean
    expire a
        a expired lost=1
    acquire b m append
        b granted m append unclean
    release b m
    acquire c m append
        c granted m append clean
  )");
}

TEST_CASE("only a writer's clean end clears an unclean one") {
  check(R"(
    open a
    open b
    open r
    acquire a m append
        a granted m append clean
    expire a
        a expired lost=1
    acquire r m shared
        r granted m shared unclean
    release r m
    acquire b m append
        b granted m append unclean
    release b m as-found
    acquire b m append
        b granted m append unclean
    down b m shared
    acquire r m shared
        r granted m shared clean
  )");
}

TEST_CASE("a holder can say that it failed midway") {
  check(R"(
    open a
    open b
    acquire a m append
        a granted m append clean
    acquire b m shared
        b granted m shared clean
    release a m unclean
    acquire a m append
        a granted m append unclean
  )");
}

TEST_CASE("a reader that dies leaves no unclean end") {
  check(R"(
    open a
    open b
    acquire a m shared
        a granted m shared clean
    expire a
        a expired lost=0
    acquire b m append
        b granted m append clean
  )");
}

TEST_CASE("a goodbye gives back shared locks, and counts a writer's lock as an unclean end") {
  check(R"(
    open a
    open b
    acquire a m shared
        a granted m shared clean
    acquire a n append
        a granted n append clean
    acquire b m exclusive
        a recalled m for exclusive
    close a
        a closed lost=1
        b granted m exclusive clean
    acquire b n append
        b granted n append unclean
  )");
}

TEST_CASE("a value comes with every grant until it is replaced, forgotten or its writer dies") {
  check(R"(
    open a
    open b
    open r
    acquire a m exclusive
        a granted m exclusive clean
    acquire r m shared
        a recalled m for shared
    down a m append value=one
        r granted m shared clean value=one
    release a m
    acquire b m append
        b granted m append clean value=one
    release b m value=two
    acquire b m append
        b granted m append clean value=two
    release b m forget
    acquire b m append
        b granted m append clean
    release b m value=three
    acquire a m append
        a granted m append clean value=three
    expire a
        a expired lost=1
    acquire b m append
        b granted m append unclean
  )");
}

TEST_CASE("a name's value is forgotten once nobody holds or awaits the name") {
  check(R"(
    open a
    acquire a m exclusive
        a granted m exclusive clean
    release a m value=one
    acquire a m exclusive
        a granted m exclusive clean
  )");
}

TEST_CASE("a request that waits can be withdrawn, also from the middle of the line") {
  check(R"(
    open a
    open b
    open c
    acquire a m shared
        a granted m shared clean
    acquire b m exclusive
        a recalled m for exclusive
    acquire c m shared
    cancel b m
        b refused m: cancelled
        c granted m shared clean
    cancel c m
  )");
}

TEST_CASE("a conversion that waits can be withdrawn") {
  check(R"(
    open w
    open r
    acquire w m append
        w granted m append clean
    acquire r m shared
        r granted m shared clean
    up w m wait
        r recalled m for exclusive
    cancel w m
        w not converted m: cancelled
    release r m
  )");
}

TEST_CASE("a release that names an older grant changes nothing") {
  Script script;
  static_cast<void>(script.play("open a\nacquire a m exclusive\nrelease a m\n"));
  const auto old_token = script.token("a", "m");
  static_cast<void>(script.play("acquire a m exclusive\n"));
  LockRequest release;
  release.op = LockRequest::Op::release;
  release.name = {LockSpace::metric, "m"};
  release.token = old_token;
  std::vector<LockTableAction> actions;
  script.table().on(LockEventRequest{script.session("a"), &release}, script.now, actions);
  CHECK(actions.empty());
  CHECK(script.table().figures().holders == 1);
}

TEST_CASE("asking twice for one name is refused") {
  check(R"(
    open a
    open b
    acquire a m shared
        a granted m shared clean
    acquire a m shared
        a refused m: makes no sense to the lock broker
    acquire b m exclusive
        a recalled m for exclusive
    acquire b m exclusive
        b refused m: makes no sense to the lock broker
  )");
}

TEST_CASE("one blocked name of a batch holds nothing else back") {
  check(R"(
    open a
    open b
    acquire a m2 exclusive
        a granted m2 exclusive clean
    wait 50
    acquire b m1 exclusive
        b granted m1 exclusive clean
    acquire b m2 exclusive
        a recalled m2 for exclusive
    acquire b m3 exclusive
        b granted m3 exclusive clean
  )");
}

TEST_CASE("a broker that itself stood still expires nobody before heartbeats could come in") {
  Script script;
  static_cast<void>(script.play("open a\nopen b\nacquire a m append\nsilence a\nsilence b\n"));
  CHECK(script.play("stall 10000\ntime 0\n") == "stall 10000\ntime 0\n");
  // a's heartbeat had been waiting in a queue; b's process is really gone.
  CHECK(script.play("renew a\n") == "renew a\n    a renewed\n");
  CHECK(script.play("wait 750\n") == "wait 750\n    b expired lost=0\n");
  CHECK(script.play("wait 2249\n") == "wait 2249\n");
}

TEST_CASE("after a stop that left leases alive nothing is granted until they are over") {
  LockTableOptions options;
  options.grants_from = MonoTime{} + milliseconds{3000};
  options.after_unclean_stop = true;
  check(R"(
    open a
    open b
    acquire a m exclusive
    acquire b n shared
    wait 2999
    wait 1
        a granted m exclusive unclean
        b granted n shared unclean
  )",
        options);
}

TEST_CASE("after an unclean stop a name counts as clean once a writer has ended cleanly") {
  LockTableOptions options;
  options.after_unclean_stop = true;
  check(R"(
    open a
    acquire a m append
        a granted m append unclean
    release a m
    acquire a m append
        a granted m append clean
  )",
        options);
}

TEST_CASE("tokens of a later epoch are higher than any of an earlier one") {
  LockTableOptions options;
  options.epoch = 7;
  Script script(options);
  static_cast<void>(script.play("open a\nacquire a m shared\n"));
  const auto before = script.token("a", "m");
  CHECK(epoch_of(before) == 7);
  script.table().raise_epoch(9);
  static_cast<void>(script.play("release a m\nacquire a m shared\n"));
  CHECK(epoch_of(script.token("a", "m")) == 9);
  CHECK(script.token("a", "m") > before);
}

TEST_CASE("a name that nobody holds or awaits costs nothing") {
  Script script;
  static_cast<void>(script.play("open a\n"));
  std::vector<LockTableAction> actions;
  LockRequest request;
  for (int n = 0; n < 10'000; ++n) {
    request.name = {LockSpace::metric, fmt::format("m{}", n)};
    request.op = LockRequest::Op::acquire;
    request.mode = LockMode::exclusive;
    actions.clear();
    script.table().on(LockEventRequest{script.session("a"), &request}, script.now, actions);
    request.op = LockRequest::Op::release;
    request.token = std::get<AnswerSession>(actions.front()).answer.grant.token;
    script.table().on(LockEventRequest{script.session("a"), &request}, script.now, actions);
  }
  CHECK(script.table().figures().names == 0);
  CHECK(script.table().names_clean());
}

TEST_CASE("when too many unclean ends are to be remembered every name counts as one") {
  LockTableOptions options;
  options.remembered_names_max = 2;
  check(R"(
    open a
    open b
    acquire a m1 append
        a granted m1 append clean
    acquire a m2 append
        a granted m2 append clean
    acquire a m3 append
        a granted m3 append clean
    expire a
        a expired lost=3
    acquire b m1 append
        b granted m1 append unclean
    acquire b other append
        b granted other append unclean
  )",
        options);
}

TEST_CASE("bounds of sessions and waiters are answered, not exceeded") {
  LockTableOptions options;
  options.sessions_max = 3;
  options.waiters_per_name_max = 1;
  check(R"(
    open a
    open b
    open c
    open d
        d has no session
    acquire a m exclusive
        a granted m exclusive clean
    acquire b m exclusive
    acquire c m exclusive
        c refused m: the lock broker is at a bound
  )",
        options);
}

}  // namespace mas
