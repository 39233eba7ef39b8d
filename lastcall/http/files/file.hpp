// Files as responses: by sendfile, with ranges and conditions. Not a static file server: it maps no URL to a directory.
#pragma once

#include <string>
#include <string_view>

#include "lastcall/http/message/response.hpp"

namespace lastcall::inline v0::http {

class request;

/// The file at `path`, which is the program's choice and is not checked against anything. GET and HEAD get 200, or 206
/// for one range (several are answered with all of it); ETag (from inode, size and time of change) and Last-Modified
/// are set, and If-Match and its kind are honoured: 304, 412, 416. 404 for what is no regular file (nor is a path with
/// a NUL in it), 403 for what may not be read. A file that becomes shorter on its way out ends in a cut connection.
/// Blocks: to open it.   Errors: std::system_error for anything else, such as no descriptor left.
response file(const request& r, const std::string& path, std::string_view content_type = "application/octet-stream");

}  // namespace lastcall::inline v0::http
