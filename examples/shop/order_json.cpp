// What an order looks like outside of the program.
#include <boost/json/src.hpp>  // all of it, so there is no library to link with

#include "orders.hpp"

namespace json = boost::json;

namespace shop {

namespace {

json::object object_of(const order& of) {
  return {{"id", of.id},         {"client_key", of.client_key},
          {"item", of.item},     {"quantity", of.quantity},
          {"status", of.status}, {"event", of.published ? "published" : "pending"}};
}

/// Empty: not there, or nothing that a database keeps as it is.
std::string text_of(const json::object& all, std::string_view name) {
  const json::value* const found = all.if_contains(name);
  if (!found || !found->is_string() || found->get_string().size() > 200) return "";
  return found->get_string().find('\0') == json::string::npos ? std::string(found->get_string()) : "";
}

}  // namespace

std::string to_json(const order& of) { return json::serialize(object_of(of)); }

std::string to_json(const std::vector<order>& of) {
  json::array all;
  for (const order& each : of) all.push_back(object_of(each));
  return json::serialize(all);
}

std::optional<order> order_of(std::string_view text) {
  boost::system::error_code bad;
  const json::value sent = json::parse(text, bad);
  const json::object* const all = bad ? nullptr : sent.if_object();
  if (!all) return std::nullopt;
  const json::value* const quantity = all->if_contains("quantity");
  order asked{.client_key = text_of(*all, "client_key"),
              .item = text_of(*all, "item"),
              .quantity = quantity && quantity->is_int64() ? quantity->get_int64() : 0};
  if (asked.client_key.empty() || asked.item.empty() || asked.quantity < 1 || asked.quantity > 1'000'000)
    return std::nullopt;
  return asked;
}

}  // namespace shop
