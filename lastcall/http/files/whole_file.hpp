// A file that appears under its name only when it is complete. Knows no HTTP.
#pragma once

#include <string>
#include <string_view>

#include "lastcall/net/unique_fd.hpp"

namespace lastcall::inline v0::http::detail {

/// Has no name until `commit`, if the file system can do that (O_TMPFILE): then even a killed process leaves nothing
/// behind. Otherwise it has a temporary name beside `path`, which the destructor removes. Errors: std::system_error
/// that names the path, from all but the destructor.   Blocks: for the disk.
class whole_file {
 public:
  explicit whole_file(const std::string& path);
  ~whole_file();
  whole_file& operator=(whole_file&&) = delete;

  void write(std::string_view bytes);
  /// Writes to disk, then puts the file in its place in one step. The directory is on disk, too, when this returns.
  void commit();

 private:
  [[noreturn]] void fail(const char* what) const;
  std::string name_beside() const;

  std::string path_, directory_;
  net::unique_fd fd_;
  std::string temporary_;  // the temporary name, if it has one
};

}  // namespace lastcall::inline v0::http::detail
