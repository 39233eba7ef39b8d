#include "lastcall/core/gate.hpp"

#include <atomic>
#include <cstdint>

namespace lastcall::inline v0 {

namespace detail {

// States, all in one word: the number of tickets, and four bits. `claimed`: a thread is inside close(), or was.
// `closed`: no new ticket. `pending`: the callback has not returned. `owned`: the gate exists. Ownership: nobody owns
// the state. It deletes itself when no ticket, no gate and no pending callback can reach it. Re-entrancy: the callback
// may destroy the gate; `pending` keeps the state until the callback has returned.
class gate_state {
 public:
  bool enter() noexcept {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    do {
      if ((seen & closed_bit) != 0) return false;
    } while (!word_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed));
    return true;
  }

  void leave() noexcept {
    // Release: work under the ticket happens before the callback. Acquire, for the last ticket: pairs with those
    // releases, and with the release in close(), which makes drained_ visible.
    const std::uint64_t left = word_.fetch_sub(1, std::memory_order_acq_rel) - 1;
    if ((left & count_mask) != 0) return;
    if ((left & pending_bit) != 0) {
      call();
    } else if ((left & owned_bit) == 0) {
      delete this;
    }
  }

  void close(function<void()> drained) noexcept {
    if ((word_.fetch_or(claimed_bit, std::memory_order_relaxed) & claimed_bit) != 0) return;
    drained_ = std::move(drained);
    if ((word_.fetch_or(closed_bit | pending_bit, std::memory_order_acq_rel) & count_mask) == 0) call();
  }

  void disown() noexcept {
    const std::uint64_t before = word_.fetch_and(~owned_bit, std::memory_order_acq_rel);
    if ((before & (count_mask | pending_bit)) == 0) delete this;
  }

  bool closed() const noexcept { return (word_.load(std::memory_order_acquire) & closed_bit) != 0; }
  std::size_t inside() const noexcept { return word_.load(std::memory_order_acquire) & count_mask; }

 private:
  static constexpr std::uint64_t closed_bit = std::uint64_t{1} << 63;
  static constexpr std::uint64_t claimed_bit = std::uint64_t{1} << 62;  // close() was called
  static constexpr std::uint64_t pending_bit = std::uint64_t{1} << 61;  // the callback has not returned
  static constexpr std::uint64_t owned_bit = std::uint64_t{1} << 60;    // the gate exists
  static constexpr std::uint64_t count_mask = owned_bit - 1;

  // Called once: after the close the count reaches 0 only once.
  void call() noexcept {
    if (drained_) std::exchange(drained_, nullptr)();
    const std::uint64_t before = word_.fetch_and(~pending_bit, std::memory_order_acq_rel);
    if ((before & owned_bit) == 0) delete this;
  }

  std::atomic<std::uint64_t> word_{owned_bit};
  function<void()> drained_;
};

}  // namespace detail

ticket::~ticket() {
  if (state_ != nullptr) state_->leave();
}

gate::gate() : state_(new detail::gate_state) {}
gate::~gate() { state_->disown(); }

std::optional<ticket> gate::enter() noexcept {
  if (!state_->enter()) return std::nullopt;
  return ticket(state_);
}

void gate::close(function<void()> drained) noexcept { state_->close(std::move(drained)); }
bool gate::closed() const noexcept { return state_->closed(); }
std::size_t gate::inside() const noexcept { return state_->inside(); }

}  // namespace lastcall::inline v0
