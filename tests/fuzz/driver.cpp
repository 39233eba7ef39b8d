// Feeds a fuzz target where the compiler brings no fuzzer of its own: the corpus first, then mutations of it, the same
// ones for the same seed. Not guided by coverage; clang's libFuzzer, which is, takes the same targets.
#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz.hpp"

// The sanitizers' runtimes end the process themselves; this is how they tell before.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*)());

namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_input = 64 * 1024;
constexpr int hang_seconds = 20;

/// The input that the target has now: what a signal handler may look at.
struct {
  const char* data = nullptr;
  std::size_t size = 0;
  char saved_as[256] = {};
  volatile std::uint64_t count = 0;
  std::uint64_t count_at_last_alarm = UINT64_MAX;
} current;

void say(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto n = write(STDERR_FILENO, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

/// Async-signal-safe.
void save_input() noexcept {
  if (!current.data) return;
  const int fd = open(current.saved_as, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, current.data, current.size) != static_cast<ssize_t>(current.size)) {
    say("fuzz: the input could not be saved\n");
  } else {
    say("fuzz: the input is saved as ");
    say(current.saved_as);
    say("\n");
  }
  if (fd >= 0) close(fd);
  current.data = nullptr;
}

void on_crash(int signal) {
  save_input();
  std::signal(signal, SIG_DFL);
  raise(signal);
}

void on_alarm(int) {
  if (current.count != current.count_at_last_alarm) {
    current.count_at_last_alarm = current.count;
    return;
  }
  say("fuzz: one input takes too long\n");
  std::abort();
}

void run(const std::string& input) {
  const lastcall::fuzz::exact_copy copy(input);
  current.data = copy.view().data();
  current.size = copy.view().size();
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(copy.view().data()), copy.view().size());
  current.data = nullptr;
  current.count = current.count + 1;
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The tokens of a libFuzzer dictionary: lines of "token" with \\, \" and \xNN inside.
std::vector<std::string> tokens(const fs::path& file) {
  std::vector<std::string> all;
  std::istringstream lines(content(file));
  for (std::string line; std::getline(lines, line);) {
    const auto from = line.find('"'), to = line.rfind('"');
    if (line.empty() || line.front() == '#' || from == to) continue;
    std::string token;
    for (std::size_t at = from + 1; at < to; ++at) {
      if (line[at] != '\\') {
        token += line[at];
      } else if (line[++at] == 'x' && at + 2 < to) {
        token += static_cast<char>(std::stoi(line.substr(at + 1, 2), nullptr, 16));
        at += 2;
      } else {
        token += line[at];
      }
    }
    all.push_back(token);
  }
  return all;
}

class mutator {
 public:
  mutator(std::uint64_t seed, std::vector<std::string> corpus, std::vector<std::string> tokens)
      : random_(seed), corpus_(std::move(corpus)), tokens_(std::move(tokens)) {}

  std::string next() {
    std::string input = corpus_[below(corpus_.size())];
    for (std::size_t changes = std::size_t{1} << below(5); changes > 0; --changes) change(input);
    input.resize(std::min(input.size(), largest_input));
    return input;
  }

 private:
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
  char byte() { return static_cast<char>(random_()); }

  /// Some bytes from `at` on; few more often than many.
  std::size_t length(const std::string& of, std::size_t at) {
    const std::size_t left = of.size() - at;
    return std::min(left, below(std::size_t{1} << below(10)) + 1);
  }

  void change(std::string& input) {
    const std::size_t at = below(input.size() + 1);
    const bool inside = at < input.size();
    switch (below(9)) {
      case 0:
        if (inside) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        return;
      case 1:
        if (inside) input[at] = byte();
        return;
      case 2:
        input.insert(at, below(4) + 1, byte());
        return;
      case 3:
        if (inside) input.erase(at, length(input, at));
        return;
      case 4:
        if (inside) input.insert(below(input.size() + 1), std::string(input, at, length(input, at)));
        return;
      case 5: {  // the front of this one, the rest of another one
        const std::string& other = corpus_[below(corpus_.size())];
        input.resize(at);
        input.append(other, below(other.size() + 1));
        return;
      }
      case 6: {
        const std::string& other = corpus_[below(corpus_.size())];
        const std::size_t from = below(other.size() + 1);
        input.insert(at, other, from, length(other, from));
        return;
      }
      case 7:
        if (!tokens_.empty()) input.insert(at, tokens_[below(tokens_.size())]);
        return;
      default:
        if (!tokens_.empty()) {
          const std::string& token = tokens_[below(tokens_.size())];
          input.replace(at, std::min(token.size(), input.size() - at), token);
        }
    }
  }

  std::mt19937_64 random_;
  std::vector<std::string> corpus_, tokens_;
};

struct options {
  std::uint64_t seed = std::random_device{}();
  std::uint64_t seconds = 0, iterations = 0;
  fs::path dictionary;
  std::vector<fs::path> corpus;
};

bool read_number(const char* text, std::uint64_t& out) {
  const std::string_view all(text);
  const auto [end, error] = std::from_chars(all.data(), all.data() + all.size(), out);
  return error == std::errc() && end == all.data() + all.size();
}

bool read_options(int argc, char** argv, options& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (!name.starts_with("--")) {
      out.corpus.emplace_back(argv[i]);
      continue;
    }
    if (++i == argc) return false;
    if (name == "--dictionary") {
      out.dictionary = argv[i];
      continue;
    }
    std::uint64_t* number = nullptr;
    if (name == "--seed") number = &out.seed;
    if (name == "--seconds") number = &out.seconds;
    if (name == "--iterations") number = &out.iterations;
    if (!number || !read_number(argv[i], *number)) return false;
  }
  return !out.corpus.empty();
}

}  // namespace

