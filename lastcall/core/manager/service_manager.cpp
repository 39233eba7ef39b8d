#include "lastcall/core/manager/service_manager.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "lastcall/core/caught.hpp"
#include "lastcall/core/deadline.hpp"
#include "lastcall/core/parse_number.hpp"

namespace lastcall::inline v0::detail {

namespace {

std::string microseconds(duration of) {
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(of).count());
}

// A line break would begin another assignment.
std::string one_line(std::string_view text) {
  constexpr std::size_t longest = 400;  // of a status; a message of some kilobytes may be refused
  std::string line(text.substr(0, longest));
  std::ranges::replace_if(line, [](unsigned char c) { return c < ' '; }, ' ');
  return line;
}

// The manager compares it with its own clock: CLOCK_MONOTONIC, whatever ours is.
std::string monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return microseconds(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

std::optional<int> errno_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& e) {
    if (const auto* nesting = dynamic_cast<const std::nested_exception*>(&e); nesting && nesting->nested_ptr())
      if (const auto inner = errno_of(nesting->nested_ptr())) return inner;
    if (const auto* of_system = dynamic_cast<const std::system_error*>(&e)) {
      const std::error_condition is = of_system->code().default_error_condition();
      if (is.category() == std::generic_category()) return is.value();
    }
  } catch (...) {  // caught: it has a name, since it was kept
  }
  return std::nullopt;
}

}  // namespace

service_manager::service_manager(const settings& with, logger log) : log_(std::move(log)) {
  if (with.socket.empty()) return;
  if (const auto failure = exception_of([&] { socket_ = notify_socket(with.socket); })) {
    log_.warning("app", "the service manager is told nothing", {{"why", to_text(failure)}});
    return;
  }
  if (with.watchdog_usec.empty()) return;
  const auto usec = parse_number<std::uint64_t>(with.watchdog_usec);
  constexpr std::uint64_t longest = std::chrono::duration_cast<std::chrono::microseconds>(deadline::longest).count();
  if (usec && *usec > 0 && *usec <= longest) {
    watchdog_ = std::chrono::microseconds(*usec);
  } else {
    log_.warning("app", "the service manager gets no signs of life: this is no time up to 24h",
                 {{"WATCHDOG_USEC", with.watchdog_usec}});
  }
}

void service_manager::starting(time_point now, std::optional<duration> longest) {
  if (!socket_) return;
  if (!began_starting_) {
    began_starting_ = now;
    next_extension_ = now + std::chrono::seconds(1);
  }
  if (now < next_extension_ || now - *began_starting_ >= longest.value_or(std::chrono::minutes(5))) return;
  next_extension_ = now + std::chrono::seconds(1);
  static_cast<void>(heard("EXTEND_TIMEOUT_USEC=" + microseconds(extension)));  // the next comes in a second
}

void service_manager::extend(duration by) { static_cast<void>(heard("EXTEND_TIMEOUT_USEC=" + microseconds(by))); }

void service_manager::ready(time_point now) {
  if (!socket_) return;
  if (watchdog_) next_sign_ = std::min(next_sign_, now);
  next_status_ = std::min(next_status_, now);
  tell("READY=1", now);
}

void service_manager::reloading(time_point now) {
  if (socket_) tell("RELOADING=1\nMONOTONIC_USEC=" + monotonic_now(), now);
}

void service_manager::stopping(time_point now, std::string_view why) {
  if (!socket_) return;
  next_status_ = time_point::max();  // from now on the status says what is waited for
  tell((std::exchange(stopping_, true) ? "STATUS=" : "STOPPING=1\nSTATUS=") + one_line(why), now);
}

void service_manager::failed(std::string_view why, const std::exception_ptr& failure, time_point now) {
  if (!socket_) return;
  tell("STATUS=" + one_line(why) + "\nERRNO=" + std::to_string(errno_of(failure).value_or(EIO)), now);
}

void service_manager::status(std::string_view text) noexcept {
  if (!socket_) return;
  static_cast<void>(exception_of([&] {
    const std::lock_guard held(status_mutex_);
    std::string line = one_line(text);
    if (line == last_status_) return;
    if (!socket_.send("STATUS=" + line)) last_status_ = std::move(line);
  }));
}

std::error_code service_manager::keep(std::string_view name, int descriptor) const {
  const bool plain = std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~' && c != ':'; });
  if (name.empty() || name.size() > 255 || !plain)
    throw std::invalid_argument("app: a descriptor cannot be kept as \"" + std::string(name) +
                                "\"; give 1 to 255 printable characters without a colon");
  if (!socket_) return std::make_error_code(std::errc::not_supported);
  return socket_.send((descriptor < 0 ? "FDSTOREREMOVE=1\nFDNAME=" : "FDSTORE=1\nFDNAME=") + std::string(name),
                      descriptor);
}

bool service_manager::begins_status(time_point now) noexcept {
  if (now < next_status_) return false;
  next_status_ = now + status_interval;
  return !making_status_.exchange(true, std::memory_order_acquire);
}

void service_manager::sign_of_life(time_point now, std::string_view why_not) {
  next_sign_ = now + *watchdog_ / 2;
  if (why_not.empty()) {
    // One that finds no room would come too late when it is due the next time.
    if (!heard("WATCHDOG=1")) next_sign_ = std::min(next_sign_, now + std::max(pause, *watchdog_ / 20));
    alive_ = true;
    return;
  }
  status("the watchdog is not answered: " + std::string(why_not));
  if (std::exchange(alive_, false))
    log_.error("app", "the service manager gets no sign of life any more", {{"why", why_not}});
}

void service_manager::send_again(time_point now) {
  if (now >= again_at_) tell(std::move(unsent_), now);
}

time_point service_manager::next_wake() const noexcept { return std::min({next_sign_, next_status_, again_at_}); }

void service_manager::tell(std::string message, time_point now) {
  again_at_ = time_point::max();
  if (heard(message)) return;
  unsent_ = std::move(message);
  again_at_ = now + pause;
}

// False: it is worth to try again. A manager that is gone hears nothing: that is said, and it is no reason to end.
bool service_manager::heard(std::string_view message) noexcept {
  const std::error_code error = socket_.send(message);
  if (!error) return true;
  if (!std::exchange(said_unheard_, true))
    log_.warning("app", "the service manager does not hear", {{"why", error.message()}});
  return error != std::errc::resource_unavailable_try_again;
}

}  // namespace lastcall::inline v0::detail
