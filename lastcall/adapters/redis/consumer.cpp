#include "lastcall/adapters/redis/consumer.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "lastcall/adapters/redis/consumer_core.hpp"

namespace lastcall::inline v0::redis {

namespace {

std::string host_and_process() {
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) != 0) return "consumer-" + std::to_string(getpid());
  return std::string(host) + "-" + std::to_string(getpid());
}

/// How long acknowledgements may take after a force.
duration longest_telling(const app* owner) {
  if (owner == nullptr) return duration::max();
  return std::max<duration>(owner->reserve() / 4, std::chrono::milliseconds(1));
}

}  // namespace

consumer::consumer(options with, app& owner) : consumer(std::move(with), owner.log(), &owner) {}
consumer::consumer(options with, logger log) : consumer(std::move(with), std::move(log), nullptr) {}

consumer::consumer(options with, logger log, app* owner) {
  if (with.name.empty()) with.name = "consumer";
  detail::check(with);
  if (with.consumer.empty()) with.consumer = host_and_process();
  if (with.dead_letters.empty()) with.dead_letters = with.stream + ".dead";
  const std::string name = with.name;
  const auto all = std::make_shared<detail::consumer_core>(std::move(with), log);
  made_of(name,
          {.start = [all] { all->start(); },
           .run = [all](const context& ends) { all->run(ends); },
           .force = [all, owner] { all->force(longest_telling(owner)); },
           .stop = [all] { all->stop(); },
           .account = [all](component_report& out) { all->account(out); },
           .measure = [all](metrics& into) { all->measure(into); },
           .in_progress = [all](std::vector<work_item>& out, std::size_t limit) { all->in_progress(out, limit); }},
          std::move(log), owner);
}

}  // namespace lastcall::inline v0::redis
