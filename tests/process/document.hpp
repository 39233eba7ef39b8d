// What programs leave as JSON, read by path, and the one thing that is true of every report: its ledgers add up. Not a
// JSON library: it writes nothing and keeps no types.
#pragma once

#include <gtest/gtest.h>

#include <boost/property_tree/json_parser.hpp>
#include <boost/property_tree/ptree.hpp>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>

namespace process_tests {

/// JSON, read by path: `number("requests.begun")`, `number("loads.0.lost")`. A path that is not there throws and names
/// itself, so that a renamed field fails the test.
class document {
 public:
  document() = default;
  explicit document(const std::string& json) : json_(json), there_(!json.empty()) {
    std::istringstream from(json);
    if (there_) boost::property_tree::read_json(from, tree_);
  }
  static document from_file(const std::string& path) {
    std::ifstream from(path);
    return document(std::string(std::istreambuf_iterator<char>(from), {}));
  }

  explicit operator bool() const noexcept { return there_; }
  std::string text(const std::string& path) const { return find(path).data(); }
  /// NaN for null.
  double number(const std::string& path) const {
    const std::string value = text(path);
    return value == "null" ? std::numeric_limits<double>::quiet_NaN() : std::stod(value);
  }
  /// All of it, to be shown where an expectation fails.
  const std::string& json() const noexcept { return json_; }
  std::size_t size(const std::string& path) const { return find(path).size(); }
  bool has(const std::string& path) const noexcept { return walk(path) != nullptr; }

 private:
  std::string json_;
  using tree = boost::property_tree::ptree;
  const tree* walk(const std::string& path) const noexcept {
    const tree* at = &tree_;
    std::istringstream keys(path);
    for (std::string key; at != nullptr && std::getline(keys, key, '.');) {
      const bool element = !at->empty() && at->front().first.empty();
      const tree* next = nullptr;
      std::size_t index = 0;
      for (const auto& [name, child] : *at)
        if (element ? std::to_string(index++) == key : name == key) next = next == nullptr ? &child : next;
      at = next;
    }
    return at;
  }
  const tree& find(const std::string& path) const {
    const tree* found = walk(path);
    return found != nullptr ? *found : throw std::out_of_range("no \"" + path + "\" in the document");
  }

  bool there_ = false;
  tree tree_;
};

/// Each ledger's sum is what it began with.
inline void expect_ledgers_add_up(const document& report, const std::string& of = "") {
  const auto n = [&](const std::string& path) { return report.number(of + path); };
  EXPECT_EQ(n("connections.accepted"), n("connections.closed_clean") + n("connections.closed_by_remote") +
                                           n("connections.reset_by_remote") + n("connections.timed_out") +
                                           n("connections.handed_over") + n("connections.forced"));
  EXPECT_EQ(n("requests.begun"), n("requests.answered") + n("requests.rejected") + n("requests.abandoned_by_client") +
                                     n("requests.handed_over") + n("requests.forced"));
}

}  // namespace process_tests
