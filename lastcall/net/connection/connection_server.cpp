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
#include <limits>
#include <stdexcept>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/net/listen/open_listeners.hpp"
#include "lastcall/net/loop/thread_pool.hpp"
#include "lastcall/net/tls/tls_context.hpp"

namespace lastcall::inline v0::net {

namespace {

/// For the rest of the program: logs, databases, the listeners.
constexpr std::size_t reserved_descriptors = 64;

/// For a proxy's header without TLS; with TLS, header and handshake have handshake_time together.
constexpr duration header_time = std::chrono::seconds(10);

/// For blocking handlers whose clients have gone. The drain has waited for all others.
constexpr duration leaving_time = std::chrono::milliseconds(10);

/// For who had connected, when a start fails and the process before has left.
constexpr duration give_up_time = std::chrono::seconds(2);

std::size_t descriptors() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 1'000'000;
  return static_cast<std::size_t>(limit.rlim_cur);
}

connection_server_options checked(connection_server_options o) {
  const lastcall::detail::option_check allowed(o.name);
  allowed.time("idle_drain_after", o.farewell.idle_drain_after);
  allowed.time("linger", o.farewell.linger);
  allowed.time("linger_sending", o.farewell.linger_sending);
  allowed.time("linger_acknowledged", o.farewell.linger_acknowledged);
  allowed.time("jitter", o.farewell.jitter);
  allowed.time("last_words", o.last_words);
  for (const listener_options& each : o.listeners)
    allowed.number("backlog", each.backlog, 1, std::numeric_limits<int>::max());
  allowed.number("max_connections", o.max_connections, 0, allowed.most_things);
  allowed.number("max_connections_per_address", o.max_connections_per_address, 0, allowed.most_things);
  return o;
}

}  // namespace

connection_server::connection_server(connection_server_options options, runtime& on, maker make)
    : options_(checked(std::move(options))),
      runtime_(on),
      make_(std::move(make)),
      abnormal_(options_.log, options_.name) {
  for (const auto& each : detail::loops_of(runtime_))
    sets_.push_back(std::make_unique<connection_set>(*each, options_.farewell, abnormal_, options_.last_words));
  if (options_.max_connections_per_address > 0)
    for (auto& each : sets_) each->count_addresses(addresses_, options_.max_connections_per_address);
  // Clients beyond the limit still get a 503. The margin for these connections is part of what the descriptors allow.
  const std::size_t available =
      descriptors() > 2 * reserved_descriptors ? descriptors() - reserved_descriptors : descriptors() / 2;
  refuse_from_ = options_.max_connections ? options_.max_connections : available - available / 16;
  pause_from_ = std::min(refuse_from_ + refuse_from_ / 16 + 16, std::max(available, refuse_from_));
}

/// The loops must not find it when it has gone.
connection_server::~connection_server() {
  if (serving_) stop();
}

void connection_server::open_listeners(const context& life) {
  const start_wait wait{.life = life, .by = steady().now() + overlap_time};
  const std::size_t loops = sets_.size();
  const auto room = [this] { return open_connections() + in_transit_ < pause_from_; };
  for (std::size_t number = 0; number < options_.listeners.size(); ++number) {
    const listener_options& wanted = options_.listeners[number];
    std::vector<listener> sockets =
        net::open_listeners(wanted, options_.listener_per_loop && wanted.where.ip() ? loops : 1, wait);
    // A former process may have had another number of loops.
    const bool on_each = options_.listener_per_loop && sockets.size() == loops;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      const std::size_t from = on_each ? i : acceptors_.size() % loops;
      const auto take_in = [this, from, on_each, number](unique_fd socket, const endpoint& remote) {
        const std::size_t to = on_each ? from : next_loop_.fetch_add(1, std::memory_order_relaxed) % sets_.size();
        send_to_loop({.loop = to, .listener = number, .socket = std::move(socket), .remote = remote}, from);
      };
      acceptors_.push_back(std::make_unique<acceptor>(std::move(sockets[i]), sets_[from]->loop(), options_.log,
                                                      options_.name, take_in, room));
      listener_of_.push_back(number);
    }
  }
  begin_serving();
  for (auto& each : acceptors_)
    if (const auto error = each->begin())
      throw std::system_error(error, options_.name + ": cannot watch the listener on " + to_text(each->local()));
  for (std::size_t i = 0; i < acceptors_.size(); ++i)
    if (i == 0 || listener_of_[i] != listener_of_[i - 1]) say_where(*acceptors_[i], listener_of_[i]);
}

void connection_server::begin_serving() noexcept {
  listeners_left_ = acceptors_.size() + 1;  // one more for `drain` itself, since there may be no listener
  sets_left_ = sets_.size();
  serving_ = true;
}

