#include "lastcall/adapters/sqlite/backup.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

#include "lastcall/adapters/sqlite/transaction.hpp"

namespace lastcall::inline v0::sqlite {

namespace {

constexpr int pages_at_once = 256;  // then it is asked whether to go on

struct close_database {
  void operator()(sqlite3* of) const noexcept { sqlite3_close_v2(of); }
};
struct end_backup {
  void operator()(sqlite3_backup* of) const noexcept { sqlite3_backup_finish(of); }
};

/// The copy under its first name. Unless it is kept, nothing of it stays.
struct partial_file {
  explicit partial_file(std::string at) : name(std::move(at)) { remove(); }
  ~partial_file() { remove(); }
  partial_file& operator=(partial_file&&) = delete;
  void remove() const noexcept {
    for (const char* ending : {"", "-journal", "-wal", "-shm"}) std::remove((name + ending).c_str());
  }

  const std::string name;
};

/// The rename is on the disk, too.
bool sync_folder_of(const std::string& path) noexcept {
  const std::size_t end = path.rfind('/');
  const std::string folder = end == path.npos ? "." : path.substr(0, end + 1);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = fsync(fd) == 0;
  close(fd);
  return done;
}

}  // namespace

result<std::uint64_t, error> backup(const context& with, connection& from, const std::string& to) {
  const auto failed = [&](const std::string& why, int code) {
    return error(error::reason::database, "backup to " + to + ": " + why, code);
  };
  if (::access((to + "-wal").c_str(), F_OK) == 0)  // it would be replayed into the copy
    return failed("it is in use, or was left in the middle: " + to + "-wal is there", SQLITE_BUSY);
  // While it reads in a transaction it sees one state, and no writer makes it begin anew.
  auto one_state = transaction::begin(with, from);
  if (!one_state) return one_state.error();
  if (auto seen = one_state->query(with, "select count(*) from sqlite_schema"); !seen) return seen.error();

  const partial_file partial(to + ".partial");
  std::uint64_t bytes = 0;
  {
    sqlite3* opened = nullptr;
    const int code =
        sqlite3_open_v2(partial.name.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    const std::unique_ptr<sqlite3, close_database> target(opened);
    if (code != SQLITE_OK) return failed(sqlite3_errstr(code), code);
    const std::unique_ptr<sqlite3_backup, end_backup> copy(
        sqlite3_backup_init(opened, "main", from.native_handle(), "main"));
    if (!copy) return failed(sqlite3_errmsg(opened), sqlite3_errcode(opened));
    for (int step = SQLITE_OK; step != SQLITE_DONE;) {
      if (from.is_cancelled() || with.forced()) {
        const bool late = !from.is_cancelled() && with.cause() == cause::deadline;
        return error(late ? error::reason::deadline : error::reason::forced,
                     "backup to " + to + (late ? ": no time is left" : ": cancelled by force"), SQLITE_INTERRUPT);
      }
      step = sqlite3_backup_step(copy.get(), pages_at_once);
      if (step != SQLITE_OK && step != SQLITE_DONE) return failed(sqlite3_errstr(step), step);
    }
    sqlite3_int64 page = 0;
    const auto read_page_size = [](void* into, int, char** values, char**) {
      *static_cast<sqlite3_int64*>(into) = std::atoll(values[0]);
      return 0;
    };
    sqlite3_exec(from.native_handle(), "pragma page_size", read_page_size, &page, nullptr);
    bytes = static_cast<std::uint64_t>(sqlite3_backup_pagecount(copy.get())) * static_cast<std::uint64_t>(page);
  }
  if (std::rename(partial.name.c_str(), to.c_str()) != 0 || !sync_folder_of(to))
    return failed(std::generic_category().message(errno), SQLITE_IOERR);
  return bytes;
}

}  // namespace lastcall::inline v0::sqlite
