#include "lastcall/core/report/kernel_counters.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <memory>

namespace lastcall::inline v0 {
namespace {

/// Takes the text in front of `end` off, and `end`.
std::string_view take(std::string_view& text, char end) noexcept {
  const std::string_view front = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), front.size() + 1));
  return front;
}

}  // namespace

kernel_counters operator-(const kernel_counters& after, const kernel_counters& before) noexcept {
  const auto grown = [](std::uint64_t to, std::uint64_t from) { return to > from ? to - from : 0; };
  return {.reset_on_close = grown(after.reset_on_close, before.reset_on_close),
          .reset_on_data = grown(after.reset_on_data, before.reset_on_data),
          .not_accepted = grown(after.not_accepted, before.not_accepted)};
}

std::optional<kernel_counters> parse_kernel_counters(std::string_view netstat) {
  // Pairs of lines: "TcpExt: NAME NAME ..." and "TcpExt: 1 2 ...".
  while (!netstat.empty()) {
    std::string_view names = take(netstat, '\n');
    if (!names.starts_with("TcpExt: ")) continue;
    std::string_view values = take(netstat, '\n');
    if (!values.starts_with("TcpExt: ")) return std::nullopt;
    kernel_counters found;
    for (take(names, ' '), take(values, ' '); !names.empty() && !values.empty();) {
      const std::string_view name = take(names, ' '), value = take(values, ' ');
      std::uint64_t* const into = name == "TCPAbortOnClose"  ? &found.reset_on_close
                                  : name == "TCPAbortOnData" ? &found.reset_on_data
                                  : name == "ListenDrops"    ? &found.not_accepted
                                                             : nullptr;
      if (into && std::from_chars(value.data(), value.data() + value.size(), *into).ec != std::errc())
        return std::nullopt;
    }
    return found;
  }
  return std::nullopt;
}

bool network_namespace_is_ours_alone(const char* proc) noexcept {
  constexpr int most_processes = 1000;
  const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir(proc), &::closedir);
  if (!all) return false;
  const int at = ::dirfd(all.get());
  // Of `self` it is the number of this process, of `self/ns/net` the namespace: "net:[4026531840]".
  const auto link = [at](const char* path, char(&into)[64]) {
    const ssize_t size = ::readlinkat(at, path, into, sizeof into);
    return std::string_view(into, size > 0 ? static_cast<std::size_t>(size) : 0);
  };
  char self_text[64], net_text[64];
  const std::string_view self = link("self", self_text), net = link("self/ns/net", net_text);
  if (self.empty() || net.empty()) return false;
  for (int left = most_processes; const dirent* const entry = ::readdir(all.get());) {
    const std::string_view name = entry->d_name;
    if (name.find_first_not_of("0123456789") != name.npos || name == self) continue;
    if (--left < 0) return false;
    char path[32], other_text[64];
    std::snprintf(path, sizeof path, "%.20s/ns/net", entry->d_name);
    errno = 0;
    const std::string_view other = link(path, other_text);
    if (other.empty() ? errno != ENOENT && errno != ESRCH : other == net) return false;  // ENOENT: it has ended
  }
  return true;
}

std::optional<kernel_counters> read_kernel_counters() noexcept {
  const int file = ::open("/proc/self/net/netstat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  char text[16 * 1024];
  std::size_t size = 0;
  for (ssize_t n; size < sizeof text && (n = ::read(file, text + size, sizeof text - size)) > 0;)
    size += static_cast<std::size_t>(n);
  ::close(file);
  return parse_kernel_counters({text, size});
}

}  // namespace lastcall::inline v0
