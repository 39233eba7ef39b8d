#include "lastcall/http/message/request.hpp"

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/tls/tls.hpp"

namespace lastcall::inline v0::http {
namespace {

/// Takes a byte off the front of `encoded`, decoded as in a form.
char take_form_byte(std::string_view& encoded) noexcept {
  char c = encoded.front();
  std::size_t used = 1;
  if (c == '+') {
    c = ' ';
  } else if (c == '%' && encoded.size() >= 3) {
    const int high = detail::hex_digit(encoded[1]);
    const int low = detail::hex_digit(encoded[2]);
    if (high >= 0 && low >= 0) {
      c = static_cast<char>(high * 16 + low);
      used = 3;
    }
  }
  encoded.remove_prefix(used);
  return c;
}

bool decodes_to(std::string_view encoded, std::string_view wanted) noexcept {
  for (const char c : wanted)
    if (encoded.empty() || take_form_byte(encoded) != c) return false;
  return encoded.empty();
}

}  // namespace

std::string_view request::path() const noexcept {
  if (path_.size != 0) return in_head(path_);
  return target_.size == 0 || verb_ == http::method::connect ? std::string_view{} : "/";
}

std::optional<std::string> request::query(std::string_view name) const {
  for (std::string_view rest = query_text(); !rest.empty();) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(pair.size() == rest.size() ? pair.size() : pair.size() + 1);
    const auto equals = pair.find('=');
    if (pair.empty() || !decodes_to(pair.substr(0, equals), name)) continue;
    std::string value;
    if (equals != std::string_view::npos) {
      for (auto encoded = pair.substr(equals + 1); !encoded.empty();) value += take_form_byte(encoded);
    }
    return value;
  }
  return std::nullopt;
}

std::string_view request::param(std::string_view name) const noexcept {
  for (const parameter& p : params_) {
    if (p.name == name)
      return p.decoded ? std::string_view(decoded_).substr(p.value.at, p.value.size) : in_head(p.value);
  }
  return {};
}

const request::field* request::find(std::string_view name) const noexcept {
  for (const field& f : fields_) {
    if (f.name.size == name.size() && detail::equal_ignoring_case(in_head(f.name), name)) return &f;
  }
  return nullptr;
}

std::string_view request::header(std::string_view name) const noexcept {
  const field* f = find(name);
  return f ? in_head(f->value) : std::string_view{};
}

bool request::has_header(std::string_view name) const noexcept { return find(name) != nullptr; }

std::string_view request::client_certificate() const noexcept {
  return tls_ ? std::string_view(tls_->subject) : std::string_view();
}

std::string request::remote() const { return remote_ ? to_text(*remote_) : std::string(); }

}  // namespace lastcall::inline v0::http
