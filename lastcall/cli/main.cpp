// The `lastcall` command: calls the subcommand.
#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "lastcall/cli/probe/probe.hpp"
#include "lastcall/core/exit/exit_code.hpp"
#include "lastcall/core/report/version.hpp"

namespace {

struct subcommand {
  std::string_view name, purpose;
  int (*run)(const std::vector<std::string>& arguments);
};

constexpr std::array subcommands{
    subcommand{"probe", "loads a server, tells it to stop and counts what was lost", lastcall::cli::probe},
};

void print_usage(std::FILE* to) {
  std::fputs("lastcall COMMAND [OPTIONS]\n\n", to);
  for (const auto& command : subcommands) {
    std::fprintf(to, "  %-8.*s %.*s\n", static_cast<int>(command.name.size()), command.name.data(),
                 static_cast<int>(command.purpose.size()), command.purpose.data());
  }
  std::fputs("\nlastcall COMMAND --help says more; lastcall --version says which one this is.\n", to);
}

}  // namespace

int main(int count, char** values) try {
  const std::vector<std::string> arguments(values + (count > 0), values + count);
  if (!arguments.empty()) {
    for (const auto& command : subcommands) {
      if (command.name == arguments[0]) return command.run({arguments.begin() + 1, arguments.end()});
    }
    if (arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") return print_usage(stdout), 0;
    if (arguments[0] == "--version") {
      std::printf("lastcall %.*s\n", static_cast<int>(lastcall::version().size()), lastcall::version().data());
      return 0;
    }
    std::fprintf(stderr, "lastcall: '%s' is no command\n\n", arguments[0].c_str());
  }
  print_usage(stderr);
  return lastcall::exit_codes::usage;
} catch (const std::exception& error) {
  std::fprintf(stderr, "lastcall: %s\n", error.what());
  return lastcall::probe_codes::unmeasured;
}
