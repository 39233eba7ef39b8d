#include "lastcall/core/report/report_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace lastcall::inline v0 {
namespace {

std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

// A pipe takes more than its buffer holds only as it is read.
constexpr int longest_without_progress_ms = 50;

bool takes_more(int file) noexcept {
  pollfd watched{.fd = file, .events = POLLOUT, .revents = 0};
  return poll(&watched, 1, longest_without_progress_ms) > 0;
}

std::error_code write_to(const char* path, int flags, std::string_view text) noexcept {
  const int file = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);
  if (file < 0) return last_error();
  std::error_code failure;
  while (!text.empty() && !failure) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && errno == EAGAIN) {
      if (!takes_more(file)) failure = std::make_error_code(std::errc::timed_out);
    } else if (written == 0 || errno != EINTR) {
      failure = written == 0 ? std::make_error_code(std::errc::io_error) : last_error();
    }
  }
  if (close(file) != 0 && !failure) failure = last_error();
  return failure;
}

bool same_file(const struct stat& a, int descriptor) noexcept {
  struct stat b{};
  return fstat(descriptor, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Only the folder is at fault, or that the name stands for something else than a file of ours.
bool cannot_be_replaced(std::error_code why) noexcept {
  for (const std::errc each :
       {std::errc::permission_denied, std::errc::operation_not_permitted, std::errc::read_only_file_system,
        std::errc::device_or_resource_busy, std::errc::cross_device_link, std::errc::no_such_file_or_directory,
        std::errc::filename_too_long})
    if (why == each) return true;
  return false;
}

}  // namespace

std::string temporary_name(const std::string& path) { return path + "." + std::to_string(getpid()) + ".tmp"; }

std::error_code write_whole(const char* path, const char* temporary, std::string_view text) noexcept {
  struct stat there{}, name{};
  const bool exists = stat(path, &there) == 0;
  const bool is_itself = lstat(path, &name) == 0 && S_ISREG(name.st_mode);
  // Non-blocking, so that a pipe without a reader is an error rather than a wait. What we log to is not cut.
  const int place = exists && (same_file(there, STDOUT_FILENO) || same_file(there, STDERR_FILENO)) ? O_APPEND : O_TRUNC;
  const auto in_place = [&] { return write_to(path, place | O_NONBLOCK, text); };
  if (exists && (!is_itself || place == O_APPEND)) return in_place();
  std::error_code failure = write_to(temporary, O_CREAT | O_TRUNC | O_NOFOLLOW, text);
  if (!failure && rename(temporary, path) != 0) failure = last_error();
  if (!failure) return {};
  unlink(temporary);
  return exists && cannot_be_replaced(failure) ? in_place() : failure;
}

}  // namespace lastcall::inline v0
