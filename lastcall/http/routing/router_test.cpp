#include "lastcall/http/routing/router.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/routing/handler_access.hpp"
#include "lastcall/http/sse/events.hpp"
#include "lastcall/http/ws/websocket.hpp"

namespace lastcall::http::router_test {

namespace {
const detail::erased_handler& erased(const handler& h) { return detail::handler_access::erased(h); }
}  // namespace

using ::testing::HasSubstr;
using access = detail::request_access;

/// A request with nothing but a method and a target; both must outlive it.
struct asked {
  asked(std::string_view method, std::string_view target) : line(std::string(method) + ' ' + std::string(target)) {
    const std::string_view all = line;
    access::begin(r, line.data());
    access::method(r, all.substr(0, method.size()));
    const auto t = all.substr(method.size() + 1);
    const auto mark = t.find('?');
    access::target(r, t, t.substr(0, mark), mark == t.npos ? "" : t.substr(mark + 1));
  }
  std::string line;
  request r;
};

/// What routes answer in these tests: their name; or the router's status and Allow.
std::string ask(const router& routes, std::string_view method, std::string_view target) {
  asked a(method, target);
  const auto m = routes.match(a.r);
  if (m.handle) return erased(*m.handle).answer(a.r, {}, nullptr).body();
  return std::to_string(m.status) + (m.allow.empty() ? "" : " " + m.allow);
}

handler named(std::string name) {
  return [name = std::move(name)](const request& r) {
    std::string said = name;
    for (const char* p : {"id", "x", "rest"}) {
      if (!r.param(p).empty()) said += ' ' + std::string(p) + '=' + std::string(r.param(p));
    }
    return text(said);
  };
}

std::string refusal(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "accepted";
}

TEST(router, finds_literals_parameters_and_rests) {
  router routes;
  routes.get("/", named("root"))
      .get("/users", named("users"))
      .get("/users/", named("users/"))
      .get("/users/{id}", named("user"))
      .get("/users/{id}/posts/{x}", named("post"))
      .get("/files/{rest...}", named("files"));
  const std::pair<const char*, const char*> cases[] = {
      {"/", "root"},
      {"/?a=/users", "root"},
      {"/users", "users"},
      {"/users?", "users"},
      {"/users/", "users/"},
      {"/users/7", "user id=7"},
      {"/users/7/", "404"},
      {"/users/7/posts/8", "post id=7 x=8"},
      {"/users//posts/8", "404"},
      {"/files", "404"},
      {"/files/", "files"},
      {"/files/a", "files rest=a"},
      {"/files/a/b//c/", "files rest=a/b//c/"},
      {"/user", "404"},
      {"/usersx", "404"},
      {"//", "404"},
      {"//users", "404"},
      {"/Users", "404"},
  };
  for (const auto& [target, answer] : cases) EXPECT_EQ(ask(routes, "GET", target), answer) << target;
}

TEST(router, prefers_literal_to_parameter_to_rest_and_comes_back_from_a_dead_end) {
  router routes;
  routes.get("/{rest...}", named("rest"))
      .get("/{id}", named("param"))
      .get("/a", named("literal"))
      .get("/a/b/c", named("abc"))
      .get("/{id}/b/d", named("bd"))
      .get("/a/{rest...}", named("a-rest"));
  EXPECT_EQ(ask(routes, "GET", "/a"), "literal");
  EXPECT_EQ(ask(routes, "GET", "/b"), "param id=b");
  EXPECT_EQ(ask(routes, "GET", "/a/b/c"), "abc");
  EXPECT_EQ(ask(routes, "GET", "/a/b/d"), "a-rest rest=b/d");
  EXPECT_EQ(ask(routes, "GET", "/z/b/d"), "bd id=z");
  EXPECT_EQ(ask(routes, "GET", "/z/b/e"), "rest rest=z/b/e");
  EXPECT_EQ(ask(routes, "GET", "/"), "rest");
}

TEST(router, a_route_fits_only_with_its_method) {
  router routes;
  routes.get("/users/{id}", named("get")).post("/users/search", named("search")).del("/users/{x}", named("del"));
  EXPECT_EQ(ask(routes, "GET", "/users/search"), "get id=search");
  EXPECT_EQ(ask(routes, "POST", "/users/search"), "search");
  EXPECT_EQ(ask(routes, "DELETE", "/users/9"), "del x=9");
  EXPECT_EQ(ask(routes, "POST", "/users/9"), "405 GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(ask(routes, "PUT", "/users/search"), "405 POST, GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(ask(routes, "PUT", "/nowhere"), "404");
}

TEST(router, a_method_that_neither_the_rfc_nor_a_route_names_is_not_implemented) {
  router routes;
  routes.get("/a", named("get")).any("/any", named("any")).route("PURGE", "/b", named("purge"));
  EXPECT_EQ(ask(routes, "BREW", "/a"), "501");
  EXPECT_EQ(ask(routes, "BREW", "/nowhere"), "501");
  EXPECT_EQ(ask(routes, "get", "/a"), "501");
  EXPECT_EQ(ask(routes, "BREW", "/any"), "any");
  EXPECT_EQ(ask(routes, "PURGE", "/b"), "purge");
  EXPECT_EQ(ask(routes, "PURGE", "/a"), "405 GET, HEAD, OPTIONS");
  EXPECT_EQ(ask(routes, "PURGE", "/nowhere"), "404");
  EXPECT_EQ(ask(routes, "TRACE", "/a"), "405 GET, HEAD, OPTIONS");
}

TEST(router, finds_literals_that_begin_the_same) {
  router routes;
  const std::string same(300, 'x');
  for (const std::string each : {"/abcdefg1", "/abcdefg2", "/abcdefg", "/abcdef", "/"}) routes.get(each, named(each));
  routes.get("/" + same + "1", named("long1")).get("/" + same + "2", named("long2")).get("/" + same, named("long"));
  for (const std::string each : {"/abcdefg1", "/abcdefg2", "/abcdefg", "/abcdef", "/"})
    EXPECT_EQ(ask(routes, "GET", each), each);
  EXPECT_EQ(ask(routes, "GET", "/" + same + "1"), "long1");
  EXPECT_EQ(ask(routes, "GET", "/" + same + "2"), "long2");
  EXPECT_EQ(ask(routes, "GET", "/" + same), "long");
  for (const std::string each : {"/abcdefg3", "/abcdeff", "/abcdefg11"}) EXPECT_EQ(ask(routes, "GET", each), "404");
  EXPECT_EQ(ask(routes, "GET", "/" + same + "3"), "404");
}

TEST(router, get_serves_head_unless_head_has_its_own) {
  router routes;
  routes.get("/a", named("get")).get("/b", named("get")).head("/b", named("head")).post("/c", named("post"));
  EXPECT_EQ(ask(routes, "HEAD", "/a"), "get");
  EXPECT_EQ(ask(routes, "HEAD", "/b"), "head");
  EXPECT_EQ(ask(routes, "HEAD", "/c"), "405 POST, OPTIONS");
}

TEST(router, options_are_answered_unless_routed) {
  router routes;
  routes.get("/a", named("get")).put("/a", named("put")).options("/b", named("options"));
  EXPECT_EQ(ask(routes, "OPTIONS", "/a"), "204 GET, HEAD, PUT, OPTIONS");
  EXPECT_EQ(ask(routes, "OPTIONS", "/b"), "options");
  EXPECT_EQ(ask(routes, "OPTIONS", "/c"), "404");
  EXPECT_EQ(ask(routes, "OPTIONS", "*"), "204 GET, HEAD, PUT, OPTIONS");
}

TEST(router, any_serves_what_has_no_route_of_its_own) {
  router routes;
  routes.any("/a", named("any")).patch("/a", named("patch")).route("PROPFIND", "/b", named("propfind"));
  EXPECT_EQ(ask(routes, "GET", "/a"), "any");
  EXPECT_EQ(ask(routes, "HEAD", "/a"), "any");
  EXPECT_EQ(ask(routes, "OPTIONS", "/a"), "any");
  EXPECT_EQ(ask(routes, "BREW", "/a"), "any");
  EXPECT_EQ(ask(routes, "PATCH", "/a"), "patch");
  EXPECT_EQ(ask(routes, "PROPFIND", "/b"), "propfind");
  EXPECT_EQ(ask(routes, "GET", "/b"), "405 PROPFIND, OPTIONS");
  EXPECT_EQ(ask(routes, "CONNECT", "/a"), "501");
}

TEST(router, parameters_are_decoded_once) {
  router routes;
  routes.get("/p/{id}", named("p")).get("/p/{id}/{x}", named("two")).get("/r/{rest...}", named("r"));
  EXPECT_EQ(ask(routes, "GET", "/p/a%20b"), "p id=a b");
  EXPECT_EQ(ask(routes, "GET", "/p/a%2Fb"), "p id=a/b");
  EXPECT_EQ(ask(routes, "GET", "/p/a%2fb/%41"), "two id=a/b x=A");
  EXPECT_EQ(ask(routes, "GET", "/p/%2541"), "p id=%41");
  EXPECT_EQ(ask(routes, "GET", "/p/a+b"), "p id=a+b");
  EXPECT_EQ(ask(routes, "GET", "/r/a%20b/c%2Fd"), "r rest=a b/c/d");
  EXPECT_EQ(ask(routes, "GET", "/%70/1"), "p id=1");
}

TEST(router, literals_are_written_decoded_and_found_encoded_or_not) {
  router routes;
  routes.get("/caf\xc3\xa9", named("cafe")).get("/a b", named("ab")).get("/a", named("a")).get("/a!", named("bang"));
  EXPECT_EQ(ask(routes, "GET", "/caf%c3%A9"), "cafe");
  EXPECT_EQ(ask(routes, "GET", "/a%20b"), "ab");
  EXPECT_EQ(ask(routes, "GET", "/%61"), "a");
  EXPECT_EQ(ask(routes, "GET", "/a!"), "bang");
  EXPECT_EQ(ask(routes, "GET", "/a%21"), "bang");
  EXPECT_EQ(ask(routes, "GET", "/a%2520b"), "404");
}

TEST(router, a_path_that_is_not_sound_is_refused_before_any_route) {
  router routes;
  routes.get("/{rest...}", named("all"));
  for (const char* target : {"/%", "/%4", "/%zz", "/a%4g", "/%00", "/a%00b", "/.", "/..", "/../etc", "/a/../b", "/a/.",
                             "/%2e%2e/a", "/.%2E", "/a/%2e/b", "/..%2fetc", "/a%2f..%2fb", "/a%2f.."}) {
    EXPECT_EQ(ask(routes, "GET", target), "400") << target;
  }
  for (const char* target : {"/...", "/.a", "/a.", "/..a", "/a..b", "/%2e%2e%2e", "/.well-known/x"}) {
    EXPECT_THAT(ask(routes, "GET", target), HasSubstr("all")) << target;
  }
}

TEST(router, finds_each_of_many_literals) {
  router routes;
  for (int i = 0; i < 300; ++i) routes.get("/n/" + std::to_string(i * 7919 % 1000), named(std::to_string(i)));
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(ask(routes, "GET", "/n/" + std::to_string(i * 7919 % 1000)), std::to_string(i));
  }
}

TEST(router, malformed_patterns_are_refused_with_the_reason) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "begins with /"},
      {"users", "begins with /"},
      {"/a//b", "two slashes"},
      {"/a/../b", "never matched"},
      {"/./b", "never matched"},
      {"/a?b", "has no ?"},
      {"/a#b", "has no #"},
      {"/a%20b", "written decoded"},
      {"/a\r\nb", "control character"},
      {"/{", "whole segment"},
      {"/a}", "whole segment"},
      {"/a{id}", "whole segment"},
      {"/{id}.txt", "whole segment"},
      {"/{}", "letters, digits and _"},
      {"/{a-b}", "letters, digits and _"},
      {"/{...}", "letters, digits and _"},
      {"/{{a}}", "letters, digits and _"},
      {"/{rest...}/a", "must be the last"},
      {"/{id}/{id}", "two parameters called \"id\""},
      {"/{id}/{id...}", "two parameters"},
      {"/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q}", "more than 16"},
  };
  for (const auto& [pattern, why] : cases) {
    router routes;
    const auto said = refusal([&] { routes.get(pattern, named("")); });
    EXPECT_THAT(said, HasSubstr(why)) << pattern;
    EXPECT_THAT(said, HasSubstr(std::string("route \"GET ") + pattern + "\": ")) << pattern;
  }
  router routes;
  EXPECT_THAT(refusal([&] { routes.route("GE T", "/", named("")); }), HasSubstr("not a token"));
  EXPECT_THAT(refusal([&] { routes.route("CONNECT", "/", named("")); }), HasSubstr("no path"));
  EXPECT_THAT(refusal([&] { routes.get("/", handler()); }), HasSubstr("handler is empty"));
}

