#include "lastcall/core/report/kernel_counters.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>

namespace lastcall::inline v0 {
namespace {

/// Takes the first line off.
std::string_view take_line(std::string_view& text) noexcept {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
  return line;
}

std::string_view take_word(std::string_view& line) noexcept {
  const std::size_t begin = line.find_first_not_of(' ');
  line.remove_prefix(begin == line.npos ? line.size() : begin);
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
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
    std::string_view names = take_line(netstat);
    if (!names.starts_with("TcpExt: ")) continue;
    std::string_view values = take_line(netstat);
    if (!values.starts_with("TcpExt: ")) return std::nullopt;
    kernel_counters found;
    for (take_word(names), take_word(values); !names.empty() && !values.empty();) {
      const std::string_view name = take_word(names), value = take_word(values);
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
