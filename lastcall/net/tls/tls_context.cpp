#include "lastcall/net/tls/tls_context.hpp"

#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "lastcall/core/app/option_check.hpp"
#include "lastcall/core/metrics.hpp"
#include "lastcall/core/report/report.hpp"
#include "lastcall/net/tls/tls_keys.hpp"

namespace lastcall::inline v0::net {

namespace {

void check(const tls_options& o, const std::string& component) {
  const auto refuse = [&](const std::string& why) { throw std::invalid_argument(component + ": tls: " + why); };
  const lastcall::detail::option_check allowed(component + ": tls");
  allowed.time_above_zero("handshake_time", o.handshake_time);
  allowed.time("ticket_key_time", o.ticket_key_time, std::chrono::seconds(1));
  if (o.certificates.empty()) refuse("there is no certificate; give a chain_file and a key_file");
  for (const tls_certificate& each : o.certificates)
    if (each.chain_file.empty() || each.key_file.empty()) refuse("a certificate needs a chain_file and a key_file");
  if (o.clients != client_certificates::none && o.client_ca_file.empty())
    refuse("client certificates are asked for, but client_ca_file does not say who may sign them");
  if (o.clients == client_certificates::none && !o.client_ca_file.empty())
    refuse("client_ca_file is given, but clients are not asked for certificates; set clients to optional or required");
  for (const std::string& each : o.alpn)
    if (each.empty() || each.size() > 255) refuse("a protocol's name in alpn has 1 to 255 bytes");
}

}  // namespace

std::string_view to_text(tls_failure why) noexcept {
  return lastcall::detail::enum_names<tls_failure>[static_cast<std::size_t>(why)];
}

tls_context::tls_context(tls_options options, std::string component, logger log)
    : options_((check(options, component), std::move(options))),
      component_(std::move(component)),
      log_(std::move(log)),
      keys_(read_files()) {}

tls_context::~tls_context() = default;

std::shared_ptr<const detail::tls_keys> tls_context::read_files() const {
  return std::make_shared<const detail::tls_keys>(options_, component_, log_);
}

result<void> tls_context::reload() noexcept {
  const auto failed = [this](const std::exception& error, std::error_code code) {
    log_.error(component_, "certificates not reloaded; the former stay in use", {{"cause", error.what()}});
    return result<void>(code);
  };
  try {
    auto fresh = read_files();
    {
      const std::lock_guard lock(mutex_);
      keys_.swap(fresh);
    }
    reloads_.fetch_add(1, std::memory_order_relaxed);
    log_.info(component_, "certificates reloaded");
    return {};
  } catch (const std::system_error& error) {
    return failed(error, error.code());
  } catch (const std::bad_alloc& error) {
    return failed(error, std::make_error_code(std::errc::not_enough_memory));
  } catch (const std::exception& error) {
    return failed(error, std::make_error_code(std::errc::invalid_argument));
  }
}

std::shared_ptr<const detail::tls_keys> tls_context::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

void tls_context::handshake_done(bool resumed) noexcept {
  done_.fetch_add(1, std::memory_order_relaxed);
  if (resumed) resumed_.fetch_add(1, std::memory_order_relaxed);
}

void tls_context::handshake_failed(tls_failure why, std::string_view detail, const endpoint& remote,
                                   time_point now) noexcept {
  failed_[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  const std::unique_lock lock(writing_, std::try_to_lock);
  const auto skipped = lock ? limit_.admit(now) : std::nullopt;
  if (!skipped) {
    if (!lock) left_out_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::uint64_t left_out = *skipped + left_out_.exchange(0, std::memory_order_relaxed);
  // A port scan and a TCP health check end like that.
  log_.write(why == tls_failure::client_left ? log_level::debug : log_level::warning, component_,
             "a TLS handshake failed",
             {{"remote", to_text(remote)},
              {"cause", to_text(why)},
              {"detail", detail},
              {"left_out", std::to_string(left_out)}});
}

void tls_context::account(component_report& into) const {
  into.add("tls_handshakes", handshakes());
  into.add("tls_resumed", resumed());
  for (std::size_t i = 0; i < tls_failures; ++i)
    if (const auto why = static_cast<tls_failure>(i); failed(why) > 0)
      into.add("tls_failed_" + std::string(to_text(why)), failed(why));
  if (times_cut_off() > 0) into.add("tls_cut_off", times_cut_off());
  if (const auto times = reloads_.load(std::memory_order_relaxed); times > 0) into.add("tls_reloads", times);
}

void tls_context::measure(metrics& into) const {
  const char* const help = "TLS handshakes by how they ended.";
  into.counter("lastcall_tls_handshakes_total", help, handshakes(), {{"end", "done"}});
  for (std::size_t i = 0; i < tls_failures; ++i) {
    const auto why = static_cast<tls_failure>(i);
    into.counter("lastcall_tls_handshakes_total", help, failed(why), {{"end", to_text(why)}});
  }
  into.counter("lastcall_tls_resumed_total", "TLS handshakes that resumed a session.", resumed());
  into.counter("lastcall_tls_cut_off_total", "TLS connections that their remote ended without saying so.",
               times_cut_off());
}

}  // namespace lastcall::inline v0::net
