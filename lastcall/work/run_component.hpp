// A component whose work is one function on a thread of its own: periodic, child. It hands its verbs on to a component
// made of functions.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/app/app.hpp"

namespace lastcall::inline v0 {

/// For the library's own components: see periodic and child.
class run_component : public component {
 public:
  void start(context ends) final { all_->start(std::move(ends)); }
  void announce() noexcept final { all_->announce(); }
  void drain(context ends, drained done) final { all_->drain(std::move(ends), std::move(done)); }
  void force() noexcept final { all_->force(); }
  void stop() noexcept final { all_->stop(); }
  shutdown_times times() const final { return all_->times(); }
  void account(component_report& out) const final { all_->account(out); }
  void measure(metrics& into) const final { all_->measure(into); }
  void in_progress(std::vector<work_item>& out, std::size_t limit) const final { all_->in_progress(out, limit); }

 protected:
  run_component() = default;
  /// To be called once, before any verb. `owner`: is told when the run fails; null: the log is.
  void made_of(std::string name, functions verbs, logger log, app* owner) {
    function<void(std::string)> failed;
    if (owner != nullptr) failed = [owner, name](std::string cause) { owner->fail(name, std::move(cause)); };
    all_ = make_component(std::move(name), std::move(verbs), std::move(log), std::move(failed));
  }

 private:
  std::unique_ptr<component> all_;
};

}  // namespace lastcall::inline v0
