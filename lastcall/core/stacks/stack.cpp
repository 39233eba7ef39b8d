#include "lastcall/core/stacks/stack.hpp"

#include <dirent.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "lastcall/core/duration.hpp"
#include "lastcall/core/stacks/symbols.hpp"
#include "lastcall/core/stacks/thread_facts.hpp"

namespace lastcall::inline v0 {
namespace {

/// Stacks without their frames, and of each the addresses that these will name.
struct captured {
  std::vector<thread_stack> stacks{};
  std::vector<std::vector<std::uintptr_t>> addresses{};

  void add(thread_facts facts, raw_stack raw, thread_entry entry, time_point now) {
    stacks.push_back({.tid = facts.tid,
                      .name = std::move(facts.name),
                      .component = std::move(entry.component),
                      .role = std::move(entry.role),
                      .activity = std::move(entry.activity),
                      .age = now - entry.since,
                      .state = facts.state,
                      .waits = std::move(facts.waits),
                      .answer = raw.answer});
    addresses.push_back(std::move(raw.addresses));
  }

  std::vector<std::uintptr_t> all_addresses() const {
    std::vector<std::uintptr_t> all;
    for (const auto& each : addresses) all.insert(all.end(), each.begin(), each.end());
    return all;
  }

  /// `names`: those of all_addresses(), in order.
  void name_frames(const std::vector<function_names>& names) {
    std::size_t next = 0;
    for (std::size_t i = 0; i < stacks.size(); ++i) {
      auto& frames = stacks[i].frames;
      frames.clear();
      for (std::size_t k = 0; k < addresses[i].size(); ++k, ++next)
        for (const std::string& name : names[next])
          if (frames.size() < most_stack_frames) frames.push_back(name);
    }
  }
};

std::vector<function_names> places(const std::vector<std::uintptr_t>& addresses) {
  std::vector<function_names> all;
  for (std::string& each : detail::places_in_files(addresses)) all.push_back({std::move(each)});
  return all;
}

/// Names come from outside too (targets of requests): what could steer a terminal becomes a question mark.
void append_shown(std::string& to, std::string_view text) {
  for (const char c : text) to += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
}

/// By stack_answer.
constexpr std::array<std::string_view, 5> why_no_frames{"its stack has no frames", "it did not answer in time",
                                                        "it blocks signals", "it has ended", "it could not be asked"};

/// To the nanosecond nobody reads it.
std::string rounded(duration value) {
  using namespace std::chrono_literals;
  if (value >= 10s) return to_text(std::chrono::floor<std::chrono::seconds>(value));
  if (value >= 10ms) return to_text(std::chrono::floor<std::chrono::milliseconds>(value));
  return to_text(std::chrono::floor<std::chrono::microseconds>(std::max(value, duration::zero())));
}

void append_head(std::string& to, const thread_stack& of) {
  to.append("thread ").append(std::to_string(of.tid)).append(" (");
  append_shown(to, of.name);
  to += ')';
  if (!of.component.empty()) {
    to += ' ';
    append_shown(to, of.component);
  }
  if (!of.role.empty()) {
    to += ' ';
    append_shown(to, of.role);
  }
  to += ": ";
  if (!of.activity.empty()) {
    append_shown(to, of.activity);
    to.append(" for ").append(rounded(of.age)).append("; ");
  }
  if (!of.waits.empty()) {
    to += "waits in ";
    append_shown(to, of.waits);
  } else {
    to += of.state == 'R' ? "runs" : std::string("is in state ") + of.state;
  }
  to += '\n';
}

void append_frames(std::string& to, const thread_stack& of) {
  if (of.frames.empty())
    to.append("    no frames: ").append(why_no_frames[static_cast<std::size_t>(of.answer)]).append("\n");
  std::size_t number = 0;
  for (const std::string& frame : of.frames) {
    const std::string digits = std::to_string(number++);
    to.append(digits.size() < 2 ? "    #" : "   #").append(digits).append(" ");
    append_shown(to, frame);
    to += '\n';
  }
}

bool stand_alike(const thread_stack& a, const thread_stack& b) {
  return !a.frames.empty() && a.component == b.component && a.role == b.role && a.frames == b.frames;
}

std::size_t threads_of_process() {
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(opendir("/proc/self/task"), &closedir);
  std::size_t count = 0;
  while (tasks != nullptr) {
    const dirent* const entry = readdir(tasks.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] != '.') ++count;
  }
  return count;
}

}  // namespace

std::optional<thread_stack> capture_stack(pid_t tid, const stack_limits& limits) {
  auto facts = facts_of_thread(tid);
  if (!facts) return std::nullopt;
  raw_stack raw = std::move(ask_for_stacks(std::span(&*facts, 1), limits.answer).front());
  if (raw.answer == stack_answer::gone) return std::nullopt;
  captured made;
  const time_point now = steady().now();
  made.add(std::move(*facts), std::move(raw), {.since = now}, now);
  made.name_frames(symbol_names(made.all_addresses(), limits.names));
  return std::move(made.stacks.front());
}

std::vector<thread_stack> capture_stacks(const function<bool(const thread_entry&)>& wanted, const stack_limits& limits,
                                         const function<void(const std::vector<thread_stack>&)>& before_names) {
  std::vector<thread_entry> entries;
  std::vector<thread_facts> facts;
  for (thread_entry& entry : watched_thread::snapshot(static_cast<std::size_t>(-1))) {
    if (entries.size() >= limits.threads) break;
    if (wanted && !wanted(entry)) continue;
    auto known = facts_of_thread(entry.tid);
    if (!known) continue;
    facts.push_back(std::move(*known));
    entries.push_back(std::move(entry));
  }
  const time_point now = steady().now();
  std::vector<raw_stack> raw = ask_for_stacks(facts, limits.answer);
  captured made;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    // One that has ended may have left its number to another thread, whose stack this then is.
    if (raw[i].answer == stack_answer::gone || !watched_thread::is_registered(entries[i].id)) continue;
    made.add(std::move(facts[i]), std::move(raw[i]), std::move(entries[i]), now);
  }
  const std::vector<std::uintptr_t> addresses = made.all_addresses();
  if (before_names) {
    made.name_frames(places(addresses));
    before_names(made.stacks);
  }
  made.name_frames(symbol_names(addresses, limits.names));
  return std::move(made.stacks);
}

std::string to_text(const thread_stack& of) {
  std::string text;
  append_head(text, of);
  append_frames(text, of);
  return text;
}

std::string to_text(std::span<const thread_stack> all) {
  std::string text;
  std::vector<bool> told(all.size(), false);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (told[i]) continue;
    for (std::size_t k = i; k < all.size(); ++k) {
      if (told[k] || (k != i && !stand_alike(all[i], all[k]))) continue;
      told[k] = true;
      append_head(text, all[k]);
    }
    append_frames(text, all[i]);
  }
  return text;
}

std::string describe_threads(const stack_limits& limits) {
  const std::vector<thread_stack> stacks = capture_stacks(nullptr, limits);
  std::string text = "stacks of " + std::to_string(stacks.size()) + " registered threads, of " +
                     std::to_string(threads_of_process()) + " in the process\n";
  return text += to_text(stacks);
}

}  // namespace lastcall::inline v0
