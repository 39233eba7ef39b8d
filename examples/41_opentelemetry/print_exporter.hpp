// Stands for the SDK of OpenTelemetry: keeps what has ended, up to a bound, and prints it when it is flushed.
#pragma once

#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "otel.hpp"

namespace otel {

class print_exporter final : public tracer, public histogram, public provider {
 public:
  std::unique_ptr<span> StartSpan(std::string_view name, const attributes& with, const parent& of) override {
    auto made = std::make_unique<recorded_span>(*this);
    made->text.append("span ").append(name);
    if (!of.trace_id.empty()) made->text.append(" trace=").append(of.trace_id).append(" parent=").append(of.span_id);
    for (const auto& [key, value] : with) made->SetAttribute(key, value);
    return made;
  }

  void Record(double, const attributes& with) override {
    std::string series = "histogram http.server.request.duration";
    for (const auto& [key, value] : with) series.append(" ").append(key).append("=").append(value);
    const std::lock_guard lock(mutex_);
    if (counts_.size() < most || counts_.contains(series)) ++counts_[series];
  }

  bool ForceFlush(std::chrono::microseconds) override {
    const std::lock_guard lock(mutex_);
    for (const std::string& each : ended_) std::printf("%s\n", each.c_str());
    for (const auto& [series, count] : counts_) std::printf("%s count=%zu\n", series.c_str(), count);
    std::printf("flushed\n");
    std::fflush(stdout);
    ended_.clear();
    counts_.clear();
    return true;
  }

 private:
  struct recorded_span final : span {
    explicit recorded_span(print_exporter& exporter) : to(exporter) {}
    ~recorded_span() override { End(); }  // of a request that was cut
    void SetAttribute(std::string_view key, std::string_view value) override {
      text.append(" ").append(key).append("=").append(value);
    }
    void SetError(std::string_view description) override { SetAttribute("error", description); }
    void End() override {
      const std::lock_guard lock(to.mutex_);
      if (!text.empty() && to.ended_.size() < most) to.ended_.push_back(text);
      text.clear();
    }
    print_exporter& to;
    std::string text;
  };

  static constexpr std::size_t most = 1000;
  std::mutex mutex_;
  std::vector<std::string> ended_;
  std::map<std::string, std::size_t> counts_;
};

}  // namespace otel
