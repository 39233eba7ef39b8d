// Adds components as app.add does. For comparison and for tests it can make them end otherwise: cut at once, as most
// programs end what they are made of, or never.
#pragma once

#include <unistd.h>

#include <future>
#include <string>
#include <utility>

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

  void start(lastcall::context life) override { of_.start(std::move(life)); }
  void drain(lastcall::context ends, lastcall::drained done) override {
    if (hangs_) {
      std::promise<void> end;
      of_.drain(std::move(ends), [&end] { end.set_value(); });
      end.get_future().wait();
      of_.stop();
      for (;;) ::pause();
    }
    if constexpr (requires { it.close(); }) {
      it.close();
    } else {
      of_.force();
    }
    done();
  }
  void force() noexcept override {
    if (!hangs_) of_.force();
  }
  void stop() noexcept override { of_.stop(); }
  void account(lastcall::component_report& into) const override { of_.account(into); }

  C it;

 private:
  lastcall::component& of_ = it;
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
