#include "lastcall/net/io_error.hpp"

#include <boost/asio/error.hpp>
#include <iterator>

#include "lastcall/core/enum_names.hpp"

namespace lastcall::inline v0::net {

io_end classify_errno(int error) noexcept {
  switch (error) {
    case 0:
    case EAGAIN:
#if EWOULDBLOCK != EAGAIN
    case EWOULDBLOCK:
#endif
    case EINTR:
    case EINPROGRESS:
      return io_end::open;
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:  // after a reset that an earlier call has reported
      return io_end::reset;
    case EPIPE:
    case ESHUTDOWN:
      return io_end::broken_pipe;
    case ETIMEDOUT:
      return io_end::timed_out;
    case ECANCELED:
    case EBADF:
      return io_end::cancelled;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case ENETRESET:
    case ENONET:
      return io_end::unreachable;
    default:
      return io_end::other;
  }
}

io_end classify(const std::error_code& error) noexcept {
  if (!error) return io_end::open;
  if (error.category() == std::generic_category() || error.category() == std::system_category())
    return classify_errno(error.value());
  static const std::error_category& asio_misc = boost::asio::error::get_misc_category();
  if (error.category() == asio_misc && error.value() == boost::asio::error::eof) return io_end::orderly;
  return io_end::other;
}

std::string_view to_text(io_end end) noexcept {
  constexpr std::string_view names[] = {"open",        "orderly end", "reset",
                                        "broken pipe", "timed out",   "cancelled",
                                        "unreachable", "other error", "end without close_notify"};
  static_assert(std::size(names) == lastcall::detail::enum_count<io_end>());
  return names[static_cast<std::size_t>(end)];
}

}  // namespace lastcall::inline v0::net
