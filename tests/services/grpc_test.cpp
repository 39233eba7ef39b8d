// A server of gRPC in an app: contexts reach handlers of each kind, calls pass on what time is left, health follows the
// shutdown, and what holds it up is cut or named.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <optional>
#include <string>
#include <thread>

#include "lastcall/testing.hpp"
#include "tests/process/testbed.hpp"
#include "tests/services/grpc_greeters.hpp"

namespace service_tests {

using namespace std::chrono_literals;
using lastcall::cause;
using lastcall::context;
using lastcall::deadline;
using lastcall::duration;
using testing::HasSubstr;

std::string name_of(const testing::TestParamInfo<api>& of) {
  constexpr const char* names[] = {"sync", "callback", "async"};
  return names[static_cast<int>(of.param)];
}

class grpc_server : public testing::TestWithParam<api> {};
INSTANTIATE_TEST_SUITE_P(each_api, grpc_server, testing::Values(api::sync, api::callback, api::async), name_of);

TEST_P(grpc_server, gives_handlers_their_callers_deadline_and_calls_what_is_left_of_it) {
  duration inner = 0s, outer = 0s;
  served behind([&](const context& ctx) {
    inner = ctx.remaining();
    return grpc::Status::OK;
  });
  served front(
      [&](const context& ctx) {
        outer = ctx.remaining();
        lastcall::grpc::client_context call(ctx, 500ms);
        return behind.hello(call);
      },
      GetParam());
  grpc::ClientContext with;
  with.set_deadline(std::chrono::system_clock::now() + 30s);
  EXPECT_TRUE(front.hello(&with).ok());
  EXPECT_LE(outer, 31s);  // gRPC sends it with three digits
  EXPECT_GT(outer, 20s);
  EXPECT_LE(inner, outer - 300ms);
  EXPECT_GT(inner, 10s);
  const auto& said = front.end();
  EXPECT_EQ(front.exit_code, 0);
  EXPECT_EQ(said.requests, (lastcall::request_ledger{.begun = 1, .answered = 1}));
}

TEST_P(grpc_server, ends_handlers_at_their_callers_deadline) {
  std::promise<cause> why;
  served it(
      [&](const context& ctx) {
        ctx.wait_until_forced_for(patience);
        why.set_value(ctx.cause());
        return grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "too late");
      },
      GetParam());
  grpc::ClientContext with;
  with.set_deadline(std::chrono::system_clock::now() + 2s);
  EXPECT_EQ(it.hello(&with).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  // The client's RST_STREAM may come before: then gRPC says that the call was cancelled.
  auto told = why.get_future();
  ASSERT_EQ(told.wait_for(patience), std::future_status::ready);
  EXPECT_THAT(told.get(), testing::AnyOf(cause::deadline, cause::client_gone));
  EXPECT_TRUE(it.end().requests.adds_up());
  EXPECT_EQ(it.exit_code, 0);
}

TEST_P(grpc_server, finishes_calls_that_have_begun_and_fails_later_ones_as_unavailable) {
  std::promise<void> begun;
  served it(
      [&](const context& ctx) {
        begun.set_value();
        ctx.wait_for(patience);
        return grpc::Status::OK;
      },
      GetParam());
  auto call = std::async(std::launch::async, [&] { return it.hello(); });
  begun.get_future().wait();
  const auto& said = it.end();
  EXPECT_TRUE(call.get().ok());
  EXPECT_EQ(it.exit_code, 0);
  EXPECT_EQ(said.requests, (lastcall::request_ledger{.begun = 1, .answered = 1}));
  EXPECT_EQ(it.hello().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_P(grpc_server, cuts_calls_at_the_drain_end_and_names_them) {
  std::promise<void> begun;
  served it(
      [&](const context& ctx) {
        begun.set_value();
        ctx.wait_until_forced_for(patience);
        return grpc::Status(grpc::StatusCode::UNAVAILABLE, "cut");
      },
      GetParam());
  auto call = std::async(std::launch::async, [&] { return it.hello(); });
  begun.get_future().wait();
  const auto& said = it.end(process_tests::sanitized ? 10s : 2s);
  EXPECT_EQ(call.get().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(it.exit_code, 3);
  EXPECT_TRUE(said.stopped);
  EXPECT_EQ(said.requests, (lastcall::request_ledger{.begun = 1, .forced = 1}));
  ASSERT_EQ(said.in_progress.size(), 1U);
  EXPECT_EQ(said.in_progress[0].label, "/lastcall.example.Greeter/Hello");
  EXPECT_THAT(said.in_progress[0].remote, HasSubstr("127.0.0.1:"));
}

class grpc_server_that_hears_of_it : public grpc_server {};
INSTANTIATE_TEST_SUITE_P(each_api, grpc_server_that_hears_of_it, testing::Values(api::callback, api::async), name_of);

TEST_P(grpc_server_that_hears_of_it, ends_handlers_whose_call_was_cancelled) {
  std::promise<void> begun;
  std::promise<cause> why;
  served it(
      [&](const context& ctx) {
        begun.set_value();
        ctx.wait_until_forced_for(patience);
        why.set_value(ctx.cause());
        return grpc::Status::OK;
      },
      GetParam());
  grpc::ClientContext with;
  auto call = std::async(std::launch::async, [&] { return it.hello(&with); });
  begun.get_future().wait();
  with.TryCancel();
  EXPECT_EQ(call.get().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(why.get_future().get(), cause::client_gone);
  EXPECT_EQ(it.end().requests, (lastcall::request_ledger{.begun = 1, .abandoned_by_client = 1}));
  EXPECT_EQ(it.exit_code, 0);
}

// A handler that heeds nothing: gRPC waits for it without a bound.
TEST_P(grpc_server, that_a_handler_holds_up_is_hung_and_names_it) {
  struct stage {
    std::promise<void> begun;
    std::latch end{1};
    std::unique_ptr<served> it;
  };
  auto& on = *new stage;  // what hangs is left in memory, with all that it uses
  static std::vector<stage*> kept;
  kept.push_back(&on);
  on.it = std::make_unique<served>(
      [&on](const context&) {
        on.begun.set_value();
        on.end.wait();
        return grpc::Status::OK;
      },
      GetParam());
  auto call = std::async(std::launch::async, [&] { return on.it->hello(); });
  on.begun.get_future().wait();
  const auto began = std::chrono::steady_clock::now();
  const auto& said = on.it->end(1s);
  EXPECT_LT(std::chrono::steady_clock::now() - began, process_tests::sanitized ? 30s : 5s);
  EXPECT_EQ(on.it->exit_code, 4);
  EXPECT_TRUE(said.hung);
  EXPECT_EQ(said.hung_in, "drain");
  ASSERT_EQ(said.in_progress.size(), 1U);
  EXPECT_EQ(said.in_progress[0].label, "/lastcall.example.Greeter/Hello");
  EXPECT_EQ(call.get().error_code(), grpc::StatusCode::UNAVAILABLE);
  on.end.count_down();
  on.it->join();
}

/// SERVING is 1, NOT_SERVING 2; 0: the health service does not answer.
int health_of(const served& it) {
  grpc::ClientContext with;
  with.set_deadline(std::chrono::system_clock::now() + patience);
  const grpc::internal::RpcMethod check("/grpc.health.v1.Health/Check", grpc::internal::RpcMethod::NORMAL_RPC);
  grpc::ByteBuffer asked(nullptr, 0), reply;
  if (!grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(it.channel.get(), check, &with, asked,
                                                                             &reply)
           .ok())
    return 0;
  grpc::Slice bytes;  // field 1, a varint
  return reply.DumpToSingleSlice(&bytes).ok() && bytes.size() == 2 ? *(bytes.begin() + 1) : 0;
}

TEST(grpc_server_health, says_not_serving_from_the_announcement_on_and_serves) {
  served it([](const context&) { return grpc::Status::OK; });
  EXPECT_EQ(health_of(it), 1);
  it.it->announce();
  EXPECT_EQ(health_of(it), 2);
  EXPECT_TRUE(it.hello().ok());
  EXPECT_EQ(it.end().requests.begun, 1U) << "questions of health are no work";
}

TEST(grpc_server_health, is_watched_by_clients_that_do_not_hold_up_the_end) {
  served it([](const context&) { return grpc::Status::OK; }, api::sync, {.goodbye_time = 100ms});
  grpc::ClientContext with;
  const grpc::internal::RpcMethod watch("/grpc.health.v1.Health/Watch", grpc::internal::RpcMethod::SERVER_STREAMING,
                                        it.channel);
  grpc::ByteBuffer asked(nullptr, 0), reply;
  const std::unique_ptr<grpc::ClientReader<grpc::ByteBuffer>> reads(
      grpc::internal::ClientReaderFactory<grpc::ByteBuffer>::Create(it.channel.get(), watch, &with, asked));
  ASSERT_TRUE(reads->Read(&reply));
  const auto began = std::chrono::steady_clock::now();
  const auto& said = it.end(60s);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
  EXPECT_EQ(it.exit_code, 0);
  EXPECT_TRUE(said.drained);
  while (reads->Read(&reply)) continue;
  EXPECT_EQ(reads->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

class counting_interceptors final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit counting_interceptors(std::atomic<int>& seen) : seen_(seen) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo*) override {
    ++seen_;
    return nullptr;
  }

 private:
  std::atomic<int>& seen_;
};

TEST(grpc_server_options, interceptors_are_called) {
  std::atomic<int> seen = 0;
  lastcall::grpc::server_options options;
  options.interceptors.push_back(std::make_unique<counting_interceptors>(seen));
  served it([](const context&) { return grpc::Status::OK; }, api::sync, std::move(options));
  EXPECT_TRUE(it.hello().ok());
  EXPECT_EQ(seen, 1);
  it.end();
}

TEST(grpc_server_numbers, are_measured_and_its_address_is_known) {
  std::promise<void> begun;
  served it([&](const context& ctx) {
    begun.set_value();
    ctx.wait_for(patience);
    return grpc::Status::OK;
  });
  auto call = std::async(std::launch::async, [&] { return it.hello(); });
  begun.get_future().wait();
  lastcall::metrics numbers;
  it.app.measure(numbers);
  EXPECT_THAT(numbers.text(), HasSubstr("lastcall_requests_begun_total{component=\"grpc\"} 1"));
  EXPECT_THAT(numbers.text(), HasSubstr("lastcall_requests_in_progress{component=\"grpc\"} 1"));
  ASSERT_EQ(it.it->addresses().size(), 1U);
  EXPECT_EQ(to_text(it.it->addresses()[0]), it.address());
  it.end();
  EXPECT_TRUE(call.get().ok());
}

TEST(grpc_server_start, that_cannot_listen_names_the_address) {
  served first([](const context&) { return grpc::Status::OK; });
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(first.address(), grpc::InsecureServerCredentials());
  lastcall::grpc::server second({.builder = &builder});
  try {
    second.start({});
    FAIL() << "it listens";
  } catch (const std::runtime_error& why) {
    EXPECT_THAT(why.what(), HasSubstr(first.address()));
  }
}

/// What must conform is the server together with its clients: work is a call of Hello. By the callback API, since a
/// synchronous handler does not hear that its client has cancelled the call.
class adapted_greeter final : public lastcall::component {
 public:
  explicit adapted_greeter(const lastcall::logger& log) {
    builder_.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder_.RegisterService(&service_);
    server_.emplace(lastcall::grpc::server_options{.builder = &builder_}, log);
  }
  grpc::Status call(const context& with, const std::string& name) const {
    HelloRequest asked;
    asked.set_name(name);
    HelloReply reply;
    lastcall::grpc::client_context call(with);
    return stub_->Hello(call, asked, &reply);
  }
  void work(const context& with, const std::string& name) const {
    if (const grpc::Status end = call(with, name); !end.ok()) throw std::runtime_error(end.error_message());
  }
  void hold(const lastcall::function<void()>& wait) {
    service_.held = &wait;
    call({}, "hold");  // it is cut long before its handler ends
    service_.join();
  }

  void start(context by) override {
    server_->start(std::move(by));
    stub_ = Greeter::NewStub(connected_to("127.0.0.1:" + std::to_string(port_)));
  }
  void announce() noexcept override { server_->announce(); }
  void drain(context by, lastcall::drained done) override { server_->drain(std::move(by), std::move(done)); }
  void force() noexcept override { server_->force(); }
  void stop() noexcept override { server_->stop(); }
  void account(lastcall::component_report& into) const override { server_->account(into); }
  void measure(lastcall::metrics& into) const override { server_->measure(into); }
  void in_progress(std::vector<lastcall::work_item>& out, std::size_t limit) const override {
    server_->in_progress(out, limit);
  }

 private:
  struct service final : Greeter::CallbackService {
    ~service() override { join(); }
    void join() {
      const std::lock_guard kept(mutex);
      for (auto& each : threads) each.join();
      threads.clear();
    }
    grpc::ServerUnaryReactor* Hello(grpc::CallbackServerContext* of, const HelloRequest* asked, HelloReply*) override {
      auto* const reactor = of->DefaultReactor();
      if (asked->name().empty()) {
        reactor->Finish(grpc::Status::OK);
        return reactor;
      }
      const std::lock_guard kept(mutex);
      threads.emplace_back([this, reactor, name = asked->name(), life = context_of(*of)] {
        if (name == "hold") (*held)();
        const bool cut = name == "long" && !life.wait_until_forced_for(10min);
        reactor->Finish(cut ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "cut") : grpc::Status::OK);
      });
      return reactor;
    }

    const lastcall::function<void()>* held = nullptr;
    std::mutex mutex;
    std::vector<std::thread> threads;
  };

  service service_;
  int port_ = 0;
  grpc::ServerBuilder builder_;
  std::optional<lastcall::grpc::server> server_;
  std::unique_ptr<Greeter::Stub> stub_;
};

TEST(grpc_adapter, conforms) {
  EXPECT_THAT(lastcall::testing::check_adapter(lastcall::testing::adapter_under_test<adapted_greeter>{
                  .make = [](const lastcall::testing::server_address&,
                             const lastcall::logger& log) { return std::make_unique<adapted_greeter>(log); },
                  .work = [](adapted_greeter& of, const context& with) { of.work(with, ""); },
                  .long_work = [](adapted_greeter& of, const context& with) { of.work(with, "long"); },
                  .hold = [](adapted_greeter& of, const lastcall::function<void()>& wait) { of.hold(wait); },
                  .drain = 2s}),
              testing::IsEmpty());
}

}  // namespace service_tests
