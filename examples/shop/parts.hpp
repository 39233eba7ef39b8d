// Adds components as app.add does. For comparison and for tests it can make them end otherwise: cut at once, as most
// programs end what they are made of, or never.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lastcall/app.hpp"

namespace shop {

struct ending {
  bool close = false;      ///< each is cut at once
  std::string hangs = {};  ///< the one that never drains
};

/// A C that is cut where it should drain, or hangs.
template <class C> class ends_otherwise final : public lastcall::component {
 public:
  struct options {
    typename C::options of;
    bool hangs = false;
  };
  ends_otherwise(options with, lastcall::app& owner) : it(std::move(with.of), owner), hangs_(with.hangs) {}

  void start(lastcall::context life) override { of().start(std::move(life)); }
  void announce() noexcept override { of().announce(); }
  void drain(lastcall::context, lastcall::drained done) override {
    if (hangs_) return;
    of().force();
    done();
  }
  void force() noexcept override { of().force(); }
  void stop() noexcept override { of().stop(); }
  void account(lastcall::component_report& into) const override { of().account(into); }
  void measure(lastcall::metrics& into) const override { of().measure(into); }
  void in_progress(std::vector<lastcall::work_item>& out, std::size_t limit) const override {
    of().in_progress(out, limit);
  }

  C it;

 private:
  lastcall::component& of() noexcept { return it; }
  const lastcall::component& of() const noexcept { return it; }

  const bool hangs_;
};

/// A component of the app, and what others name in their needs.
template <class C> struct part {
  C* it = nullptr;
  lastcall::component_ref ref = {};

  C* operator->() const { return it; }
  C& operator*() const { return *it; }
  operator lastcall::component_ref() const { return ref; }  // NOLINT: meant to be implicit
};

class parts {
 public:
  parts(lastcall::app& of, ending how) : app(of), how_(std::move(how)) {}

  template <class C>
  part<C> add(const std::string& name, typename C::options with, lastcall::needs stands_on = {}) const {
    if (!how_.close && how_.hangs != name) {
      const auto added = app.add<C>(name, std::move(with), std::move(stands_on));
      return {&*added, added};
    }
    if (with.name.empty()) with.name = name;
    const auto added =
        app.add<ends_otherwise<C>>(name, {.of = std::move(with), .hangs = how_.hangs == name}, std::move(stands_on));
    return {&added->it, added};
  }

  lastcall::app& app;

 private:
  const ending how_;
};

}  // namespace shop
