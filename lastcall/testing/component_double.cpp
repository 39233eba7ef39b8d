#include "lastcall/testing/component_double.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "lastcall/core/app/option_check.hpp"

namespace lastcall::inline v0::testing {

using lastcall::to_text;

component_double::component_double(std::string name, component_behaviour does, stage& on)
    : name_(std::move(name)), does_(std::move(does)), on_(on) {
  const auto refuse = [&](const std::string& what) {
    throw std::invalid_argument("component double \"" + name_ + "\": " + what);
  };
  const std::string part = "component double \"" + name_ + '"';
  const lastcall::detail::option_check allowed(part);
  allowed.time("start_takes", does_.start_takes);
  allowed.time("drain_takes", does_.drain_takes);
  allowed.time("stop_takes", does_.stop_takes);
  allowed.time("each_takes", does_.each_takes);
  allowed.time("force_takes", does_.force_takes);
  allowed.number("in_flight", does_.in_flight, 0, allowed.most_things);
  switch (does_.hangs_in) {
    case verb::none:
    case verb::start:
    case verb::announce:
    case verb::drain:
    case verb::force:
    case verb::stop:
      break;
    case verb::account:
    case verb::destroy:
    case verb::in_progress:
      refuse("hangs_in " + std::string(to_text(does_.hangs_in)) +
             "; it can hang in start, announce, drain, force, stop");
  }
}

void component_double::enter(verb in, const char* text) noexcept {
  on_.note(name_, text);
  if (does_.hangs_in == in && in != verb::drain && in != verb::force) on_.hang(name_, in);
}

void component_double::start(context) {
  enter(verb::start, "start");
  if (does_.start_takes > duration::zero()) on_.sleep(name_, verb::start, on_.now() + does_.start_takes, true);
  if (!does_.start_fails.empty()) {
    on_.note(name_, "start fails: " + does_.start_fails);
    throw std::runtime_error(does_.start_fails);
  }
  on_.note(name_, "started");
}

void component_double::announce() noexcept { enter(verb::announce, "announce"); }

void component_double::drain(context, drained done) {
  enter(verb::drain, "drain");
  done_ = std::move(done);
  if (does_.hangs_in == verb::drain) return;  // as if it was still in drain
  const time_point now = on_.now();
  const duration work = does_.in_flight > 0 ? does_.each_takes : duration::zero();
  const duration takes = std::max(does_.drain_takes, work);
  const auto answer = [this] {
    if (cut_ > 0 || answered_ == does_.in_flight) return;
    answered_ = does_.in_flight;
    on_.note(name_, std::to_string(answered_) + " answered");
  };
  if (work < takes) on_.plan(now + work, answer);
  const auto end = [this, answer] {
    answer();
    has_drained();
  };
  takes > duration::zero() ? on_.plan(now + takes, end) : end();
}

void component_double::force() noexcept {
  on_.note(name_, "force");
  if (over_ || does_.ignores_force || does_.hangs_in == verb::drain || does_.hangs_in == verb::force) return;
  cut_ = does_.in_flight - answered_;
  if (cut_ > 0) on_.note(name_, std::to_string(cut_) + " cut");
  if (does_.force_takes > duration::zero()) {
    on_.plan(on_.now() + does_.force_takes, [this] { has_drained(); });
  } else {
    has_drained();
  }
}

void component_double::has_drained() noexcept {
  if (!done_ || std::exchange(over_, true)) return;
  on_.note(name_, "drained");
  done_();
}

void component_double::stop() noexcept {
  enter(verb::stop, "stop");
  if (does_.stop_takes > duration::zero()) on_.sleep(name_, verb::stop, on_.now() + does_.stop_takes, false);
  on_.note(name_, "stopped");
}

void component_double::account(component_report& out) const {
  if (does_.in_flight == 0) return;
  out.requests.begun = does_.in_flight;
  out.requests.answered = answered_;
  out.requests.forced = does_.in_flight - answered_;
}

}  // namespace lastcall::inline v0::testing
