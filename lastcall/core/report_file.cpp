#include "lastcall/core/report_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace lastcall::inline v0 {
namespace {

std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

std::error_code write_to(const char* path, int flags, std::string_view text) noexcept {
  const int file = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);
  if (file < 0) return last_error();
  std::error_code failure;
  while (!text.empty() && !failure) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (written == 0 || errno != EINTR) {
      failure = written == 0 ? std::make_error_code(std::errc::io_error) : last_error();
    }
  }
  if (close(file) != 0 && !failure) failure = last_error();
  return failure;
}

}  // namespace

std::string temporary_name(const std::string& path) { return path + "." + std::to_string(getpid()) + ".tmp"; }

std::error_code write_whole(const char* path, const char* temporary, std::string_view text) noexcept {
  struct stat there {};
  const bool exists = stat(path, &there) == 0;
  // Non-blocking, so that a pipe without a reader is an error rather than a wait.
  const auto in_place = [&] { return write_to(path, O_TRUNC | O_NONBLOCK, text); };
  if (exists && !S_ISREG(there.st_mode)) return in_place();
  std::error_code failure = write_to(temporary, O_CREAT | O_TRUNC | O_NOFOLLOW, text);
  if (!failure && rename(temporary, path) != 0) failure = last_error();
  if (!failure) return {};
  unlink(temporary);
  return exists ? in_place() : failure;
}

}  // namespace lastcall::inline v0
