#include "lastcall/http/files/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <system_error>

#include "lastcall/http/files/byte_range.hpp"
#include "lastcall/http/files/preconditions.hpp"
#include "lastcall/http/message/body_source.hpp"
#include "lastcall/http/message/date.hpp"
#include "lastcall/http/message/request.hpp"

namespace lastcall::inline v0::http {

namespace {

/// When the file was changed, as clients may be told it: not later than Date. Empty for what is no time of a change.
/// Source: RFC 9110 section 8.8.2.1.
std::optional<std::time_t> modified_at(const struct stat& s, std::time_t now) noexcept {
  constexpr std::time_t first_day = 24 * 60 * 60;  // 0, 1 and the like: reproducible builds, packages, images
  return s.st_mtim.tv_sec < first_day ? std::nullopt : std::optional(std::min(s.st_mtim.tv_sec, now));
}

/// Empty if nothing tells one state of the file from another. Where the time of change is none, the kernel's own time
/// of the inode tells.
std::string etag_of(const struct stat& s, bool has_time, bool with_inode) {
  if (!has_time && !with_inode) return {};
  const timespec& at = has_time ? s.st_mtim : s.st_ctim;
  char text[80];
  int size = with_inode ? std::snprintf(text, sizeof text, "\"%llx-", static_cast<unsigned long long>(s.st_ino))
                        : std::snprintf(text, sizeof text, "\"");
  size += std::snprintf(text + size, sizeof text - static_cast<std::size_t>(size), "%llx-%llx%09lx\"",
                        static_cast<unsigned long long>(s.st_size), static_cast<unsigned long long>(at.tv_sec),
                        static_cast<unsigned long>(at.tv_nsec));
  return {text, static_cast<std::size_t>(size)};
}

std::string range_text(std::string_view range, std::uint64_t size) {
  return "bytes " + std::string(range) + "/" + std::to_string(size);
}

}  // namespace

response file(const request& r, const std::string& path, std::string_view content_type, file_options o) {
  if (path.find('\0') != path.npos) return text("not found\n", 404);  // the kernel would take what stands before it
  // Not to wait for a writer, where the path is a pipe.
  net::unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat s{};
  if (!fd || ::fstat(fd.get(), &s) != 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ENXIO || errno == ELOOP || errno == ENAMETOOLONG)
      return text("not found\n", 404);
    if (errno == EACCES || errno == EPERM) return text("forbidden\n", 403);
    throw std::system_error(errno, std::generic_category(), "cannot open " + path);
  }
  if (!S_ISREG(s.st_mode)) return text("not found\n", 404);

  const auto size = static_cast<std::uint64_t>(s.st_size);
  const std::time_t now = std::time(nullptr);
  const auto modified = modified_at(s, now);
  const std::string etag = etag_of(s, modified.has_value(), o.inode_in_etag);
  const auto with_state = [&](response answer) {
    answer.header("Accept-Ranges", "bytes");
    if (!etag.empty()) answer.header("ETag", etag);
    std::array<char, 29> date;
    if (modified) answer.header("Last-Modified", format_date(*modified, date));
    return answer;
  };
  const auto wanted = detail::evaluate_preconditions(r, {.etag = etag, .modified = modified}, now);
  if (wanted == detail::precondition::not_modified) return with_state(response(304));
  if (wanted == detail::precondition::failed) return with_state(text("precondition failed\n", 412));

  detail::range_result range;
  if (wanted == detail::precondition::proceed && r.verb() == method::get)
    range = detail::parse_range(r.header("Range"), size);
  if (range.what == detail::range_result::kind::unsatisfiable)
    return with_state(text("no such bytes\n", 416)).header("Content-Range", range_text("*", size));
  const bool part = range.what == detail::range_result::kind::some && range.count == 1;
  const detail::byte_range bytes = part ? range.ranges[0] : detail::byte_range{0, size == 0 ? 0 : size - 1};
  const std::uint64_t length = size == 0 ? 0 : bytes.last - bytes.first + 1;

  response said = with_state(
      response(part ? 206 : 200).header("Content-Type", content_type.empty() ? content_type_of(path) : content_type));
  if (part)
    said.header("Content-Range", range_text(std::to_string(bytes.first) + "-" + std::to_string(bytes.last), size));
  return detail::response_access::with(std::move(said),
                                       {.length = length, .file = std::move(fd), .offset = bytes.first});
}

}  // namespace lastcall::inline v0::http
