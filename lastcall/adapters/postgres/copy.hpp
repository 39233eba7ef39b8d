// COPY in and out as streams. The rows are the server's text or binary format, as the statement says; nothing is
// escaped here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lastcall/adapters/postgres/connection.hpp"

namespace lastcall::inline v0::postgres {

namespace detail {
/// A COPY that is under way gives its connection up when it is destroyed: the server ends it then, without effect.
class copying {
 public:
  explicit copying(connection& on) noexcept : on_(&on) {}
  copying(copying&& other) noexcept : on_(std::exchange(other.on_, nullptr)) {}
  copying& operator=(copying&&) = delete;
  ~copying() {
    if (on_ != nullptr) on_->give_up();
  }

  connection* held() const noexcept { return on_; }
  void over() noexcept { on_ = nullptr; }

 private:
  connection* on_;  // null: over, or moved from
};
}  // namespace detail

/// COPY … FROM STDIN. What was written takes effect when `finish` succeeds, all of it or nothing.
/// Uses its connection alone while it lives.   Threads: one at a time.
class copy_in {
 public:
  /// Blocks: as a query.   Errors: reason `misuse` for another statement.
  static result<copy_in, error> begin(const context& with, connection& on, const char* sql);

  /// Any number of bytes, which need not end where a row does. True: taken. False: nothing more can be written, and
  /// `finish` says why.   Blocks: while the server is slower; until the context is forced.
  /// Errors: std::invalid_argument for a NUL, unless the format is binary; nothing of `bytes` is taken then.
  bool write(const context& with, std::string_view bytes);
  /// The number of rows.   Blocks: as a query.
  result<std::uint64_t, error> finish(const context& with);

 private:
  friend class async_connection;
  copy_in(connection& on, bool is_text) noexcept : it_(on), is_text_(is_text) {}

  /// Bytes in pieces that libpq takes at a time.
  class piece {
   public:
    piece(copy_in& of, std::string_view all) : of_(of), left_(of.taken(all)) {}

    explicit operator bool() const noexcept { return !left_.empty() && of_.is_open(); }
    std::string_view bytes() const noexcept { return left_.substr(0, most); }
    /// They are to be sent now.
    bool is_due() noexcept;
    /// False: nothing more can be written.
    bool written(const result<rows, error>& answer);

   private:
    static constexpr std::size_t most = 64 * 1024;

    copy_in& of_;
    std::string_view left_;
  };

  static result<copy_in, error> begun(connection& on, result<rows, error> answer);
  bool is_open() const noexcept { return !failed_ && it_.held() != nullptr; }
  std::string_view taken(std::string_view all) const {
    return is_text_ ? detail::whole(all, "what COPY writes", "leave it out, or let COPY have (format binary)") : all;
  }
  error why_not() const;
  result<std::uint64_t, error> finished(result<rows, error> answer);

  detail::copying it_;
  bool is_text_;
  std::size_t unsent_ = 0;
  std::optional<error> failed_;
};

/// COPY … TO STDOUT.   Uses its connection alone while it lives.   Threads: one at a time.
class copy_out {
 public:
  /// Blocks: as a query.   Errors: reason `misuse` for another statement.
  static result<copy_out, error> begin(const context& with, connection& on, const char* sql);

  /// The next row; nothing: that was all. After an error what was read is not all.   Blocks: as a query.
  result<std::optional<std::string>, error> read(const context& with);

 private:
  friend class async_connection;
  explicit copy_out(connection& on) noexcept : it_(on) {}

  static result<copy_out, error> begun(connection& on, result<rows, error> answer);
  result<std::optional<std::string>, error> came(std::optional<std::string> row, result<rows, error> answer);

  detail::copying it_;
};

}  // namespace lastcall::inline v0::postgres
