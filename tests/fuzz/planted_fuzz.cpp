// A target with a planted fault, on which the driver itself is tested: the word "fault".
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lastcall::fuzz;
  require(text(data, size).find("fault") == std::string_view::npos, "no fault");
  return 0;
}