/// A null pointer crashed when it was called, and an empty std::function was a 500 for each request.
TEST(router, refuses_handlers_that_are_nothing) {
  router r;
  response (*const pointer)(const request&) = nullptr;
  EXPECT_THROW(r.get("/", pointer), std::invalid_argument);
  EXPECT_THROW(r.get("/", blocking(pointer)), std::invalid_argument);
  EXPECT_THROW(r.get("/", std::function<response(const request&)>()), std::invalid_argument);
  EXPECT_THROW(r.get("/", std::function<void(const request&, responder)>()), std::invalid_argument);
  EXPECT_THROW(r.get("/", std::function<task<response>(const request&, context)>()), std::invalid_argument);
  EXPECT_THROW(r.events("/", std::function<task<>(sse::stream)>()), std::invalid_argument);
  EXPECT_THROW(r.events("/", blocking(std::function<void(sse::stream)>())), std::invalid_argument);
  EXPECT_THROW(r.websocket("/", std::function<task<>(ws::stream)>()), std::invalid_argument);
  EXPECT_NO_THROW(r.get("/", std::function<response(const request&)>([](const request&) { return text(""); })));
}

TEST(router, two_routes_that_could_not_be_told_apart_are_refused) {
  router routes;
  routes.get("/a/{id}", named("1")).get("/b/{rest...}", named("2")).any("/c", named("3"));
  EXPECT_EQ(refusal([&] { routes.get("/a/{x}", named("")); }), "route \"GET /a/{x}\": the same as \"/a/{id}\"");
  EXPECT_THAT(refusal([&] { routes.get("/b/{all...}", named("")); }), HasSubstr("the same as"));
  EXPECT_THAT(refusal([&] { routes.any("/c", named("")); }), HasSubstr("the same as"));
  EXPECT_EQ(refusal([&] { routes.post("/a/{x}", named("post")); }), "accepted");
  EXPECT_EQ(ask(routes, "POST", "/a/5"), "post x=5");
  EXPECT_EQ(ask(routes, "GET", "/a/5"), "1 id=5");
}