int main(int argc, char** argv) {
  options o;
  if (!read_options(argc, argv, o)) {
    std::fprintf(stderr,
                 "usage: %s [--seconds N] [--iterations N] [--seed N] [--dictionary FILE] FILE|DIRECTORY…\n"
                 "  replays the files, then mutates them until N seconds or N inputs are over (neither: not at all)\n",
                 argv[0]);
    return 2;
  }
  std::vector<fs::path> files;
  for (const auto& path : o.corpus) {
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(path)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus;
  for (const auto& file : files) {
    if (!fs::is_regular_file(file)) return std::fprintf(stderr, "fuzz: no file: %s\n", file.c_str()), 2;
    corpus.push_back(content(file));
  }
  if (corpus.empty()) return std::fprintf(stderr, "fuzz: the corpus is empty\n"), 2;
  std::vector<std::string> dictionary;
  if (!o.dictionary.empty()) dictionary = tokens(o.dictionary);
  if (!o.dictionary.empty() && dictionary.empty()) return std::fprintf(stderr, "fuzz: the dictionary is empty\n"), 2;

  const std::string name = fs::path(argv[0]).filename();
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, on_crash);
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(save_input);
  std::signal(SIGALRM, on_alarm);
  const itimerval every{{hang_seconds, 0}, {hang_seconds, 0}};
  setitimer(ITIMER_REAL, &every, nullptr);
  std::snprintf(current.saved_as, sizeof current.saved_as, "crash-%s-%llu", name.c_str(),
                static_cast<unsigned long long>(o.seed));

  std::printf("%s: seed %llu, %zu files, %zu tokens\n", name.c_str(), static_cast<unsigned long long>(o.seed),
              files.size(), dictionary.size());
  std::fflush(stdout);
  for (const auto& input : corpus) run(input);

  using clock = std::chrono::steady_clock;
  const auto began = clock::now();
  mutator mutations(o.seed, std::move(corpus), std::move(dictionary));
  std::uint64_t n = 0;
  const auto goes_on = [&] {
    if (o.iterations > 0 && n >= o.iterations) return false;
    if (o.seconds > 0) return clock::now() - began < std::chrono::seconds(o.seconds);
    return o.iterations > 0;
  };
  for (; goes_on(); ++n) run(mutations.next());
  std::printf("%s: %llu inputs in %.1f s\n", name.c_str(), static_cast<unsigned long long>(n),
              std::chrono::duration<double>(clock::now() - began).count());
  return 0;
}
