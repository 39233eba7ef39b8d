// A spool: what is put into FOLDER/in is worked on, once and wholly, and moved to FOLDER/done. Its state is the folder
// itself, so nothing is lost when it is killed: a file is worked on again unless it was moved. Put files there by
// rename, so that each is whole once it has its name.
//   spool FOLDER
#include <fcntl.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "lastcall/app.hpp"
#include "lastcall/work.hpp"

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// What is written to it survives a power cut from here on.
void sync(const fs::path& of) {
  const int fd = ::open(of.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!done) throw std::runtime_error("can't sync " + of.string());
}

struct spool {
  explicit spool(const fs::path& folder) : in(folder / "in"), out(folder / "out"), done(folder / "done") {
    for (const fs::path& each : {in, out, done}) fs::create_directories(each);
  }

  /// The work: here each letter is made a capital one. What it makes has its name only once it is whole.
  void work_on(const fs::path& name) const {
    const fs::path unfinished = out / ("." + name.string());
    {
      std::ifstream from(in / name);
      if (!from) throw std::runtime_error("can't open " + (in / name).string());
      std::ofstream to(unfinished);
      for (char c; from.get(c);) to.put(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
      if (from.bad()) throw std::runtime_error("can't read " + (in / name).string());
      if (!to.flush()) throw std::runtime_error("can't write " + unfinished.string());
    }
    sync(unfinished);
    fs::rename(unfinished, out / name);
    sync(out);
    fs::rename(in / name, done / name);  // last: until here it would be worked on again
  }

  /// False: it waits, or a worker is at work on it.
  bool take(const std::string& name) {
    const std::lock_guard held(mutex);
    return taken.insert(name).second;
  }
  void give_back(const std::string& name) {
    const std::lock_guard held(mutex);
    taken.erase(name);
  }

  const fs::path in, out, done;
  std::mutex mutex;
  std::set<std::string> taken;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::invalid_argument("usage: spool FOLDER");
  lastcall::app app{{.grace = 20s}};
  spool files(argv[1]);

  const auto queue = app.add<lastcall::work_queue<std::string>>(
      "files", {.work =
                    [&](std::string& name, const lastcall::context&) {
                      try {
                        files.work_on(name);
                      } catch (...) {
                        files.give_back(name);  // the next look finds it again
                        throw;
                      }
                      files.give_back(name);
                      std::printf("done %s\n", name.c_str());
                      std::fflush(stdout);
                    },
                .label = [](const std::string& name) { return name; },
                .hand_back = [](std::vector<std::string>) {},  // they are in the folder, for the next process
                .workers = 2,
                .most = 64,
                .finishes = false});

  app.add<lastcall::periodic>("look",
                              {.tick =
                                   [&](const lastcall::context& ends) {
                                     for (const auto& entry : fs::directory_iterator(files.in)) {
                                       const std::string name = entry.path().filename();
                                       if (ends.draining()) return;
                                       if (name.starts_with(".") || !entry.is_regular_file() || !files.take(name))
                                         continue;
                                       const bool is_there = fs::exists(entry.path());
                                       if (is_there && queue->try_push(name)) continue;
                                       files.give_back(name);
                                       if (is_there) return;  // the queue is full
                                     }
                                   },
                               .every = 100ms},
                              {queue});
  return app.run();
} catch (const std::exception& why) {
  std::cerr << why.what() << '\n';  // a setting that can't work, and the remedy
  return 2;
}
