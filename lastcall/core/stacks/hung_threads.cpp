#include "lastcall/core/stacks/hung_threads.hpp"

#include <algorithm>
#include <cstddef>

#include "lastcall/core/duration.hpp"

namespace lastcall::inline v0 {

namespace {

constexpr std::size_t most_threads = 8;

/// The kernel's word counts; frames do where it says nothing, and where names were found for them.
bool waits_for_events(const thread_stack& of) {
  const std::string_view call = std::string_view(of.waits).substr(0, of.waits.find(" on fd "));
  if (!call.empty()) return call.find("epoll_") != call.npos || call.starts_with("ep_poll");
  return std::ranges::any_of(of.frames,
                             [](const std::string& frame) { return frame.find("epoll_wait") != frame.npos; });
}

}  // namespace

std::vector<std::string> where_it_hangs(std::span<const thread_stack> all, std::string_view component, bool in_a_verb) {
  std::vector<std::string> lines;
  std::size_t threads = 0;
  for (const thread_stack& t : all) {
    const bool is_loop = t.role == "loop";
    const bool blocked_loop = !in_a_verb && is_loop && !waits_for_events(t);
    if (t.component != component && !blocked_loop) continue;
    if (t.activity.empty() && !is_loop) continue;  // a thread of a pool that has nothing to do
    if (++threads > most_threads) break;
    std::string who = t.role;
    if (!t.activity.empty()) who.append(", ").append(t.activity);
    who.append(", for ").append(to_text(std::chrono::floor<std::chrono::milliseconds>(t.age)));
    if (!t.waits.empty()) who.append(", waits in ").append(t.waits);
    lines.push_back(who + ":");
    lines.insert(lines.end(), t.frames.begin(), t.frames.end());
  }
  return lines;
}

}  // namespace lastcall::inline v0
