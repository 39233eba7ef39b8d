// What a connection_server says of itself: report, metrics, work in progress, addresses.
// Threads: any. Numbers come from tallies and atomics; only in_progress asks the loops, and waits for their answers.
#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include "lastcall/core/countdown.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/net/connection/connection_server.hpp"
#include "lastcall/net/tls/tls.hpp"

namespace lastcall::inline v0::net {

namespace {
/// A loop answers within one batch of events, unless a handler blocks it.
constexpr duration loop_patience = std::chrono::milliseconds(50);
}  // namespace

void connection_server::account(component_report& into) const {
  into.connections += ledger();
  if (into.connections.accepted == 0) into.lost = false;
  report_listeners(into);
  std::uint64_t crossed = 0;
  for (const auto& each : sets_) crossed += each->counts().crossed();
  into.add("crossed_our_fin", crossed);
  report_openings(into);
  report_told(into);
  for (const io_end how : {io_end::reset, io_end::broken_pipe, io_end::timed_out, io_end::unreachable, io_end::other})
    if (const auto count = abnormal_.count(how)) into.add("ended_by_" + std::string(to_text(how)), count);
}

void connection_server::report_listeners(component_report& into) const {
  int number = 0;
  for (const auto& each : acceptors_) {
    const std::string nth = ++number == 1 ? "" : "_" + std::to_string(number);
    into.add("listener" + nth, to_text(each->local()));
    const listener_end* end = each->end();
    if (!end) continue;
    into.add("listener_close" + nth, std::string(to_text(end->way)));
    if (!end->known) continue;
    into.add("settled" + nth, std::string(to_text(end->settled)));
    into.add("settle_ms" + nth, to_ms(end->took));
    into.add("handshakes_given_up" + nth, end->given_up);
  }
}

void connection_server::report_openings(component_report& into) const {
  if (const auto tls = shared_tls()) tls->account(into);
  if (options_.proxies.empty()) return;
  std::uint64_t proxied = 0, bad = 0;
  for (const auto& each : sets_) proxied += each->counts().proxied(), bad += each->counts().bad_headers();
  into.add("proxied", proxied);
  into.add("bad_proxy_headers", bad);
}

std::shared_ptr<tls_context> connection_server::shared_tls() const {
  for (const listener_options& each : options_.listeners)
    if (each.tls) return each.tls;
  return nullptr;
}

/// How many long-lived remotes were told, by kind, and by tenths of the jitter window.
void connection_server::report_told(component_report& into) const {
  std::uint64_t told = 0;
  for (const auto& each : sets_) told += each->counts().told();
  if (told == 0) return;
  into.add("told", told);
  for (std::size_t i = 0; i < connection_kinds; ++i) {
    const auto kind = static_cast<connection_kind>(i);
    std::uint64_t of_kind = 0;
    for (const auto& each : sets_) of_kind += each->counts().told(kind);
    if (of_kind > 0) into.add("told_" + std::string(to_text(kind)), of_kind);
  }
  std::string curve;
  for (std::size_t tenth = 0; tenth < 10; ++tenth) {
    std::uint64_t then = 0;
    for (const auto& each : sets_) then += each->counts().told_in_tenth(tenth);
    curve.append(curve.empty() ? "" : " ").append(std::to_string(then));
  }
  into.add("told_curve", curve);
}

void connection_server::measure(metrics& into) const {
  if (const auto tls = shared_tls()) tls->measure(into);
  if (!options_.proxies.empty()) {
    std::uint64_t proxied = 0, bad = 0;
    for (const auto& each : sets_) proxied += each->counts().proxied(), bad += each->counts().bad_headers();
    const char* const help = "Connections that should begin with a PROXY header, by whether it was one.";
    into.counter("lastcall_proxy_headers_total", help, proxied, {{"header", "good"}});
    into.counter("lastcall_proxy_headers_total", help, bad, {{"header", "bad"}});
  }
  const connection_ledger l = ledger();
  into.counter("lastcall_connections_accepted_total", "Connections that were accepted.", l.accepted);
  const std::pair<connection_end, std::uint64_t> ends[] = {
      {connection_end::clean, l.closed_clean},      {connection_end::by_remote, l.closed_by_remote},
      {connection_end::reset, l.reset_by_remote},   {connection_end::timed_out, l.timed_out},
      {connection_end::handed_over, l.handed_over}, {connection_end::forced, l.forced}};
  for (const auto& [end, count] : ends)
    into.counter("lastcall_connections_ended_total", "Connections by how they ended.", count, {{"end", to_text(end)}});
  for (std::size_t i = 0; i < open_connection_states; ++i) {
    const auto state = static_cast<connection_state>(i);
    std::uint64_t open = 0;
    for (const auto& each : sets_) open += each->counts().open(state);
    into.gauge("lastcall_connections_open", "Connections that are open, by what they do.", static_cast<double>(open),
               {{"state", to_text(state)}});
  }
  for (std::size_t i = 0; i < connection_kinds; ++i) {
    const auto kind = static_cast<connection_kind>(i);
    std::uint64_t open = 0, told = 0;
    for (const auto& each : sets_) open += each->counts().open(kind), told += each->counts().told(kind);
    into.gauge("lastcall_connections_by_kind", "Connections that are open, by what is spoken on them.",
               static_cast<double>(open), {{"kind", to_text(kind)}});
    into.counter("lastcall_connections_told_total", "Long-lived remotes that were told of the drain.", told,
                 {{"kind", to_text(kind)}});
  }
}

void connection_server::in_progress(std::vector<work_item>& out, std::size_t limit) const {
  if (!serving_ || limit == 0) return;  // the loops may not run
  struct answers {
    explicit answers(std::size_t loops) : of(loops), said(loops), left(loops) {}
    std::vector<std::vector<work_item>> of;
    std::vector<std::atomic<bool>> said;
    countdown left;
  };
  const auto got = std::make_shared<answers>(sets_.size());  // shared: a loop may answer after this has returned
  const time_point now = steady().now();  // the same for all: work of a loop that answers late must not seem older
  for (std::size_t i = 0; i < sets_.size(); ++i)
    sets_[i]->loop().post([got, i, limit, now, set = sets_[i].get()] {
      set->oldest_work(got->of[i], limit, now);
      got->said[i] = true;
      got->left.count_down();
    });
  got->left.wait_until(now + loop_patience);
  std::vector<work_item> all;
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    if (!got->said[i])
      all.push_back(
          {.label = "loop " + std::to_string(i) + " does not answer: a handler blocks it", .age = loop_patience});
    else
      all.insert(all.end(), got->of[i].begin(), got->of[i].end());
  }
  std::sort(all.begin(), all.end(), [](const work_item& a, const work_item& b) { return a.age > b.age; });
  all.resize(std::min(all.size(), limit));
  out.insert(out.end(), all.begin(), all.end());
}

std::vector<endpoint> connection_server::addresses() const {
  std::vector<endpoint> all;
  for (const auto& each : acceptors_)
    if (all.empty() || !(all.back() == each->local())) all.push_back(each->local());
  return all;
}

endpoint connection_server::address(std::size_t number) const {
  const auto at = std::find(listener_of_.begin(), listener_of_.end(), number);
  return at == listener_of_.end() ? endpoint()
                                  : acceptors_[static_cast<std::size_t>(at - listener_of_.begin())]->local();
}

connection_ledger connection_server::ledger() const noexcept {
  connection_ledger all;
  for (const auto& each : sets_) all += each->ledger();
  return all;
}

std::uint64_t connection_server::open_connections() const noexcept {
  std::uint64_t all = 0;
  for (const auto& each : sets_) all += each->counts().open();
  return all;
}

}  // namespace lastcall::inline v0::net
