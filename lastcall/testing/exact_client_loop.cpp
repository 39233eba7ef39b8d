// Which client does what, and when. The run has three stages: opening (the idle connections), loading, telling (from
// the first signal to the end). Each pass of the loop: step (the stage), fire (timers), begin_due (requests that are
// due), wait (epoll).
//
// A link is a client with its connection; links are reused, so events carry a generation. Timers are not cancelled:
// each has a serial number, and one whose serial is not the link's any more does nothing.
#include "lastcall/testing/exact_client_loop.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "lastcall/core/app/option_check.hpp"

namespace lastcall::inline v0::testing {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t timer_tag = UINT64_MAX, gone_tag = UINT64_MAX - 1;
constexpr std::size_t opening_at_once =
    256;  // idle connections; more would overflow the accept queue, and their SYN is repeated after 1 s
constexpr auto after_failure = 10ms;     // before the next try of a client that could not connect
constexpr auto in_flight_limit = 10s;    // until the requests that are to be in flight at the signal are sent
constexpr auto clients_after_exit = 1s;  // clients send until they are refused, at most for this time
constexpr auto answers_after_exit = 5s;  // a response that is outstanding then is lost
constexpr auto sweep_every = 50ms;

}  // namespace

exact_client_loop::exact_client_loop(const server_address& server, const probe_options& options,
                                     const probe_target& target)
    : server_(server), options_(options), target_(target), buffer_(256 * 1024), random_(options.seed) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  const auto add = [this](int fd, std::uint64_t tag) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = tag;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
      throw std::system_error(errno, std::generic_category(), "exact client: epoll");
    }
  };
  add(timer_, timer_tag);
  if (target_.gone >= 0) add(target_.gone, gone_tag);
  for (const auto& load : options.loads) {
    auto& g = groups_.emplace_back();
    g.result.options = load;
    g.head = request_text(load, server, options.request);
    g.head_requests = load.kind != load_kind::upload && options.request.method == "HEAD";
    g.request_bytes = g.head.size() + (load.kind == load_kind::upload ? load.bytes : 0);
  }
}

exact_client_loop::~exact_client_loop() {
  for (auto& l : links_) {
    if (l.fd >= 0) ::close(l.fd);
  }
  if (timer_ >= 0) ::close(timer_);
  if (epoll_ >= 0) ::close(epoll_);
}

probe_result exact_client_loop::run() {
  began_ = now_ = std::chrono::steady_clock::now();
  wake_at(began_ + options_.patience);
  for (auto& g : groups_) {
    if (g.idle()) begin_group(g);
  }
  for (;;) {
    step();
    if (finished()) break;
    fire();
    begin_due();
    wait();
  }
  for (const auto& l : links_) {
    if (l.fd >= 0 && l.now == link::state::silent && !l.ended_noted) ++l.of->result.ends.open;
  }
  for (auto& g : groups_) result_.loads.push_back(std::move(g.result));
  const auto since_signal = [this](std::optional<time_point> at) -> std::optional<duration> {
    if (!at || !signalled_ || *at < told_at_) return std::nullopt;
    return *at - told_at_;
  };
  result_.gone = gone_;
  result_.last_response = since_signal(last_response_);
  result_.first_refusal = since_signal(first_refusal_);
  if (gone_) result_.exit = since_signal(gone_at_);
  return std::move(result_);
}

void exact_client_loop::step() {
  now_ = std::chrono::steady_clock::now();
  switch (stage_) {
    case stage::opening: {
      const bool all = std::all_of(groups_.begin(), groups_.end(),
                                   [](const group& g) { return !g.idle() || g.standing >= g.result.options.count; });
      if (!all && now_ < began_ + options_.patience) break;
      if (!all) result_.fault = "the idle connections did not all stand in time";
      start_loads();
      break;
    }
    case stage::loading: {
      for (auto& g : groups_) {
        if (!g.begun && now_ >= tell_at_ - g.result.options.lead) begin_group(g);
      }
      if (now_ < tell_at_) break;
      if (all_in_flight() || now_ >= tell_at_ + in_flight_limit) {
        tell();
      } else {
        wake_at(now_ + 1ms);
      }
      break;
    }
    case stage::telling: {
      if (told_ < options_.signals && !gone_ && now_ >= told_at_ + told_ * options_.spacing) {
        target_.tell();
        if (++told_ < options_.signals) wake_at(told_at_ + told_ * options_.spacing);
      }
      if (gone_ && now_ >= gone_at_ + clients_after_exit) no_more_ = true;
      if (gone_ && now_ >= gone_at_ + answers_after_exit) expire();
      if (now_ >= told_at_ + options_.timeout && !expired_) {
        result_.timed_out = true;
        expire();
      }
      break;
    }
  }
  if (gone_ && !signalled_ && result_.fault.empty()) result_.fault = "the server ended before the signal";
  if (options_.request_timeout > 0s) sweep();
  for (auto& g : groups_) {
    if (g.at_rate() && g.begun && !g.ended) run_rate(g);
  }
}

