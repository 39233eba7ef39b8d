// Where the RFC leaves no choice, nginx must answer as we do: otherwise our tables ask for what only we believe.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>

#include "tests/process/cases/conformance_cases.hpp"
#include "tests/process/cases/smuggling_cases.hpp"
#include "tests/process/testbed.hpp"

namespace {

using namespace process_tests;
using lastcall::testing::http_reply;
using lastcall::testing::parse_server_address;

constexpr const char* nginx_program = "/usr/sbin/nginx";

/// nginx in one process, on a Unix-domain socket in a folder of its own. Uploads go to itself once more, since only
/// what goes on to another server is read and judged to its end.
class nginx {
 public:
  /// Errors: std::runtime_error when it does not serve within 30 s.
  nginx() : process_({nginx_program, "-e", "stderr", "-p", folder_.file(""), "-c", written(folder_)}) {
    const auto by = std::chrono::steady_clock::now() + 30s;
    while (std::chrono::steady_clock::now() < by && process_.running()) {
      try {
        raw_client client(address(), still_there);
        if (client.read_to_end().status_line() == "HTTP/1.1 200 OK") return;
      } catch (const std::system_error&) {  // it does not listen yet
        process_.wait(deadline(5ms));
      }
    }
    throw std::runtime_error("nginx does not serve: " + process_.errors());
  }

  server_address address() const { return parse_server_address("unix:" + folder_.file("front")); }

 private:
  static std::string written(const scratch_folder& folder) {
    const std::string name = folder.file("nginx.conf");
    std::ofstream to(name);
    to << "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr crit;\nevents {}\nhttp {\n  access_log "
          "off;\n";
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
      to << "  " << kind << "_temp_path " << folder.file(kind) << ";\n";
    to << "  client_max_body_size 100000;\n  lingering_close always;\n  keepalive_requests 100000;\n"
       << "  server {\n    listen unix:" << folder.file("front") << ";\n"
       << "    location = / { return 200 'hello\\n'; }\n    location = /livez { return 200 'alive\\n'; }\n"
       << "    location = /upload { proxy_pass http://unix:" << folder.file("back") << "; }\n"
       << "    location /request/ { return 200 'received\\n'; }\n    location / { return 404; }\n  }\n"
       << "  server {\n    listen unix:" << folder.file("back")
       << ";\n    location / { return 200 'stored\\n'; }\n  }\n}\n";
    return name;
  }

  scratch_folder folder_;
  child_process process_;
};

/// The class of each final answer that the table asks for, the one after it included: "2 4".
std::string asked(const conversation& c) {
  std::string classes;
  for (const auto& step : c.talk)
    if (const auto* r = std::get_if<reply>(&step); r && r->status != 100)
      classes += std::to_string(r->status / 100) + ' ';
  return classes + (c.ends == open ? "2" : "");
}

/// The same of what `to` says to all of it, sent at once with one more request behind it; "..." if it does not close.
std::string heard(const server_address& to, const conversation& c) {
  std::string all;
  bool ended = false;
  for (const auto& step : c.talk) {
    if (const auto* bytes = std::get_if<std::string>(&step)) all += *bytes;
    ended = ended || std::holds_alternative<end_of_sending>(step);
  }
  raw_client client(to, ended ? all : all + still_there);
  if (ended) client.end_sending();
  const auto end = client.read_to_end(deadline(10s));

  std::string classes;
  http_reply one;
  for (std::string_view rest = end.bytes; !rest.empty();) {
    one.begin();
    rest.remove_prefix(one.take(rest));
    if (!one.complete()) break;
    classes += std::to_string(one.status() / 100) + (c.ends == open && rest.empty() ? "" : " ");
  }
  return classes + (end.how == raw_client::ended::open ? "..." : "");
}

TEST(second_opinion, is_the_same_where_the_rfc_leaves_no_choice) {
  if (::access(nginx_program, X_OK) != 0)
    GTEST_SKIP() << "skipped: no " << nginx_program << "; scripts/bootstrap installs it";
  const nginx other;
  const testbed ours({"--max-body", "100000"});
  const auto to = parse_server_address(ours.url());
  int count = 0;
  for (const auto& c : conformance_cases() + smuggling_cases()) {
    if (c.whose != agreed) continue;
    SCOPED_TRACE(std::string(c.name) + ", RFC " + c.source);
    EXPECT_EQ(heard(to, c), asked(c)) << "ours";
    EXPECT_EQ(heard(other.address(), c), asked(c)) << "nginx";
    ++count;
  }
  EXPECT_GE(count, 30);
  std::printf("measure: nginx and we agree on %d conversations\n", count);
}

}  // namespace
