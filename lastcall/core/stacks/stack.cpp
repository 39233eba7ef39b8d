#include "lastcall/core/stacks/stack.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "lastcall/core/duration.hpp"
#include "lastcall/core/stacks/symbols.hpp"
#include "lastcall/core/stacks/thread_facts.hpp"

namespace lastcall::inline v0 {
namespace {

/// `depths`: how many addresses each stack has. `names`: those of all addresses, in order.
void name_frames(std::vector<thread_stack>& stacks, const std::vector<std::size_t>& depths,
                 const std::vector<function_names>& names) {
  auto next = names.begin();
  for (std::size_t i = 0; i < stacks.size(); ++i) {
    auto& frames = stacks[i].frames;
    frames.clear();
    for (const auto end = next + static_cast<std::ptrdiff_t>(depths[i]); next != end; ++next)
      for (const std::string& name : *next)
        if (frames.size() < most_stack_frames) frames.push_back(name);
  }
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
  for (const std::string* part : {&of.component, &of.role}) {
    to += part->empty() ? "" : " ";
    append_shown(to, *part);
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
    to += of.state == 'R'   ? "runs"
          : of.state == '?' ? "does what only /proc says, which can't be read"
                            : std::string("is in state ") + of.state;
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
  std::error_code unreadable;
  const std::filesystem::directory_iterator tasks("/proc/self/task", unreadable), end;
  return static_cast<std::size_t>(std::distance(tasks, end));
}

}  // namespace

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
  const std::vector<raw_stack> raw = ask_for_stacks(facts, limits.answer);
  std::vector<thread_stack> stacks;
  std::vector<std::size_t> depths;
  std::vector<std::uintptr_t> addresses;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    // One that has ended may have left its number to another thread, whose stack this then is.
    if (raw[i].answer == stack_answer::gone || !watched_thread::is_registered(entries[i].id)) continue;
    stacks.push_back({.tid = facts[i].tid,
                      .name = std::move(facts[i].name),
                      .component = std::move(entries[i].component),
                      .role = std::move(entries[i].role),
                      .activity = std::move(entries[i].activity),
                      .age = now - entries[i].since,
                      .state = facts[i].state,
                      .waits = std::move(facts[i].waits),
                      .answer = raw[i].answer});
    depths.push_back(raw[i].addresses.size());
    addresses.insert(addresses.end(), raw[i].addresses.begin(), raw[i].addresses.end());
  }
  if (before_names) {
    std::vector<function_names> places;
    for (std::string& each : detail::places_in_files(addresses)) places.push_back({std::move(each)});
    name_frames(stacks, depths, places);
    before_names(stacks);
  }
  name_frames(stacks, depths, symbol_names(addresses, limits.names));
  return stacks;
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
