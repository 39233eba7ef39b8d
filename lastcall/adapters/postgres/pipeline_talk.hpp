// What a pipeline says.
#pragma once

#include <utility>
#include <vector>

#include "lastcall/adapters/postgres/pipeline.hpp"
#include "lastcall/adapters/postgres/talk.hpp"

namespace lastcall::inline v0::postgres::detail {

class pipeline_talk final : public talk {
 public:
  pipeline_talk(const context& with, pipeline& of)
      : talk(connection_access::state_of(*of.on_), with), all_(std::exchange(of.all_, {})) {}

  /// Once it is over.
  result<std::vector<rows>, error> answers() {
    auto end = answer();
    if (!end) return end.error();
    return std::move(answers_);
  }

 private:
  bool send() override;
  wanted advance() override;
  /// True: it was the last.
  bool keep(PGresult* next);
  std::string_view label() const noexcept override { return "a pipeline"; }

  const std::vector<pipeline::kept> all_;
  std::vector<rows> answers_;
};

}  // namespace lastcall::inline v0::postgres::detail
