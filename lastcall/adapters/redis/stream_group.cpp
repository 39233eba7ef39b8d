#include "lastcall/adapters/redis/stream_group.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "lastcall/adapters/redis/link.hpp"

namespace lastcall::inline v0::redis::detail {

namespace {

constexpr std::size_t longest_why = 500;  // bytes

std::int64_t ms(duration of) { return std::chrono::ceil<std::chrono::milliseconds>(of).count(); }

std::optional<error> failure(const result<reply, error>& of) {
  return of ? std::nullopt : std::optional<error>(of.error());
}

/// [ID, [NAME, VALUE, …]]; what is anything else was deleted from the stream.
std::vector<entry> entries_of(const value& all) {
  std::vector<entry> out;
  for (const value each : all) {
    if (each.size() != 2 || !each[1].is_array()) continue;
    entry one{.id = std::string(each[0].text())};
    const value fields = each[1];
    for (std::size_t at = 0; at + 1 < fields.size(); at += 2)
      one.fields.emplace_back(fields[at].text(), fields[at + 1].text());
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

std::optional<error> stream_group::make(connection& on, const context& with, bool from_beginning) const {
  const auto made = on.command(with, "XGROUP", "CREATE", stream, group, from_beginning ? "0" : "$", "MKSTREAM");
  if (!made && (made.error().code() == "BUSYGROUP" || made.error().code() == "NOPERM")) return std::nullopt;
  return failure(made);
}

result<std::vector<entry>, error> stream_group::read(connection& on, const context& with, std::size_t most,
                                                     duration longest) const {
  const auto said = on.command(with, "XREADGROUP", "GROUP", group, consumer, "COUNT", most, "BLOCK", ms(longest),
                               "STREAMS", stream, ">");
  if (!said) return said.error();
  if (said->size() != 1 || (*said)[0].size() != 2) return std::vector<entry>();
  return entries_of((*said)[0][1]);
}

result<std::vector<pending_entry>, error> stream_group::pending(connection& on, const context& with,
                                                                const std::string& from, std::size_t most,
                                                                std::optional<duration> idle) const {
  const auto said = idle ? on.command(with, "XPENDING", stream, group, "IDLE", ms(*idle), from, "+", most)
                         : on.command(with, "XPENDING", stream, group, from, "+", most, consumer);
  if (!said) return said.error();
  std::vector<pending_entry> out;
  for (const value each : *said)
    if (each.size() == 4)
      out.push_back({.id = std::string(each[0].text()),
                     .given = each[3].get<std::uint64_t>(),
                     .idle = std::chrono::milliseconds(each[2].get<std::int64_t>())});
  return out;
}

result<std::vector<entry>, error> stream_group::claim(connection& on, const context& with,
                                                      const std::vector<pending_entry>& which, duration idle) const {
  std::vector<std::string> ids;
  for (const pending_entry& each : which) ids.push_back(each.id);
  const auto said = on.command(with, "XCLAIM", stream, group, consumer, ms(idle), ids);
  if (!said) return said.error();
  auto claimed = entries_of(*said);
  for (entry& each : claimed) {
    const auto known = std::ranges::find(which, each.id, &pending_entry::id);
    if (known != which.end()) each.tries = known->given + 1;
  }
  return claimed;
}

std::optional<error> stream_group::acknowledge(connection& on, const context& with,
                                               const std::vector<std::string>& ids) const {
  return failure(on.command(with, "XACK", stream, group, ids));
}

std::optional<error> stream_group::move_to_dead_letters(connection& on, const context& with, const dead_letter& what,
                                                        const std::string& to) const {
  std::vector<std::string> words;
  for (const auto& [name, text] : what.of.fields) {
    words.push_back(name);
    words.push_back(text);
  }
  // A script, which ends with its first error: a transaction would acknowledge what could not be added.
  return failure(on.command(with, "EVAL",
                            "redis.call('XADD', KEYS[1], '*', unpack(ARGV, 3)) "
                            "return redis.call('XACK', KEYS[2], ARGV[1], ARGV[2])",
                            2, to, stream, group, what.of.id, words, "dead.stream", stream, "dead.id", what.of.id,
                            "dead.tries", what.of.tries, "dead.error", what.why.substr(0, longest_why)));
}

std::optional<error> stream_group::set_idle(connection& on, const context& with, const std::vector<std::string>& ids,
                                            duration idle) const {
  if (ids.empty()) return std::nullopt;
  return failure(on.command(with, "XCLAIM", stream, group, consumer, 0, ids, "IDLE", ms(idle), "JUSTID"));
}

std::optional<error> stream_group::give_back(connection& on, const context& with,
                                             const std::vector<pending_entry>& which, duration idle) const {
  commands all;
  for (const pending_entry& each : which)
    all.add("XCLAIM", stream, group, consumer, 0, each.id, "IDLE", ms(idle), "RETRYCOUNT",
            each.given - std::min<std::uint64_t>(each.given, 1), "JUSTID");
  const auto said = on.run(with, all);
  if (!said) return said.error();
  for (const reply& each : *said)
    if (each.is_error()) return link_access::refusal(on, each, all.label());
  return std::nullopt;
}

// One script, so that nothing is given to it between the question and the removal, which would forget that.
std::optional<error> stream_group::leave(connection& on, const context& with) const {
  return failure(on.command(with, "EVAL",
                            "if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then "
                            "return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end return -1",
                            1, stream, group, consumer));
}

}  // namespace lastcall::inline v0::redis::detail
