// What COPY says: one talk for each write, read and end.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lastcall/adapters/postgres/talk.hpp"

namespace lastcall::inline v0::postgres::detail {

class copy_talk : public talk {
 public:
  using talk::talk;

 private:
  bool is_limited() const noexcept final { return false; }
  std::string_view label() const noexcept final { return "copy"; }
};

/// Over when libpq has handed all to the kernel, so that its buffer stays small.
class copy_write final : public copy_talk {
 public:
  copy_write(connection_state& on, const context& with, std::string_view bytes, bool flushes) noexcept
      : copy_talk(on, with), bytes_(bytes), flushes_(flushes) {}

 private:
  bool send() override;
  wanted advance() override;
  step cut() override;

  const std::string_view bytes_;
  const bool flushes_;
};

class copy_end final : public copy_talk {
 public:
  using copy_talk::copy_talk;

 private:
  bool send() override { return PQputCopyEnd(native(), nullptr) == 1; }
};

class copy_read final : public copy_talk {
 public:
  using copy_talk::copy_talk;

  std::optional<std::string> row() { return std::exchange(row_, std::nullopt); }

 private:
  bool send() override { return true; }
  wanted advance() override;

  std::optional<std::string> row_;
  bool all_read_ = false;
};

}  // namespace lastcall::inline v0::postgres::detail
