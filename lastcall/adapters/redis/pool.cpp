#include "lastcall/adapters/redis/pool.hpp"

#include <utility>

#include "lastcall/adapters/redis/link.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/work/owned_pool.hpp"

namespace lastcall::inline v0::redis {

pool::pool(options with, app& owner) : pool(std::move(with), owner.log(), &owner) {}
pool::pool(options with, logger log) : pool(std::move(with), std::move(log), nullptr) {}

pool::pool(options with, logger log, app* owner) {
  if (with.name.empty()) with.name = "redis";
  const connection_options how{.url = std::move(with.url),
                               .user = std::move(with.user),
                               .password = std::move(with.password),
                               .connect_within = with.connect_within,
                               .name = with.name};
  connection::check(how);
  group_ = std::make_shared<detail::link_group>(log);
  lastcall::pool_options<connection> pooled{
      .open = [how, group = group_](const context& by) { return std::move(connection::open(by, how, group)).value(); },
      .check = [](connection& of) { return of.is_idle() && !of.is_broken(); },
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

void pool::account(component_report& out) const {
  connections_->account(out);
  const std::uint64_t unconfirmed = group_->unconfirmed;
  if (unconfirmed > 0) out.add("unconfirmed", unconfirmed);
  if (const std::uint64_t lost = group_->lost; lost > 0) out.add("lost", lost);
}

void pool::measure(metrics& into) const {
  connections_->measure(into);
  into.counter("lastcall_redis_unconfirmed_total",
               "Commands that were cut after they were sent: whether they took effect is not known.",
               group_->unconfirmed);
  into.counter("lastcall_redis_lost_total", "Connections that broke while they were used.", group_->lost);
}

}  // namespace lastcall::inline v0::redis