/// The process before may have left meanwhile. Then a close would reset who waits in the queues, and nobody else is
/// there to accept them. All that this server needs has started, so it serves them, as in any drain.
void connection_server::give_up_taken(const context& life) noexcept {
  if (std::none_of(acceptors_.begin(), acceptors_.end(), [](const auto& each) { return each->taken(); })) return;
  begin_serving();
  context_source ends(life);
  ends.begin_drain(steady().now() + give_up_time);
  const auto over = std::make_shared<countdown>(1);
  drain(ends.get(), [over] { over->count_down(); });
  over->wait_until(ends.get().drain_end());
  close();
  for (const auto& each : acceptors_)
    if (const listener_end* end = each->end(); end && end->way != closing_way::leave)
      options_.log.warning(options_.name,
                           "the start failed, and no other process serves there any more; who had connected was served",
                           {{"address", end->address}, {"reset", std::to_string(end->reset)}});
}

void connection_server::say_where(const acceptor& at, std::size_t listener) const {
  std::string text = "listening on ";
  if (at.local().ip()) text.append(options_.schemes[options_.listeners[listener].tls ? 1 : 0]).append("://");
  text += to_text(at.local());
  if (at.taken())
    options_.log.info(options_.name, text, {{"socket", "of the process before"}});
  else
    options_.log.info(options_.name, text);
}

void connection_server::start(context life) {
  runtime_use_ = runtime_.started() ? runtime_.use() : std::nullopt;
  if (!runtime_use_)
    throw std::logic_error(options_.name + ": its runtime does not run; start that first, and stop it last");
  try {
    open_listeners(life);
  } catch (...) {
    give_up_taken(life);
    close();
    serving_ = false;
    acceptors_.clear();
    runtime_use_.reset();
    throw;
  }
}

/// On the acceptor's loop: decides whether to refuse, and brings the socket to the loop of its connection.
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

/// On the loop of the connection: makes it, and gives it to the set.
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
  for (auto& each : acceptors_) each->unplug(options_.listener_close);
  for (auto& each : sets_)
    each->loop().post([set = each.get(), drain_end] {
      set->loop().refresh_now();
      set->begin_drain(drain_end);
    });
  for (auto& each : acceptors_)
    each->loop().post(
        [this, a = each.get(), drain_end] { a->settle({}, drain_end, [this] { one_listener_closed(); }); });
  one_listener_closed();
}

/// On the loop of any acceptor. The one that counts down to zero goes on.
void connection_server::one_listener_closed() noexcept {
  if (listeners_left_.fetch_sub(1) != 1) return;
  // Sockets that were posted to other loops are ahead of this in the queues of those.
  for (auto& each : sets_) each->loop().post([this, set = each.get()] { set->finish([this] { one_set_empty(); }); });
}

/// On the loop of any set.
void connection_server::one_set_empty() noexcept {
  if (sets_left_.fetch_sub(1) != 1 || !drained_) return;
  if (options_.pool) return options_.pool->when_idle(std::move(drained_));
  drained_();
}

void connection_server::force() noexcept {
  for (auto& each : acceptors_) each->loop().post([a = each.get()] { a->close(); });
  for (auto& each : sets_) each->loop().post([set = each.get()] { set->force_soon(); });
}

/// Calls `f` with the index of each loop, on its thread. False: not all have answered by `by`; they still will.
bool connection_server::on_each_loop(time_point by, function<void(std::size_t)> f) const {
  const auto left = std::make_shared<countdown>(sets_.size());
  const auto job = std::make_shared<const function<void(std::size_t)>>(std::move(f));
  for (std::size_t i = 0; i < sets_.size(); ++i)
    sets_[i]->loop().post([left, job, i] {
      (*job)(i);
      left->count_down();
    });
  return left->wait_until(by);
}

cut connection_server::close() noexcept {
  if (!serving_) return {};  // the loops may not run
  struct progress {
    std::atomic<std::uint64_t> connections{0}, idle{0};
  };
  const time_point by = steady().now() + std::chrono::seconds(1);
  const auto so_far = std::make_shared<progress>();
  for (auto& each : acceptors_) each->loop().post([a = each.get()] { a->close(); });
  stuck_ = !on_each_loop(by, [this, so_far](std::size_t i) {  // behind the acceptors in the queues of the loops
    const std::uint64_t open = sets_[i]->counts().open();
    const std::size_t working = sets_[i]->force();
    so_far->connections += working;
    so_far->idle += open - working;
  });
  if (in_transit_ > 0 && !on_each_loop(by, [](std::size_t) {})) stuck_ = true;  // it is cut when it arrives
  return {.connections = so_far->connections, .idle = so_far->idle};
}

void connection_server::stop() noexcept {
  close();  // usually finds nothing; after it, no work that was posted to a loop refers to this object
  serving_ = false;
  runtime_use_.reset();
  // Threads without a job end by themselves; on a busy machine later than this.
  if (options_.pool && !options_.pool->stop(steady().now() + leaving_time) && options_.pool->busy() > 0)
    options_.log.error(options_.name, "a blocking handler does not come back; it is left behind");
}

}  // namespace lastcall::inline v0::net
