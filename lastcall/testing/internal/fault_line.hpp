// The faults of one direction of a connection: delays, limits, slices and breaks the bytes. Pure: bytes and time in,
// actions out. fault_relay.hpp has the sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/clock.hpp"

namespace lastcall::inline v0::testing {

/// What happens when `at_byte` bytes have passed.
enum class line_end : unsigned char {
  stall,       ///< nothing passes any more, nor does an end
  half_close,  ///< the receiver gets a FIN; later bytes are read and dropped
  cut,         ///< both sides get a FIN, and nothing more
  reset,       ///< both sides get a RST
};

struct line_faults {
  duration delay{};                        ///< of each byte, and of the end
  std::uint64_t bytes_per_second = 0;      ///< 0: no limit
  std::size_t piece_bytes = 0;             ///< the most bytes of one write; 0: no limit
  duration piece_gap{};                    ///< between two writes
  bool stalled = false;                    ///< nothing passes; bytes that were taken wait
  std::optional<std::uint64_t> at_byte{};  ///< when so many bytes have passed since the beginning, ...
  line_end then = line_end::reset;         ///< ... this happens

  bool operator==(const line_faults&) const = default;
};

/// Errors: std::invalid_argument that names the member, its value and what is allowed.
void check(const line_faults&);

/// Holds at most `capacity` bytes. If delay times rate is more, it slows the sender down, as a full buffer does.
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

  /// For bytes that are taken from now on.
  void set(line_faults faults) noexcept { faults_ = faults; }
  const line_faults& faults() const noexcept { return faults_; }

  std::size_t room() const noexcept { return held_ < capacity_ ? capacity_ - held_ : 0; }
  /// Bytes of the sender; at most `room()`.
  void take(std::string_view bytes, time_point now);
  /// The sender's end: a FIN, or a RST. Nothing follows.
  void take_end(bool reset, time_point now);
  /// Drops what is held, and what will be taken.
  void drop() noexcept;

  /// The action for now. Half-close, cut and reset are returned once; after that only `none`.
  action due(time_point now);
  /// How many bytes of the last `due` were written.
  void written(std::size_t bytes, time_point now);
  /// When `due` will have an action, if nothing more is taken. Empty: never.
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
  std::size_t front_ = 0;  // how many bytes of the first piece have passed
  std::size_t held_ = 0;
  std::optional<time_point> end_due_;
  bool end_is_reset_ = false, over_ = false;
  time_point last_due_ = time_point::min();
  time_point free_at_ = time_point::min();  // the earliest time of the next write
  std::uint64_t taken_ = 0, passed_ = 0;
};

}  // namespace lastcall::inline v0::testing
