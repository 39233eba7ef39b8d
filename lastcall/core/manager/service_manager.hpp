// What the service manager (systemd) is told, and when. Does not decide anything: the driver of the app tells it what
// happens.
#pragma once

#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "lastcall/core/clock.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/core/manager/notify_socket.hpp"

namespace lastcall::inline v0::detail {

/// Messages have the form of sd_notify(3). Where there is no manager, every member does nothing. A message that finds
/// the manager's queue full is sent again, the newest alone; what is not heard otherwise is said once in the log.
/// Threads: the driver; `status` and `keep` any.
class service_manager {
 public:
  struct settings {
    std::string socket{};         ///< NOTIFY_SOCKET; empty: there is no manager
    std::string watchdog_usec{};  ///< WATCHDOG_USEC; empty: it wants no signs of life
  };

  /// A value that cannot be used is a warning in the log, and counts as empty.
  service_manager(const settings& with, logger log);

  explicit operator bool() const noexcept { return static_cast<bool>(socket_); }

  /// While the start goes on: asks for more time once a second, for `longest` from the first call on, or for five
  /// minutes: a start that hangs must not be waited for without end.
  void starting(time_point now, std::optional<duration> longest);
  /// While the end goes on: it may take so long from now on.
  void extend(duration by);
  void ready(time_point now);
  void reloading(time_point now);
  void stopping(time_point now, std::string_view why);
  /// `failure` is not empty. The manager gets the errno of the innermost exception that has one, otherwise EIO.
  void failed(std::string_view why, const std::exception_ptr& failure, time_point now);
  /// One line of text for people. What it said last is not repeated. It is lost while the manager's queue is full.
  void status(std::string_view text) noexcept;

  /// It is time for a sign of life.
  bool wants_sign(time_point now) const noexcept { return watchdog_ && now >= next_sign_; }
  /// `why_not` is empty: all is alive, and the manager is told so. Otherwise it is told why it hears no sign, which
  /// makes it restart the service.
  void sign_of_life(time_point now, std::string_view why_not);

  /// Keeps a descriptor for the next process of the service; -1: forgets what was kept under that name. Errors:
  /// std::invalid_argument for a name that is empty, longer than 255, or has other than printable ASCII, or a colon.
  std::error_code keep(std::string_view name, int descriptor) const;

  /// True once for each time that a status is due and the last one has been made: make it by `status`, on any thread,
  /// then call `status_made`.
  bool begins_status(time_point now) noexcept;
  void status_made() noexcept { making_status_.store(false, std::memory_order_release); }

  /// Sends again what found no room.
  void send_again(time_point now);
  /// When a sign of life, a status or another try is due.
  time_point next_wake() const noexcept;

 private:
  static constexpr duration pause = std::chrono::milliseconds(100);  // before it is tried again
  static constexpr duration status_interval = std::chrono::seconds(5);
  static constexpr duration extension = std::chrono::seconds(5);  // more than the time between two requests for it

  void tell(std::string message, time_point now);
  bool heard(std::string_view message) noexcept;

  const logger log_;
  notify_socket socket_;
  std::optional<duration> watchdog_;
  time_point next_sign_ = time_point::max();
  std::optional<time_point> began_starting_;
  time_point next_extension_{};
  time_point next_status_ = time_point::max();
  std::atomic<bool> making_status_{false};
  std::string unsent_;
  time_point again_at_ = time_point::max();
  bool alive_ = true;
  bool stopping_ = false;
  bool said_unheard_ = false;
  std::mutex status_mutex_;
  std::string last_status_;
};

}  // namespace lastcall::inline v0::detail
