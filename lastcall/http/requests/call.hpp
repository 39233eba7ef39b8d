// One request that is not answered at once: its handler awaits, blocks, answers later, or streams a body. The call is
// what the connection, the handler and its threads share. It moves no bytes itself; its host, the connection, does.
// Which handler is called, and whether it needs a call at all, is answer_path's.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/context/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/http/message/response.hpp"
#include "lastcall/http/requests/exchange.hpp"
#include "lastcall/http/requests/refusals.hpp"
#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/routing/erased_handler.hpp"
#include "lastcall/http/routing/pending_reply.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/loop/loop.hpp"
#include "lastcall/net/loop/parked_step.hpp"
#include "lastcall/net/task.hpp"

namespace lastcall::inline v0::http::detail {

struct service;

/// The result of asking the host for the next piece of the request's body.
struct input_result {
  enum class kind : unsigned char { piece, end, wait, failed };
  kind what = kind::wait;
  std::string_view bytes = {};
  int status = 0;  // failed: the status of body_error
  const char* why = "";
};

/// The result of one attempt to write.
enum class written : unsigned char {
  yes,
  wait,
  never  ///< nothing more can be sent: the client has gone, or the connection was cut
};

/// What a call needs of its connection. Called on the loop's thread only.
class call_host {
 public:
  /// The handler's answer. Its body may still have to be made.
  virtual void take_answer(response&&) noexcept = 0;
  /// The call's time is up, and there is no answer, or its body is not complete. Detaches.
  virtual void take_timeout() noexcept = 0;
  virtual input_result next_input() noexcept = 0;
  /// Returns how many bytes it took: 0 while too many wait for the client.
  virtual std::size_t take_output(std::string_view) = 0;
  /// The body has ended. `trailers`: each "name: value\r\n". If it is not `whole`, the client must see that.
  virtual void end_output(bool whole, std::string_view trailers) noexcept = 0;

 protected:
  ~call_host() = default;
};

/// What all calls of a loop have in common.
struct call_environment {
  net::loop& loop;                                 ///< valid only while the call has a host
  std::shared_ptr<const detail::service> service;  ///< keeps the handlers, and the parameter names of their routes
};

/// States: free (after `end`), attached (from `begin` to `detach`), detached (a handler may still run, and then the
/// call owns the request). Counted by reference: see call.cpp.   Threads: as each group of functions says.
class call final : public pending_reply {
 public:
  struct release_call {
    void operator()(call* c) const noexcept { c->release(); }
  };
  using owned = std::unique_ptr<call, release_call>;

  explicit call(std::shared_ptr<const call_environment> environment) : environment_(std::move(environment)) {}

  // For the connection, on the loop's thread:

  /// Only on a new call, or after `end`. `parent`: the parent of the request's context; null if the handler takes none.
  /// A `long_lived` call is forced with its parent, but drains with `begin_drain`; it has no end.
  void begin(call_host&, const exchange&, const erased_handler*, const net::endpoint& remote, const context* parent,
             bool long_lived = false, time_point ends = time_point::max());
  /// Tells a long-lived handler of the drain.
  void begin_drain(time_point drain_end) noexcept;

  /// From now on the call makes the body of the answer, in a coroutine or on the pool.
  void make_body(std::shared_ptr<const body_source> source);
  void wake_input() noexcept { wake(input_waiter_); }
  void wake_output() noexcept { wake(output_waiter_); }
  /// The client has gone; or it sent FIN, and the route asked for `gone_at_fin`.
  void client_gone(cause why = cause::client_gone) noexcept;
  /// The connection leaves the call: it has its answer (`kept` is null), or it has ended, and the handler may still
  /// read the request (`kept`).
  void detach(exchange* kept, cause why) noexcept;
  /// The same with null, called inside the call's own coroutine.
  void detach_within_coroutine() noexcept;

  /// Makes the call ready for `begin`. False: others still have a reference.
  bool end() noexcept;

  const context& life() const noexcept { return life_; }
  const net::endpoint& remote() const noexcept { return remote_; }

  // For the coroutine or the thread that runs the handler:

  /// Runs the handler on the loop's thread. Pass its answer, or `failed()`, to `answer_here`.
  response_task run_handler() { return handler_->run(exchange_->req, life_, *this); }
  void answer_here(response&& r) noexcept {
    if (host_) host_->take_answer(std::move(r));
  }
  /// The answer to an exception; a line of the log says what it was. From `ends` on its client is told 504 instead.
  static response answer_to_exception(const std::exception_ptr& threw, const detail::service&, std::string_view target,
                                      time_point ends) noexcept;
  response failed(const std::exception_ptr& threw) const noexcept;
  bool makes_body() const noexcept { return makes_body_; }
  /// Runs the maker of the body, on the loop's thread. Never throws.
  task<> run_maker();
  /// Runs the handler or the maker on a thread of the pool.   Blocks.
  void run_blocking();

  // For streams. `_blocking`: on any thread but the loop's; the others: on the loop's thread.

  // What a coroutine awaits holds the call: the handle of the stream may go before it has begun, or while it waits.

