// A handler of any form behind one pointer: its form, and a function for each form. The connection calls the right one.
#pragma once

#include "lastcall/core/namespace.hpp"

namespace boost::asio {
class any_io_executor;
template <class T, class Executor> class awaitable;
}  // namespace boost::asio

namespace lastcall::inline v0 {
class context;
}

namespace lastcall::inline v0::http {
class request;
class responder;
class response;

/// How a handler answers, and so where it runs.
enum class form : unsigned char {
  plain,      ///< returns a response, at once: on the loop
  responder,  ///< is given a responder: on the loop, and later on any thread
  coroutine,  ///< returns task<response>: on the loop, in a pooled coroutine
  blocking,   ///< returns a response, later: on a thread of the blocking pool
};

namespace detail {

class call;

/// `task<response>`, declared without Asio's headers, which are large.
using response_task = boost::asio::awaitable<response, boost::asio::any_io_executor>;

/// Only the function of its form is called; the others answer 500.   Threads: several may call at once.
class erased_handler {
 public:
  erased_handler(http::form f, bool context, bool streams) noexcept
      : form(f), wants_context(context), streams_body(streams) {}
  virtual ~erased_handler() = default;

  /// `body` is null unless the handler streams the body.
  virtual response answer(const request&, const context&, call* body) const;
  virtual void answer_later(const request&, const context&, responder) const;
  /// Everything handed in outlives the task.
  virtual response_task run(const request&, const context&, call& c) const;

  const http::form form;
  const bool wants_context;
  const bool streams_body;
};

}  // namespace detail
}  // namespace lastcall::inline v0::http
