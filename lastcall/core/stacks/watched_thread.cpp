#include "lastcall/core/stacks/watched_thread.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

namespace lastcall::inline v0 {

// One for the process: threads and signals are the process's too. Held for a few instructions only, never while
// anything allocates, so a thread that hangs does not hold it.
struct watched_thread::list {
  std::mutex mutex;
  watched_thread* first = nullptr;
  std::uint64_t next_id = 1;
  std::size_t size = 0;

  static list& of_process() noexcept {
    static constinit list all;
    return all;
  }
};

namespace {
constinit thread_local watched_thread* of_this_thread = nullptr;

/// What a snapshot copies under the lock.
struct plain_entry {
  std::uint64_t id;
  pid_t tid;
  char component[48];
  char role[48];
  activity_text doing;
  bool known;
  time_point began;
};
}  // namespace

watched_thread::name::name(std::string_view text, std::size_t most) noexcept {
  std::memcpy(bytes, text.data(), std::min(text.size(), most));
}

watched_thread::watched_thread(std::string_view component, std::string_view role) noexcept
    : component_(component, 47),
      role_(role, 15),
      began_(steady().now()),
      tid_(gettid()),
      outer_(std::exchange(of_this_thread, this)) {
  list& all = list::of_process();
  const std::lock_guard lock(all.mutex);
  id_ = all.next_id++;
  after_ = all.first;
  if (after_ != nullptr) after_->before_ = this;
  all.first = this;
  ++all.size;
}

watched_thread::~watched_thread() {
  of_this_thread = outer_;
  list& all = list::of_process();
  const std::lock_guard lock(all.mutex);
  (before_ != nullptr ? before_->after_ : all.first) = after_;
  if (after_ != nullptr) after_->before_ = before_;
  --all.size;
}

std::vector<thread_entry> watched_thread::snapshot(std::size_t limit) {
  list& all = list::of_process();
  std::vector<plain_entry> copied;
  for (;;) {
    std::size_t wanted = 0;
    const std::size_t room = copied.capacity();
    {
      const std::lock_guard lock(all.mutex);
      wanted = std::min(limit, all.size);
      if (wanted <= room) {
        for (const watched_thread* at = all.first; at != nullptr && copied.size() < wanted; at = at->after_) {
          const auto doing = at->doing_.read();
          plain_entry& made = copied.emplace_back();
          made = {.id = at->id_,
                  .tid = at->tid_,
                  .component = {},
                  .role = {},
                  .doing = doing.value_or(activity_text()),
                  .known = doing.has_value(),
                  .began = at->began_};
          std::memcpy(made.component, at->component_.bytes, sizeof made.component);
          std::memcpy(made.role, at->role_.bytes, sizeof made.role);
        }
        break;
      }
    }
    copied.reserve(wanted + 8);  // not under the lock; some more may come meanwhile
  }
  std::vector<thread_entry> entries;
  entries.reserve(copied.size());
  for (const plain_entry& at : copied) {
    const std::string_view doing = at.known ? at.doing.text() : "many things in turn";
    entries.push_back({.id = at.id,
                       .tid = at.tid,
                       .component = at.component,
                       .role = at.role,
                       .activity = std::string(doing),
                       .since = doing.empty() || !at.known ? at.began : at.doing.since});
  }
  return entries;
}

bool watched_thread::is_registered(std::uint64_t id) noexcept {
  list& all = list::of_process();
  const std::lock_guard lock(all.mutex);
  for (const watched_thread* at = all.first; at != nullptr; at = at->after_)
    if (at->id_ == id) return true;
  return false;
}

activity::activity(std::string_view what, std::string_view of) noexcept : thread_(of_this_thread) {
  if (thread_ == nullptr) return;
  before_ = thread_->doing_.latest();
  thread_->doing_.set(activity_text::joined(what, of, steady().now()));
}

activity::~activity() {
  if (thread_ != nullptr) thread_->doing_.set(before_);
}

}  // namespace lastcall::inline v0
