#include "lastcall/core/stacks/hung_threads.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>

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

/// Loops of other components are of interest where one may hold up work of this component.
bool may_hang(const thread_stack& of, std::string_view component, bool in_a_verb) {
  const bool is_loop = of.role == "loop";
  const bool blocked_loop = !in_a_verb && is_loop && !waits_for_events(of);
  if (of.component != component && !blocked_loop) return false;
  return is_loop || !of.activity.empty();  // else it is of a pool and has nothing to do
}

/// The smaller, the more likely it is the one that hangs.
int rank(const thread_stack& of, bool in_a_verb) {
  if (in_a_verb && of.role == "verb") return 0;
  if (waits_for_events(of)) return 3;
  return of.activity.empty() ? 2 : 1;
}

}  // namespace

std::vector<std::string> where_it_hangs(std::span<const thread_stack> all, std::string_view component, bool in_a_verb) {
  std::vector<const thread_stack*> threads;
  for (const thread_stack& t : all)
    if (may_hang(t, component, in_a_verb)) threads.push_back(&t);
  std::ranges::sort(threads, {}, [&](const thread_stack* t) { return std::tuple(rank(*t, in_a_verb), -t->age, t); });
  if (threads.size() > most_threads) threads.resize(most_threads);
  std::vector<std::string> lines;
  for (const thread_stack* t : threads) {
    std::string who = t->role;
    if (!t->activity.empty()) who.append(", ").append(t->activity);
    who.append(", for ").append(to_text(std::chrono::floor<std::chrono::milliseconds>(t->age)));
    if (!t->waits.empty()) who.append(", waits in ").append(t->waits);
    lines.push_back(who + ":");
    lines.insert(lines.end(), t->frames.begin(), t->frames.end());
  }
  return lines;
}

}  // namespace lastcall::inline v0
