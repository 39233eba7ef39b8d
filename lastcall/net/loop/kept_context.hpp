// The io_context of a loop with a thread of its own, and an executor that keeps it. What a handler awaits elsewhere (an
// io_context of the program, a callback) may complete, or be destroyed, when the runtime has gone: it finds living
// memory then. Decides nothing: the runtime ends it, and leaves it behind when an executor is left.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <memory>
#include <type_traits>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::net {

class kept_context final : public boost::asio::io_context {
 public:
  kept_context() : io_context(1) {}
  /// Destroys all that waits in it, as its destructor does. Posts are taken, and never run.
  void end() noexcept { shutdown(); }
};

/// The properties of Asio's executors, and what they do, are those of `Inner`.
template <class Inner> class kept_executor {
 public:
  kept_executor(Inner inner, std::shared_ptr<kept_context> kept) noexcept
      : inner_(std::move(inner)), kept_(std::move(kept)) {}

  template <class Property>
    requires boost::asio::can_query<const Inner&, Property>::value
  auto query(const Property& p) const noexcept -> typename boost::asio::query_result<const Inner&, Property>::type {
    return boost::asio::query(inner_, p);
  }
  template <class Property>
    requires boost::asio::can_require<const Inner&, Property>::value
  auto require(const Property& p) const {
    return with(boost::asio::require(inner_, p));
  }
  template <class Property>
    requires boost::asio::can_prefer<const Inner&, Property>::value
  auto prefer(const Property& p) const {
    return with(boost::asio::prefer(inner_, p));
  }
  template <class F> void execute(F&& f) const { inner_.execute(std::forward<F>(f)); }

  friend bool operator==(const kept_executor& a, const kept_executor& b) noexcept { return a.inner_ == b.inner_; }
  friend bool operator!=(const kept_executor& a, const kept_executor& b) noexcept { return !(a == b); }

 private:
  template <class Other> kept_executor<std::decay_t<Other>> with(Other&& inner) const {
    return {std::forward<Other>(inner), kept_};
  }

  Inner inner_;
  std::shared_ptr<kept_context> kept_;
};

}  // namespace lastcall::inline v0::net
