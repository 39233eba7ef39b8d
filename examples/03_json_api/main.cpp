// A JSON API: notes that are listed, made, read, replaced and deleted; errors as problems; metrics for each route.
// Try it:  curl -si localhost:8083/api/notes -d '{"title":"buy tea","tags":["home"]}'
#include <algorithm>
#include <boost/json/src.hpp>  // all of it, so there is no library to link with
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "lastcall/app.hpp"
#include "lastcall/http.hpp"
#include "lastcall/log.hpp"

using namespace std::chrono_literals;
namespace http = lastcall::http;
namespace json = boost::json;

namespace {

struct note {
  std::string title;
  std::vector<std::string> tags;
};

/// What is wrong with a request, for the client.
struct invalid {
  int status;
  std::string what;
};

http::response json_answer(const json::value& of, int status = 200) {
  return http::text(json::serialize(of) + "\n", status).header("Content-Type", "application/json");
}

note note_of(const http::request& req) {
  boost::system::error_code bad;
  const json::value sent = json::parse(req.body(), bad);
  if (bad) throw invalid{400, "the body is not JSON: " + bad.message()};
  const json::object* const object = sent.if_object();
  if (!object) throw invalid{422, "give an object: {\"title\": …, \"tags\": […]}"};
  note made;
  const json::value* const title = object->if_contains("title");
  if (!title || !title->is_string() || title->get_string().empty() || title->get_string().size() > 200)
    throw invalid{422, "title: give a text of 1 to 200 bytes"};
  made.title = title->get_string().c_str();
  if (const json::value* const tags = object->if_contains("tags")) {
    if (!tags->is_array() || tags->get_array().size() > 10) throw invalid{422, "tags: give a list of at most 10 texts"};
    for (const json::value& tag : tags->get_array()) {
      if (!tag.is_string()) throw invalid{422, "tags: give a list of at most 10 texts"};
      made.tags.emplace_back(tag.get_string().c_str());
    }
  }
  return made;
}

/// All notes, in memory. Its functions run on several threads at once.
class notes {
 public:
  static constexpr std::size_t most = 10'000;

  http::response list(const http::request& req) const {
    const std::vector<std::string> wanted = req.query_all("tag");
    json::array all;
    const std::lock_guard lock(mutex_);
    for (const auto& [id, one] : notes_)
      if (std::ranges::all_of(wanted, [&](const std::string& tag) { return std::ranges::count(one.tags, tag) > 0; }))
        all.push_back(as_json(id, one));
    return json_answer(all);
  }
  http::response make(const http::request& req) try {
    note made = note_of(req);
    const std::lock_guard lock(mutex_);
    if (notes_.size() >= most) return http::problem(507, "there are 10000 notes; delete some");
    const long id = next_++;
    const json::value shown = as_json(id, notes_[id] = std::move(made));
    return json_answer(shown, 201).header("Location", "/api/notes/" + std::to_string(id));
  } catch (const invalid& why) {
    return http::problem(why.status, why.what);
  }
  http::response read(const http::request& req) const {
    const std::lock_guard lock(mutex_);
    const auto at = notes_.find(id_of(req));
    return at == notes_.end() ? none() : json_answer(as_json(at->first, at->second));
  }
  http::response replace(const http::request& req) try {
    note made = note_of(req);
    const std::lock_guard lock(mutex_);
    const auto at = notes_.find(id_of(req));
    if (at == notes_.end()) return none();
    at->second = std::move(made);
    return json_answer(as_json(at->first, at->second));
  } catch (const invalid& why) {
    return http::problem(why.status, why.what);
  }
  http::response remove(const http::request& req) {
    const std::lock_guard lock(mutex_);
    return notes_.erase(id_of(req)) > 0 ? http::text("", 204) : none();
  }

 private:
  static json::value as_json(long id, const note& of) {
    return {{"id", id}, {"title", of.title}, {"tags", json::value_from(of.tags)}};
  }
  static long id_of(const http::request& req) { return std::strtol(std::string(req.param("id")).c_str(), nullptr, 10); }
  static http::response none() { return http::problem(404, "there is no such note"); }

  mutable std::mutex mutex_;
  std::map<long, note> notes_;
  long next_ = 1;
};

}  // namespace

int main(int argc, char** argv) try {
  lastcall::app app{{.grace = 20s}};
  notes all;

  http::router routes;
  routes.group("/api/notes", [&](http::router& in) {
    in.get("", [&](const http::request& req) { return all.list(req); });
    in.post("", [&](const http::request& req) { return all.make(req); });
    in.get("/{id}", [&](const http::request& req) { return all.read(req); });
    in.put("/{id}", [&](const http::request& req) { return all.replace(req); });
    in.del("/{id}", [&](const http::request& req) { return all.remove(req); });
  });

  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8083);
  app.add<http::admin>("admin", {.address = "127.0.0.1", .port = static_cast<std::uint16_t>(port ? port + 1 : 0)});
  app.add<http::server>("http", {.port = port,
                                 .routes = std::move(routes),
                                 .access_log = http::access_log_to(app.log()),
                                 .own_answers = http::problem_json,  // also 404, 405, 413 … are problems
                                 .request_ids = true});
  return app.run();
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';
  return 2;
}
