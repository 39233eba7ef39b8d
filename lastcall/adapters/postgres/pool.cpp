#include "lastcall/adapters/postgres/pool.hpp"

#include <utility>

#include "lastcall/adapters/postgres/connection_state.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/work/owned_pool.hpp"

namespace lastcall::inline v0::postgres {

pool::pool(options with, app& owner) : pool(std::move(with), owner.log(), &owner) {}
pool::pool(options with, logger log) : pool(std::move(with), std::move(log), nullptr) {}

pool::pool(options with, logger log, app* owner) : owner_(owner) {
  if (with.name.empty()) with.name = "postgres";
  const connection_options how{.conninfo = std::move(with.conninfo),
                               .connect_within = with.connect_within,
                               .cancel_within = with.cancel_within,
                               .name = with.name};
  connection::check(how);
  group_ = std::make_shared<detail::connection_group>(how, log);
  shorten_cancels();
  const auto open = [how, group = group_, first = std::move(with.on_connect)](const context& by) {
    const context bounded = within(by, how.connect_within);
    connection made = std::move(connection::open(by, how, group)).value();
    bool& tells_limit = detail::connection_access::state_of(made).tells_limit;
    tells_limit = false;  // they may set statement_timeout themselves
    for (const std::string& sql : first) static_cast<void>(made.query(bounded, sql.c_str()).value());
    tells_limit = true;
    group->cancels->open_ahead(lastcall::detail::later(steady().now(), how.connect_within));
    return made;
  };
  lastcall::pool_options<connection> pooled{.open = open,
                                            .check =
                                                [](connection& of) {
                                                  detail::connection_access::state_of(of).wake_at({});
                                                  return of.is_idle() && !of.is_broken();
                                                },
                                            .cancel = [](connection& of) { of.force(); },
                                            .close = [](connection&) {},
                                            .most = with.most,
                                            .kept_idle = with.kept_idle,
                                            .longest_wait = with.longest_wait,
                                            .close_within = with.close_within,
                                            .lifetime = with.lifetime,
                                            .idle_time = with.idle_time,
                                            .check_after = with.check_after,
                                            .unready_after = with.unready_after,
                                            .name = std::move(with.name)};
  connections_ = lastcall::detail::owned_pool(std::move(pooled), owner, std::move(log));
}

pool::~pool() = default;

void pool::start(context) { connections_->start({}); }

// What force cancels has to be over before others no longer wait for it.
void pool::shorten_cancels() noexcept {
  if (owner_ != nullptr) group_->longest_cancel = lastcall::detail::share_of_reserve(*owner_);
}

void pool::force() noexcept {
  shorten_cancels();  // an app that announced before it was asked to end did not know the reserve
  connections_->force();
}

void pool::stop() noexcept {
  connections_->stop();
  group_->cancels->close();
}

void pool::account(component_report& out) const {
  connections_->account(out);
  const std::uint64_t rolled_back = group_->rolled_back;
  const std::uint64_t unconfirmed = group_->unconfirmed;
  if (rolled_back > 0) out.add("rolled_back", rolled_back);
  if (unconfirmed > 0) out.add("unconfirmed", unconfirmed);
  if (const std::uint64_t lost = group_->lost; lost > 0) out.add("lost", lost);
  out.lost = *out.lost || rolled_back > 0 || unconfirmed > 0;
}

void pool::measure(metrics& into) const {
  connections_->measure(into);
  into.counter("lastcall_postgres_rolled_back_total", "Statements and transactions that force rolled back.",
               group_->rolled_back);
  into.counter("lastcall_postgres_unconfirmed_total",
               "Cancelled statements of which the server did not say in time what became of them.",
               group_->unconfirmed);
  into.counter("lastcall_postgres_lost_total", "Connections that broke while they were used.", group_->lost);
}

}  // namespace lastcall::inline v0::postgres
