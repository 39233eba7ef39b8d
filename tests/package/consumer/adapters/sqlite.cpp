// A user's program that needs the adapter for SQLite.
#include "lastcall/sqlite.hpp"

#include <cstdio>
#include <filesystem>
#include <string>

int main() {
  const std::string file = std::filesystem::temp_directory_path() / "lastcall_consumer.db";
  int answer = 0;
  {
    lastcall::sqlite::pool db({.path = file});
    db.start({});
    answer = (*(*db.read({}))->query({}, "select 42"))[0].get<int>(0);
    db.drain({}, [] {});
    db.stop();
  }
  std::filesystem::remove(file);
  std::printf("sqlite says %d\n", answer);
  return answer == 42 ? 0 : 1;
}
