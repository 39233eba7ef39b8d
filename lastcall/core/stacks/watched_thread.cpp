#include "lastcall/core/stacks/watched_thread.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

namespace lastcall::inline v0 {

// One for the process: threads and signals are the process's too. Held for a few instructions only, never while
// anything allocates, so a thread that hangs does not hold it.
struct watched_thread::list {
  std::mutex mutex;
  watched_thread* first = nullptr;
  std::uint64_t next_id = 1;
  std::size_t size = 0;

  /// What a snapshot copies under the lock.
  struct copied_entry {
    std::uint64_t id;
    pid_t tid;
    name component, role;
    std::optional<activity_text> doing;
    time_point began;
  };

  static list& of_process() noexcept {
    static constinit list all;
    return all;
  }
};

namespace {
constinit thread_local watched_thread* of_this_thread = nullptr;
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
  std::vector<list::copied_entry> copied;
  for (;;) {
    std::size_t wanted = 0;
    const std::size_t room = copied.capacity();
    {
      const std::lock_guard lock(all.mutex);
      wanted = std::min(limit, all.size);
      if (wanted <= room) {
        for (const watched_thread* at = all.first; at != nullptr && copied.size() < wanted; at = at->after_)
          copied.push_back({at->id_, at->tid_, at->component_, at->role_, at->doing_.read(), at->began_});
        break;
      }
    }
    copied.reserve(wanted + 8);  // not under the lock; some more may come meanwhile
  }
  std::vector<thread_entry> entries;
  entries.reserve(copied.size());
  for (const list::copied_entry& at : copied) {
    const std::string_view doing = at.doing ? at.doing->text() : "many things in turn";
    entries.push_back({.id = at.id,
                       .tid = at.tid,
                       .component = at.component.bytes,
                       .role = at.role.bytes,
                       .activity = std::string(doing),
                       .since = doing.empty() || !at.doing ? at.began : at.doing->since});
  }
  return entries;
}

std::optional<thread_entry> watched_thread::of_caller() {
  if (of_this_thread == nullptr) return std::nullopt;
  const watched_thread& t = *of_this_thread;
  const activity_text doing = t.doing_.latest();
  return thread_entry{.id = t.id_,
                      .tid = t.tid_,
                      .component = t.component_.bytes,
                      .role = t.role_.bytes,
                      .activity = std::string(doing.text()),
                      .since = doing.text().empty() ? t.began_ : doing.since};
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
