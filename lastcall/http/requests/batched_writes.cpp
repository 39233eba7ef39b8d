#include "lastcall/http/requests/batched_writes.hpp"

#include <exception>

namespace lastcall::inline v0::http::detail {

namespace {
constexpr duration longest_wait = std::chrono::milliseconds(2);  // twice the time that the loop plans for a batch
constexpr duration caution = std::chrono::milliseconds(100);
}  // namespace

batched_writes::batched_writes(net::loop& loop) : loop_(loop) {
  writes_.reserve(64);  // of a batch
  bytes_.reserve(64 * 256);
}

bool batched_writes::put(batched_writer& from, std::string_view bytes, const sent_response& is) noexcept {
  try {
    if (writes_.empty()) {
      loop_.after_batch(*this);
      since_ = loop_.now();
    }
    writes_.push_back({&from, bytes_.size(), bytes.size(), is});
    bytes_ += bytes;
  } catch (const std::exception&) {
    if (!writes_.empty() && writes_.back().from == &from) writes_.pop_back();
    return false;
  }
  return true;
}

void batched_writes::send() noexcept {
  if (writes_.empty()) return;
  const time_point now = loop_.refresh_now();
  if (now - since_ > longest_wait) closed_until_ = now + caution;
  for (const pending_write& each : writes_)
    if (each.from) each.from->send_batched(std::string_view(bytes_).substr(each.at, each.size), each.is);
  writes_.clear();
  bytes_.clear();
}

void batched_writes::drop(const batched_writer& from) noexcept {
  for (pending_write& each : writes_)
    if (each.from == &from) each.from = nullptr;
}

}  // namespace lastcall::inline v0::http::detail
