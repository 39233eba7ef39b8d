#include "lastcall/core/function.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace lastcall::function_test {

// Counts its living copies, wherever it lives: `Bytes` decides whether that is inside or on the heap.
template <std::size_t Bytes, bool MovesQuietly = true> struct tracked {
  explicit tracked(int& alive) : alive_(&alive) { ++*alive_; }
  tracked(tracked&& other) noexcept(MovesQuietly) : alive_(other.alive_), calls_(other.calls_) { ++*alive_; }
  ~tracked() { --*alive_; }
  int operator()(int number) { return number + ++calls_; }

  int* alive_;
  int calls_ = 0;
  std::array<std::byte, Bytes> ballast_{};
};

template <class T> class function_storage : public testing::Test {};
using storages = testing::Types<tracked<1>, tracked<32>, tracked<33>, tracked<400>, tracked<1, false>>;
TYPED_TEST_SUITE(function_storage, storages);

TYPED_TEST(function_storage, destroys_exactly_what_it_made) {
  int alive = 0;
  {
    function<int(int)> first = TypeParam(alive);
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(first(10), 11);
    EXPECT_EQ(first(10), 12);
    function<int(int)> second = std::move(first);
    EXPECT_EQ(alive, 1);
    EXPECT_FALSE(first);
    EXPECT_EQ(second(10), 13);
    second = TypeParam(alive);
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(second(10), 11);
    first = std::move(second);
    EXPECT_EQ(first(10), 12);
    first = nullptr;
    EXPECT_EQ(alive, 0);
    first = TypeParam(alive);
  }
  EXPECT_EQ(alive, 0);
}

TEST(function, takes_a_lambda_that_owns_something) {
  function<int()> f = [number = std::make_unique<int>(42)] { return *number; };
  EXPECT_EQ(f(), 42);
}

TEST(function, passes_arguments_through_without_copies) {
  function<std::unique_ptr<int>(std::unique_ptr<int>, int&)> f = [](std::unique_ptr<int> number, int& seen) {
    seen = *number;
    return number;
  };
  int seen = 0;
  EXPECT_EQ(*f(std::make_unique<int>(7), seen), 7);
  EXPECT_EQ(seen, 7);
}

TEST(function, drops_a_result_that_nobody_wants) {
  int calls = 0;
  const function<void()> f = [&] { return ++calls; };
  f();
  EXPECT_EQ(calls, 1);
}

TEST(function, calls_member_functions) {
  function<std::size_t(const std::string&)> f = &std::string::size;
  EXPECT_EQ(f("four"), 4u);
}

int seven() { return 7; }

// Also a test of the compiler's warnings: a function is never null.
TEST(function, calls_plain_functions) {
  EXPECT_EQ(function<int()>(seven)(), 7);
  EXPECT_EQ(function<int()>(&seven)(), 7);
}

TEST(function, is_empty_when_made_from_something_empty) {
  void (*no_function)() = nullptr;
  EXPECT_FALSE(function<void()>());
  EXPECT_FALSE(function<void()>(nullptr));
  EXPECT_FALSE(function<void()>(no_function));
  EXPECT_FALSE(function<void()>(std::function<void()>()));
  EXPECT_FALSE(function<void()>(function<int()>()));
  EXPECT_TRUE(function<void()>(std::function<void()>([] {})));
}

TEST(function, throws_when_an_empty_one_is_called) {
  const function<void()> empty;
  EXPECT_THROW(empty(), std::bad_function_call);
  function<void()> moved = [] {};
  const function<void()> target = std::move(moved);
  EXPECT_THROW(moved(), std::bad_function_call);
}

TEST(function, survives_a_move_to_itself) {
  function<int()> f = [] { return 3; };
  function<int()>& same = f;
  f = std::move(same);
  EXPECT_EQ(f(), 3);
}

TEST(function, moves_with_a_vector_that_grows) {
  std::vector<function<int()>> many;
  for (int i = 0; i < 100; ++i) many.emplace_back([i, owner = std::make_unique<int>(i)] { return i + *owner; });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(many[static_cast<std::size_t>(i)](), 2 * i);
}

}  // namespace lastcall::function_test
