#include "lastcall/http/detail/outbox.hpp"

#include <exception>

#include "lastcall/http/detail/h1_connection.hpp"

namespace lastcall::inline v0::http::detail {

namespace {
constexpr duration longest_wait = std::chrono::milliseconds(2);  // twice a turn of the loop
constexpr duration caution = std::chrono::milliseconds(100);
}  // namespace

outbox::outbox(net::loop& on) : loop_(on) {
  letters_.reserve(64);  // of a batch
  bytes_.reserve(64 * 256);
}

bool outbox::put(h1_connection& from, std::string_view bytes, time_point begun, int status) noexcept {
  try {
    if (letters_.empty()) {
      loop_.behind_batch(*this);
      since_ = loop_.now();
    }
    letters_.push_back({&from, bytes_.size(), bytes.size(), begun, status});
    bytes_ += bytes;
  } catch (const std::exception&) {
    if (!letters_.empty() && letters_.back().from == &from) letters_.pop_back();
    return false;
  }
  return true;
}

void outbox::send() noexcept {
  if (letters_.empty()) return;
  const time_point now = loop_.refresh_now();
  if (now - since_ > longest_wait) closed_until_ = now + caution;
  for (const letter& each : letters_)
    if (each.from)
      each.from->send_put_off(std::string_view(bytes_).substr(each.at, each.size), each.begun, each.status);
  letters_.clear();
  bytes_.clear();
}

void outbox::drop(const h1_connection& from) noexcept {
  for (letter& each : letters_)
    if (each.from == &from) each.from = nullptr;
}

}  // namespace lastcall::inline v0::http::detail
