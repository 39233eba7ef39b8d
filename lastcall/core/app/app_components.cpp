// Adding components to an app, and the components that its others share.
#include <stdexcept>
#include <utility>

#include "lastcall/core/app/app_parts.hpp"

namespace lastcall::inline v0 {

void detail::refuse_handle(bool empty) {
  if (empty) throw std::logic_error("app: a handle is empty; assign it what add() returns");
  throw std::logic_error("app: a handle's component is destroyed: run() has returned, or the app is gone");
}

needs app::construct(needs stated, const std::function<void()>& make) {
  auto& under_way = parts_->constructions;
  under_way.push_back(std::move(stated));
  try {
    make();
  } catch (...) {
    under_way.pop_back();
    throw;
  }
  stated = std::move(under_way.back());
  under_way.pop_back();
  return stated;
}

handle<component> app::add(std::string name, std::unique_ptr<component> it, needs needed) {
  check_addition(name);
  if (!it) throw std::invalid_argument("app: component \"" + name + "\" is a null pointer");
  component& at = *it;
  return handle<component>(at, adopt(std::move(name), std::move(it), needed));
}

handle<component> app::add(std::string name, functions verbs, needs needed) {
  check_addition(name);
  auto failed = [this, name](std::string cause) { fail(name, std::move(cause)); };
  auto it = make_component(name, std::move(verbs), log(), std::move(failed));
  return add(std::move(name), std::move(it), std::move(needed));
}

void app::check_addition(const std::string& name) const {
  if (parts_->driver != app_driver::none) {
    throw std::logic_error("app: component \"" + name + "\" is added after the start; add all before run() or start()");
  }
  if (name.empty()) throw std::invalid_argument("app: a component without a name can't be reported; name it");
  if (parts_->life.has(name)) {
    throw std::invalid_argument("app: there is a component \"" + name + "\" already; give this one another name");
  }
}

component_ref app::adopt(std::string name, std::unique_ptr<component> it, const needs& needed, bool needed_by_all) {
  check_addition(name);  // again: its constructor may have added one of the same name
  std::vector<std::size_t> indices;
  for (const component_ref& need : needed) {
    if (need.owner_ != this) {
      throw std::invalid_argument("app: component \"" + name + "\" needs " +
                                  (need.owner_ == nullptr ? "an empty handle" : "a component of another app") +
                                  "; pass the handle that add() of this app returned");
    }
    indices.push_back(need.index_);
  }
  const std::shared_ptr<component> object(std::move(it));
  return {this, parts_->life.add(std::move(name), object, std::move(indices), needed_by_all), object};
}

void app::keep_shared(const void* type, void* at, component_ref ref) {
  parts_->shared.push_back({type, at, ref});  // find_shared() takes the first
}

void* app::find_shared(const void* type) {
  for (const parts::shared_component& s : parts_->shared) {
    if (s.type != type) continue;
    if (!parts_->constructions.empty()) parts_->constructions.back().push_back(s.ref);
    return s.at;
  }
  return nullptr;
}

}  // namespace lastcall::inline v0
