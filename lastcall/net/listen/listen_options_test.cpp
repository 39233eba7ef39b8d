#include "lastcall/net/listen/listen_options.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace lastcall::net::listen_options_test {

std::string refusal(const listen_options& o, std::string_view unix_path) {
  try {
    check(o, unix_path, "http");
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(listen_options, are_refused_with_value_and_remedy) {
  struct line {
    listen_options options;
    std::string unix_path, says;
  };
  const line lines[] = {
      {{}, "", ""},
      {{.unix_mode = 0660}, "/run/shop.sock", ""},
      {{.overlap = true}, "@shop", ""},
      {{.successor = true, .overlap = true}, "", ""},
      {{.inherited_fd = 3}, "", ""},
      {{.unix_mode = 010660},
       "/run/shop.sock",
       "http: listen.unix_mode = 010660 has more than the 12 bits of permissions; give 0660 or so"},
      {{.unix_mode = 0660}, "", "http: listen.unix_mode = 0660, but there is no unix_path; give one, or leave it out"},
      {{.unix_mode = 0600},
       "@shop",
       "http: listen.unix_mode = 0600, but unix_path = \"@shop\" is no file, and has no permissions; leave it out, or "
       "give a path"},
      {{.inherited_fd = -2},
       "",
       "http: listen.inherited_fd = -2 is no descriptor; give that of a listening socket, or -1 for none"},
      {{.inherited_fd = 3, .overlap = true},
       "",
       "http: listen.inherited_fd = 3 with overlap: the socket's owner gives it to the next process as well; leave the "
       "other option out"},
      {{.inherited_fd = 3, .successor = true},
       "",
       "http: listen.inherited_fd = 3 with successor: the socket's owner gives it to the next process as well; leave "
       "the other option out"},
  };
  for (const line& each : lines) EXPECT_EQ(refusal(each.options, each.unix_path), each.says);
}

}  // namespace lastcall::net::listen_options_test
