// A file that appears under its name when it is complete, and not before. Knows no HTTP.
#pragma once

#include <string>
#include <string_view>

#include "lastcall/net/unique_fd.hpp"

namespace lastcall::inline v0::http::detail {

/// Has no name until `commit` where the file system can do that (O_TMPFILE), so that even a killed process leaves
/// nothing behind; else a name of its own beside `path`, which goes with the object.
/// Errors: std::system_error that names the path, from all but the destructor.   Blocks: as the disk does.
class whole_file {
 public:
  explicit whole_file(const std::string& path);
  ~whole_file();
  whole_file(const whole_file&) = delete;
  whole_file& operator=(const whole_file&) = delete;

  void write(std::string_view bytes);
  /// On disk, then in its place, in one step. Its directory is on disk too when this returns.
  void commit();

 private:
  [[noreturn]] void fail(const char* what) const;
  std::string name_beside() const;

  std::string path_, directory_;
  net::unique_fd fd_;
  std::string temporary_;  // its name, as long as it has one that must go
};

}  // namespace lastcall::inline v0::http::detail
