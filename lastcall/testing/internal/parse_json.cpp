#include "lastcall/testing/internal/parse_json.hpp"

#include <stdexcept>
#include <string>

#define json lastcall_json
#include <boost/json/src.hpp>  // compiled here alone
#undef json

namespace lastcall::inline v0::testing {

json::value parse_json(std::string_view text) {
  json::parser reader;
  boost::system::error_code wrong;
  const std::size_t at = reader.write(text.data(), text.size(), wrong);
  if (!wrong) return reader.release();
  throw std::invalid_argument("JSON, at byte " + std::to_string(at) + ": " + wrong.message());
}

}  // namespace lastcall::inline v0::testing
