#include "lastcall/net/unique_fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <type_traits>

namespace lastcall::net::unique_fd_test {

int new_fd() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

static_assert(!std::is_copy_constructible_v<unique_fd> && !std::is_copy_assignable_v<unique_fd>);
static_assert(std::is_nothrow_move_constructible_v<unique_fd> && sizeof(unique_fd) == sizeof(int));

TEST(unique_fd, closes_when_it_goes) {
  const int fd = new_fd();
  { const unique_fd owner(fd); }
  EXPECT_FALSE(is_open(fd));
}

TEST(unique_fd, moves_without_closing) {
  const int fd = new_fd();
  unique_fd first(fd);
  unique_fd second(std::move(first));
  EXPECT_EQ(second.get(), fd);
  EXPECT_TRUE(is_open(fd));
  unique_fd third(new_fd());
  const int replaced = third.get();
  third = std::move(second);
  EXPECT_EQ(third.get(), fd);
  EXPECT_TRUE(is_open(fd));
  EXPECT_FALSE(is_open(replaced));
}

TEST(unique_fd, released_is_the_callers_to_close) {
  unique_fd owner(new_fd());
  const int fd = owner.release();
  EXPECT_FALSE(owner);
  owner.reset();
  EXPECT_TRUE(is_open(fd));
  ::close(fd);
}

TEST(unique_fd, keeps_what_it_is_handed_twice) {
  unique_fd owner(new_fd());
  owner.reset(owner.get());
  EXPECT_TRUE(is_open(owner.get()));
}

TEST(unique_fd, leaves_errno_alone) {
  unique_fd owner(new_fd());
  const int fd = owner.get();
  ::close(fd);  // so that its own close fails with EBADF
  errno = ENOSPC;
  owner.reset();
  EXPECT_EQ(errno, ENOSPC);
}

}  // namespace lastcall::net::unique_fd_test
