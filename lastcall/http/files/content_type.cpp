// What files of the web are, by the end of their names.
#include <algorithm>
#include <array>
#include <utility>

#include "lastcall/http/files/file.hpp"
#include "lastcall/http/message/ascii.hpp"

namespace lastcall::inline v0::http {
namespace {

using named = std::pair<std::string_view, std::string_view>;

/// Source: IANA media types; text is UTF-8.
constexpr std::array types{
    named{"avif", "image/avif"},
    named{"css", "text/css; charset=utf-8"},
    named{"csv", "text/csv; charset=utf-8"},
    named{"gif", "image/gif"},
    named{"htm", "text/html; charset=utf-8"},
    named{"html", "text/html; charset=utf-8"},
    named{"ico", "image/vnd.microsoft.icon"},
    named{"jpeg", "image/jpeg"},
    named{"jpg", "image/jpeg"},
    named{"js", "text/javascript; charset=utf-8"},
    named{"json", "application/json"},
    named{"map", "application/json"},
    named{"md", "text/markdown; charset=utf-8"},
    named{"mjs", "text/javascript; charset=utf-8"},
    named{"mp3", "audio/mpeg"},
    named{"mp4", "video/mp4"},
    named{"pdf", "application/pdf"},
    named{"png", "image/png"},
    named{"svg", "image/svg+xml"},
    named{"txt", "text/plain; charset=utf-8"},
    named{"wasm", "application/wasm"},
    named{"webm", "video/webm"},
    named{"webmanifest", "application/manifest+json"},
    named{"webp", "image/webp"},
    named{"woff", "font/woff"},
    named{"woff2", "font/woff2"},
    named{"xml", "application/xml"},
    named{"zip", "application/zip"},
};

}  // namespace

std::string_view content_type_of(std::string_view path) noexcept {
  const auto name = path.substr(path.rfind('/') + 1);
  const auto dot = name.rfind('.');
  if (dot != name.npos)
    for (const auto& [ending, type] : types)
      if (detail::equal_ignoring_case(name.substr(dot + 1), ending)) return type;
  return "application/octet-stream";
}

}  // namespace lastcall::inline v0::http
