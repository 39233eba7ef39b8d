// Files as responses: by sendfile, with ranges and conditions. Not a static file server: it maps no URL to a directory.
#pragma once

#include <string>
#include <string_view>

#include "lastcall/http/message/response.hpp"

namespace lastcall::inline v0::http {

class request;

struct file_options {
  /// Part of the ETag, so that a file which replaces another one of the same size and time is another one. Replicas of
  /// one service have other inodes for the same file: switch it off there, and give changed files another time.
  bool inode_in_etag = true;
};

/// Sends the file at `path`. The path is not checked, so a client must not choose it freely. GET and HEAD get 200, or
/// 206 for one range (several are answered with all of it); ETag (from inode, size and time of change) and
/// Last-Modified are set, and conditional requests are answered: 304, 412, 416. 404 if it is not a regular file, or the
/// path has a NUL; 403 if it may not be read. If the file becomes shorter while it is sent, the connection is cut.
/// A time of change on the first day of 1970, as build tools and images set it, is none: there is no Last-Modified.
/// `content_type`: empty for what its name ends with says (content_type_of).
/// Blocks: to open it.   Errors: std::system_error for anything else, such as no descriptor left.
response file(const request& r, const std::string& path, std::string_view content_type = {}, file_options = {});

/// "text/html; charset=utf-8" for "a/index.html"; "application/octet-stream" for an ending that is not among the usual
/// ones of the web. In any case of letters.
std::string_view content_type_of(std::string_view path) noexcept;

}  // namespace lastcall::inline v0::http
