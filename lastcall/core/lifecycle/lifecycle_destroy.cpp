// Destroys the components, and leaves in memory those whose threads may still run in them.
#include "lastcall/core/leave_behind.hpp"
#include "lastcall/core/lifecycle/lifecycle_state.hpp"

namespace lastcall::inline v0 {

// A component stays in memory when a thread may be inside it: it runs, or one of its verbs has not returned. What it
// needs stays too, since that thread may use it. Users are destroyed before what they need: from the last to the first.
void lifecycle::destroy() noexcept {
  std::vector<bool> stays(components_.size(), false);
  for (std::size_t i = components_.size(); i-- > 0;) {
    component_record& c = components_[i];
    if (c.running() || c.verbs.any_under_way()) stays[i] = true;
    if (stays[i]) {
      for (const std::size_t need : c.needs) stays[need] = true;
      detail::leave_behind(std::move(c.object));
      continue;
    }
    position_.enter(verb::destroy, i);
    if (shared_ && c.object) {
      // The semaphore: no other thread is inside measure() or in_progress() of it, and none will find it afterwards.
      const detail::semaphore_hold hold(shared_->query_semaphore, shared_state::longest_query);
      if (!hold) {  // a thread is still in measure() or in_progress(), and we can't know of which component
        log_.error("app", "somebody does not return from measure() or in_progress(); what is left stays in memory");
        for (std::size_t k = 0; k <= i; ++k)
          if (components_[k].object) detail::leave_behind(std::move(components_[k].object));
        break;
      }
      shared_->entries[i].object = nullptr;
    }
    c.object.reset();  // users before what they need
  }
  position_.leave();
}

}  // namespace lastcall::inline v0
