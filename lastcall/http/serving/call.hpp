// One request that outlives the moment in which it was read: what its connection, its handler and whoever waits in it
// share. It moves no bytes itself; the connection, its host, does.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "lastcall/core/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/http/routing/erased_handler.hpp"
#include "lastcall/http/routing/pending_reply.hpp"
#include "lastcall/http/serving/exchange.hpp"
#include "lastcall/http/serving/streaming.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/loop/loop.hpp"

namespace lastcall::inline v0::http::detail {

struct service;

/// What came of asking for the next piece of a body.
struct input_result {
  enum class kind : unsigned char { piece, end, wait, failed };
  kind what = kind::wait;
  std::string_view bytes = {};
  int status = 0;  // failed: as stream_error's
  const char* why = "";
};

/// The connection, as its call sees it. Called on the loop's thread only.
class call_host {
 public:
  /// The handler's answer. It may have a body yet to be made.
  virtual void take_answer(response&&) noexcept = 0;
  virtual input_result next_input() noexcept = 0;
  /// How much of it was taken: 0 while too much waits for the client.
  virtual std::size_t take_output(std::string_view) = 0;
  /// The body is made; `trailers` each "name: value\r\n". Not `whole`: the client must see that.
  virtual void end_output(bool whole, std::string_view trailers) noexcept = 0;

 protected:
  ~call_host() = default;
};

/// What is the same for all calls of a loop.
struct call_environment {
  net::loop& loop;                                 ///< only while there is a host
  std::shared_ptr<const detail::service> service;  ///< handlers, and the names of what their routes match, stay
};

/// Threads: as said.
class call final : public pending_reply {
 public:
  explicit call(std::shared_ptr<const call_environment> environment) : environment_(std::move(environment)) {}

  // By the connection, on the loop's thread:

  /// Of a new one, or of one after `end`. `parent`: of its context, if the handler looks at one. The context of a
  /// `long_lived` one is forced with its parent, but drains when it is `told` so.
  void begin(call_host&, const exchange&, const erased_handler*, const net::endpoint& remote, const context* parent,
             bool long_lived = false);
  /// The moment of a long-lived one has come.
  void begin_drain(time_point drain_end) noexcept;

  /// A handler of the pool or of a coroutine makes the body now.
  void make_body(std::shared_ptr<const body_source> source);
  void wake_input() noexcept { wake(input_waiter_); }
  void wake_output() noexcept { wake(output_waiter_); }
  /// The client has gone, or its half of the connection for a route that wants that told.
  void client_gone(cause why = cause::client_gone) noexcept;
  /// The connection has its answer (`kept` null), or it has ended and the handler may still look at the request.
  void detach(exchange* kept, cause why) noexcept;
  /// The same, from within its own coroutine, when the connection has its answer.
  void detach_within_coroutine() noexcept;

  /// Ready to `begin` again, if nobody but the caller has a reference.
  bool end() noexcept;

  const context& life() const noexcept { return life_; }
  const net::endpoint& remote() const noexcept { return remote_; }

  // By whoever runs the handler:

  /// The handler; its answer, or `failed()`, goes to `answer_here`. On the loop's thread.
  response_task run_handler() { return handler_->run(exchange_->req, life_, *this); }
  void answer_here(response&& r) noexcept {
    if (host_) host_->take_answer(std::move(r));
  }
  /// What becomes of an exception that is being handled.
  response failed() const noexcept;
  bool makes_body() const noexcept { return source_ != nullptr; }
  /// The body's maker; never throws. On the loop's thread.
  task<> run_maker();
  /// Whichever of the two it is, on a thread of the pool.   Blocks.
  void run_blocking() noexcept;
  /// Whether a handler found the pool full: its 503 is the server's own, then, whoever passed it on.
  bool pool_was_full() const noexcept { return pool_was_full_; }
  /// What a client is told when the pool has no thread and no place.
  static response pool_is_full() { return text("too many requests that take long\n", 503).header("Retry-After", "1"); }