void exact_client_loop::start_loads() {
  stage_ = stage::loading;
  began_ = now_;
  tell_at_ = now_ + options_.after;
  wake_at(tell_at_);
  for (auto& g : groups_) {
    if (g.one_request_each()) {
      wake_at(tell_at_ - g.result.options.lead);
    } else if (!g.begun) {
      begin_group(g);
    }
  }
}

void exact_client_loop::begin_group(group& g) {
  g.begun = true;
  if (g.idle()) return open_more(g);
  if (g.at_rate()) {
    ++clients_;
    g.due = g.since = now_;
    return;
  }
  const auto& o = g.result.options;
  for (std::size_t i = 0; i < o.count; ++i) {
    auto& l = free_link(g);
    l.client = true;
    ++clients_;
    if (o.kind == load_kind::race) {  // spread from the start
      arm(l, now_ + std::uniform_int_distribution<duration::rep>(0, o.max.count())(random_) * duration(1));
    } else {
      ready_.push_back(l.index);
    }
  }
}

void exact_client_loop::open_more(group& g) {
  while (g.opened < g.result.options.count && g.opened - g.standing < opening_at_once) {
    auto& l = free_link(g);
    l.client = true;
    ++clients_;
    ++g.opened;
    ready_.push_back(l.index);
  }
}

void exact_client_loop::run_rate(group& g) {
  auto& r = g.result;
  if (no_more_ || (gone_ && r.count.count(verdict::refused_after) > 0)) {
    g.ended = true;
    --clients_;
    return;
  }
  const std::chrono::duration<double> every(1 / r.options.rate);
  while (g.due <= now_) {
    if (r.count.outstanding() >= r.options.most) {
      ++r.skipped;
    } else {
      auto& l = free_link(g);
      l.client = true;
      ++clients_;
      begin(l, g.due);
    }
    ++g.requests_due;
    g.due = g.since + std::chrono::duration_cast<duration>(every * static_cast<double>(g.requests_due));
  }
  wake_at(g.due);
}

bool exact_client_loop::all_in_flight() const {
  return std::all_of(groups_.begin(), groups_.end(), [](const group& g) {
    return !g.one_request_each() || g.result.count.sent_requests() >= g.result.options.count ||
           g.result.count.ended() >= g.result.options.count;
  });
}

void exact_client_loop::tell() {
  stage_ = stage::telling;
  for (const auto& l : links_) {
    if (l.now == link::state::exchanging && l.sent > 0) ++l.of->result.in_flight;
  }
  for (auto& g : groups_) {
    auto& r = g.result;
    r.answered_before = r.count.count(verdict::answered);
    if (g.one_request_each() && r.in_flight < r.options.count && result_.fault.empty()) {
      result_.fault = std::string(to_text(r.options.kind)) + ": only " + std::to_string(r.in_flight) + " of " +
                      std::to_string(r.options.count) +
                      " requests were in flight at the signal; make them longer (path=, over=)";
    }
  }
  signalled_ = true;
  told_at_ = now_ = std::chrono::steady_clock::now();
  result_.loaded = told_at_ - began_;
  target_.tell();
  now_ = std::chrono::steady_clock::now();
  told_ = 1;
  wake_at(told_at_ + options_.timeout);
  if (options_.signals > 1) wake_at(told_at_ + options_.spacing);
}

bool exact_client_loop::finished() const {
  if (expired_ || (gone_ && !signalled_)) return true;
  return stage_ == stage::telling && clients_ == 0 && farewells_ == 0 && (gone_ || target_.gone < 0);
}

void exact_client_loop::expire() {
  if (expired_) return;
  expired_ = no_more_ = true;
  end_outstanding(time_point::max());
  if (gone_ || target_.gone < 0) return;
  if (target_.kill) {
    target_.kill();
    result_.killed = true;
    pollfd watched{target_.gone, POLLIN, 0};
    if (::poll(&watched, 1, 5000) == 1) on_gone();
  }
}

void exact_client_loop::sweep() {
  if (now_ < sweep_at_) return;
  sweep_at_ = now_ + sweep_every;
  wake_at(sweep_at_);
  end_outstanding(now_ - options_.request_timeout);
}

void exact_client_loop::end_outstanding(time_point begun_before) {
  for (std::size_t i = 0; i < links_.size(); ++i) {  // by index: the end of one may add links
    auto& l = links_[i];
    const bool outstanding =
        l.now == link::state::queued || l.now == link::state::connecting || l.now == link::state::exchanging;
    if (outstanding && l.began < begun_before) finish(l, ending::timeout);
  }
}

