// One direction of a connection that is made worse than it is: later, slower, in pieces, cut. Pure: bytes and time in,
// what is due out. The sockets are fault_relay.hpp's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::testing {

/// What happens once the Nth byte has passed.
enum class line_end : unsigned char {
  stall,       ///< nothing passes any more, no end neither
  half_close,  ///< the receiver gets a FIN; what comes later is read and dropped
  cut,         ///< both sides get a FIN, and nothing more
  reset,       ///< both sides get a RST
};

struct line_faults {
  duration delay{};                        ///< each byte, and the end, arrives so much later
  std::uint64_t bytes_per_second = 0;      ///< 0: as fast as it goes
  std::size_t piece_bytes = 0;             ///< at most so many in one write; 0: as they come
  duration piece_gap{};                    ///< between two writes
  bool stalled = false;                    ///< nothing passes; what has been taken waits
  std::optional<std::uint64_t> at_byte{};  ///< once so many bytes have passed, counted from the beginning, ...
  line_end then = line_end::reset;         ///< ... this happens

  bool operator==(const line_faults&) const = default;
};

/// Holds at most `capacity` bytes: a delay times a rate beyond it slows the sender down, as a full buffer does.
/// Threads: one.
class fault_line {
 public:
  enum class step : unsigned char { none, write, half_close, cut, reset };
  struct action {
    step what = step::none;
    std::string_view bytes{};  // to be written; valid until the next call
    bool operator==(const action&) const = default;
  };

  fault_line(line_faults faults, std::size_t capacity) : faults_(faults), capacity_(capacity) {}

  /// From now on; what is on its way keeps its delay.
  void set(line_faults faults) noexcept { faults_ = faults; }
  const line_faults& faults() const noexcept { return faults_; }

  std::size_t room() const noexcept { return held_ < capacity_ ? capacity_ - held_ : 0; }
  /// What the sender sent; at most `room()`.
  void take(std::string_view bytes, time_point now);
  /// The sender's end came: a FIN, or a RST. Nothing follows.
  void take_end(bool reset, time_point now);
  /// Forgets what is held, and drops what comes.
  void drop() noexcept;

  /// What is to be done now. Half-close, cut and reset come once; afterwards there is nothing to do any more.
  action due(time_point now);
  /// So many of the bytes of the last `due` were written.
  void written(std::size_t bytes, time_point now);
  /// When `due` has something next, unless more is taken before. Empty: not by itself.
  std::optional<time_point> next() const noexcept;

  /// The end has been passed on, or everything is dropped.
  bool over() const noexcept { return over_; }
  std::uint64_t taken() const noexcept { return taken_; }
  std::uint64_t passed() const noexcept { return passed_; }

 private:
  struct piece {
    time_point due;
    std::string bytes;
  };
  bool fault_is_due() const noexcept { return faults_.at_byte && passed_ >= *faults_.at_byte; }
  action finish(step what) noexcept;

  line_faults faults_;
  std::size_t capacity_;
  std::deque<piece> pieces_;
  std::size_t front_ = 0;  // of the first piece, so many bytes have passed
  std::size_t held_ = 0;
  std::optional<time_point> end_due_;
  bool end_is_reset_ = false, over_ = false;
  time_point last_due_ = time_point::min();
  time_point free_at_ = time_point::min();  // when the next write may be
  std::uint64_t taken_ = 0, passed_ = 0;
};

}  // namespace lastcall::inline v0::testing
