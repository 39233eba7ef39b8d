#include "lastcall/core/stacks/activity_label.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace lastcall::activity_label_test {

const time_point some_time{std::chrono::seconds(7)};

TEST(activity_label, joins_what_and_of_by_a_space) {
  EXPECT_EQ(activity_text::joined("GET", "/block", some_time).text(), "GET /block");
  EXPECT_EQ(activity_text::joined("start", {}, some_time).text(), "start");
  EXPECT_EQ(activity_text::joined({}, "/block", some_time).text(), "/block");
  EXPECT_EQ(activity_text::joined({}, {}, some_time).text(), "");
}

TEST(activity_label, cuts_what_does_not_fit) {
  const std::string full(activity_text::most_bytes, 'x');
  EXPECT_EQ(activity_text::joined(full, {}, some_time).text(), full);
  EXPECT_EQ(activity_text::joined(full + "y", {}, some_time).text(), full);
  EXPECT_EQ(activity_text::joined(full, "y", some_time).text(), full);
  EXPECT_EQ(activity_text::joined(full.substr(1), "y", some_time).text(), full.substr(1) + " ");
  EXPECT_EQ(activity_text::joined("GET", "/" + full, some_time).text(), ("GET /" + full).substr(0, full.size()));
}

TEST(activity_label, is_read_as_it_was_set) {
  activity_label label;
  ASSERT_TRUE(label.read());
  EXPECT_EQ(label.read()->text(), "");
  label.set(activity_text::joined("GET", "/block", some_time));
  ASSERT_TRUE(label.read());
  EXPECT_EQ(label.read()->text(), "GET /block");
  EXPECT_EQ(label.read()->since, some_time);
  EXPECT_EQ(label.latest().text(), "GET /block");
}

TEST(activity_label, is_never_read_torn) {
  activity_label label;
  std::atomic<bool> over{false};
  std::thread writer([&] {
    std::vector<activity_text> texts;  // each of one letter, whose number is the time too, and with its own length
    for (int i = 0; i < 26; ++i)
      texts.push_back(activity_text::joined(
          std::string(static_cast<std::size_t>(20 + 3 * i), static_cast<char>('a' + i)), {}, time_point(duration(i))));
    for (std::size_t i = 0; !over.load(std::memory_order_relaxed); ++i) label.set(texts[i % texts.size()]);
  });
  int seen = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto read = label.read();
    if (!read || read->text().empty()) continue;
    ++seen;
    const char letter = read->text().front();
    ASSERT_EQ(read->text(), std::string(static_cast<std::size_t>(20 + 3 * (letter - 'a')), letter));
    ASSERT_EQ(read->since, time_point(duration(letter - 'a')));
  }
  over = true;
  writer.join();
  EXPECT_GT(seen, 0);
}

}  // namespace lastcall::activity_label_test
