#include "lastcall/http/message/request.hpp"

#include "lastcall/http/message/ascii.hpp"
#include "lastcall/http/message/form_text.hpp"
#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/tls/tls_context.hpp"

namespace lastcall::inline v0::http {
std::string_view request::path() const noexcept {
  if (path_.size != 0) return in_head(path_);
  return target_.size == 0 || verb_ == http::method::connect ? std::string_view{} : "/";
}

std::optional<std::string> request::query(std::string_view name) const {
  std::optional<std::string> found;
  detail::each_form_pair(query_text(), [&](std::string_view each, std::string_view value) {
    if (detail::decodes_to(each, name)) found = detail::decode_form(value);
    return !found;
  });
  return found;
}

std::vector<std::string> request::query_all(std::string_view name) const {
  std::vector<std::string> all;
  detail::each_form_pair(query_text(), [&](std::string_view each, std::string_view value) {
    if (detail::decodes_to(each, name)) all.push_back(detail::decode_form(value));
    return true;
  });
  return all;
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
