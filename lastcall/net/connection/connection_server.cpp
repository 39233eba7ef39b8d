// Threads: the lifecycle's thread calls the verbs; each acceptor and each set belongs to its loop's thread. So a verb
// only posts to the loops. What several loops share are atomics: how many listeners and sets are left, and how many
// sockets are on their way from one loop to another (in_transit_).
//
// Order of a drain: 1 unplug all listeners (from here); 2 each set begins its drain; 3 each acceptor settles, and
// closes; 4 when the last listener is closed, each set is told that no more will come (finish); 5 when the last set is
// empty, drained. A socket that was posted to another loop before 4 is ahead of `finish` in that loop's queue.
#include "lastcall/net/connection/connection_server.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "lastcall/core/countdown.hpp"
#include "lastcall/core/duration.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/net/tls/tls.hpp"

namespace lastcall::inline v0::net {

namespace {

/// For the rest of the program: logs, databases, the listeners.
constexpr std::size_t reserved_descriptors = 64;

/// For a proxy's header without TLS; with TLS, header and handshake have handshake_time together.
constexpr duration header_time = std::chrono::seconds(10);

/// A loop answers within one batch of events, unless a handler blocks it.
constexpr duration loop_patience = std::chrono::milliseconds(50);

std::size_t descriptors() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 1'000'000;
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace

connection_server::connection_server(connection_server_options options, runtime& on, maker make)
    : options_(std::move(options)), runtime_(on), make_(std::move(make)), abnormal_(options_.log, options_.name) {
  for (const auto& each : runtime_.loops())
    sets_.push_back(std::make_unique<connection_set>(*each, options_.farewell, abnormal_, options_.last_words));
  if (options_.max_connections_per_address > 0)
    for (auto& each : sets_) each->count_addresses(addresses_, options_.max_connections_per_address);
  // Clients beyond the limit still get a 503. The margin for these connections is part of what the descriptors allow.
  const std::size_t available =
      descriptors() > 2 * reserved_descriptors ? descriptors() - reserved_descriptors : descriptors() / 2;
  refuse_from_ = options_.max_connections ? options_.max_connections : available - available / 16;
  pause_from_ = std::min(refuse_from_ + refuse_from_ / 16 + 16, std::max(available, refuse_from_));
}

connection_server::~connection_server() = default;

void connection_server::open_listeners() {
  const std::size_t loops = sets_.size();
  for (std::size_t number = 0; number < options_.listeners.size(); ++number) {
    listener_options wanted = options_.listeners[number];
    const bool on_each = options_.listener_per_loop && wanted.where.ip();
    wanted.reuse_port = wanted.reuse_port || on_each;
    for (std::size_t i = 0; i < (on_each ? loops : 1); ++i) {
      const std::size_t from = on_each ? i : acceptors_.size() % loops;
      const auto take_in = [this, from, on_each, number](unique_fd socket, const endpoint& remote) {
        const std::size_t to = on_each ? from : next_loop_.fetch_add(1, std::memory_order_relaxed) % sets_.size();
        send_to_loop({.loop = to, .listener = number, .socket = std::move(socket), .remote = remote}, from);
      };
      acceptors_.push_back(std::make_unique<acceptor>(listener(wanted), sets_[from]->loop(), options_.log,
                                                      options_.name, take_in, [this] { return room(); }));
      listener_of_.push_back(number);
      wanted.where = acceptors_.back()->local();  // for port 0, the port that the kernel has chosen
      wanted.successor = true;                    // the other members of the group are our own
    }
  }
  serving_ = true;
}

void connection_server::start(context) {
  runtime_use_ = runtime_.use();
  try {
    open_listeners();
  } catch (...) {
    acceptors_.clear();
    runtime_use_.reset();
    throw;
  }
  listeners_left_ = acceptors_.size() + 1;  // one more for `drain` itself, since there may be no listener
  sets_left_ = sets_.size();
  for (auto& each : acceptors_)
    if (const auto error = each->begin()) {
      const std::string where = to_text(each->local());
      close();
      acceptors_.clear();
      runtime_use_.reset();
      throw std::system_error(error, options_.name + ": cannot watch the listener on " + where);
    }
}

bool connection_server::room() const noexcept { return open_connections() + in_transit_ < pause_from_; }

void connection_server::send_to_loop(arrival newcomer, std::size_t from) noexcept {
  newcomer.refusing = open_connections() + in_transit_ >= refuse_from_;
  if (options_.max_connections_per_address > 0 &&
      addresses_.enter(newcomer.remote) > options_.max_connections_per_address &&
      !options_.proxies.contains(newcomer.remote))
    newcomer.refusing = true;
  connection_set& set = *sets_[newcomer.loop];
  if (newcomer.loop == from) {
    admit(std::move(newcomer));
  } else {
    ++in_transit_;
    set.loop().post([this, &set, n = std::move(newcomer)]() mutable {
      set.loop().refresh_now();  // an idle loop has an old time, which would make the newcomer late at once
      admit(std::move(n));
      --in_transit_;
    });
  }
}

/// On the loop of the newcomer.
void connection_server::admit(arrival newcomer) noexcept {
  connection_set& set = *sets_[newcomer.loop];
  const std::shared_ptr<tls_context>& tls = options_.listeners[newcomer.listener].tls;
  const bool proxied = !options_.proxies.empty() && options_.proxies.contains(newcomer.remote);
  std::unique_ptr<connection> made = make_(std::move(newcomer));
  if (tls || proxied)
    made->open_through(proxied, tls, set.loop().now() + (tls ? tls->options().handshake_time : header_time));
  set.adopt(std::move(made));
}

void connection_server::drain(context life, drained done) {
  drained_ = std::move(done);
  const time_point drain_end = life.drain_end();
  // All listeners first: a client whose connection ends reconnects at once, and must be refused then. A listener that
  // is about to close would reset it.
  for (auto& each : acceptors_) each->unplug(options_.listener_close, options_.group);
  for (auto& each : sets_)
    each->loop().post([set = each.get(), drain_end] {
      set->loop().refresh_now();
      set->begin_drain(drain_end);
    });
  for (auto& each : acceptors_)
    each->loop().post([this, a = each.get(), drain_end] {
      a->settle(options_.settle, drain_end, [this] { one_listener_closed(); });
    });
  one_listener_closed();
}

void connection_server::one_listener_closed() noexcept {
  if (listeners_left_.fetch_sub(1) != 1) return;
  // Sockets that were posted to other loops are ahead of this in the queues of those.
  for (auto& each : sets_) each->loop().post([this, set = each.get()] { set->finish([this] { one_set_empty(); }); });
}

void connection_server::one_set_empty() noexcept {
  if (sets_left_.fetch_sub(1) == 1 && drained_) drained_();
}

void connection_server::force() noexcept {
  for (auto& each : acceptors_) each->loop().post([a = each.get()] { a->close(); });
  for (auto& each : sets_) each->loop().post([set = each.get()] { set->force_soon(); });
}

cut connection_server::close() noexcept {
  if (!serving_) return {};  // the loops may not run
  struct progress {
    progress(std::size_t listeners, std::size_t sets) : listening(listeners), left(sets) {}
    countdown listening, left;
    std::atomic<std::uint64_t> connections{0}, idle{0};
  };
  const time_point by = steady().now() + std::chrono::seconds(1);
  const auto so_far = std::make_shared<progress>(acceptors_.size(), sets_.size());
  for (auto& each : acceptors_)
    each->loop().post([so_far, a = each.get()] {
      a->close();
      so_far->listening.count_down();
    });
  for (auto& each : sets_)
    each->loop().post([so_far, set = each.get()] {
      const std::uint64_t open = set->counts().open();
      const std::size_t working = set->force();
      so_far->connections += working;
      so_far->idle += open - working;
      so_far->left.count_down();
    });
  so_far->listening.wait_until(by);
  so_far->left.wait_until(by);
  if (in_transit_ > 0) {  // it is cut when it arrives; wait for that
    const auto come = std::make_shared<countdown>(sets_.size());
    for (auto& each : sets_) each->loop().post([come] { come->count_down(); });
    come->wait_until(by);
  }
  return {.connections = so_far->connections, .idle = so_far->idle};
}

void connection_server::stop() noexcept {
  close();  // usually finds nothing; after it, no work that was posted to a loop refers to this object
  serving_ = false;
  runtime_use_.reset();
}

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

/// All listeners with TLS share one context. Null: there is none.
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
