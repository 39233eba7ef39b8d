// Clients of examples/30_bank, and an auditor who asks the database behind it what came of their transfers.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "lastcall/postgres.hpp"
#include "tests/process/raw_client.hpp"
#include "tests/process/testbed.hpp"

namespace service_tests {

/// A bank that serves.
class running_bank {
 public:
  /// Its connections have the application name "bank".
  explicit running_bank(const std::string& conninfo, const std::string& grace = "2s")
      : running_bank(database{"postgres:" + conninfo + " application_name=bank"}, grace) {}
  struct database {
    std::string text;
  };
  running_bank(const database& on, const std::string& grace)
      : process({process_tests::program("bank"), "--port", "0", "--grace", grace, "--db", on.text, "--report",
                 scratch_.file("report.json")}) {
    const auto line = process.wait_for_line("listening on ", lastcall::deadline(std::chrono::seconds(60)));
    if (!line) throw std::runtime_error("the bank did not start: " + process.errors());
    url_ = line->substr(std::string("listening on ").size());
  }

  lastcall::testing::server_address address() const { return lastcall::testing::parse_server_address(url_); }
  /// Empty before the exit.
  process_tests::document report() const { return process_tests::document::from_file(scratch_.file("report.json")); }

 private:
  process_tests::scratch_folder scratch_;
  std::string url_;

 public:
  lastcall::testing::child_process process;
};

/// Each makes one transfer after the other, until the bank is gone, or for three minutes.
/// Threads: one; it has one for each client.
class bank_clients {
 public:
  bank_clients(const lastcall::testing::server_address& to, unsigned count, std::uint64_t seed) {
    for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this, to, i, seed] { transfer(to, i, seed); });
  }
  ~bank_clients() { wait(); }
  bank_clients& operator=(bank_clients&&) = delete;

  /// Returns when the bank refuses all of them, or has ended what they sent to it.
  void wait() {
    for (auto& one : threads_) one.join();
    threads_.clear();
  }

  /// So many transfers are done. False: not within a minute.
  bool reach(std::uint64_t transfers) const {
    for (const lastcall::deadline by(std::chrono::seconds(60)); done_ < transfers; std::this_thread::yield())
      if (by.passed(std::chrono::steady_clock::now())) return false;
    return true;
  }

  std::uint64_t done() const { return done_; }
  std::uint64_t refused() const { return refused_; }
  /// No answer, or half of one.
  std::uint64_t unanswered() const { return unanswered_; }
  /// Keys of transfers that were answered with 200. After `wait`.
  const std::vector<std::string>& acknowledged() const { return acknowledged_; }

 private:
  bool is_over() const { return end_.passed(std::chrono::steady_clock::now()); }
  void transfer(const lastcall::testing::server_address& to, unsigned number, std::uint64_t seed) {
    std::minstd_rand random(static_cast<unsigned>(seed * 1000 + number));
    std::vector<std::string> mine;
    try {
      for (int at = 0; !is_over();) {
        process_tests::raw_client on(to);
        for (bool open = true; open && !is_over(); ++at) {
          const unsigned from = 1 + random() % 100;
          const std::string key = std::to_string(seed) + "-" + std::to_string(number) + "-" + std::to_string(at);
          const std::string body = R"({"key":")" + key + R"(","from":)" + std::to_string(from) + R"(,"to":)" +
                                   std::to_string(1 + (from + random() % 99) % 100) + R"(,"amount":1})";
          on.send("POST /transfer HTTP/1.1\r\nHost: bank\r\nContent-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + body);
          const auto answer = on.read_reply();
          open = answer.how == process_tests::raw_client::ended::open &&
                 answer.bytes.find("Connection: close") == std::string::npos;
          if (answer.status_line().find(" 200 ") != std::string::npos) {
            ++done_;
            mine.push_back(key);
          } else if (answer.bytes.find("\r\n\r\n") != std::string::npos) {
            ++refused_;
          } else {
            ++unanswered_;
          }
        }
      }
    } catch (const std::system_error&) {  // refused: the bank takes nobody in any more
    }
    const std::lock_guard lock(mutex_);
    acknowledged_.insert(acknowledged_.end(), mine.begin(), mine.end());
  }

  const lastcall::deadline end_{std::chrono::minutes(3)};
  std::atomic<std::uint64_t> done_ = 0, refused_ = 0, unanswered_ = 0;
  std::mutex mutex_;
  std::vector<std::string> acknowledged_;
  std::vector<std::thread> threads_;
};

/// What is wrong in the books; empty if each transfer is there wholly or not at all, and each of `acknowledged` is.
inline std::string wrong_in_the_books(lastcall::postgres::connection& on,
                                      const std::vector<std::string>& acknowledged) {
  const auto number = [&](const char* sql, const std::string& value) {
    return (*on.query({}, sql, value))[0].get<std::int64_t>(0);
  };
  std::string all = "{";
  for (const auto& key : acknowledged) all.append(all.size() > 1 ? "," : "").append(key);
  all += "}";
  std::string wrong;
  if (const auto half = number("select count(*) from account a where $1 = $1 and balance <> 1000 "
                               "- (select coalesce(sum(amount), 0) from transfer where source = a.id) "
                               "+ (select coalesce(sum(amount), 0) from transfer where target = a.id)",
                               "");
      half != 0)
    wrong += std::to_string(half) + " accounts do not have what their transfers say; ";
  if (const auto lost = number("select count(*) from unnest($1::text[]) k where not exists "
                               "(select 1 from transfer where key = k)",
                               all);
      lost != 0)
    wrong += std::to_string(lost) + " transfers were acknowledged and are not there; ";
  return wrong;
}

/// How long until the server has no connection of the bank any more; `most` if it has one then.
inline lastcall::duration until_the_bank_is_gone(lastcall::postgres::connection& on, lastcall::duration most) {
  const auto began = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - began < most) {
    const auto left = on.query({}, "select count(*) from pg_stat_activity where application_name = 'bank'");
    if (left && (*left)[0].get<int>(0) == 0) return std::chrono::steady_clock::now() - began;
  }
  return most;
}

}  // namespace service_tests
