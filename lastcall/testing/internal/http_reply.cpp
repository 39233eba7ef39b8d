#include "lastcall/testing/internal/http_reply.hpp"

#include <algorithm>
#include <charconv>

#include "lastcall/testing/internal/token.hpp"

namespace lastcall::inline v0::testing {

namespace {

bool same(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + 32 : x) == y; });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool read_number(std::string_view text, std::uint64_t& value, int radix) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, radix);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

void http_reply::begin(bool head_request) {
  part_ = part::head;
  fault_ = nullptr;
  line_.clear();
  head_bytes_ = 0;
  left_ = body_bytes_ = 0;
  body_start_.clear();
  status_ = 0;
  begun_ = status_seen_ = closes_ = http10_ = keeps_ = has_length_ = chunked_ = false;
  head_request_ = head_request;
}

void http_reply::wrong(const char* fault) {
  fault_ = fault;
  closes_ = true;
}

std::size_t http_reply::take(std::string_view bytes) {
  const std::size_t given = bytes.size();
  begun_ = begun_ || given > 0;
  while (!bytes.empty() && !complete() && !malformed()) {
    switch (part_) {
      case part::head:
        if (take_line(bytes)) read_head();
        break;
      case part::chunk_size:
        if (take_line(bytes)) read_chunk_size();
        break;
      case part::chunk_end:
        if (!take_line(bytes)) break;
        if (!line_.empty()) wrong("a chunk is longer than its size");
        part_ = part::chunk_size;
        break;
      case part::trailers:
        if (!take_line(bytes)) break;
        if (line_.empty()) {
          part_ = part::complete;
        } else if (!is_token(std::string_view(line_).substr(0, line_.find(':')))) {
          wrong("a trailer field without a name");
        }
        line_.clear();
        break;
      case part::body:
      case part::body_to_end:
      case part::chunk_data:
        take_body(bytes);
        break;
      case part::complete:
        break;
    }
  }
  return given - bytes.size();
}

void http_reply::take_end() {
  if (part_ == part::body_to_end) part_ = part::complete;
  closes_ = true;
}

bool http_reply::take_line(std::string_view& bytes) {
  const std::size_t end = bytes.find('\n');
  const auto piece = bytes.substr(0, end == bytes.npos ? bytes.size() : end + 1);
  head_bytes_ += piece.size();
  if (head_bytes_ > head_limit) return wrong("the head is longer than 64 KiB"), false;
  line_.append(piece);
  bytes.remove_prefix(piece.size());
  if (end == bytes.npos) {  // malformed at once if it cannot become a response; "hello" would wait for ever
    constexpr std::string_view start = "HTTP/1.";
    const auto known = std::min(start.size(), line_.size());
    if (!status_seen_ && std::string_view(line_).substr(0, known) != start.substr(0, known)) wrong("not a status line");
    return false;
  }
  if (line_.size() < 2 || line_[line_.size() - 2] != '\r') return wrong("a line ends without CR"), false;
  line_.resize(line_.size() - 2);
  if (line_.find('\r') != line_.npos || line_.find('\0') != line_.npos) return wrong("CR or NUL within a line"), false;
  return true;
}

void http_reply::read_head() {
  if (!status_seen_) {
    if (read_status_line(line_)) status_seen_ = true;
  } else if (!line_.empty()) {
    read_field(line_);
  } else if (status_ >= 100 && status_ < 200) {
    const bool head_request = head_request_;
    if (status_ == 101) return wrong("101: nobody asked to switch protocols");
    const std::size_t so_far = head_bytes_;  // endless interim responses reach the limit, too
    begin(head_request);
    begun_ = true;
    head_bytes_ = so_far;
  } else {
    decide_framing();
  }
  line_.clear();
}

bool http_reply::read_status_line(std::string_view line) {
  const bool version = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
  const auto code = line.substr(0, 12).substr(std::min<std::size_t>(9, line.size()));
  std::uint64_t number = 0;
  if (!version || code.size() != 3 || !read_number(code, number, 10) || number < 100 || number > 599 ||
      (line.size() > 12 && line[12] != ' ')) {
    wrong("not a status line");
    return false;
  }
  http10_ = line[7] == '0';
  status_ = static_cast<int>(number);
  return true;
}

bool http_reply::read_field(std::string_view line) {
  const auto colon = line.find(':');
  const auto name = line.substr(0, colon);
  if (colon == line.npos || !is_token(name)) return wrong("a field without a proper name"), false;
  auto value = trimmed(line.substr(colon + 1));
  if (same(name, "content-length")) {
    std::uint64_t length = 0;
    if (!read_number(value, length, 10)) return wrong("Content-Length is not a number"), false;
    if (has_length_ && length != left_) return wrong("two different Content-Length fields"), false;
    has_length_ = true;
    left_ = length;
  } else if (same(name, "transfer-encoding")) {
    if (chunked_ || !same(value, "chunked")) return wrong("a Transfer-Encoding other than chunked"), false;
    chunked_ = true;
  } else if (same(name, "connection")) {
    while (!value.empty()) {
      const auto comma = std::min(value.find(','), value.size());
      const auto option = trimmed(value.substr(0, comma));
      closes_ = closes_ || same(option, "close");
      keeps_ = keeps_ || same(option, "keep-alive");
      value.remove_prefix(std::min(comma + 1, value.size()));
    }
  }
  return true;
}

void http_reply::decide_framing() {
  if (chunked_ && has_length_) return wrong("Content-Length beside Transfer-Encoding");
  if (chunked_ && http10_) return wrong("Transfer-Encoding in HTTP/1.0");
  if (http10_ && !keeps_) closes_ = true;
  if (head_request_ || status_ == 204 || status_ == 304) {
    part_ = part::complete;
  } else if (chunked_) {
    part_ = part::chunk_size;
    head_bytes_ = 0;
  } else if (has_length_) {
    part_ = left_ == 0 ? part::complete : part::body;
  } else {
    part_ = part::body_to_end;
    closes_ = true;
  }
}

void http_reply::read_chunk_size() {
  auto size = std::string_view(line_);
  size = trimmed(size.substr(0, size.find(';')));
  if (!read_number(size, left_, 16)) return wrong("a chunk size is not a number");
  part_ = left_ == 0 ? part::trailers : part::chunk_data;
  line_.clear();
  head_bytes_ = 0;
}

void http_reply::take_body(std::string_view& bytes) {
  const bool bounded = part_ != part::body_to_end;
  const auto count = bounded ? static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())) : bytes.size();
  if (body_start_.size() < 32) body_start_.append(bytes.substr(0, std::min(count, 32 - body_start_.size())));
  bytes.remove_prefix(count);
  body_bytes_ += count;
  if (!bounded || (left_ -= count) > 0) return;
  part_ = part_ == part::body ? part::complete : part::chunk_end;
}

}  // namespace lastcall::inline v0::testing
