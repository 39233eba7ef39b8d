#include "lastcall/adapters/postgres/copy.hpp"

#include "lastcall/adapters/postgres/copy_talk.hpp"

namespace lastcall::inline v0::postgres {

namespace {

detail::connection_state& state_of(const detail::copying& of) {
  return detail::connection_access::state_of(*of.held());
}

error not_copying(connection& on, const char* wanted) {
  return {error::reason::misuse,
          detail::connection_access::state_of(on).how.name + ": the statement is no COPY " + wanted};
}

}  // namespace

result<copy_in, error> copy_in::begin(const context& with, connection& on, const char* sql) {
  return begun(on, on.query(with, sql));
}

result<copy_in, error> copy_in::begun(connection& on, result<rows, error> answer) {
  if (!answer) return answer.error();
  const ExecStatusType status = PQresultStatus(answer->native_handle());
  if (status == PGRES_COPY_OUT) on.give_up();
  if (status != PGRES_COPY_IN) return not_copying(on, "FROM STDIN");
  return copy_in(on, PQbinaryTuples(answer->native_handle()) == 0);
}

bool copy_in::piece::is_due() noexcept {
  of_.unsent_ += bytes().size();
  if (of_.unsent_ < most) return false;
  of_.unsent_ = 0;
  return true;
}

bool copy_in::piece::written(const result<rows, error>& answer) {
  if (!answer) of_.failed_ = answer.error();
  left_.remove_prefix(bytes().size());
  return answer.has_value();
}

bool copy_in::write(const context& with, std::string_view bytes) {
  for (piece next(*this, bytes); next;) {
    detail::copy_write what(state_of(it_), with, next.bytes(), next.is_due());
    detail::connection_access::drive(*it_.held(), what);
    if (!next.written(what.answer())) return false;
  }
  return is_open();
}

error copy_in::why_not() const {
  if (failed_) return *failed_;
  return {error::reason::misuse, "the COPY is over"};
}

result<std::uint64_t, error> copy_in::finish(const context& with) {
  if (!is_open()) return why_not();
  detail::copy_end what(state_of(it_), with);
  detail::connection_access::drive(*it_.held(), what);
  return finished(what.answer());
}

result<std::uint64_t, error> copy_in::finished(result<rows, error> answer) {
  it_.over();
  if (!answer) return answer.error();
  return answer->affected();
}

result<copy_out, error> copy_out::begin(const context& with, connection& on, const char* sql) {
  return begun(on, on.query(with, sql));
}

result<copy_out, error> copy_out::begun(connection& on, result<rows, error> answer) {
  if (!answer) return answer.error();
  const ExecStatusType status = PQresultStatus(answer->native_handle());
  if (status == PGRES_COPY_IN) on.give_up();
  if (status != PGRES_COPY_OUT) return not_copying(on, "TO STDOUT");
  return copy_out(on);
}

result<std::optional<std::string>, error> copy_out::read(const context& with) {
  if (it_.held() == nullptr) return std::optional<std::string>();
  detail::copy_read what(state_of(it_), with);
  detail::connection_access::drive(*it_.held(), what);
  auto answer = what.answer();
  return came(what.row(), std::move(answer));
}

result<std::optional<std::string>, error> copy_out::came(std::optional<std::string> row, result<rows, error> answer) {
  if (!answer || !row) it_.over();
  if (!answer) return answer.error();
  return row;
}

namespace detail {

bool copy_write::send() { return PQputCopyData(native(), bytes_.data(), static_cast<int>(bytes_.size())) == 1; }

wanted copy_write::advance() {
  if (is_cut()) return advance_results();
  if (!flushes_) return wanted::nothing;
  const int left = PQflush(native());
  if (left < 0) return wanted::failed;
  return left > 0 ? wanted::write : wanted::nothing;
}

/// The server hears it from us, too: while it waits for our data it does not look for cancels.
talk::step copy_write::cut() {
  PQputCopyEnd(native(), "cut");
  return cancel_within_bounds();
}

wanted copy_read::advance() {
  while (!all_read_) {
    char* bytes = nullptr;
    const int size = PQgetCopyData(native(), &bytes, 1);
    if (size == 0) return wanted::read;
    if (size == -2) return wanted::failed;
    if (size == -1) {
      all_read_ = true;
    } else if (is_cut()) {
      PQfreemem(bytes);
    } else {
      row_.emplace(bytes, static_cast<std::size_t>(size));
      PQfreemem(bytes);
      return wanted::nothing;
    }
  }
  return advance_results();
}

}  // namespace detail

}  // namespace lastcall::inline v0::postgres
