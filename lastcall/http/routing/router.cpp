#include "lastcall/http/routing/router.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/request_access.hpp"
#include "lastcall/http/message/status.hpp"
#include "lastcall/http/routing/path.hpp"
#include "lastcall/http/routing/route_pattern.hpp"

namespace lastcall::inline v0::http {
namespace {

using access = detail::request_access;

constexpr std::string_view any_method = "*";

struct route_entry {
  http::method verb;   // of `method`
  std::string method;  // or `any_method`
  const route_name* name;
  std::vector<std::string> names;
  handler handle;
};

using entries = std::vector<route_entry>;

template <class Value, class Wanted>
const route_entry* find_by(Value route_entry::* which, const entries& all, const Wanted& wanted) noexcept {
  const auto found = std::ranges::find(all, wanted, which);
  return found == all.end() ? nullptr : &*found;
}

const route_entry* serving(const entries& all, const request& r) noexcept {
  if (const auto* own = r.verb() == method::other ? find_by(&route_entry::method, all, r.method())
                                                  : find_by(&route_entry::verb, all, r.verb()))
    return own;
  if (r.verb() == method::head)
    if (const auto* get = find_by(&route_entry::verb, all, method::get)) return get;
  return find_by(&route_entry::method, all, any_method);
}

/// What the parameters on the way to a node stand for, not decoded.
struct captured {
  struct part {
    const char* at;
    std::size_t size;
  };

  captured() noexcept {}  // only what has been captured is read

  std::array<part, router::max_params> values;
  std::size_t count = 0;
};

/// The value of Allow: each method once.
class allowed {
 public:
  void add(const entries& all) {
    for (const route_entry& e : all) {
      if (e.method != any_method) add(e.method);
      if (e.method == "GET") add("HEAD");
    }
  }
  std::string text() && { return std::move(text_); }
  bool empty() const noexcept { return text_.empty(); }
  void add(std::string_view method) {
    if (std::find(seen_.begin(), seen_.end(), method) != seen_.end()) return;
    seen_.push_back(method);
    if (!text_.empty()) text_ += ", ";
    text_ += method;
  }

 private:
  std::vector<std::string_view> seen_;
  std::string text_;
};

}  // namespace

struct router::node {
  /// A literal's length and first seven bytes: nearly always, two that are the same in that are the same.
  static std::uint64_t key_of(std::string_view text) noexcept {
    constexpr std::size_t shown = 7, most = 255;
    std::uint64_t key = std::min(text.size(), most);
    for (std::size_t i = 0; i < std::min(text.size(), shown); ++i) key = key << 8 | static_cast<unsigned char>(text[i]);
    return key;
  }
  struct branch {
    std::uint64_t key;
    std::unique_ptr<node> to;
  };

  std::string literal;
  std::vector<branch> literals;  // sorted by key
  std::unique_ptr<node> param;
  entries here;  // patterns that end in this segment
  entries rest;  // patterns that go on with {name...}

  node& literal_child(std::string_view text) {
    if (node* const known = find_exactly(text)) return *known;
    const auto at = std::ranges::upper_bound(literals, key_of(text), {}, &branch::key);
    node& added = *literals.insert(at, {key_of(text), std::make_unique<node>()})->to;
    added.literal = text;
    return added;
  }

  const node* find_literal(std::string_view raw) const {
    if (raw.find('%') == std::string_view::npos) return find_exactly(raw);
    std::string decoded;
    detail::append_decoded(decoded, raw);
    return find_exactly(decoded);
  }

  node* find_exactly(std::string_view text) const noexcept {
    const std::uint64_t key = key_of(text);
    for (auto at = std::ranges::lower_bound(literals, key, {}, &branch::key); at != literals.end() && at->key == key;
         ++at)
      if (at->to->literal == text) return at->to.get();
    return nullptr;
  }

  /// Shows `visit` the entries of each pattern that fits `path` (without its first slash), best first, until it says
  /// true. No node is seen twice, whatever the path.
  template <class Visit> bool walk(std::string_view path, captured& c, const Visit& visit) const {
    const auto slash = path.find('/');
    const bool last = slash == std::string_view::npos;
    const auto segment = path.substr(0, slash);
    const auto further = [&](const node& child) {
      return last ? visit(child.here) : child.walk(path.substr(slash + 1), c, visit);
    };
    if (const node* child = find_literal(segment); child && further(*child)) return true;
    if (param && !segment.empty()) {
      c.values[c.count++] = {segment.data(), segment.size()};
      if (further(*param)) return true;
      --c.count;
    }
    if (!rest.empty()) {
      c.values[c.count++] = {path.data(), path.size()};
      if (visit(rest)) return true;
      --c.count;
    }
    return false;
  }

