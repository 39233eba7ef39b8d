#include "lastcall/core/threads/own_thread.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstring>

namespace lastcall::own_thread_test {

using lastcall::detail::own_thread;

TEST(own_thread, runs_its_body_and_is_joined) {
  bool ran = false;
  own_thread it([&] { ran = true; });
  EXPECT_TRUE(it.joinable());
  own_thread moved = std::move(it);
  EXPECT_FALSE(it.joinable());
  moved.join();
  EXPECT_FALSE(moved.joinable());
  EXPECT_TRUE(ran);
}

[[gnu::noinline]] int uses_stack() {
  volatile char some[512 * 1024];
  some[0] = 1;
  some[sizeof some - 1] = 2;
  return some[0] + some[sizeof some - 1];
}

TEST(own_thread, has_room_whatever_the_default_of_the_process_is) {
  pthread_attr_t before, small;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  ASSERT_EQ(pthread_attr_init(&small), 0);
#ifdef __SANITIZE_THREAD__  // which keeps its own state on each stack, and needs the usual room
  constexpr std::size_t too_small = 8 * 1024 * 1024;
#else
  constexpr std::size_t too_small = 96 * 1024;
#endif
  ASSERT_EQ(pthread_attr_setstacksize(&small, too_small), 0);
  ASSERT_EQ(pthread_setattr_default_np(&small), 0);
  int got = 0;
  own_thread it([&] { got = uses_stack(); });
  it.join();
  EXPECT_EQ(got, 3);
  EXPECT_EQ(pthread_setattr_default_np(&before), 0);
  pthread_attr_destroy(&small);
  pthread_attr_destroy(&before);
}

}  // namespace lastcall::own_thread_test
