// For the parity table: an app with a server over one transport, the routes of the cases, one client's visit, and all
// that is told of it afterwards.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "lastcall/core/metrics.hpp"
#include "lastcall/core/threads/countdown.hpp"
#include "lastcall/http/files/file.hpp"
#include "lastcall/http/files/save.hpp"
#include "lastcall/http/requests/middleware.hpp"
#include "lastcall/http/requests/streaming.hpp"
#include "lastcall/http/routing/responder.hpp"
#include "lastcall/http/server/parity_client_test.hpp"
#include "lastcall/http/server/server.hpp"
#include "lastcall/http/sse/events.hpp"
#include "lastcall/net/loop/runtime.hpp"
#include "lastcall/net/wait.hpp"

namespace lastcall::inline v0::http::testing_parity {

using testing_net::authority;
using testing_net::generous;

enum class transport { h1, h2c, tls_h1, tls_h2 };
inline constexpr transport transports[] = {transport::h1, transport::h2c, transport::tls_h1, transport::tls_h2};
inline bool is_http2(transport t) { return t == transport::h2c || t == transport::tls_h2; }

template <class F> bool eventually(F fact) {
  const time_point by = steady().now() + generous;
  bool holds = fact();
  for (; !holds && steady().now() < by; holds = fact()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return holds;
}

/// What handlers and test tell each other.
struct scene {
  std::atomic<int> inside = 0;  // handlers that wait for something
  std::atomic<int> pieces = 0;  // of bodies that were taken
  std::shared_ptr<countdown> let_go = std::make_shared<countdown>(1);
  std::mutex mutex;
  std::vector<responder> kept;
  std::string folder, file;

  router routes();
};

inline task<response> sum(scene& s, body_stream in) {
  std::size_t size = 0;
  while (const auto piece = co_await in.read()) {
    size += piece->size();
    ++s.pieces;
  }
  co_return text(std::to_string(size)).header("X-Sum", in.trailer("sum"));
}

/// Waits until its request is forced or given up.
inline response waits_on_a_thread(scene& s, const context& c) {
  const waiting shown(c, "the bell");
  ++s.inside;
  c.wait_until_forced_for(generous);
  return text(to_text(c.cause()), 503);
}

inline router scene::routes() {
  router r;
  r.get("/plain", [](const request& q) { return text(std::string(q.header("Host")) + "\n"); });
  r.get("/coroutine", [](const request&) -> task<response> { co_return text("coroutine"); });
  r.get("/pause", [](const request&, context c) -> task<response> {
    co_await net::wait_until_forced_for(c, std::chrono::milliseconds(20));
    co_return text("paused");
  });
  r.get("/responder", [](const request&, responder to) { to.send(text("responder")); });
  r.get("/kept", [this](const request&, responder to) {
    const std::lock_guard lock(mutex);
    kept.push_back(std::move(to));
    ++inside;
  });
  r.get("/blocking", blocking([](const request&) { return text("blocking"); }));
  r.get("/held", blocking([this](const request&) {
          ++inside;
          let_go->wait_until(steady().now() + generous);
          return text("held");
        }));
  r.get("/wait", [this](const request&, context c) -> task<response> {
    const waiting shown(c, "the bell");
    ++inside;
    co_await net::wait_until_forced_for(c, generous);
    co_return text(to_text(c.cause()), 503);
  });
  r.get("/wait_fin", handler([this](const request&, context c) -> task<response> {
                       ++inside;
                       co_await net::wait_until_forced_for(c, generous);
                       co_return text(to_text(c.cause()), 503);
                     }).gone_at_fin());
  r.get("/wait_blocking", blocking([this](const request&, context c) { return waits_on_a_thread(*this, c); }));
  r.get("/finish", [this](const request&, context c) -> task<response> {
    ++inside;
    co_await net::wait_for(c, generous);
    co_return text("finished");
  });
  r.get("/throws", [](const request&) -> response { throw std::runtime_error("planned"); });
  r.get("/coroutine_throws", [](const request&) -> task<response> {
    throw std::runtime_error("planned");
    co_return text("");
  });
  r.get("/responder_throws", [](const request&, responder) { throw std::runtime_error("planned"); });
  r.get("/responder_drops", [](const request&, responder) {});
  r.get("/blocking_throws", blocking([](const request&) -> response { throw std::runtime_error("planned"); }));
  r.get("/body_error/{status}", [](const request& q) -> task<response> {
    throw body_error(std::stoi(std::string(q.param("status"))), "planned");
    co_return text("");
  });
  r.get("/status/{status}", [](const request& q) {
    return text("with a body", std::stoi(std::string(q.param("status")))).header("X-Of", "the handler");
  });
  r.post("/collected", [](const request& q) { return text(std::to_string(q.body().size())); });
  r.post("/small", handler([](const request& q) { return text(std::to_string(q.body().size())); }).max_body(10));
  r.post("/taken", [this](const request&, body_stream in) { return sum(*this, std::move(in)); });
  r.post("/taken_small",
         handler([this](const request&, body_stream in) { return sum(*this, std::move(in)); }).max_body(10));
  r.post("/taken_blocking", blocking([this](const request&, body_stream in) {
           std::size_t size = 0;
           for (; const auto piece = in.read_blocking(); ++pieces) size += piece->size();
           return text(std::to_string(size));
         }));
  r.post("/ignored", [](const request&, body_stream) -> task<response> { co_return text("ignored"); });
  r.post("/echo", [](const request&, body_stream in) -> task<response> {
    co_return streamed([in = std::move(in)](body_writer to) mutable -> task<> {
      while (const auto piece = co_await in.read()) co_await to.write(*piece);
    });
  });
  r.post("/save", [this](const request&, body_stream in) -> task<response> {
    co_return text(std::to_string(co_await save(in, folder + "/saved")));
  });
  r.get("/made", [](const request&) {
    return streamed([](body_writer to) -> task<> {
      for (int i = 0; i < 3; ++i) co_await to.write(std::string(10'000, 'x'));
      to.trailer("X-End", "yes");
    });
  });
  r.get("/made_by_length",
        [](const request&) { return streamed([](body_writer to) -> task<> { co_await to.write("12345678"); }, 8); });
  r.get("/made_blocking", [](const request&) {
    return streamed_blocking([](body_writer to) { to.write_blocking(std::string(10'000, 'x')); });
  });
  r.get("/breaks", [](const request&) {
    return streamed([](body_writer to) -> task<> {
      co_await to.write("half");
      throw std::runtime_error("planned");
    });
  });
  r.get("/breaks_blocking", [](const request&) {
    return streamed_blocking([](body_writer to) {
      to.write_blocking("half");
      throw std::runtime_error("planned");
    });
  });
  r.get("/too_short",
        [](const request&) { return streamed([](body_writer to) -> task<> { co_await to.write("half"); }, 8); });
  r.get("/too_long", [](const request&) {
    return streamed([](body_writer to) -> task<> { co_await to.write("more than this"); }, 8);
  });
  r.get("/drips", [this](const request&, context c) -> task<response> {
    co_return streamed([this, c](body_writer to) -> task<> {
      const waiting shown(c, "the bell");
      co_await to.write("drip");
      ++inside;
      co_await net::wait_until_forced_for(c, generous);
      co_await to.write("last");
    });
  });
  r.events("/events", [this](sse::stream out) -> task<> {
    co_await out.send({.data = "first"});
    ++inside;
    while (co_await out.wait_for(std::chrono::seconds(10))) {}
    co_await out.send({.data = "last"});
  });
  r.get("/file", [this](const request& q) { return http::file(q, file, "text/plain"); });
  r.get("/no_file", [this](const request& q) { return http::file(q, folder + "/none"); });

  r.group("/late", [this](router& late) {
    late.use(http::timeout(std::chrono::milliseconds(50)));
    late.get("/plain", [](const request&, const context& c) {
      c.wait_until_forced_for(generous);
      return text("late");
    });
    late.get("/coroutine", [this](const request&, context c) -> task<response> {
      const waiting shown(c, "the bell");
      ++inside;
      co_await net::wait_until_forced_for(c, generous);
      co_return text("late");
    });
    late.get("/kept", [this](const request&, responder to) {
      const std::lock_guard lock(mutex);
      kept.push_back(std::move(to));
    });
    late.get("/blocking", blocking([](const request&, context c) {
               c.wait_until_forced_for(generous);
               return text("late");
             }));
    late.post("/taken", [this](const request&, body_stream in) { return sum(*this, std::move(in)); });
    // Their heads must be out before, also where the machine is busy.
    late.get("/drips", handler([](const request&, context c) -> task<response> {
                         co_return streamed([c](body_writer to) -> task<> {
                           co_await to.write("drip");
                           co_await net::wait_until_forced_for(c, generous);
                           co_await to.write("late");
                         });
                       }).timeout(std::chrono::seconds(2)));
    late.get("/drips_blocking", handler(blocking([](const request&, context c) {
                                  return streamed_blocking([c](body_writer to) {
                                    to.write_blocking("drip");
                                    c.wait_until_forced_for(generous);
                                  });
                                })).timeout(std::chrono::seconds(2)));
    late.get("/longer", handler([](const request&, context c) -> task<response> {
                          co_await net::wait_until_forced_for(c, std::chrono::milliseconds(100));
                          co_return text(to_text(c.cause()));
                        }).timeout(generous));
  });

  const middleware seen = after([](const request&, response& answer) { answer.header("X-After", "seen"); });
  r.get("/after", seen([](const request&) { return text("inner"); }));
  const middleware refuses = before([](const request&) { return text("who are you?", 401); });
  r.get("/before", refuses([](const request&) { return text("unseen"); }));
  const middleware passes =
      around([](const request&, const context&, const next_handler& go) -> task<response> { return go(); });
  r.get("/around", passes([](const request&) { return text("inner"); }));
  r.get("/around_blocking", passes(blocking([](const request&) { return text("inner"); })));
  const middleware cached = around([](const request&, const context&, const next_handler& go) -> task<response> {
    const response answer = co_await go();
    co_return answer.status() == 503 ? text("from the cache") : text("fresh");
  });
  r.get("/around_cached", cached(blocking([](const request&) { return text("inner"); })));
  return r;
}

/// All that was told of one visit, to compare.
struct facts {
  std::string client, ledger, metrics, access_log, work, report;
  std::string last;  // of the access log's lines, the one that the expectation is about
  int exit_code = -1;
};

class visit {
 public:
  visit(transport over, const std::function<void(server_options&)>& change, const authority& ca,
        const authority::files& keys)
      : over_(over), ca_(ca) {
    std::string name = std::filesystem::temp_directory_path() / "lastcall-parity-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder " + name);
    on.folder = name;
    on.file = name + "/file";
    std::ofstream(on.file) << "0123456789";
    app_.add<net::runtime>("loops", {.threads = 1});
    server_options o{.address = "127.0.0.1", .port = 0, .idle_drain_after = std::chrono::milliseconds(30)};
    o.routes = on.routes();
    o.jitter = duration::zero();
    o.h2c = true;
    o.tls_port = 0;
    o.tls.certificates = {{keys.chain, keys.key, {}}};
    o.access_log = [this](const access_record& r) { note(r); };
    change(o);
    server_ = app_.add<server>("http", std::move(o));
    app_.start();
    here_ = enter();
  }
  ~visit() {
    on.let_go->count_down();
    on.kept.clear();
    here_.reset();
    if (!ending_.valid()) app_.shutdown(deadline(generous));
    std::error_code ignored;
    std::filesystem::remove_all(on.folder, ignored);
  }
  visit& operator=(visit&&) = delete;

  std::unique_ptr<client> enter() {
    if (over_ == transport::h1 || over_ == transport::h2c) {
      testing_net::client wire(server_->addresses().at(0));
      if (over_ == transport::h1) return std::make_unique<h1_client<testing_net::client>>(std::move(wire));
      return std::make_unique<h2_client<testing_net::client>>(std::move(wire));
    }
    testing_net::tls_client wire(server_->tls_address(),
                                 {.ca_file = ca_.ca_file(), .alpn = {over_ == transport::tls_h2 ? "h2" : "http/1.1"}});
    EXPECT_TRUE(wire.shake_hands());
    if (over_ == transport::tls_h1) return std::make_unique<h1_client<testing_net::tls_client>>(std::move(wire));
    return std::make_unique<h2_client<testing_net::tls_client>>(std::move(wire));
  }

  // What the client does.

  void ask(const std::string& method, const std::string& target, const fields& more = {}) {
    here_->head(method, target, more, true);
    hear();
  }
  void post(const std::string& target, std::string_view body, fields more = {}, const fields& trailers = {}) {
    here_->head("POST", target, more, false);
    here_->piece(body);
    here_->end(trailers);
    hear();
  }
  void hear() { answers_.push_back(here_->hear()); }
  client& here() { return *here_; }
  /// Somebody else takes the only thread of the pool, until the end.
  void fill_the_pool() {
    other_ = enter();
    other_->head("GET", "/held", {}, true);
    EXPECT_TRUE(eventually([&] { return on.inside > 0; }));
  }
  void empty_the_pool() {
    on.let_go->count_down();
    if (other_) other_->hear();
  }
  bool has_begun() {
    return eventually([&] { return server_->requests().begun > 0; });
  }
  bool is_inside(int handlers = 1) {
    return eventually([&] { return on.inside >= handlers; });
  }
  void look_at_work() {
    std::vector<work_item> items;
    EXPECT_TRUE(eventually([&] {  // on a busy machine a loop may not answer in time, which is an item too
      items.clear();
      server_->in_progress(items, 10);
      return std::ranges::none_of(items, [](const work_item& of) { return of.label.starts_with("loop "); });
    }));
    for (const work_item& each : items) told_.work += each.label + " | " + each.waits_for + "\n";
  }
  /// Returns as soon as the drain has begun. Its end comes in 1.5 s, the deadline in 2 s.
  void shut_down() {
    ending_ = std::async(std::launch::async, [this] { app_.shutdown(deadline(grace)); });
    EXPECT_TRUE(eventually([&] { return app_.status().phase >= app_phase::draining; }));
  }

  // What was told of it.

  facts leaves() {
    empty_the_pool();
    if (ending_.valid()) ending_.wait();  // bounded by its deadline
    here_.reset();
    other_.reset();
    const report& r = app_.shutdown(deadline(generous));  // a second call returns the same
    for (const heard& each : answers_) told_.client += in_text(each);
    EXPECT_TRUE(r.requests().adds_up());
    EXPECT_EQ(r.errors, std::vector<std::string>()) << "of its ledgers, or of what threw";
    tell_ledger(r);
    tell_metrics();
    tell_report(r);
    const std::lock_guard lock(log_mutex_);
    std::sort(log_.begin(), log_.end());
    for (const std::string& each : log_) {
      told_.access_log += each + "\n";
      if (each.find(" /held ") == std::string::npos) told_.last = each;  // not of who fills the pool
    }
    told_.exit_code = r.exit_code;
    return told_;
  }

  scene on;

 private:
  static std::string in_text(const heard& h) {
    std::ostringstream out;
    out << h.status << (h.whole ? " whole" : " not whole") << ", 100 Continue " << h.continues << " times\n";
    for (const auto& [name, value] : h.fields) {
      const bool differs_anyway =
          (name == "x-request-id" && value.size() == 32) || name == "etag" || name == "last-modified";
      out << name << ": " << (differs_anyway ? "something" : value) << "\n";
    }
    std::string body = h.body;  // a client of events is told to come again in its own moment
    for (auto at = body.find("retry: "); at != std::string::npos; at = body.find("retry: ", at + 1))
      body.erase(at + 7, body.find('\n', at) - at - 7);
    out << "body " << body.size() << ": " << body.substr(0, 80) << "\ntrailers: " << h.trailers << "\n";
    return out.str();
  }
  void note(const access_record& r) {
    std::ostringstream out;
    out << r.method << " " << r.target << " " << r.status << " " << r.bytes << " bytes, " << to_text(r.ended) << ", id "
        << (r.request_id.size() == 32 ? "an id" : r.request_id) << ", trace " << r.trace_id << ", remote "
        << (r.remote.empty() ? "no" : "yes");
    const std::lock_guard lock(log_mutex_);
    log_.push_back(out.str());
  }
  void tell_ledger(const report& r) {
    const request_ledger l = r.requests();
    told_.ledger = "begun " + std::to_string(l.begun) + ", answered " + std::to_string(l.answered) + ", rejected " +
                   std::to_string(l.rejected) + ", abandoned_by_client " + std::to_string(l.abandoned_by_client) +
                   ", forced " + std::to_string(l.forced) + ", broken " + std::to_string(l.broken) + ", timed_out " +
                   std::to_string(l.timed_out);
  }
  void tell_metrics() {
    metrics m;
    server_->measure(m);
    std::istringstream lines(m.text());
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("lastcall_requests_") || line.starts_with("lastcall_responses_total") ||
          line.starts_with("lastcall_request_duration_seconds_count") || line.starts_with("lastcall_blocking_jobs"))
        told_.metrics += line + "\n";
  }
  void tell_report(const report& r) {
    // Whether a component that was cut has drained, at the drain end, before it was forced or after is a matter of
    // moments.
    const bool in_time = r.exit_code == 0;
    std::ostringstream out;
    out << to_text(r.outcome) << ", exit code " << r.exit_code << "\n";
    for (const component_report& c : r.components) {
      out << c.name << (in_time && c.drained ? " drained" : "") << (in_time && c.forced ? " forced" : "")
          << (c.hung ? " hung" : "") << (c.cut() ? " cut" : "") << "\n";
    }
    told_.report = out.str();
  }

  const transport over_;
  const authority& ca_;
  std::mutex log_mutex_;
  std::vector<std::string> log_;
  static constexpr duration grace = std::chrono::seconds(2);

  lastcall::app app_{{.grace = grace,
                      .reserve = std::chrono::milliseconds(500),
                      .signals = {},
                      .log = log_level::none,
                      .environment = false}};
  handle<server> server_;
  std::unique_ptr<client> here_, other_;
  std::vector<heard> answers_;
  facts told_;
  std::future<void> ending_;
};

}  // namespace lastcall::inline v0::http::testing_parity