void exact_client_loop::on_gone() {
  gone_ = true;
  gone_at_ = std::chrono::steady_clock::now();
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, target_.gone, nullptr);
  wake_at(gone_at_ + clients_after_exit);
  wake_at(gone_at_ + answers_after_exit);
  for (auto& l : links_) {  // clients in a pause send no further request
    const bool pauses = l.now == link::state::closed || l.now == link::state::silent;
    if (l.client && pauses && l.timer != 0 && l.of->result.options.kind == load_kind::race) end_client(l);
  }
}

void exact_client_loop::continue_client(link& l, verdict what) {
  if (!l.client) return;
  auto& g = *l.of;
  if (g.at_rate()) {
    end_client(l);
    return release(l);
  }
  if (g.one_request_each()) return end_client(l);
  if (g.idle()) {
    if (what == verdict::answered && l.rounds < g.result.options.requests) return ready_.push_back(l.index);
    ++g.standing;
    if (l.fd < 0) end_client(l);
    return open_more(g);
  }
  if (what == verdict::refused_after || no_more_) return end_client(l);
  if (what == verdict::refused_before || what == verdict::connect_failed || what == verdict::own_limit) {
    return arm(l, now_ + after_failure);
  }
  if (g.result.options.kind != load_kind::race) return ready_.push_back(l.index);
  if (gone_) return end_client(l);
  const auto& o = g.result.options;
  arm(l, now_ + duration(std::uniform_int_distribution<duration::rep>(o.min.count(), o.max.count())(random_)));
}

void exact_client_loop::end_client(link& l) {
  if (!l.client) return;
  l.client = false;
  l.timer = 0;
  --clients_;
}

void exact_client_loop::begin_due() {
  std::swap(ready_, due_);
  for (const auto index : due_) {
    auto& l = links_[index];
    if (!l.client) continue;
    if (no_more_) {
      end_client(l);
    } else {
      begin(l, std::chrono::steady_clock::now());
    }
  }
  due_.clear();
}

void exact_client_loop::wake_at(time_point when) { alarms_.push({when, ++serial_, no_link}); }

void exact_client_loop::arm(link& l, time_point when) {
  l.timer = ++serial_;
  alarms_.push({when, l.timer, l.index});
}

void exact_client_loop::fire() {
  while (!alarms_.empty() && alarms_.top().at <= now_) {
    const auto due = alarms_.top();
    alarms_.pop();
    if (due.link == no_link || links_[due.link].timer != due.serial) continue;
    links_[due.link].timer = 0;
    on_timer(links_[due.link]);
  }
}

void exact_client_loop::wait() {
  while (!alarms_.empty() && alarms_.top().link != no_link &&
         links_[alarms_.top().link].timer != alarms_.top().serial) {
    alarms_.pop();
  }
  const auto earliest = alarms_.empty() ? now_ + sweep_every : alarms_.top().at;
  if (earliest != armed_at_) {
    const auto ns = std::chrono::nanoseconds(std::max(earliest.time_since_epoch(), duration(1))).count();
    const itimerspec at{{0, 0}, {ns / 1'000'000'000, ns % 1'000'000'000}};
    ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr);
    armed_at_ = earliest;
  }
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), ready_.empty() ? -1 : 0);
  if (count < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "exact client: epoll_wait");
  now_ = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) {
    const auto tag = events[static_cast<std::size_t>(i)].data.u64;
    if (tag == timer_tag) {
      std::uint64_t times;
      [[maybe_unused]] const auto n = ::read(timer_, &times, sizeof times);
      armed_at_ = time_point::max();
    } else if (tag == gone_tag) {
      on_gone();
    } else {
      auto& l = links_[static_cast<std::uint32_t>(tag)];
      if (l.generation == tag >> 32) on_event(l, events[static_cast<std::size_t>(i)].events);
    }
  }
}

link& exact_client_loop::free_link(group& g) {
  if (free_.empty()) {
    const auto index = static_cast<std::uint32_t>(links_.size());
    links_.emplace_back().index = index;
    free_.push_back(index);
  }
  auto& l = links_[free_.back()];
  free_.pop_back();
  l.of = &g;
  l.now = link::state::closed;
  l.timer = 0;
  l.rounds = l.answered_here = 0;
  l.client = l.ended_noted = false;
  return l;
}

void exact_client_loop::release(link& l) { free_.push_back(l.index); }

request_counts probe_result::total() const {
  request_counts sum;
  for (const auto& load : loads) sum += load.count;
  return sum;
}

std::uint64_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

probe_result run_probe(const server_address& server, const probe_options& options, const probe_target& target) {
  const lastcall::detail::option_check allowed("probe");
  allowed.time("after", options.after);
  allowed.time_above_zero("timeout", options.timeout);
  allowed.time("patience", options.patience);
  allowed.time("request_timeout", options.request_timeout);
  allowed.time("spacing", options.spacing);
  allowed.number("signals", options.signals, 0, 100'000);  // so that spacing times signals does not overflow
  for (const load_options& load : options.loads) check(load);
  check(options.request);
  return exact_client_loop(server, options, target).run();
}

}  // namespace lastcall::inline v0::testing
