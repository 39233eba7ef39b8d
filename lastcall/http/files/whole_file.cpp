#include "lastcall/http/files/whole_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace lastcall::inline v0::http::detail {

namespace {
std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}
}  // namespace

whole_file::whole_file(const std::string& path) : path_(path), directory_(directory_of(path)) {
  if (path.find('\0') != path.npos) {  // the kernel would take what stands before it
    errno = EINVAL;
    fail("there is a NUL in");
  }
  fd_.reset(::open(directory_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666));
  if (fd_ || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)) {
    if (!fd_) fail("cannot create a file in the directory of");
    return;
  }
  temporary_ = name_beside();
  fd_.reset(::open(temporary_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!fd_) {
    temporary_.clear();
    fail("cannot create a file beside");
  }
}

whole_file::~whole_file() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

/// A name that no other process or object uses: process id and a counter.
std::string whole_file::name_beside() const {
  static std::atomic<unsigned> number{0};
  char tail[64];
  std::snprintf(tail, sizeof tail, ".%d-%u.part", static_cast<int>(::getpid()), number.fetch_add(1));
  const auto slash = path_.rfind('/');
  const std::string name = slash == path_.npos ? path_ : path_.substr(slash + 1);
  return directory_ + "/." + name.substr(0, 150) + tail;
}

void whole_file::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot write");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void whole_file::commit() {
  if (::fsync(fd_.get()) != 0) fail("cannot sync");
  if (temporary_.empty()) {  // a name beside first: linking does not replace, renaming does
    const std::string beside = name_beside();
    const std::string self = "/proc/self/fd/" + std::to_string(fd_.get());
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, beside.c_str(), AT_SYMLINK_FOLLOW) != 0) fail("cannot link");
    temporary_ = beside;
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot rename to");
  temporary_.clear();
  const net::unique_fd directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) fail("cannot sync the directory of");
}

void whole_file::fail(const char* what) const {
  throw std::system_error(errno, std::generic_category(), std::string(what) + " " + path_);
}

}  // namespace lastcall::inline v0::http::detail
