#include "alerter/alerter_loop.hpp"

#include <spdlog/spdlog.h>

#include <charconv>
#include <set>
#include <utility>

#include "net/clock.hpp"
#include "service/http_server.hpp"

namespace mas {
namespace {

/// A NEW-ALERT that waits longer for its shard or its metric is refused as busy.
constexpr nanoseconds answer_wait_max = seconds{5};
/// NEW-ALERTs under way at most: the whole credit of sixteen gateways.
constexpr std::size_t unanswered_max = std::size_t{16} * alerter_credit;
/// Metrics that wait for their lock or have their files open for a check: few descriptors each, as
/// a period is short, and many enough that some locks that do not come stop nobody.
constexpr std::size_t readings_max = 256;
/// Steps of reading in one turn, at most 4,096 samples each.
constexpr int steps_per_turn_max = 32;
/// Files of shards read, or marks synced, in one turn: a sync may take many milliseconds, and the
/// lease has to be kept meanwhile.
constexpr int files_per_turn_max = 4;

LockName shard_lock(std::uint32_t shard) { return {LockSpace::shard, fmt::format("{:02}", shard)}; }

std::optional<std::uint32_t> shard_of(const LockName& name) {
  if (name.space != LockSpace::shard) return std::nullopt;
  std::uint32_t shard = 0;
  const auto* end = name.text.data() + name.text.size();
  const auto [parsed, error] = std::from_chars(name.text.data(), end, shard);
  if (error != std::errc{} || parsed != end || shard >= rule_shard_count) return std::nullopt;
  return shard;
}

}  // namespace

AlerterLoop::AlerterLoop(WorkerContext& context, AlerterOptions options)
    : loop_(context.loop),
      gateways_(context.gateways),
      locks_(context.locks),
      self_(context.identity.instance),
      data_dir_(context.data_dir),
      schedule_(options.period, options.lag),
      snapshot_locks_(snapshot_locks(context.locks)),
      opener_(*snapshot_locks_, files_, context.data_dir) {}

// ---- Registrations ----

void AlerterLoop::on_request(InstanceId gateway, WorkerMessage type, Decoder& in) {
  if (type != WorkerMessage::alert_batch) return;
  AlertBatch batch;
  if (auto read = decode(in, batch); !read) {
    spdlog::warn("message dropped gateway={:016x}: {}", gateway, read.error().text);
    return;
  }
  take_batch(gateway, batch);
}

void AlerterLoop::take_batch(InstanceId gateway, const AlertBatch& batch) {
  ByteReader rows(batch.requests);
  const auto answer_by = mono_now() + answer_wait_max;
  while (rows.ok() && rows.left() > 0) {
    const auto request = read_alert_request(rows);
    if (!rows.ok()) break;
    Registration registration{.gateway = gateway,
                              .request = request.request,
                              .rule = {.id = std::string(request.id),
                                       .op = request.op,
                                       .window = request.window,
                                       .limit = request.limit},
                              .registered = request.registered,
                              .answer_by = answer_by};
    if (++unanswered_ > unanswered_max) {
      answer(registration, Status::busy);
    } else {
      go_on(std::move(registration));
    }
  }
  if (!rows.ok()) {
    spdlog::warn("batch of rules cut at byte {} gateway={:016x}", rows.offset(), gateway);
  }
}

void AlerterLoop::go_on(Registration registration) {
  const auto shard = rule_shard_of(hash_of_id(registration.rule.id));
  if (!shards_[shard]) {
    waiting_for_shard_[shard].push_back(std::move(registration));
    ShardClaims::Actions actions;
    claims_.on_wanted(shard, actions);
    act(actions);
    return;
  }
  if (shards_[shard]->book.find(registration.rule)) {
    answer(registration, Status::done);
    return;
  }
  // Of the metric only its being there matters: an empty range.
  const auto id = registration.rule.id;
  opener_.open(id, wall_time(1), wall_time(0),
               [this, registration = std::move(registration)](const auto& found) mutable {
                 on_looked_up(std::move(registration), found);
               });
}

void AlerterLoop::on_looked_up(Registration registration, const Result<MetricSnapshot>& found) {
  if (!found) {
    const bool unknown = found.error().kind == Error::not_found;
    if (!unknown) warn_now_and_then("rule refused", found.error().text);
    answer(registration, unknown ? Status::not_found : Status::busy);
    return;
  }
  const auto shard = rule_shard_of(hash_of_id(registration.rule.id));
  if (shards_[shard]) {
    shards_[shard]->to_write.push_back(std::move(registration));
  } else {
    go_on(std::move(registration));  // the shard went away meanwhile
  }
}

void AlerterLoop::write_rules(std::uint32_t shard) {
  auto& its = *shards_[shard];
  const auto registrations = std::exchange(its.to_write, {});
  if (registrations.empty()) return;
  std::vector<BookedRule> added;
  std::set<Rule> rules;
  Bytes records;
  bool full = false;
  for (const auto& registration : registrations) {
    if (its.book.find(registration.rule) || rules.contains(registration.rule)) continue;
    full = full || its.book.size() + added.size() >= rules_per_shard_max;
    if (full) continue;
    rules.insert(registration.rule);
    added.push_back({.rule = registration.rule,
                     .registered = registration.registered,
                     .judged_until = registration.registered,
                     .fired_until = std::nullopt});
    append_record(records, added.back());
  }
  Result<void> written;
  if (!locks_.lease_valid()) {
    written = fail(Error::busy, "the lease is over");
  } else if (!added.empty()) {
    written = its.file.write(its.book, records);
  }
  if (written) {
    for (auto& rule : added) its.book.apply(std::move(rule));
    if (locks_.lease_valid()) {
      its.file.drop_older();
    } else {
      written = fail(Error::busy, "the lease ended while the rules were written");
    }
  }
  if (!written) warn_now_and_then("rules not written", written.error().text);
  if (full) warn_now_and_then("shard full", fmt::format("shard {} has no room for rules", shard));
  for (const auto& registration : registrations) {
    const bool known = written && its.book.find(registration.rule);
    answer(registration, known ? Status::done : Status::busy);
  }
}

void AlerterLoop::answer(const Registration& registration, Status status) {
  --unanswered_;
  ++(status == Status::done        ? counters_.registered
     : status == Status::not_found ? counters_.not_found
                                   : counters_.busy);
  append_outcome(answers_[registration.gateway], {registration.request, status});
}

void AlerterLoop::flush_answers() {
  for (const auto& [gateway, outcomes] : answers_) {
    static_cast<void>(gateways_.send(gateway, AlertAnswer{.answers = outcomes}));
  }
  answers_.clear();
}

// ---- Shards ----

void AlerterLoop::on_members() {
  ShardClaims::Actions actions;
  claims_.on_members(self_, gateways_.members(), mono_now(), actions);
  act(actions);
}

void AlerterLoop::act(const ShardClaims::Actions& actions) {
  for (const auto& action : actions) {
    if (action.kind == ShardClaims::Action::acquire) {
      locks_.acquire(shard_lock(action.shard), LockMode::exclusive, action.shard,
                     shard_lock_wait_max);
    } else {
      give_back(action.shard);
    }
  }
}

void AlerterLoop::on_lock_event(const LockEvent& event) {
  opener_.on_lock_event(event);
  ShardClaims::Actions actions;
  if (const auto* granted = std::get_if<LockGranted>(&event)) {
    if (const auto shard = shard_of(granted->name)) {
      claims_.on_granted(*shard);
      to_load_.push_back({*shard, granted->grant});
    }
  } else if (const auto* refused = std::get_if<LockRefused>(&event)) {
    if (const auto shard = shard_of(refused->name)) claims_.on_refused(*shard, mono_now());
  } else if (const auto* recalled = std::get_if<LockRecalled>(&event)) {
    if (const auto shard = shard_of(recalled->name)) {
      claims_.on_recalled(*shard, mono_now(), actions);
    }
  } else if (std::holds_alternative<LockSessionLost>(event)) {
    forget_shards();
    claims_.on_session_lost(mono_now(), actions);
  }
  act(actions);
}

void AlerterLoop::load(const Granted& granted) {
  RuleFile file(files_, data_dir_, granted.shard, granted.grant.token);
  auto rules = file.load();
  Result<void> usable;
  if (!rules) {
    usable = pass_on(rules);
  } else if (!granted.grant.previous_end_clean && rules->book.size() > 0) {
    // An earlier holder may still be writing. From here on, what it writes is read by nobody.
    usable = file.write(rules->book, {});
    if (usable && locks_.lease_valid()) file.drop_older();
  }
  if (!usable) {
    spdlog::error("rules not read shard={:02}: {}", granted.shard, usable.error().text);
    ShardClaims::Actions actions;
    claims_.on_recalled(granted.shard, mono_now(), actions);
    act(actions);
    return;
  }
  if (rules->ignored_bytes > 0) {
    spdlog::warn("rules' tail left out shard={:02} bytes={}", granted.shard, rules->ignored_bytes);
  }
  spdlog::debug("shard taken shard={:02} rules={} clean={}", granted.shard, rules->book.size(),
                granted.grant.previous_end_clean);
  ++taken_.shards;
  taken_.rules += rules->book.size();
  taken_.unclean += granted.grant.previous_end_clean ? 0 : 1;
  shards_[granted.shard] =
      std::make_unique<Shard>(std::move(file), std::move(rules->book), granted.grant.token);
  start_checks(granted.shard);
  for (auto& registration : std::exchange(waiting_for_shard_[granted.shard], {})) {
    go_on(std::move(registration));
  }
}

void AlerterLoop::give_back(std::uint32_t shard) {
  std::erase_if(to_load_, [&](const Granted& granted) { return granted.shard == shard; });
  auto end = LockEnd::as_found;
  if (shards_[shard]) {
    // What is decided is written first; what is being read is judged by the next holder.
    write_rules(shard);
    write_marks(shard);
    if (shards_[shard]->file.written()) end = LockEnd::clean;
    shards_[shard].reset();
    spdlog::debug("shard given back shard={:02}", shard);
  }
  locks_.release(shard_lock(shard), end);
}

void AlerterLoop::forget_shards() {
  to_load_.clear();
  for (auto& shard : shards_) {
    if (!shard) continue;
    for (const auto& registration : shard->to_write) answer(registration, Status::busy);
    shard.reset();
  }
}

// ---- Checks ----

void AlerterLoop::start_checks(std::uint32_t shard) {
  auto& its = *shards_[shard];
  enqueue(shard, its.check.on_end(schedule_.due(wall_now()), its.book));
}

void AlerterLoop::enqueue(std::uint32_t shard, const std::vector<std::string>& ids) {
  for (const auto& id : ids) to_open_.push_back({shard, shards_[shard]->token, id});
}

AlerterLoop::Shard* AlerterLoop::find(const Reading& what) {
  auto* shard = shards_[what.shard].get();
  return shard != nullptr && shard->token == what.token ? shard : nullptr;
}

void AlerterLoop::open_next() {
  while (!to_open_.empty() && opening_ + to_read_.size() < readings_max) {
    const auto what = std::move(to_open_.front());
    to_open_.pop_front();
    auto* shard = find(what);
    if (shard == nullptr) continue;
    // As of now: where a check comes late, the periods that ended meanwhile are judged as one.
    MetricVerdict verdict(shard->book, what.id, schedule_.due(wall_now()));
    if (verdict.empty()) {
      shard->check.on_unread(what.id);
      continue;
    }
    ++opening_;
    const auto from = verdict.from();
    const auto to = verdict.to();
    opener_.open(what.id, from, to,
                 [this, what, verdict = std::move(verdict)](auto snapshot) mutable {
                   on_opened(what, std::move(verdict), std::move(snapshot));
                 });
  }
}

void AlerterLoop::on_opened(const Reading& what, MetricVerdict verdict,
                            Result<MetricSnapshot> snapshot) {
  --opening_;
  if (find(what) == nullptr) return;
  if (!snapshot) {
    unreadable(what, snapshot.error());
    return;
  }
  to_read_.push_back({what, std::move(verdict), SampleStream(*std::move(snapshot))});
}

void AlerterLoop::read_step() {
  auto& reading = to_read_.front();
  auto* shard = find(reading.what);
  if (shard == nullptr) {
    to_read_.pop_front();
    return;
  }
  step_samples_.clear();
  const auto more = reading.samples.next(step_samples_);
  if (more && *more) {
    counters_.samples += step_samples_.size();
    reading.verdict.add(step_samples_);
    return;
  }
  if (!more) {
    unreadable(reading.what, more.error());
  } else {
    ++counters_.checks;
    shard->check.on_judged(reading.what.id, reading.verdict.finish(), mono_now());
  }
  to_read_.pop_front();
}

void AlerterLoop::unreadable(const Reading& what, const Error& error) {
  ++counters_.checks_failed;
  if (auto* shard = find(what)) shard->check.on_unread(what.id);
  warn_now_and_then(
      "metric not read",
      fmt::format("its next check covers this period too id={}: {}", what.id, error.text));
}

void AlerterLoop::write_marks(std::uint32_t shard) {
  auto& its = *shards_[shard];
  const auto verdicts = its.check.take();
  if (verdicts.empty()) return;
  const auto marks = marks_of(verdicts);
  Bytes records;
  for (const auto& mark : marks) append_record(records, mark);
  auto written = locks_.lease_valid() ? its.file.write(its.book, records)
                                      : fail(Error::busy, "the lease is over");
  if (written) {
    for (const auto& mark : marks) its.book.apply(mark);
    if (locks_.lease_valid()) {
      its.file.drop_older();
      for (const auto& verdict : verdicts) {
        if (verdict.fires) let_out(its.book.at(verdict.number), verdict);
        counters_.lateness = wall_now() - schedule_.judged_at(verdict.until);
      }
    } else {
      written = fail(Error::busy, "the lease ended while marks were written: alerts held back");
    }
  }
  if (!written) warn_now_and_then("marks not written", written.error().text);
  enqueue(shard, its.check.settled());
}

void AlerterLoop::let_out(const BookedRule& booked, const RuleJudged& verdict) {
  const auto& rule = booked.rule;
  ++counters_.fired;
  spdlog::warn("{}", alert_text(rule));
  const auto event = event_name(rule, verdict.until);
  gateways_.send_all(AlertFired{.event = event,
                                .id = rule.id,
                                .op = rule.op,
                                .window = rule.window,
                                .limit = rule.limit,
                                .period_start = verdict.from,
                                .period_end = verdict.until});
}

// ---- Turns ----

void AlerterLoop::on_turn_end() {
  for (int left = files_per_turn_max; left > 0 && !to_load_.empty(); --left) {
    const auto granted = std::move(to_load_.front());
    to_load_.pop_front();
    load(granted);
  }
  if (to_load_.empty() && taken_.shards > 0) {
    spdlog::info("shards taken count={} rules={} unclean={}", taken_.shards, taken_.rules,
                 taken_.unclean);
    taken_ = {};
  }
  open_next();
  for (int left = steps_per_turn_max; left > 0 && !to_read_.empty(); --left) read_step();
  const auto now = mono_now();
  int marks_left = files_per_turn_max;
  bool more_marks = false;
  for (std::uint32_t shard = 0; shard < rule_shard_count; ++shard) {
    if (!shards_[shard]) continue;
    write_rules(shard);
    if (!shards_[shard]->check.to_mark(now)) continue;
    if (marks_left-- > 0) {
      write_marks(shard);
    } else {
      more_marks = true;
    }
  }
  flush_answers();
  const bool room = !to_open_.empty() && opening_ + to_read_.size() < readings_max;
  if (!to_load_.empty() || !to_read_.empty() || more_marks || room) {
    loop_.post([] {});  // wakes the loop for another turn
  }
}

void AlerterLoop::on_tick() {
  const auto now = mono_now();
  ShardClaims::Actions actions;
  claims_.on_time(now, actions);
  act(actions);
  for (auto& waiting : waiting_for_shard_) {
    std::erase_if(waiting, [&](const Registration& registration) {
      if (registration.answer_by > now) return false;
      warn_now_and_then("rule refused", "no lock on its shard in time");
      answer(registration, Status::busy);
      return true;
    });
  }
  for (std::uint32_t shard = 0; shard < rule_shard_count; ++shard) {
    if (shards_[shard]) start_checks(shard);
  }
}

void AlerterLoop::finish() {
  ShardClaims::Actions actions;
  claims_.on_drain(actions);
  act(actions);
}

void AlerterLoop::warn_now_and_then(std::string_view cause, const std::string& text) {
  if (const auto kept = warnings_.allows(cause, mono_now())) {
    spdlog::warn("{} kept_back={}: {}", cause, *kept, text);
  }
}

void AlerterLoop::metrics(std::string& page) const {
  const auto total = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    append_metric(page, name, "counter", help, static_cast<double>(value));
  };
  std::size_t rules = 0;
  for (const auto& shard : shards_) rules += shard ? shard->book.size() : 0;
  append_metric(page, "mas_rules", "gauge", "rules that this alerter judges",
                static_cast<double>(rules));
  append_metric(page, "mas_rule_shards_held", "gauge", "rule shards whose lock it holds",
                static_cast<double>(claims_.held_count()));
  total("mas_rules_registered_total", "NEW-ALERT answered as registered", counters_.registered);
  total("mas_rules_not_found_total", "NEW-ALERT of metrics never logged", counters_.not_found);
  total("mas_rules_busy_total", "NEW-ALERT refused: no lock, disk or room", counters_.busy);
  total("mas_alert_checks_total", "metrics judged", counters_.checks);
  total("mas_alert_checks_failed_total", "metrics that could not be read in a check",
        counters_.checks_failed);
  total("mas_alert_samples_read_total", "samples read for checks", counters_.samples);
  total("mas_alerts_fired_total", "alerts let out", counters_.fired);
  append_metric(page, "mas_alert_lateness_seconds", "gauge",
                "from when a period was due to when it was judged, of the last one",
                std::chrono::duration<double>(counters_.lateness).count());
}

}  // namespace mas
