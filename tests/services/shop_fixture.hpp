// The shop as its clients see it: those who order and read what they ordered, and those who watch.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace service_tests {

using lastcall::deadline;
using lastcall::testing::child_process;
using lastcall::testing::exit_status;
using process_tests::document;
using process_tests::raw_client;
using namespace std::chrono_literals;

/// examples/shop, serving from the constructor on, on free ports.
class running_shop {
 public:
  running_shop(const std::string& data, const std::string& db, const std::string& brokers,
               const std::vector<std::string>& more = {}, const std::vector<std::string>& environment = {})
      : report_(data + "/report.json"),
        process(command(data, db, brokers, report_, more), {.environment = environment}) {
    std::filesystem::remove(report_);
    const auto http = process.wait_for_line("listening on http://", deadline(60s));
    const auto grpc = process.wait_for_line("listening on grpc://", deadline(60s));
    if (!http || !grpc) throw std::runtime_error("the shop did not start: " + process.errors());
    url_ = http->substr(std::string("listening on ").size());
  }

  const std::string& url() const { return url_; }
  lastcall::testing::server_address address() const { return lastcall::testing::parse_server_address(url_); }
  /// Empty before the exit.
  document report() const { return document::from_file(report_); }
  /// SIGTERM, and how it ended. Empty: not within two minutes.
  std::optional<exit_status> end(int signal = SIGTERM) {
    process.signal(signal);
    return process.wait(deadline(120s));
  }

  struct answer {
    int status = 0;
    std::string body = {};
    bool closes = false;
  };
  /// On a connection of its own.
  answer ask(const std::string& head, const std::string& body = "") const {
    raw_client on(address());
    return ask(on, head, body).value_or(answer{});
  }
  answer order(const std::string& key, int quantity = 1, const std::string& headers = "") const {
    return ask("POST /orders HTTP/1.1\r\n" + headers, order_text(key, quantity));
  }
  double stat(const std::string& name) const { return document(ask("GET /stats HTTP/1.1\r\n").body).number(name); }
  /// False: not within two minutes; ten where there are thousands.
  bool reaches(const std::string& name, double least) const {
    const auto patience = process_tests::long_run() ? 600s : 120s;
    for (const deadline by(patience); stat(name) < least; std::this_thread::sleep_for(100ms))
      if (by.passed(std::chrono::steady_clock::now())) return false;
    return true;
  }

  /// `head` is the request line and further headers, each with its line end. Empty: no whole answer.
  static std::optional<answer> ask(raw_client& on, const std::string& head, const std::string& body = "") {
    on.send(head + "Host: shop\r\n" +
            (body.empty()
                 ? ""
                 : "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n") +
            "\r\n" + body);
    const auto heard = on.read_reply(deadline(60s));
    const auto end = heard.bytes.find("\r\n\r\n");
    lastcall::testing::http_reply whole;
    whole.begin();
    whole.take(heard.bytes);
    if (!whole.complete()) return std::nullopt;
    return answer{.status = whole.status(), .body = heard.bytes.substr(end + 4), .closes = whole.closes()};
  }
  static std::string order_text(const std::string& key, int quantity) {
    return R"({"client_key":")" + key + R"(","item":"tea","quantity":)" + std::to_string(quantity) + "}";
  }

