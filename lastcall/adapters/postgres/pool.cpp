#include "lastcall/adapters/postgres/pool.hpp"

#include <utility>

#include "lastcall/adapters/postgres/canceller.hpp"

namespace lastcall::inline v0::postgres {

pool::pool(options with, app& owner) : pool(std::move(with), owner.log()) {}

pool::pool(options with, logger log) {
  if (with.name.empty()) with.name = "postgres";
  const connection_options how{.conninfo = std::move(with.conninfo),
                               .connect_within = with.connect_within,
                               .cancel_within = with.cancel_within,
                               .name = with.name};
  connection::check(how);
  const auto cancels = std::make_shared<detail::canceller>(how.conninfo);
  const auto open = [how, log, cancels, first = std::move(with.on_connect)](const context& by) {
    connection made = std::move(connection::open(by, how, log, cancels)).value();
    for (const std::string& sql : first) static_cast<void>(made.query(by, sql.c_str()).value());
    cancels->open(lastcall::detail::later(steady().now(), how.connect_within));
    return made;
  };
  connections_ = std::make_unique<lastcall::pool<connection>>(
      lastcall::pool_options<connection>{.open = open,
                                         .check = [](connection& of) { return of.is_idle() && !of.is_broken(); },
                                         .cancel = [](connection& of) { of.cancel(); },
                                         .close = [](connection&) {},
                                         .most = with.most,
                                         .kept_idle = with.kept_idle,
                                         .longest_wait = with.longest_wait,
                                         .close_within = with.close_within,
                                         .lifetime = with.lifetime,
                                         .idle_time = with.idle_time,
                                         .check_after = with.check_after,
                                         .name = std::move(with.name)},
      std::move(log));
}

pool::~pool() = default;

void pool::start(context) { connections_->start({}); }

}  // namespace lastcall::inline v0::postgres
