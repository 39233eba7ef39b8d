#include "inventory.hpp"

#include <grpcpp/grpcpp.h>

#include <mutex>
#include <unordered_map>
#include <utility>

#include "inventory.grpc.pb.h"
#include "lastcall/grpc.hpp"
#include "lastcall/log.hpp"
#include "lastcall/pool.hpp"

using namespace std::chrono_literals;
namespace rpc = lastcall::shop;

namespace shop {

namespace {

class stock final : public rpc::Inventory::Service {
 public:
  stock(std::optional<std::int64_t> of_each, lastcall::logger log) : of_each_(of_each), log_(std::move(log)) {}

  /// Before the service starts.
  void was_sold(const std::unordered_map<std::string, std::int64_t>& all) {
    const std::lock_guard held(mutex_);
    if (of_each_) sold_ = all;
  }

  grpc::Status Reserve(grpc::ServerContext* of, const rpc::Goods* asked, rpc::Reserved* reply) override {
    if (log_.enabled(lastcall::log_level::debug))
      log_.debug("inventory", "reserve", {{"left", time_left(lastcall::grpc::context_of(*of))}});
    const std::lock_guard held(mutex_);
    const auto found = sold_.find(asked->item());
    const std::int64_t sold = found == sold_.end() ? 0 : found->second;
    reply->set_taken(!of_each_ || *of_each_ - sold >= asked->quantity());
    if (of_each_ && reply->taken()) sold_[asked->item()] += asked->quantity();
    return grpc::Status::OK;
  }
  grpc::Status GiveBack(grpc::ServerContext*, const rpc::Goods* asked, rpc::Nothing*) override {
    const std::lock_guard held(mutex_);
    const auto found = sold_.find(asked->item());
    if (found != sold_.end() && (found->second -= asked->quantity()) <= 0) sold_.erase(found);
    return grpc::Status::OK;
  }

 private:
  const std::optional<std::int64_t> of_each_;
  const lastcall::logger log_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::int64_t> sold_;
};

class over_grpc final : public inventory {
 public:
  over_grpc(const parts& to, orders& sold, std::optional<std::int64_t> of_each, const std::string& host,
            std::uint16_t port, lastcall::needs stands_on)
      : log_(to.app.log()), host_(host), port_(port), stock_(of_each, log_) {
    builder_.AddListeningPort(host_ + ":" + std::to_string(port), grpc::InsecureServerCredentials(), &port_);
    builder_.RegisterService(&stock_);
    const auto counted =
        to.app.add("stock", {.start = [&](const lastcall::context& ctx) { stock_.was_sold(sold.sold(ctx)); }},
                   std::move(stands_on));
    lastcall::grpc::server_options with{.builder = &builder_};
    with.started = [this](grpc::Server&) {
      stub_ = rpc::Inventory::NewStub(grpc::CreateChannel(address(), grpc::InsecureChannelCredentials()));
    };
    service = to.add<lastcall::grpc::server>("inventory", std::move(with), {counted});
  }

  bool reserve(const lastcall::context& with, const std::string& item, std::int64_t quantity) override {
    lastcall::grpc::client_context call(with);
    rpc::Reserved reply;
    const grpc::Status said = stub_->Reserve(call, goods(item, quantity), &reply);
    if (!said.ok()) throw lastcall::unavailable("the inventory: " + said.error_message());
    return reply.taken();
  }
  void give_back(const std::string& item, std::int64_t quantity) noexcept override {
    lastcall::grpc::client_context call(lastcall::within({}, 1s));  // on nobody's behalf: its caller may be gone
    rpc::Nothing reply;
    const grpc::Status said = stub_->GiveBack(call, goods(item, quantity), &reply);
    if (!said.ok()) log_.warning("inventory", "not given back", {{"item", item}, {"why", said.error_message()}});
  }
  std::string address() const override { return host_ + ":" + std::to_string(port_); }

 private:
  static rpc::Goods goods(const std::string& item, std::int64_t quantity) {
    rpc::Goods all;
    all.set_item(item);
    all.set_quantity(quantity);
    return all;
  }

  const lastcall::logger log_;
  const std::string host_;
  int port_;
  stock stock_;
  grpc::ServerBuilder builder_;
  std::unique_ptr<rpc::Inventory::Stub> stub_;
};

}  // namespace

std::unique_ptr<inventory> add_inventory(const parts& to, orders& sold, std::optional<std::int64_t> of_each,
                                         const std::string& host, std::uint16_t port, lastcall::needs stands_on) {
  return std::make_unique<over_grpc>(to, sold, of_each, host, port, std::move(stands_on));
}

}  // namespace shop
