#include "lastcall/net/connection/standalone.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "lastcall/core/lifecycle/shutdown_run.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/report/report.hpp"

namespace lastcall::inline v0::net {

context standalone::begin(const context& parent, const std::string& name) {
  if (std::exchange(tried_, true))
    throw std::logic_error(name + ": start was called before; make a new server to try again");
  asked_ = std::make_shared<shutdown_requests>();  // now, while there are descriptors
  life_ = context_source(parent);
  runtime_.start(life_.get());
  return life_.get();
}

shutdown_result standalone::shutdown(component& server, const std::string& name, deadline by) {
  if (ended_) return *ended_;
  if (!started_) return {};
  const time_point began = steady().now();
  const duration time = by.remaining(began);
  lifecycle& life = end_.emplace(steady(), logger(log_level::warning, {}), asked_);
  life.add_running(name, server);
  life.take_no_stacks();  // a library sends no signals to threads of its program unasked
  shutdown_run{.life = life, .requests = *asked_, .time = steady()}.drive(
      {.grace = time, .reserve = usual_reserve(time)}, began);
  report said;
  life.fill(said);
  // What was forced before, by close(), is no matter of this shutdown.
  if (said.components.front().drained) said.outcome = outcome::graceful;
  if (said.outcome != outcome::hung) runtime_.stop();
  return ended_.emplace(shutdown_result{.outcome = said.outcome, .took = steady().now() - began});
}

void standalone::wait_for_verbs() noexcept {
  while (end_ && end_->verbs_under_way()) end_->wait_for_verbs(steady().now() + std::chrono::hours(1));
  end_.reset();
}

bool standalone::stop_runtime() noexcept {
  runtime_.stop();
  return !runtime_.stuck();
}

}  // namespace lastcall::inline v0::net
