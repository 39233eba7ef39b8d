#include "lastcall/core/manager/service_manager.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "lastcall/core/manager/notify_reader_test.hpp"

namespace lastcall::service_manager_test {

using namespace std::chrono_literals;
using detail::service_manager;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string some_path() {
  return (std::filesystem::temp_directory_path() / ("lastcall-notify-" + std::to_string(::getpid()))).string();
}

struct service_managers : ::testing::Test {
  std::string lines;
  logger log{log_level::info, [this](const log_record& r) {
               lines.append(r.text);
               for (const log_field& f : r.fields) lines.append(" ").append(f.value);
               lines += '\n';
             }};
  notify_reader systemd{some_path()};
  time_point now{1h};
};

TEST_F(service_managers, hear_of_start_reload_and_end) {
  service_manager m({.socket = systemd.address()}, log);
  m.ready(now);
  m.reloading(now);
  m.ready(now);
  m.stopping(now, "shutting down: SIGTERM");
  m.stopping(now, "and again");
  const auto heard = systemd.messages();
  ASSERT_EQ(heard.size(), 5U);
  EXPECT_EQ(heard[0], "READY=1");
  EXPECT_THAT(heard[1], StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_EQ(heard[2], "READY=1");
  EXPECT_EQ(heard[3], "STOPPING=1\nSTATUS=shutting down: SIGTERM");
  EXPECT_EQ(heard[4], "STATUS=and again");
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(service_managers, are_reached_at_an_abstract_address) {
  notify_reader abstract("@lastcall-notify-" + std::to_string(::getpid()));
  service_manager m({.socket = abstract.address()}, log);
  m.ready(now);
  EXPECT_THAT(abstract.messages(), ElementsAre("READY=1"));
}

TEST_F(service_managers, are_told_why_a_start_failed) {
  service_manager m({.socket = systemd.address()}, log);
  std::exception_ptr failure;
  try {
    try {
      throw std::system_error(EADDRINUSE, std::generic_category(), "bind");
    } catch (...) {
      std::throw_with_nested(std::runtime_error("component \"http\" failed to start"));
    }
  } catch (...) {
    failure = std::current_exception();
  }
  m.failed("no\nport", failure, now);
  m.failed("other", std::make_exception_ptr(std::runtime_error("x")), now);
  EXPECT_THAT(systemd.messages(), ElementsAre("STATUS=no port\nERRNO=" + std::to_string(EADDRINUSE),
                                              "STATUS=other\nERRNO=" + std::to_string(EIO)));
}

TEST_F(service_managers, are_asked_for_more_time_once_a_second_as_long_as_a_start_may_take) {
  service_manager m({.socket = systemd.address()}, log);
  for (const time_point from = now; now < from + 10s; now += 100ms) m.starting(now, 4s);
  EXPECT_THAT(systemd.messages(),
              ElementsAre("EXTEND_TIMEOUT_USEC=5000000", "EXTEND_TIMEOUT_USEC=5000000", "EXTEND_TIMEOUT_USEC=5000000"));
}

TEST_F(service_managers, get_a_sign_of_life_at_half_of_the_time) {
  service_manager m({.socket = systemd.address(), .watchdog_usec = "2000000"}, log);
  EXPECT_FALSE(m.wants_sign(now)) << "not ready";
  m.ready(now);
  ASSERT_TRUE(m.wants_sign(now));
  m.sign_of_life(now, {});
  EXPECT_FALSE(m.wants_sign(now + 999ms));
  EXPECT_TRUE(m.wants_sign(now + 1s));
  m.sign_of_life(now + 1s, "runtime: loop 0 is blocked");
  m.sign_of_life(now + 2s, "runtime: loop 0 is blocked");
  m.sign_of_life(now + 3s, {});
  EXPECT_THAT(systemd.messages(),
              ElementsAre("READY=1", "WATCHDOG=1", "STATUS=the watchdog is not answered: runtime: loop 0 is blocked",
                          "WATCHDOG=1"));
  EXPECT_EQ(lines, "the service manager gets no sign of life any more runtime: loop 0 is blocked\n");
}

TEST_F(service_managers, get_the_newest_message_again_when_their_queue_was_full) {
  service_manager m({.socket = systemd.address()}, log);
  for (int i = 0; i < 100'000 && m.next_wake() == time_point::max(); ++i) m.reloading(now);
  m.stopping(now, "the end");
  EXPECT_EQ(m.next_wake(), now + 100ms);
  m.status("lost");
  static_cast<void>(systemd.messages());
  m.send_again(now + 99ms);
  EXPECT_THAT(systemd.messages(), IsEmpty());
  m.send_again(now + 100ms);
  EXPECT_THAT(systemd.messages(), ElementsAre("STOPPING=1\nSTATUS=the end"));
  EXPECT_EQ(m.next_wake(), time_point::max());
  EXPECT_EQ(std::ranges::count(lines, '\n'), 1) << lines;
}

TEST_F(service_managers, that_are_gone_are_a_single_line) {
  service_manager m({.socket = "/nowhere/notify", .watchdog_usec = "1000"}, log);
  m.ready(now);
  m.sign_of_life(now, {});
  m.stopping(now, "the end");
  EXPECT_EQ(lines, "the service manager does not hear No such file or directory\n");
}

TEST_F(service_managers, cannot_be_what_is_no_address) {
  for (const std::string& wrong :
       std::vector<std::string>{"x", "/", "relative", "vsock:2:1", "/" + std::string(200, 'x')}) {
    lines.clear();
    service_manager m({.socket = wrong}, log);
    EXPECT_FALSE(m);
    EXPECT_THAT(lines, HasSubstr("is told nothing NOTIFY_SOCKET=\"" + wrong + "\""));
    m.ready(now);
    m.status("x");
    m.starting(now, 1s);
    EXPECT_EQ(m.next_wake(), time_point::max());
  }
}

TEST_F(service_managers, do_not_get_signs_of_life_at_absurd_times) {
  for (const char* wrong : {"0", "-1", "x", "99999999999999999999", "999999999999999"}) {
    lines.clear();
    service_manager m({.socket = systemd.address(), .watchdog_usec = wrong}, log);
    m.ready(now);
    EXPECT_FALSE(m.wants_sign(now)) << wrong;
    EXPECT_THAT(lines, HasSubstr(wrong));
  }
}

TEST_F(service_managers, get_a_status_when_it_has_changed) {
  service_manager m({.socket = systemd.address()}, log);
  EXPECT_FALSE(m.begins_status(now)) << "not ready";
  m.ready(now);
  EXPECT_TRUE(m.begins_status(now));
  EXPECT_FALSE(m.begins_status(now + 5s)) << "the last has not been made";
  m.status("serving");
  m.status_made();
  EXPECT_TRUE(m.begins_status(now + 10s));
  m.status("serving");
  m.status_made();
  m.status(std::string(1000, 'x'));
  EXPECT_THAT(systemd.messages(), ElementsAre("READY=1", "STATUS=serving", "STATUS=" + std::string(400, 'x')));
}

TEST_F(service_managers, keep_a_descriptor_for_the_next_process) {
  service_manager m({.socket = systemd.address()}, log);
  const int given = ::memfd_create("kept", MFD_CLOEXEC);
  ASSERT_EQ(::write(given, "counted: 7", 10), 10);
  EXPECT_FALSE(m.keep("counts", given));
  ::close(given);
  EXPECT_FALSE(m.keep("counts", -1));
  const auto [stored, text] = systemd.with_descriptor();
  EXPECT_EQ(text, "FDSTORE=1\nFDNAME=counts");
  std::array<char, 16> bytes{};
  EXPECT_EQ(::pread(stored, bytes.data(), bytes.size(), 0), 10);
  EXPECT_STREQ(bytes.data(), "counted: 7");
  ::close(stored);
  EXPECT_THAT(systemd.messages(), ElementsAre("FDSTOREREMOVE=1\nFDNAME=counts"));
  for (const std::string& wrong : {std::string(), std::string("a:b"), std::string("a b"), std::string(256, 'x')})
    EXPECT_THROW(static_cast<void>(m.keep(wrong, 0)), std::invalid_argument);
  EXPECT_EQ(service_manager({}, log).keep("counts", 0), std::errc::not_supported);
}

}  // namespace lastcall::service_manager_test
