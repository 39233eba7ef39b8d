#include "lastcall/net/io_error.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <cerrno>
#include <set>

#include "lastcall/net/unique_fd.hpp"

namespace lastcall::net::io_error_test {

TEST(io_error, tells_the_ends_apart_by_errno) {
  EXPECT_EQ(classify_errno(0), io_end::open);
  EXPECT_EQ(classify_errno(EAGAIN), io_end::open);
  EXPECT_EQ(classify_errno(EINTR), io_end::open);
  EXPECT_EQ(classify_errno(ECONNRESET), io_end::reset);
  EXPECT_EQ(classify_errno(ENOTCONN), io_end::reset);
  EXPECT_EQ(classify_errno(EPIPE), io_end::broken_pipe);
  EXPECT_EQ(classify_errno(ETIMEDOUT), io_end::timed_out);
  EXPECT_EQ(classify_errno(ECANCELED), io_end::cancelled);
  EXPECT_EQ(classify_errno(EBADF), io_end::cancelled);
  EXPECT_EQ(classify_errno(EHOSTUNREACH), io_end::unreachable);
  EXPECT_EQ(classify_errno(ENOSPC), io_end::other);
}

TEST(io_error, reads_error_codes_of_the_standard_library_and_of_asio) {
  namespace asio = boost::asio::error;
  EXPECT_EQ(classify({}), io_end::open);
  EXPECT_EQ(classify(std::make_error_code(std::errc::connection_reset)), io_end::reset);
  EXPECT_EQ(classify(std::error_code(EPIPE, std::system_category())), io_end::broken_pipe);
  EXPECT_EQ(classify(asio::make_error_code(asio::eof)), io_end::orderly);
  EXPECT_EQ(classify(asio::make_error_code(asio::operation_aborted)), io_end::cancelled);
  EXPECT_EQ(classify(asio::make_error_code(asio::connection_reset)), io_end::reset);
  EXPECT_EQ(classify(asio::make_error_code(asio::broken_pipe)), io_end::broken_pipe);
  EXPECT_EQ(classify(asio::make_error_code(asio::timed_out)), io_end::timed_out);
  EXPECT_EQ(classify(asio::make_error_code(asio::not_found)), io_end::other);
  // A value of another category is no errno, however it looks.
  EXPECT_EQ(classify(std::error_code(ECONNRESET, std::iostream_category())), io_end::other);
}

TEST(io_error, calls_neither_an_orderly_end_nor_our_own_cancel_abnormal) {
  EXPECT_FALSE(abnormal(io_end::open));
  EXPECT_FALSE(abnormal(io_end::orderly));
  EXPECT_FALSE(abnormal(io_end::cancelled));
  for (const io_end end : {io_end::reset, io_end::broken_pipe, io_end::timed_out, io_end::unreachable, io_end::other})
    EXPECT_TRUE(abnormal(end)) << to_text(end);
}

TEST(io_error, has_a_text_of_its_own_for_each_end) {
  std::set<std::string_view> texts;
  for (int n = 0; n <= static_cast<int>(io_end::other); ++n) texts.insert(to_text(static_cast<io_end>(n)));
  EXPECT_EQ(texts.size(), static_cast<std::size_t>(io_end::other) + 1);
  EXPECT_FALSE(texts.contains("unknown"));
}

TEST(io_error, sees_a_real_end_as_orderly_and_a_write_after_it_as_broken_pipe) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
  unique_fd ours(pair[0]), theirs(pair[1]);
  char byte = 'x';
  const auto read = [&] { return move_bytes(io_end::orderly, [&] { return ::recv(ours.get(), &byte, 1, 0); }); };
  const auto write = [&](const unique_fd& to) {
    return move_bytes(io_end::open, [&] { return ::send(to.get(), &byte, 1, MSG_NOSIGNAL); });
  };
  EXPECT_TRUE(read().would_block);  // nothing there yet
  EXPECT_EQ(write(theirs).bytes, 1U);
  EXPECT_EQ(read().bytes, 1U);
  theirs.reset();
  EXPECT_EQ(read().end, io_end::orderly);
  EXPECT_EQ(write(ours).end, io_end::broken_pipe);
}

}  // namespace lastcall::net::io_error_test
