#include "lastcall/adapters/kafka/producer.hpp"

#include <stdexcept>
#include <utility>

#include "lastcall/adapters/kafka/producer_core.hpp"
#include "lastcall/core/app/option_check.hpp"

namespace lastcall::inline v0::kafka {

namespace {

producer_options checked(producer_options with) {
  if (with.name.empty()) with.name = "kafka";
  if (with.brokers.empty())
    throw std::invalid_argument(with.name + ": brokers is empty; give HOST:PORT, several with commas");
  const lastcall::detail::option_check in(with.name);
  in.number("most", with.most, 1, 9'999'999);
  in.number("most_bytes", with.most_bytes, 1, lastcall::detail::option_check::most_bytes);
  in.time_above_zero("longest_wait", with.longest_wait);
  in.time("deliver_within", with.deliver_within, std::chrono::milliseconds(1));
  in.time_above_zero("close_within", with.close_within);
  detail::check_settings(with.name, with.config,
                         {{"bootstrap.servers", "use the option brokers"},
                          {"metadata.broker.list", "use the option brokers"},
                          {"enable.idempotence", "it is always on"},
                          {"transactional.id", "transactions are not supported"},
                          {"delivery.timeout.ms", "use the option deliver_within"},
                          {"message.timeout.ms", "use the option deliver_within"},
                          {"queue.buffering.max.messages", "use the option most"},
                          {"queue.buffering.max.kbytes", "use the option most_bytes"}});
  return with;
}

struct blocked_sender final : detail::sender {
  using sender::sender;
  void told() noexcept override { changed.notify_one(); }  // under the lock: the caller may destroy it right after

  std::condition_variable changed;
};

void wait_for(detail::producer_core& in, blocked_sender& me, const context& with) {
  if (in.begin(me, with)) return;
  {
    const stop_callback cut_short(with.forced_token(), [&] { in.give_up(me); });
    in.wait_on_thread(me, me.changed, with);
  }
  in.finish(me, with);
}

}  // namespace

producer::producer(options with, app& owner)
    : core_(std::make_shared<detail::producer_core>(checked(std::move(with)), owner.log(), &owner)) {}

producer::producer(options with, logger log)
    : core_(std::make_shared<detail::producer_core>(checked(std::move(with)), std::move(log), nullptr)) {}

producer::~producer() { core_->leave(); }

result<std::size_t, not_sent> producer::push(const context& with, record&& it) {
  blocked_sender me(std::move(it), false);
  try {
    wait_for(*core_, me, with);
  } catch (...) {  // caught: thrown again
    it = std::move(me.it);
    throw;
  }
  if (me.at == detail::sender::state::refused) it = std::move(me.it);
  return detail::outcome_of(me, me.ahead);
}

result<delivered, not_sent> producer::send(const context& with, record it) {
  blocked_sender me(std::move(it), true);
  wait_for(*core_, me, with);
  return detail::outcome_of(me, me.where);
}

void producer::start(context) { core_->start(); }
void producer::drain(context ends, drained done) { core_->drain(ends, std::move(done)); }
void producer::force() noexcept { core_->force(); }
void producer::stop() noexcept { core_->stop(); }
void producer::account(component_report& out) const { core_->account(out); }
void producer::measure(metrics& into) const { core_->measure(into); }
void producer::in_progress(std::vector<work_item>& out, std::size_t limit) const { core_->in_progress(out, limit); }
rd_kafka_t* producer::native_handle() const noexcept { return core_->native_handle(); }

}  // namespace lastcall::inline v0::kafka