  task<std::optional<std::string_view>> read() { return read(reference(*this)); }
  /// False: nothing more can be sent.   Errors: std::length_error, as body_writer::write.
  task<bool> write(std::string_view bytes) { return write(reference(*this), bytes); }
  std::optional<std::string_view> read_blocking();
  bool write_blocking(std::string_view bytes);
  void trailer(std::string_view name, std::string_view value);
  /// True: the time passed. False: the context drains, or the client has gone. Only for a long-lived call: others are
  /// not woken by the drain. Needs no timer of Asio.
  task<bool> wait_for(duration time) { return wait_for(reference(*this), time); }
  /// Makes `wait_for` return false: the current one, and all later ones. For a client that reads too slowly.
  void stop_waiting() noexcept;
  bool stopped_waiting() const noexcept { return stop_waiting_; }
  /// Valid only while the call has a host.
  net::loop& loop() const noexcept { return environment_->loop; }
  /// Writes all bytes now or none. `wait`: too many bytes wait for the client, or another write runs. More than 64 KiB
  /// may fit in part only, which cuts the response.
  written write_now(std::string_view bytes);
  /// Runs `job` on the pool.   Errors: what the job throws; body_error with 503 when the pool is full, with 0 when
  /// the client has gone (the job may still run then).
  task<> on_pool(function<void()> job);
  /// The answer of a handler that blocks or uses a responder, for a coroutine that wraps it (middleware).
  task<response> answer_elsewhere(const erased_handler&, const request&, const context&);
  /// Null once the answer was sent and the request is over.
  const exchange* current_exchange() const noexcept { return exchange_; }

  // For the responder, on any thread:

  void reply(response&& r) noexcept override;
  void unanswered() noexcept override;
  bool gone() const noexcept override;
  /// The calling thread is the loop's, and the connection has not left the call.   Threads: any.
  bool is_here() const noexcept;
  /// Runs `f` on the loop, soon. False: the connection has left the call.   Threads: any.
  bool post(function<void()> f);

 private:
  /// A reference that a posted function owns. It is released also when a stopped loop drops the function.
  struct reference : owned {
    explicit reference(call& c) noexcept : owned(&c) { c.acquire(); }
  };
  class answer_to_coroutine;
  /// Empty until the job is over; then what it threw, or null. The job writes it on the loop's thread; the coroutine
  /// reads it there.
  using job_result = std::optional<std::exception_ptr>;
  /// The loop's timer for this call.
  struct alarm final : net::timed {
    explicit alarm(call& c) noexcept : owner(c) {}
    void on_due(time_point now) noexcept override { owner.on_alarm(now); }
    call& owner;
  };
  struct force_with_server {
    call* owner;
    void operator()() const noexcept { owner->server_forced(); }
  };

  static task<std::optional<std::string_view>> read(reference);
  static task<bool> write(reference, std::string_view bytes);
  static task<bool> wait_for(reference, duration time);
  static task<> result_of(reference, std::shared_ptr<job_result>);
  const detail::service& service() const noexcept { return *environment_->service; }
  static std::optional<std::string_view> piece_of(const input_result&);
  input_result try_input() noexcept;
  std::optional<std::size_t> try_output(std::string_view bytes);
  void wake(function<void()>& waiter) noexcept;
  void on_alarm(time_point now) noexcept;
  void schedule_alarm();
  void server_forced() noexcept;
  std::shared_ptr<const body_source> take_source() noexcept;
  void maker_threw(const std::exception_ptr& threw) const noexcept;
  void step_on_loop(const function<bool()>& step, function<void()> call::* waiter);
  void finish_from_thread(bool whole) noexcept;
  void end_body(bool whole) noexcept;
  void answer_on_pool(const erased_handler&, const request&, const context&, const function<void(response&&)>& to);

  // Guards host_ for threads other than the loop's, and source_; contended by this request only.
  mutable std::mutex mutex_;
  call_host* host_ = nullptr;
  const std::shared_ptr<const call_environment> environment_;
  const exchange* exchange_ = nullptr;
  const erased_handler* handler_ = nullptr;
  net::endpoint remote_;
  std::optional<context_source> life_source_;
  context life_;
  std::unique_ptr<exchange> kept_exchange_;
  std::shared_ptr<const body_source> source_;  // until what makes the body has begun
  bool makes_body_ = false;
  duration beat_after_ = {};
  std::string_view beat_;
  bool replied_ = false;
  bool writing_ = false;  // from here on: the loop's thread only
  bool body_over_ = false;
  net::handler_steps steps_, steps_blocking_;  // the second: of the maker's thread
  function<void()> input_waiter_, output_waiter_, answer_waiter_, time_waiter_;
  alarm alarm_{*this};
  bool stop_waiting_ = false;
  time_point ends_ = time_point::max();  // when its timeout passes
  time_point waits_until_ = time_point::max();
  time_point last_output_ = {};
  std::string trailers_;
  // The last member: its destructor waits until the callback has returned.
  std::optional<stop_callback<force_with_server>> force_with_server_;
};

/// How the library's own functions make and use streams.
struct stream_access {
  template <class Stream> static Stream make(call& c) noexcept {
    c.acquire();
    return Stream(stream_call(&c));
  }
  template <class Stream> static call& of(const Stream& s) noexcept { return *s.call_; }
};

}  // namespace lastcall::inline v0::http::detail
