// The part of OpenTelemetry's C++ API that this example uses, by the names that it has there. In your program it is
// <opentelemetry/trace/tracer.h> and <opentelemetry/metrics/meter.h>, and an exporter of its SDK.
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <utility>

namespace otel {

using attributes = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// Who called us: the parts of the header traceparent. Empty: nobody did.
struct parent {
  std::string_view trace_id, span_id;
};

struct span {
  virtual ~span() = default;
  virtual void SetAttribute(std::string_view key, std::string_view value) = 0;
  virtual void SetError(std::string_view description) = 0;
  virtual void End() = 0;
};

struct tracer {
  virtual ~tracer() = default;
  virtual std::unique_ptr<span> StartSpan(std::string_view name, const attributes& with, const parent& of) = 0;
};

struct histogram {
  virtual ~histogram() = default;
  virtual void Record(double value, const attributes& with) = 0;
};

struct provider {
  virtual ~provider() = default;
  virtual bool ForceFlush(std::chrono::microseconds timeout) = 0;  // of what has ended; false: not all is out
};

}  // namespace otel