  // By streams; `_blocking` from threads other than the loop's, the others on the loop's:

  task<std::optional<std::string_view>> read();
  task<> write(std::string_view bytes);
  std::optional<std::string_view> read_blocking();
  void write_blocking(std::string_view bytes);
  void trailer(std::string_view name, std::string_view value);
  /// True: the time passed. False: the context drains, or the client has gone. As net::wait_for, without a timer of
  /// Asio, but for a long-lived one only: others are not woken by the drain.
  task<bool> wait_for(duration time);
  /// Has `wait_for` return false: the one that waits, or else the next.
  void stop_waiting() noexcept;
  /// Only while there is a host.
  net::loop& loop() const noexcept { return environment_->loop; }
  /// Now, behind what waits for the client already, or not at all. False: too much waits, or a write is at work; more
  /// than 64 KiB may not fit, and then cuts the response.
  /// Errors: stream_error.
  bool write_now(std::string_view bytes);
  /// Runs `job` on the pool.   Errors: what it throws; stream_error with 503 when the pool is full, with 0 when the
  /// client has gone: the job may then still be at work.
  task<> on_pool(function<void()> job);
  /// What a handler answers that is no coroutine and not plain, for a coroutine around it.
  task<response> answer_elsewhere(const erased_handler&, const request&, const context&);
  const exchange& current_exchange() const noexcept { return *exchange_; }
  body_stream& body() noexcept { return body_; }

  // By the responder, from any thread:

  void reply(response&& r) noexcept override;
  void unanswered() noexcept override;
  bool gone() const noexcept override;

 private:
  struct release_call {
    void operator()(call* c) const noexcept { c->release(); }
  };
  /// Goes with the posted work that holds it, also when a loop that has stopped drops that unrun.
  struct reference : std::unique_ptr<call, release_call> {
    explicit reference(call& c) noexcept : unique_ptr(&c) { c.acquire(); }
  };
  class blocked_step;
  class answer_to_coroutine;
  struct job_result;
  /// When to look at it again.
  struct alarm final : net::timed {
    explicit alarm(call& c) noexcept : owner(c) {}
    void on_due(time_point now) noexcept override { owner.on_alarm(now); }
    call& owner;
  };
  struct force_with_server {
    call* owner;
    void operator()() const noexcept { owner->server_forced(); }
  };

  task<> result_of(std::shared_ptr<job_result>);
  static std::optional<std::string_view> piece_of(const input_result&);
  input_result try_input() noexcept;
  std::size_t try_output(std::string_view bytes);
  void wake(function<void()>& waiter) noexcept;
  void on_alarm(time_point now) noexcept;
  void schedule_alarm();
  void server_forced() noexcept;
  void step_on_loop(const function<bool()>& step, function<void()> call::* waiter);
  void finish_from_thread(bool whole) noexcept;
  response answer_or_failure(const erased_handler&, const request&, const context&) noexcept;

  mutable std::mutex mutex_;  // of this request alone; guards host_ for those on other threads
  call_host* host_ = nullptr;
  const std::shared_ptr<const call_environment> environment_;
  const exchange* exchange_ = nullptr;
  const erased_handler* handler_ = nullptr;
  net::endpoint remote_;
  std::optional<context_source> life_source_;
  context life_;
  std::unique_ptr<exchange> kept_exchange_;
  std::shared_ptr<const body_source> source_;
  bool replied_ = false;
  bool pool_was_full_ = false;
  bool writing_ = false;  // the loop's thread, as all below:
  function<void()> input_waiter_, output_waiter_, answer_waiter_, time_waiter_;
  alarm alarm_{*this};
  bool stop_waiting_ = false;
  time_point waits_until_ = time_point::max();
  time_point last_output_ = {};
  body_stream body_{*this};
  std::string trailers_;
  std::optional<std::stop_callback<force_with_server>> force_with_server_;  // last: waits for the callback to be over
};

}  // namespace lastcall::inline v0::http::detail
