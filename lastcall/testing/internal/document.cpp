#include "lastcall/testing/internal/document.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <utility>

#include "lastcall/testing/internal/parse_json.hpp"

namespace lastcall::inline v0::testing {

namespace {

/// Null if the path is not there.
const json::value* walk(const json::value* at, std::string_view path) noexcept {
  while (at != nullptr && !path.empty()) {
    const std::string_view key = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), key.size() + 1));
    if (const json::array* const elements = at->if_array()) {
      std::size_t index = elements->size();
      std::from_chars(key.data(), key.data() + key.size(), index);
      at = elements->if_contains(index);
    } else {
      const json::object* const members = at->if_object();
      at = members != nullptr ? members->if_contains(key) : nullptr;
    }
  }
  return at;
}

const json::value& found(const std::shared_ptr<const void>& tree, std::string_view path) {
  if (const json::value* const there = walk(static_cast<const json::value*>(tree.get()), path)) return *there;
  throw std::out_of_range("no \"" + std::string(path) + "\" in the document");
}

}  // namespace

document::document(std::string text) : json_(std::move(text)) {
  if (!json_.empty()) tree_ = std::make_shared<json::value>(parse_json(json_));
}

document document::from_file(const std::string& path) {
  std::ifstream from(path);
  return document(std::string(std::istreambuf_iterator<char>(from), {}));
}

std::string document::text(std::string_view path) const {
  const json::value& value = found(tree_, path);
  return value.is_string() ? std::string(value.get_string()) : serialize(value);
}

double document::number(std::string_view path) const {
  const json::value& value = found(tree_, path);
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (!value.is_number()) throw std::invalid_argument("\"" + std::string(path) + "\" is no number");
  return value.to_number<double>();
}

std::size_t document::size(std::string_view path) const {
  const json::value& value = found(tree_, path);
  return value.is_array() ? value.get_array().size() : value.is_object() ? value.get_object().size() : 0;
}

bool document::has(std::string_view path) const noexcept {
  return walk(static_cast<const json::value*>(tree_.get()), path) != nullptr;
}

}  // namespace lastcall::inline v0::testing