 private:
  static std::vector<std::string> command(const std::string& data, const std::string& db, const std::string& brokers,
                                          const std::string& report, const std::vector<std::string>& more) {
    std::vector<std::string> all{process_tests::program("shop")};
    all.insert(all.end(), {"--data", data, "--db", db, "--kafka", brokers, "--report", report, "--jitter", "200ms"});
    if (std::ranges::find(more, "--port") == more.end()) all.insert(all.end(), {"--port", "0"});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  const std::string report_;
  std::string url_;

 public:
  child_process process;
};

/// `shop check`: what it prints, and its exit code.
inline std::pair<document, int> shop_check(const std::string& db) {
  child_process it({process_tests::program("shop"), "check", "--db", db});
  const auto end = it.wait(deadline(60s)).value_or(exit_status{});
  return {it.output().empty() ? document() : document(it.output()), end.code};
}

/// Each places one order after the other, and reads it, wherever the shop is now. One that was not answered is placed
/// again, with the same key.   Threads: one; it has one for each client.
class shop_clients {
 public:
  /// `pause`: between two orders of one.
  explicit shop_clients(unsigned count, lastcall::duration pause = {}) : pause_(pause) {
    for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this, i] { buy(i); });
  }
  ~shop_clients() { stop(); }
  shop_clients& operator=(shop_clients&&) = delete;

  /// They go there from now on.
  void go_to(const lastcall::testing::server_address& shop) {
    const std::lock_guard held(mutex_);
    shop_ = shop;
  }
  void stop() {
    stops_ = true;
    for (auto& each : threads_) each.join();
    threads_.clear();
  }
  /// False: not within two minutes.
  bool reach(std::uint64_t orders) const {
    for (const deadline by(120s); told_ < orders; std::this_thread::sleep_for(1ms))
      if (by.passed(std::chrono::steady_clock::now())) return false;
    return true;
  }

  /// Orders that clients were told of.
  std::uint64_t told() const { return told_; }
  /// Requests that were sent and had no whole answer.
  std::uint64_t lost() const { return lost_; }
  /// 503, try again: where a disk or a processor stood still for seconds.
  std::uint64_t put_off() const { return put_off_; }
  /// Other answers than an order, and orders that read otherwise than they were told.
  std::uint64_t wrong() const { return wrong_; }
  std::string first_wrong() const {
    const std::lock_guard held(mutex_);
    return first_wrong_;
  }
  /// Key and number of each order. After `stop`.
  const std::map<std::string, std::string>& orders() const { return orders_; }

 private:
  std::optional<raw_client> connect() {
    std::optional<lastcall::testing::server_address> to;
    {
      const std::lock_guard held(mutex_);
      to = shop_;
    }
    try {
      if (to) return raw_client(*to);
    } catch (const std::system_error&) {  // it takes nobody in: the next one will
    }
    std::this_thread::sleep_for(5ms);
    return std::nullopt;
  }

  void buy(unsigned number) {
    std::optional<raw_client> on;
    for (int at = 0; !stops_;) {
      if (on && on->end_has_come()) on.reset();
      if (!on && !(on = connect())) continue;
      const std::string key = std::to_string(number) + "-" + std::to_string(at);
      const auto said = running_shop::ask(*on, "POST /orders HTTP/1.1\r\n", running_shop::order_text(key, 1 + at % 3));
      if (!said || (said->status != 201 && said->status != 200)) {
        note(said, key);
        on.reset();
        continue;
      }
      const std::string id = document(said->body).text("id");
      {
        const std::lock_guard held(mutex_);
        orders_[key] = id;
      }
      ++told_;
      ++at;
      std::this_thread::sleep_for(pause_);
      if (said->closes) on.reset();
      if (!on || on->end_has_come()) continue;
      const auto read = running_shop::ask(*on, "GET /orders/" + id + " HTTP/1.1\r\n");
      if (!read || read->status != 200 || document(read->body).text("client_key") != key) {
        note(read, key);
        on.reset();
      } else if (read->closes) {
        on.reset();
      }
    }
  }
  void note(const std::optional<running_shop::answer>& said, const std::string& key) {
    if (!said) {
      ++lost_;
      return;
    }
    if (said->status == 503) {
      ++put_off_;
      return;
    }
    ++wrong_;
    const std::lock_guard held(mutex_);
    if (first_wrong_.empty()) first_wrong_ = key + ": " + std::to_string(said->status) + " " + said->body;
  }

  const lastcall::duration pause_;
  std::atomic<bool> stops_ = false;
  std::atomic<std::uint64_t> told_ = 0, lost_ = 0, put_off_ = 0, wrong_ = 0;
  mutable std::mutex mutex_;
  std::optional<lastcall::testing::server_address> shop_;
  std::map<std::string, std::string> orders_;
  std::string first_wrong_;
  std::vector<std::thread> threads_;
};

/// One who watches, by a WebSocket or an event stream, until the shop ends that.   Threads: one; it has one of its own.
class watcher {
 public:
  watcher(const lastcall::testing::server_address& shop, bool socket)
      : on_(shop, socket ? "GET /live HTTP/1.1\r\nHost: shop\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                         : "GET /events HTTP/1.1\r\nHost: shop\r\nAccept: text/event-stream\r\n\r\n"),
        head_(on_.read_head().bytes),
        thread_([this, socket] { socket ? watch_socket() : watch_stream(); }) {}
  ~watcher() { thread_.join(); }
  watcher& operator=(watcher&&) = delete;

  /// Call it when the shop has ended. "1001 and FIN", or "hint and FIN", when that was in order.
  std::string end() {
    if (thread_.joinable()) thread_.join();
    thread_ = std::thread([] {});
    return end_;
  }
  /// Of orders. After `end`.
  std::uint64_t changes() const { return changes_; }

 private:
  static const char* text_of(raw_client::ended how) {
    return how == raw_client::ended::fin ? "FIN" : how == raw_client::ended::rst ? "RST" : "no end";
  }
  void watch_socket() {
    std::string in, code = "no Close";
    auto how = raw_client::ended::open;
    for (const deadline by(300s); how == raw_client::ended::open && !by.passed(std::chrono::steady_clock::now());) {
      const auto next = on_.read_next(deadline(10s));
      in += next.bytes;
      how = next.how;
      const auto byte = [&in](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(in[at])); };
      while (in.size() >= 4) {
        const std::size_t head = byte(1) < 126 ? 2 : 4, size = head == 2 ? byte(1) : byte(2) << 8 | byte(3);
        if (in.size() < head + size) break;
        if (byte(0) == 0x81) ++changes_;
        if (byte(0) == 0x89) on_.send(std::string("\x8a\x80\0\0\0\0", 6));
        if (byte(0) == 0x88) {
          code = std::to_string(byte(2) << 8 | byte(3));
          on_.send(std::string("\x88\x82\0\0\0\0", 6) + in.substr(2, 2));
        }
        in.erase(0, head + size);
      }
    }
    end_ = code + " and " + text_of(how);
  }
  void watch_stream() {
    const auto all = on_.read_to_end(deadline(300s));
    for (std::size_t at = 0; (at = all.bytes.find("data: ", at)) != std::string::npos; ++at) ++changes_;
    lastcall::testing::http_reply whole;
    whole.begin();
    whole.take(head_ + all.bytes);
    const auto hint = all.bytes.rfind("retry: "), last = all.bytes.rfind("data: ");
    const bool hinted = hint != std::string::npos && (last == std::string::npos || hint > last);
    end_ = std::string(whole.complete() ? hinted ? "hint" : "no hint" : "not whole") + " and " + text_of(all.how);
  }

  raw_client on_;
  const std::string head_;
  std::string end_;
  std::uint64_t changes_ = 0;
  std::thread thread_;
};

}  // namespace service_tests
