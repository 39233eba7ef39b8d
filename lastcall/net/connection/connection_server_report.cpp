// What a connection_server says of itself: report, metrics, work in progress, addresses.
// Threads: any. Numbers come from tallies and atomics; only in_progress asks the loops, and waits for their answers.
#include <algorithm>
#include <span>

#include "lastcall/core/duration.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/net/connection/connection_server.hpp"
#include "lastcall/net/tls/tls_context.hpp"

namespace lastcall::inline v0::net {

namespace {
/// A loop answers within one batch of events, unless a handler blocks it.
constexpr duration loop_patience = std::chrono::milliseconds(50);

/// How many long-lived remotes were told, by kind, and by tenths of the jitter window.
void report_told(const connection_numbers& n, component_report& into) {
  into.add("told", n.told);
  for (std::size_t i = 0; i < connection_kinds; ++i)
    if (n.kinds[i].told > 0) into.add("told_" + std::string(to_text(static_cast<connection_kind>(i))), n.kinds[i].told);
  std::string curve;
  for (const std::uint64_t then : n.told_in_tenth) curve.append(curve.empty() ? "" : " ").append(std::to_string(then));
  into.add("told_curve", curve);
}

}  // namespace

void connection_server::account(component_report& into) const {
  const connection_numbers n = numbers();
  into.connections += n.ledger;
  if (into.connections.accepted == 0) into.lost = false;
  report_listeners(into);
  into.add("crossed_our_fin", n.crossed);
  if (const auto tls = shared_tls()) tls->account(into);
  if (!options_.proxies.empty()) {
    into.add("proxied", n.proxied);
    into.add("bad_proxy_headers", n.bad_headers);
  }
  if (n.told > 0) report_told(n, into);
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
    if (end->reset > 0) into.add("clients_reset" + nth, end->reset);
    if (!end->path_left.empty()) into.add("path_left" + nth, end->path_left);
    if (!end->known) continue;
    into.add("settled" + nth, std::string(to_text(end->settled)));
    into.add("settle_ms" + nth, to_ms(end->took));
    into.add("handshakes_given_up" + nth, end->given_up);
  }
}

std::shared_ptr<tls_context> connection_server::shared_tls() const {
  for (const listener_options& each : options_.listeners)
    if (each.tls) return each.tls;
  return nullptr;
}

void connection_server::measure(metrics& into) const {
  const connection_numbers n = numbers();
  if (const auto tls = shared_tls()) tls->measure(into);
  if (!options_.proxies.empty()) {
    const char* const help = "Connections that should begin with a PROXY header, by whether it was one.";
    into.counter("lastcall_proxy_headers_total", help, n.proxied, {{"header", "good"}});
    into.counter("lastcall_proxy_headers_total", help, n.bad_headers, {{"header", "bad"}});
  }
  into.counter("lastcall_connections_accepted_total", "Connections that were accepted.", n.ledger.accepted);
  for (const auto& [end, count] : std::span(lastcall::detail::columns<connection_ledger>).subspan(1))
    into.counter("lastcall_connections_ended_total", "Connections by how they ended.", n.ledger.*count, {{"end", end}});
  into.counter("lastcall_received_bytes_total", "Bytes that came from remotes.", n.received_bytes);
  into.counter("lastcall_sent_bytes_total", "Bytes that the kernel took for remotes.", n.sent_bytes);
  std::uint64_t open = 0;
  for (std::size_t i = 0; i < open_connection_states; ++i) {
    open += n.in_state[i];
    into.gauge("lastcall_connections_open", "Connections that are open, by what they do.",
               static_cast<double>(n.in_state[i]), {{"state", to_text(static_cast<connection_state>(i))}});
  }
  into.show("connections", open);
  for (std::size_t i = 0; i < connection_kinds; ++i) {
    const std::string_view kind = to_text(static_cast<connection_kind>(i));
    into.gauge("lastcall_connections_by_kind", "Connections that are open, by what is spoken on them.",
               static_cast<double>(n.kinds[i].open), {{"kind", kind}});
    if (n.kinds[i].open > 0) into.show("kinds", n.kinds[i].open, kind);
    into.counter("lastcall_connections_told_total", "Long-lived remotes that were told of the drain.", n.kinds[i].told,
                 {{"kind", kind}});
  }
  if (n.told > 0) into.show("told", n.told);
}

void connection_server::in_progress(std::vector<work_item>& out, std::size_t limit) const {
  if (!serving_ || limit == 0) return;  // the loops may not run
  struct answer {
    std::vector<work_item> items;
    std::atomic<bool> whole{false};
  };
  const auto got = std::make_shared<std::vector<answer>>(sets_.size());  // a loop may answer after this has returned
  const time_point now = steady().now();  // the same for all: work of a loop that answers late must not seem older
  on_each_loop(now + loop_patience, [this, got, limit, now](std::size_t i) {
    sets_[i]->oldest_work((*got)[i].items, limit, now);
    (*got)[i].whole = true;
  });
  std::vector<work_item> all;
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    if (!(*got)[i].whole)
      all.push_back(
          {.label = "loop " + std::to_string(i) + " does not answer: a handler blocks it", .age = loop_patience});
    else
      all.insert(all.end(), (*got)[i].items.begin(), (*got)[i].items.end());
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

connection_numbers connection_server::numbers() const noexcept {
  connection_numbers all;
  for (const auto& each : sets_) each->counts().add_to(all);
  for (const auto& each : acceptors_)
    if (const listener_end* end = each->end()) {  // they had connected, so they are a loss of ours
      all.ledger.accepted += end->reset;
      all.ledger.forced += end->reset;
    }
  return all;
}

connection_ledger connection_server::ledger() const noexcept { return numbers().ledger; }

std::uint64_t connection_server::open_connections() const noexcept {
  std::uint64_t all = 0;
  for (const auto& each : sets_) all += each->counts().open();
  return all;
}

}  // namespace lastcall::inline v0::net
