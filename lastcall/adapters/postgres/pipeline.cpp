#include "lastcall/adapters/postgres/pipeline.hpp"

#include <stdexcept>
#include <utility>

#include "lastcall/adapters/postgres/pipeline_talk.hpp"

namespace lastcall::inline v0::postgres {

void pipeline::keep(std::string sql, detail::parameter_lists of) {
  if (all_.size() >= most) throw std::length_error("a pipeline has " + std::to_string(most) + " statements; run it");
  detail::whole(sql, "a statement");
  kept it{.sql = std::move(sql), .values = {}, .formats = {}};
  for (int i = 0; i < of.count; ++i) {
    const char* const value = of.values[i];
    const bool is_binary = of.formats != nullptr && of.formats[i] == 1;
    it.formats.push_back(is_binary ? 1 : 0);
    if (value == nullptr) {
      it.values.emplace_back();
    } else if (is_binary) {
      it.values.emplace_back(std::in_place, value, static_cast<std::size_t>(of.lengths[i]));
    } else {
      it.values.emplace_back(value);
    }
  }
  all_.push_back(std::move(it));
}

result<std::vector<rows>, error> pipeline::run(const context& with) {
  detail::pipeline_talk what(with, *this);
  detail::connection_access::drive(*on_, what);
  return what.answers();
}

namespace detail {

bool pipeline_talk::send() {
  if (PQenterPipelineMode(native()) != 1) return false;
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const auto& one : all_) {
    values.clear();
    lengths.clear();
    for (const auto& value : one.values) {
      values.push_back(value ? value->c_str() : nullptr);
      lengths.push_back(value ? static_cast<int>(value->size()) : 0);
    }
    if (PQsendQueryParams(native(), one.sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                          lengths.data(), one.formats.data(), 0) != 1)
      return false;
  }
  return PQpipelineSync(native()) == 1;
}

/// Null stands between the answers. The end is the answer to the sync.
wanted pipeline_talk::advance() {
  for (;;) {
    const wanted ready = step_of_query(native());
    if (ready != wanted::nothing) return ready;
    PGresult* const next = PQgetResult(native());
    if (next == nullptr) {
      if (PQstatus(native()) == CONNECTION_BAD) return wanted::failed;
      continue;
    }
    if (keep(next)) return PQexitPipelineMode(native()) == 1 ? wanted::nothing : wanted::failed;
  }
}

bool pipeline_talk::keep(PGresult* next) {
  const ExecStatusType status = PQresultStatus(next);
  if (status == PGRES_FATAL_ERROR) {
    take(next);
  } else if (rows it(next); status != PGRES_PIPELINE_SYNC && status != PGRES_PIPELINE_ABORTED) {
    answers_.push_back(std::move(it));
  }
  return status == PGRES_PIPELINE_SYNC;
}

}  // namespace detail

}  // namespace lastcall::inline v0::postgres
