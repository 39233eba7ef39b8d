// How parsers, the router and connections fill a request. All other code only reads one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "lastcall/http/message/request.hpp"

namespace lastcall::inline v0::http::detail {

/// A copy of a request, with the bytes that it views.
struct kept_request {
  std::unique_ptr<char[]> head;
  request req;
};

/// Every view handed in lies within the head given to `begin`, except the body. A head is shorter than 4 GiB.
struct request_access {
  /// Forgets everything but the remote, and keeps capacity. What is set next lies in `head`.
  static void begin(request& r, const char* head) noexcept {
    r.head_ = head;
    r.method_ = r.target_ = r.path_ = r.query_ = r.host_ = {};
    r.verb_ = http::method::other;
    r.fields_.clear();
    r.params_.clear();
    r.route_ = nullptr;
    r.decoded_.clear();
    r.body_ = {};
    r.id_.clear();
  }

  /// Of all but the body and the remote.
  static std::unique_ptr<kept_request> copy(const request& from) {
    std::size_t size = 0;
    const auto reach = [&](request::piece p) { size = std::max<std::size_t>(size, p.at + p.size); };
    for (const auto p : {from.method_, from.target_, from.path_, from.query_, from.host_}) reach(p);
    for (const auto& f : from.fields_) reach(f.name), reach(f.value);
    for (const auto& p : from.params_)
      if (!p.decoded) reach(p.value);
    auto kept = std::make_unique<kept_request>();
    kept->head.reset(new char[size]);
    std::memcpy(kept->head.get(), from.head_, size);
    kept->req = from;
    kept->req.head_ = kept->head.get();
    kept->req.body_ = {};
    kept->req.remote_ = nullptr;
    return kept;
  }

  /// The bytes of the head were moved. Only while no handler has the request: views taken from it do not move.
  static void move_head(request& r, const char* head) noexcept { r.head_ = head; }

  static void method(request& r, std::string_view text) noexcept {
    r.method_ = in(r, text);
    r.verb_ = parse_method(text);
  }
  static void target(request& r, std::string_view all, std::string_view path, std::string_view query) noexcept {
    r.target_ = in(r, all);
    r.path_ = in(r, path);
    r.query_ = in(r, query);
  }
  static void host(request& r, std::string_view text) noexcept { r.host_ = in(r, text); }
  [[gnu::always_inline]] static void add_field(request& r, std::string_view name, std::string_view value) {
    r.fields_.push_back({at(r, name), at(r, value)});
  }

  /// `name` is the router's and outlives the request; `value` is a part of the head.
  static void add_param(request& r, std::string_view name, std::string_view value) {
    r.params_.push_back({name, in(r, value), false});
  }
  static void route(request& r, const route_name& matched) noexcept { r.route_ = &matched; }
  static std::uint32_t route_number(const request& r) noexcept { return r.route_ ? r.route_->number : 0; }
  static void clear_params(request& r) noexcept {
    r.params_.clear();
    r.route_ = nullptr;
    r.decoded_.clear();
  }
  /// For a value that is no part of the head: append it to `decoded`, then name all from `from` on.
  static std::string& decoded(request& r) noexcept { return r.decoded_; }
  static void add_decoded_tail(request& r, std::string_view name, std::size_t from) {
    r.params_.push_back(
        {name, {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(r.decoded_.size() - from)}, true});
  }

  static void body(request& r, std::string_view bytes) noexcept { r.body_ = bytes; }
  /// Outlives the request; null: unknown.
  static void remote(request& r, const net::endpoint* e) noexcept { r.remote_ = e; }
  /// The peer of the TLS connection; null without TLS.
  static void tls(request& r, std::shared_ptr<const net::tls_peer> peer) noexcept { r.tls_ = std::move(peer); }
  static const net::endpoint* remote(const request& r) noexcept { return r.remote_; }
  /// The request's id, if the server gives each one.
  static std::string& id(request& r) noexcept { return r.id_; }
  static const std::string& id(const request& r) noexcept { return r.id_; }

 private:
  static request::piece in(const request& r, std::string_view part) noexcept {
    if (part.empty()) return {};
    return at(r, part);
  }
  static request::piece at(const request& r, std::string_view part) noexcept {
    return {static_cast<std::uint32_t>(part.data() - r.head_), static_cast<std::uint32_t>(part.size())};
  }
};

}  // namespace lastcall::inline v0::http::detail
