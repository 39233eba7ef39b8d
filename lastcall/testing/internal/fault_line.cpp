#include "lastcall/testing/internal/fault_line.hpp"

#include <algorithm>

#include "lastcall/core/app/option_check.hpp"

namespace lastcall::inline v0::testing {

void check(const line_faults& f) {
  const lastcall::detail::option_check allowed("faults of a line");
  allowed.time("delay", f.delay);
  allowed.time("piece_gap", f.piece_gap);
}

void fault_line::take(std::string_view bytes, time_point now) {
  taken_ += bytes.size();
  if (over_ || end_due_ || bytes.empty()) return;
  last_due_ =
      std::max(last_due_, lastcall::detail::later(now, faults_.delay));  // a shorter delay must not let bytes overtake
  pieces_.push_back({last_due_, std::string(bytes)});
  held_ += bytes.size();
}

void fault_line::take_end(bool reset, time_point now) {
  if (over_ || end_due_) return;
  end_due_ = last_due_ = std::max(last_due_, lastcall::detail::later(now, faults_.delay));
  end_is_reset_ = reset;
}

void fault_line::drop() noexcept {
  over_ = true;
  pieces_.clear();
  held_ = 0;
}

fault_line::action fault_line::finish(step what) noexcept {
  drop();
  return {.what = what};
}

fault_line::action fault_line::due(time_point now) {
  if (over_) return {};
  if (fault_is_due()) {
    switch (faults_.then) {
      case line_end::stall:
        return {};
      case line_end::half_close:
        return finish(step::half_close);
      case line_end::cut:
        return finish(step::cut);
      case line_end::reset:
        return finish(step::reset);
    }
  }
  if (faults_.stalled || now < free_at_) return {};
  if (pieces_.empty()) {
    if (!end_due_ || now < *end_due_) return {};
    return finish(end_is_reset_ ? step::reset : step::half_close);
  }
  if (now < pieces_.front().due) return {};
  std::string_view bytes = std::string_view(pieces_.front().bytes).substr(front_);
  if (faults_.piece_bytes != 0) bytes = bytes.substr(0, faults_.piece_bytes);
  // At most the bytes of 10 ms in one write, so that the rate is even.
  if (faults_.bytes_per_second != 0)
    bytes = bytes.substr(0, std::max<std::uint64_t>(faults_.bytes_per_second / 100, 1));
  if (faults_.at_byte) bytes = bytes.substr(0, *faults_.at_byte - passed_);
  return {.what = step::write, .bytes = bytes};
}

void fault_line::written(std::size_t bytes, time_point now) {
  passed_ += bytes;
  held_ -= bytes;
  front_ += bytes;
  if (front_ == pieces_.front().bytes.size()) {
    pieces_.pop_front();
    front_ = 0;
  }
  duration pause = faults_.piece_gap;
  if (faults_.bytes_per_second != 0) {
    const std::chrono::duration<double> takes(static_cast<double>(bytes) /
                                              static_cast<double>(faults_.bytes_per_second));
    pause = std::max(pause, std::chrono::duration_cast<duration>(takes));
  }
  if (pause > duration::zero()) free_at_ = lastcall::detail::later(now, pause);
}

std::optional<time_point> fault_line::next() const noexcept {
  if (over_) return std::nullopt;
  if (fault_is_due()) return faults_.then == line_end::stall ? std::nullopt : std::optional(time_point::min());
  if (faults_.stalled) return std::nullopt;
  if (!pieces_.empty()) return std::max(pieces_.front().due, free_at_);
  if (end_due_) return std::max(*end_due_, free_at_);
  return std::nullopt;
}

}  // namespace lastcall::inline v0::testing