  template <class Visit> void each(const Visit& visit) const {
    visit(here);
    visit(rest);
    for (const auto& each_child : literals) each_child.to->each(visit);
    if (param) param->each(visit);
  }
};

response match_result::answer() const {
  response r = status_only(status);
  if (may_have_body(status)) r = text(std::to_string(status).append(" ").append(reason_phrase(status)) + '\n', status);
  if (!allow.empty()) r.header("Allow", allow);
  return r;
}

router::router() : root_(std::make_unique<node>()) {}
router::router(router&&) noexcept = default;
router& router::operator=(router&&) noexcept = default;
router::~router() = default;

router& router::use(function<handler(handler)> m) {
  if (!m) throw std::invalid_argument("router: the middleware is empty");
  if (has_routes_) throw std::logic_error("router: use() comes before the routes that it is to stand around");
  around_.push_back(std::move(m));
  return *this;
}

router& router::group(std::string_view prefix, const function<void(router&)>& fill) {
  if (!prefix.starts_with('/') || prefix.ends_with('/'))
    throw std::invalid_argument("router: group \"" + std::string(prefix) +
                                "\": a prefix begins with a slash, and does not end with one");
  struct as_before {
    explicit as_before(router& r) : of(r), prefix(r.prefix_), around(r.around_.size()), had_routes(r.has_routes_) {}
    ~as_before() {
      of.prefix_ = prefix;
      of.around_.erase(of.around_.begin() + static_cast<std::ptrdiff_t>(around), of.around_.end());
      of.has_routes_ = of.has_routes_ || had_routes;
    }
    router& of;
    const std::string prefix;
    const std::size_t around;
    const bool had_routes;
  } const outside(*this);
  prefix_ += prefix;
  has_routes_ = false;
  fill(*this);
  return *this;
}

router& router::any(std::string_view pattern, handler h) { return route(any_method, pattern, std::move(h)); }

router& router::route(std::string_view method, std::string_view pattern, handler h) {
  const auto refuse = [&](const std::string& why) {
    throw std::invalid_argument("route \"" + std::string(method) + ' ' + prefix_ + std::string(pattern) + "\": " + why);
  };
  if (!detail::is_token(method)) refuse("the method is not a token");
  std::string upper(method);
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (upper != method && parse_method(upper) != http::method::other)
    refuse("methods are told apart by case, and no client sends this one; write " + upper);
  if (method == "CONNECT") refuse("CONNECT has no path to route by");
  if (!h) refuse("the handler is empty");
  if (!prefix_.empty() && !pattern.empty() && pattern.front() != '/')
    refuse("in a group a pattern is empty or begins with a slash");
  const std::string whole = prefix_ + std::string(pattern);
  auto parsed = detail::parse_pattern(whole);
  if (!parsed.error.empty()) refuse(parsed.error);

  has_routes_ = true;
  if (parse_method(method) == http::method::other && method != any_method &&
      std::find(other_methods_.begin(), other_methods_.end(), method) == other_methods_.end())
    other_methods_.emplace_back(method);
  for (auto m = around_.rbegin(); m != around_.rend(); ++m) h = (*m)(std::move(h));
  if (!h) refuse("a middleware returned an empty handler");

  node* at = root_.get();
  bool rest = false;
  std::vector<std::string> names;
  for (auto& s : parsed.segments) {
    switch (s.what) {
      case detail::segment_kind::literal:
        at = &at->literal_child(s.text);
        continue;
      case detail::segment_kind::param:
        if (!at->param) at->param = std::make_unique<node>();
        at = at->param.get();
        break;
      case detail::segment_kind::rest:
        rest = true;
        break;
    }
    names.push_back(std::move(s.text));
  }
  entries& all = rest ? at->rest : at->here;
  if (const auto* other = find_by(&route_entry::method, all, method))
    refuse("the same as \"" + other->name->pattern + '"');
  routes_.push_back({std::string(method), whole, static_cast<std::uint32_t>(routes_.size() + 1)});
  all.push_back({parse_method(method), std::string(method), &routes_.back(), std::move(names), std::move(h)});
  return *this;
}

void router::get_unless_routed(std::string_view path, handler h) {
  if (has_get(path)) return;
  auto around = std::exchange(around_, {});
  get(path, std::move(h));
  around_ = std::move(around);
}

/// Whether a route that serves GET has this very path as its pattern.
bool router::has_get(std::string_view path) const noexcept {
  const node* at = root_.get();
  while (at && !path.empty()) {
    path.remove_prefix(1);  // the slash
    const auto segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    at = at->find_exactly(segment);
  }
  return at &&
         (find_by(&route_entry::verb, at->here, method::get) || find_by(&route_entry::method, at->here, any_method));
}

match_result router::match(request& r) const {
  access::clear_params(r);
  if (r.verb() == method::connect) return {nullptr, 501, {}};
  const auto path = r.path();
  if (path == "*") {
    allowed methods;
    root_->each([&](const entries& all) { methods.add(all); });
    methods.add("OPTIONS");
    return {nullptr, 204, std::move(methods).text()};
  }
  if (!detail::is_sound_path(path)) return {nullptr, 400, {}};

  captured c;
  const route_entry* found = nullptr;
  root_->walk(path.substr(1), c, [&](const entries& all) { return (found = serving(all, r)) != nullptr; });
  if (found) {
    access::route(r, *found->name);
    for (std::size_t i = 0; i < c.count; ++i) {
      const std::string_view value(c.values[i].at, c.values[i].size);
      if (value.find('%') == std::string_view::npos) {
        access::add_param(r, found->names[i], value);
      } else {
        std::string& decoded = access::decoded(r);
        const auto from = decoded.size();
        detail::append_decoded(decoded, value);
        access::add_decoded_tail(r, found->names[i], from);
      }
    }
    return {&found->handle, 0, {}};
  }

  // RFC 9110 section 15.6.2: 501 where the server does not recognize the method, for any resource.
  if (r.verb() == method::other &&
      std::find(other_methods_.begin(), other_methods_.end(), r.method()) == other_methods_.end())
    return {nullptr, 501, {}};
  allowed methods;
  root_->walk(path.substr(1), c, [&](const entries& all) {
    methods.add(all);
    return false;
  });
  if (methods.empty()) return {nullptr, 404, {}};
  methods.add("OPTIONS");
  return {nullptr, r.verb() == method::options ? 204 : 405, std::move(methods).text()};
}

}  // namespace lastcall::inline v0::http