TEST(router, answers_in_place_of_a_handler) {
  const auto r = match_result{nullptr, 405, "GET, HEAD, OPTIONS"}.answer();
  EXPECT_EQ(r.status(), 405);
  EXPECT_EQ(r.header("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(r.body(), "405 Method Not Allowed\n");
  EXPECT_EQ((match_result{nullptr, 204, "GET"}.answer().body()), "");
}

TEST(router, works_after_a_move_and_forgets_the_parameters_of_the_last_match) {
  router first;
  first.get("/{id}", named("id")).get("/none/here", [](const request& r) {
    return text(std::string(r.param("id")) + "-");
  });
  const router routes = std::move(first);
  asked a("GET", "/7%20");
  EXPECT_TRUE(routes.match(a.r).handle);
  EXPECT_EQ(a.r.param("id"), "7 ");
  asked b("GET", "/none/here");
  EXPECT_EQ(erased(*routes.match(b.r).handle).answer(b.r, {}, nullptr).body(), "-");
}

TEST(router, is_asked_by_several_threads_at_once) {
  router routes;
  routes.get("/{id}", named("id")).get("/a/{rest...}", named("a"));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, id = std::to_string(t)] {
      for (int i = 0; i < 500; ++i) {
        if (ask(routes, "GET", "/%20" + id) != "id id= " + id || ask(routes, "PUT", "/a/x") == "404") ++wrong;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST(router, takes_answers_of_the_server_only_where_no_route_has_that_very_path) {
  router r;
  r.use([](handler) -> handler { return [](const request&) { return text("wrapped"); }; });
  r.get("/a/b", named(""))
      .any("/any", named(""))
      .get("/q/{x}", named(""))
      .get("/{rest...}", named(""))
      .post("/p", named(""));
  for (const char* path : {"/a/b", "/any", "/p", "/q/x", "/a", "/x"})
    r.get_unless_routed(path, [](const request&) { return text("own"); });
  const auto answer = [&](const char* path) { return ask(r, "GET", path); };
  EXPECT_EQ(answer("/a/b"), "wrapped");
  EXPECT_EQ(answer("/any"), "wrapped");
  for (const char* path : {"/p", "/q/x", "/a", "/x"}) EXPECT_EQ(answer(path), "own") << path;
  EXPECT_EQ(answer("/q/y"), "wrapped");
  EXPECT_EQ(ask(r, "POST", "/p"), "wrapped");
}

/// Middleware that puts its name before the answer.
function<handler(handler)> around_with(std::string name) {
  return [name](handler inner) {
    return handler([name, kept = std::make_shared<handler>(std::move(inner))](const request& r) {
      return text(name + '(' + erased(*kept).answer(r, {}, nullptr).body() + ')');
    });
  };
}

TEST(router, a_group_has_a_prefix_and_middleware_of_its_own) {
  router routes;
  routes.use(around_with("all"));
  routes.group("/api", [](router& api) {
    api.use(around_with("api"));
    api.get("", named("index")).get("/users/{id}", named("user"));
    api.group("/v2", [](router& v2) {
      v2.use(around_with("v2"));
      v2.get("/users/{id}", named("new user"));
    });
    api.get("/last", named("last"));
  });
  routes.get("/users/{id}", named("outside"));
  EXPECT_EQ(ask(routes, "GET", "/api"), "all(api(index))");
  EXPECT_EQ(ask(routes, "GET", "/api/users/5"), "all(api(user id=5))");
  EXPECT_EQ(ask(routes, "GET", "/api/v2/users/5"), "all(api(v2(new user id=5)))");
  EXPECT_EQ(ask(routes, "GET", "/api/last"), "all(api(last))");
  EXPECT_EQ(ask(routes, "GET", "/users/5"), "all(outside id=5)");
  EXPECT_THROW(routes.use(around_with("late")), std::logic_error);
}

TEST(router, a_group_is_left_as_it_was_entered_also_by_an_exception) {
  router routes;
  EXPECT_THAT(
      refusal([&] { routes.group("/a", [](router& a) { a.use(around_with("a")).get("no slash", named("x")); }); }),
      HasSubstr("route \"GET /ano slash\": in a group"));
  routes.get("/b", named("b"));
  EXPECT_EQ(ask(routes, "GET", "/b"), "b");
  for (const char* prefix : {"", "/", "a", "/a/"})
    EXPECT_THAT(refusal([&] { routes.group(prefix, [](router&) {}); }), HasSubstr("a prefix begins with a slash"))
        << prefix;
}

TEST(router, tells_the_request_which_pattern_matched) {
  router routes;
  routes.get("/users/{id}", named("user"));
  routes.group("/api", [](router& api) { api.get("/{rest...}", named("rest")); });
  asked user("GET", "/users/5?a=1"), rest("GET", "/api/x/y"), none("GET", "/else");
  routes.match(user.r);
  routes.match(rest.r);
  routes.match(none.r);
  EXPECT_EQ(user.r.route(), "/users/{id}");
  EXPECT_EQ(rest.r.route(), "/api/{rest...}");
  EXPECT_EQ(none.r.route(), "");
}

TEST(router, refuses_a_method_that_differs_from_a_known_one_by_case) {
  const auto h = [](const request&) { return text(""); };
  router r;
  for (const char* method : {"get", "Post", "deletE"})
    EXPECT_THROW(r.route(method, "/", h), std::invalid_argument) << method;
  EXPECT_NO_THROW(r.route("purge", "/", h));
}

}  // namespace lastcall::http::router_test
