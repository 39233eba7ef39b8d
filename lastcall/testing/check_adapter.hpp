// Does an adapter of a client library stop as it should? Starts it, loads it, drains it, forces it, lets it hang and
// breaks its network, each in a real app and in real time, and says what is not as the contract wants it. Needs no test
// framework. What the library does with its data is for tests of your own.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lastcall/core/context/context.hpp"
#include "lastcall/core/function.hpp"
#include "lastcall/core/lifecycle/component.hpp"
#include "lastcall/core/log/log.hpp"
#include "lastcall/testing/internal/server_address.hpp"

namespace lastcall::inline v0::testing {

/// C is the adapter's component. Calls come from several threads at once.
template <std::derived_from<component> C> struct adapter_under_test {
  /// Makes one. `at` is where its server is to be found: `server`, or a relay in front of it on 127.0.0.1.
  function<std::unique_ptr<C>(const server_address& at, const logger& log)> make = {};
  /// A piece of work of some milliseconds, as a handler does it. Throws when it could not be done.
  function<void(C&, const context&)> work = {};
  /// Work that takes minutes unless it is cancelled or its context ends. Then it throws.
  function<void(C&, const context&)> long_work = {};
  /// Takes what the adapter lends (a lease, a session), calls `wait`, and gives it back. Empty: it lends nothing.
  function<void(C&, const function<void()>& wait)> hold = {};
  /// Its server. Empty: there is none, or its network is not to be broken.
  std::optional<server_address> server = {};

  std::size_t workers = 4;                          ///< that do `work` all the time
  std::size_t rounds = 6;                           ///< with a network that breaks at a moment by chance
  std::optional<std::uint64_t> seed{};              ///< of these moments; empty: by chance. What goes wrong names it
  duration drain = std::chrono::milliseconds(500);  ///< the time that work has until it is forced
  duration reserve = std::chrono::seconds(2);       ///< the time from then on to the deadline
  duration patience = std::chrono::seconds(20);     ///< with what has no bound of its own; only what fails takes it
};

namespace detail {

struct adapter_calls {
  function<std::unique_ptr<component>(const server_address&, const logger&)> make;
  function<void(component&, const context&)> work;
  function<void(component&, const context&)> long_work;
  function<void(component&, const function<void()>&)> hold;
  std::optional<server_address> server;
  std::size_t workers, rounds;
  std::optional<std::uint64_t> seed;
  duration drain, reserve, patience;
};

std::vector<std::string> check_adapter(adapter_calls of);

}  // namespace detail

/// What is not as it should be, a sentence each; empty: the adapter conforms. Held against it is that
/// - work that others need is done while they drain: nothing is refused to them, and the app ends with 0;
/// - while it drains itself, what comes from outside is refused, and does not wait;
/// - work that lasts is cut at the drain end, ends by the deadline, is named in the report, and makes exit code 3;
/// - each call ends soon after its context, and the adapter works on afterwards;
/// - what is never given back makes it hung, by name, and may come back after the stop;
/// - with a server: whenever its network delays, stalls or breaks, the app ends in time; after an outage it works
/// again;
/// - all that it measures and accounts for adds up; no thread and no descriptor is left.
/// Blocks: some seconds for each round.
/// Errors: std::invalid_argument for a call that is missing, and a number beyond its range.
template <std::derived_from<component> C> std::vector<std::string> check_adapter(adapter_under_test<C> of) {
  if (!of.make || !of.work || !of.long_work)
    throw std::invalid_argument("adapter_under_test: give make, work and long_work");
  const auto typed = [](function<void(C&, const context&)> call) {
    return [call = std::move(call)](component& it, const context& with) { call(static_cast<C&>(it), with); };
  };
  detail::adapter_calls calls{.make = std::move(of.make),
                              .work = typed(std::move(of.work)),
                              .long_work = typed(std::move(of.long_work)),
                              .hold = {},
                              .server = std::move(of.server),
                              .workers = of.workers,
                              .rounds = of.rounds,
                              .seed = of.seed,
                              .drain = of.drain,
                              .reserve = of.reserve,
                              .patience = of.patience};
  if (of.hold)
    calls.hold = [hold = std::move(of.hold)](component& it, const function<void()>& wait) {
      hold(static_cast<C&>(it), wait);
    };
  return detail::check_adapter(std::move(calls));
}

}  // namespace lastcall::inline v0::testing
