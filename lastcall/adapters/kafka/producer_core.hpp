// What a producer does: the lock, those that wait for room or for a delivery, a thread that hears of deliveries, and
// the verbs of a component. Who gets the next room is send_book's.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/adapters/kafka/client.hpp"
#include "lastcall/adapters/kafka/producer.hpp"
#include "lastcall/adapters/kafka/send_book.hpp"
#include "lastcall/core/threads/own_thread.hpp"

namespace lastcall::inline v0::kafka::detail {

/// One that sends, while it waits. It lives as long as it is `waiting`, or `sent` and wants the delivery.
struct sender : room_waiter {
  enum class state : unsigned char {
    outside,  ///< before it waits, and once it knows what came of it
    waiting,  ///< for room
    sent,     ///< librdkafka has it
    delivered,
    refused,
  };

  sender(record&& its, bool delivery);
  virtual ~sender() = default;
  sender& operator=(sender&&) = delete;
  /// Its state has changed.   Threads: of whoever changed it, under the producer's lock, so it must not block or throw.
  virtual void told() noexcept = 0;

  record it;  // its own until it is sent
  const bool wants_delivery;
  state at = state::outside;
  std::size_t ahead = 0;
  delivered where{};
  std::optional<not_sent> why{};  // when refused
};

/// What its caller is told, once it waits no longer.
template <class T> result<T, not_sent> outcome_of(const sender& of, const T& good) {
  if (of.at == sender::state::refused) return *of.why;
  return good;
}

/// Ownership: shared by the producer and its thread. A thread that hangs in a call keeps it for good.
class producer_core : public std::enable_shared_from_this<producer_core> {
 public:
  /// `owner` may be null. It is used until the stop returns, and no longer.
  producer_core(producer_options with, logger log, app* owner);
  producer_core& operator=(producer_core&&) = delete;

  /// In steps, for all ways to wait. True: nothing is to be waited for.
  bool begin(sender& who, const context& with);
  /// What `who` waits for has come, or it wants to wait no longer. It is not told after that.
  void finish(sender& who, const context& with);
  /// The caller wants nothing any more: `who` is told if it waits.
  void give_up(sender& who) noexcept;
  /// The caller has gone. `who` is not told.
  void abandon(sender& who) noexcept;
  bool waits(const sender& who) const noexcept {
    return who.at == sender::state::waiting || (who.at == sender::state::sent && who.wants_delivery);
  }
  /// The bound of a wait that begins now.
  time_point longest_wait_from(time_point now, bool delivery) const noexcept;
  void wait_on_thread(sender& who, std::condition_variable& changed, const context& with);

  void start();
  void drain(const context& ends, drained done);
  void force() noexcept;
  void stop() noexcept;
  void leave() noexcept;
  void account(component_report& out) const;
  void measure(metrics& into) const;
  void in_progress(std::vector<work_item>& out, std::size_t limit) const;
  rd_kafka_t* native_handle() const noexcept;

 private:
  enum class phase : unsigned char { made, started, draining, stopped };
  using lock = std::unique_lock<std::mutex>;

  /// A record that librdkafka has.
  struct shipment {
    record it{};
    std::size_t bytes = 0;
    time_point since{};
    sender* who = nullptr;   // waits for its delivery; null: nobody does
    bool abandoned = false;  // one has waited, and was told that it may or may not be delivered
    std::list<shipment>::iterator place{};
  };
  struct numbers {
    std::uint64_t delivered = 0, undelivered = 0, handed_back = 0, cut = 0;
    std::array<std::uint64_t, 5> refused{};  // by not_sent::reason
  };

  void ship(const lock&, sender& who);
  void leave_alone(const lock&, const sender& who) noexcept;
  void refuse(const lock&, sender& who, not_sent::reason why, const std::string& text, bool maybe = false);
  std::optional<not_sent> refusal(const lock&, const sender& who, const context& with) const;
  void admit(const lock&);

  void poll();
  void serve(event of, std::vector<undelivered>& back);
  void ended(const lock&, shipment& it, const rd_kafka_message_t& of, std::vector<undelivered>& back);
  void give_back(std::vector<undelivered> all);
  /// Nothing is left, or nothing more will come of it.
  bool is_over(time_point now);

  const producer_options with_;
  const logger log_;
  app* const owner_;
  std::atomic<duration> last_step_;  // what each step may take once it is forced; a shutdown may have less of a reserve

  mutable std::mutex mutex_;         // guards all down to the next comment
  std::condition_variable settled_;  // for stop
  send_book book_;
  std::list<shipment> shipments_{};
  std::size_t abandoned_ = 0;  // of these
  numbers count_{};
  log_limit failures_logged_{1};
  drained done_;
  phase phase_ = phase::made;
  bool forced_ = false;
  bool polls_ = false;
  lastcall::detail::own_thread polling_{};
  rd_kafka_t* seen_handle_ = nullptr;

  // The thread's alone, once it has started.
  client client_;
  std::optional<time_point> purged_{};
  bool fatal_ = false;
};

/// For other ways to wait.
struct producer_access {
  static std::shared_ptr<producer_core> core_of(producer& of) noexcept { return of.core_; }
};

}  // namespace lastcall::inline v0::kafka::detail
