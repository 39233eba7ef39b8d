// States: the handshake runs (neither open_ nor broken_), open_, broken_ (OpenSSL must not be called to write any
// more). The two directions end on their own: input_end_ for what we read, close_notify_sent_ for what we write.
//
// OpenSSL wants an SSL_write that could not finish to be repeated with the same bytes. `stalled_` remembers how many
// bytes its encrypted record has, so that a file whose size has changed meanwhile does not break that rule.
//
// OpenSSL keeps a queue of errors for each thread: it is cleared before each call whose error is asked for.
#include "lastcall/net/tls/tls_channel.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace lastcall::inline v0::net::detail {

namespace {

constexpr std::size_t record_bytes = 16 * 1024;  // RFC 8446 section 5.1
/// Without a byte in between. Each key update costs us a derivation and an answer: a client could flood us with them.
constexpr std::uint8_t most_key_updates = 32;
constexpr int reads_of_rest = 16;

/// Begins like an HTTP request: a method in capital letters and a space, as far as it has come.
bool looks_like_http(std::string_view first) noexcept {
  const auto end = std::find_if(first.begin(), first.end(), [](char c) { return c < 'A' || c > 'Z'; });
  return end - first.begin() >= 3 && (end == first.end() || *end == ' ');
}

}  // namespace

/// Our own BIO. That of OpenSSL raises SIGPIPE when it writes to a remote that has gone.
struct tls_channel::socket_bio {
  static tls_channel& channel_of(BIO* bio) noexcept { return *static_cast<tls_channel*>(BIO_get_data(bio)); }

  static int write(BIO* bio, const char* from, int size) noexcept {
    tls_channel& c = channel_of(bio);
    BIO_clear_retry_flags(bio);
    const io_result sent =
        move_bytes(io_end::open, [&] { return ::send(c.socket_, from, static_cast<std::size_t>(size), MSG_NOSIGNAL); });
    if (sent.would_block) BIO_set_retry_write(bio);
    if (sent.end != io_end::open) c.socket_end_ = sent.end;
    if (sent.bytes == 0) return -1;
    c.sent_any_ = true;
    return static_cast<int>(sent.bytes);
  }

  static int read(BIO* bio, char* into, int size) noexcept {
    tls_channel& c = channel_of(bio);
    BIO_clear_retry_flags(bio);
    const io_result got =
        move_bytes(io_end::orderly, [&] { return ::recv(c.socket_, into, static_cast<std::size_t>(size), 0); });
    const std::size_t some = std::min(got.bytes, sizeof c.first_ - c.first_size_);
    std::memcpy(c.first_ + c.first_size_, into, some);
    c.first_size_ = static_cast<std::uint8_t>(c.first_size_ + some);
    if (got.would_block) BIO_set_retry_read(bio);
    if (got.end != io_end::open) c.socket_end_ = got.end;
    return got.bytes > 0 || got.end == io_end::orderly ? static_cast<int>(got.bytes) : -1;
  }

  static long control(BIO*, int what, long, void*) noexcept {
    return what == BIO_CTRL_FLUSH || what == BIO_CTRL_DUP ? 1 : 0;
  }

  static const BIO_METHOD* method() noexcept {
    static const std::unique_ptr<BIO_METHOD, freed_by<BIO_meth_free>> all = [] {
      std::unique_ptr<BIO_METHOD, freed_by<BIO_meth_free>> m(
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lastcall socket"));
      if (m) {
        BIO_meth_set_write(m.get(), write);
        BIO_meth_set_read(m.get(), read);
        BIO_meth_set_ctrl(m.get(), control);
      }
      return m;
    }();
    return all.get();
  }
};

tls_channel::tls_channel(std::shared_ptr<tls_context> of, int socket)
    : context_(std::move(of)), keys_(context_->keys()), ssl_(keys_->open()), socket_(socket) {
  const BIO_METHOD* const method = socket_bio::method();
  BIO* const bio = ssl_ && method ? BIO_new(method) : nullptr;
  if (!bio) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);  // owns it
  SSL_set_accept_state(ssl_.get());
  SSL_set_msg_callback(ssl_.get(), on_message);
  SSL_set_msg_callback_arg(ssl_.get(), this);
}

void tls_channel::on_message(int write, int, int type, const void* bytes, std::size_t size, SSL*, void* self) noexcept {
  if (write || type != SSL3_RT_HANDSHAKE || size == 0) return;
  auto& c = *static_cast<tls_channel*>(self);
  if (*static_cast<const unsigned char*>(bytes) == SSL3_MT_KEY_UPDATE && c.key_updates_ <= most_key_updates)
    ++c.key_updates_;
}

tls_channel::step tls_channel::continue_handshake(const endpoint& remote, time_point now) noexcept {
  ERR_clear_error();
  const int n = SSL_accept(ssl_.get());
  if (n == 1) {
    open_ = true;
    try {
      learn_peer();
    } catch (const std::exception& error) {  // out of memory
      broken_ = true;
      failure_ = tls_failure::other;
      context_->handshake_failed(failure_, error.what(), remote, now);
      return step::failed;
    }
    context_->handshake_done(SSL_session_reused(ssl_.get()) == 1);
    return step::done;
  }
  const int error = SSL_get_error(ssl_.get(), n);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return step::would_block;
  broken_ = true;
  const unsigned long what = ERR_peek_last_error();  // the last is OpenSSL's conclusion; those before led to it
  const char* said = ERR_reason_error_string(what);
  failure_ = socket_end_ != io_end::open ? tls_failure::client_left : failed(ERR_GET_REASON(what));
  context_->handshake_failed(
      failure_, failure_ == tls_failure::client_left ? to_text(socket_end_) : std::string_view(said ? said : ""),
      remote, now);
  ERR_clear_error();
  return step::failed;
}

/// From the first byte of the client and OpenSSL's reason. Alerts of the client have reasons of their own range.
tls_failure tls_channel::failed(int reason) const noexcept {
  constexpr char handshake_record = 0x16;
  const std::string_view first(first_, first_size_);
  if (!first.empty() && first.front() != handshake_record)
    return looks_like_http(first) ? tls_failure::plain_http : tls_failure::not_tls;
  if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255) return tls_failure::refused_by_client;
  switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return tls_failure::no_client_certificate;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return tls_failure::bad_client_certificate;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_APPLICATION_PROTOCOL:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_INAPPROPRIATE_FALLBACK:
      return tls_failure::nothing_in_common;
    default:
      return tls_failure::other;
  }
}

void tls_channel::learn_peer() {
  static const tls_peer nobody;
  // Most clients have no certificate: they share one object, without a reference count.
  peer_ = std::shared_ptr<const tls_peer>(std::shared_ptr<void>(), &nobody);
  const X509* const shown = SSL_get0_peer_certificate(ssl_.get());
  if (!shown || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return;
  const std::unique_ptr<BIO, freed_by<BIO_free>> text(BIO_new(BIO_s_mem()));
  if (!text || X509_NAME_print_ex(text.get(), X509_get_subject_name(shown), 0, XN_FLAG_RFC2253) < 0)
    throw std::bad_alloc();
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  peer_ = std::make_shared<const tls_peer>(tls_peer{std::string(bytes, static_cast<std::size_t>(size))});
}

/// The end that a failed SSL_read means: close_notify, an end of the socket, or an error of the protocol.
io_end tls_channel::ended(int error) noexcept {
  if (error == SSL_ERROR_ZERO_RETURN) return io_end::orderly;
  if (error == SSL_ERROR_SYSCALL && socket_end_ != io_end::open) {
    if (socket_end_ != io_end::orderly) return socket_end_;
    context_->cut_off();
    return io_end::truncated;
  }
  broken_ = true;
  ERR_clear_error();
  return io_end::other;
}

/// Reads on until the buffer is full or OpenSSL wants more from the kernel, which is empty then: so the kernel will
/// announce the next bytes. One SSL_read returns at most one record.
io_result tls_channel::read(char* into, std::size_t size) noexcept {
  read_wants_write_ = false;
  io_result all;
  while (all.bytes < size) {
    if (input_end_ != io_end::open) {
      if (all.bytes == 0) all.end = input_end_;
      return all;
    }
    ERR_clear_error();
    std::size_t some = 0;
    const int n = SSL_read_ex(ssl_.get(), into + all.bytes, size - all.bytes, &some);
    if (key_updates_ > most_key_updates) {
      broken_ = true;
      input_end_ = io_end::other;
    } else if (n == 1) {
      all.bytes += some;
      key_updates_ = 0;
    } else {
      const int error = SSL_get_error(ssl_.get(), n);
      if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        read_wants_write_ = error == SSL_ERROR_WANT_WRITE;
        all.would_block = all.bytes == 0;
        return all;
      }
      input_end_ = ended(error);
    }
  }
  return all;
}

io_result tls_channel::write(const char* from, std::size_t size) noexcept {
  write_wants_read_ = false;
  io_result all;
  while (all.bytes < size) {
    if (broken_ || close_notify_sent_) {
      if (all.bytes == 0) all.end = close_notify_sent_ ? io_end::broken_pipe : io_end::other;
      return all;
    }
    const std::size_t piece = stalled_ ? stalled_ : std::min(size - all.bytes, record_bytes);
    if (piece > size - all.bytes) {  // the caller does not repeat what it has begun: the record cannot be finished
      broken_ = true;
      continue;
    }
    ERR_clear_error();
    std::size_t some = 0;
    const int n = SSL_write_ex(ssl_.get(), from + all.bytes, piece, &some);
    if (n == 1) {
      all.bytes += some;
      stalled_ = 0;
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), n);
    if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) {
      stalled_ = static_cast<std::uint16_t>(piece);
      write_wants_read_ = error == SSL_ERROR_WANT_READ;
      all.would_block = all.bytes == 0;
      return all;
    }
    if (all.bytes == 0)
      all.end = socket_end_ != io_end::open && socket_end_ != io_end::orderly ? socket_end_ : io_end::other;
    broken_ = true;
    return all;
  }
  return all;
}

/// Finishes a record that is encrypted already. OpenSSL then looks only at the length of what it is given.
io_result tls_channel::write_stalled() noexcept {
  static constexpr char again[record_bytes] = {};
  return write(again, stalled_);
}

io_result tls_channel::write_file(int file, std::uint64_t offset, std::size_t size) noexcept {
  io_result all;
  while (all.bytes < size) {
    io_result sent;
    std::size_t bytes = stalled_;
    if (bytes > 0) {  // without the file, which may be shorter by now
      sent = write_stalled();
    } else {
      char piece[record_bytes];
      ssize_t n;
      do n = ::pread(file, piece, std::min(size - all.bytes, sizeof piece), static_cast<off_t>(offset + all.bytes));
      while (n < 0 && errno == EINTR);
      if (n < 0 && all.bytes == 0) all = {.end = io_end::other, .unreadable = true};
      if (n <= 0) return all;
      bytes = static_cast<std::size_t>(n);
      sent = write(piece, bytes);
    }
    all.bytes += sent.bytes;
    if (sent.bytes < bytes) return all.bytes == 0 ? sent : all;
  }
  return all;
}

bool tls_channel::send_close_notify() noexcept {
  if (!open_ || close_notify_sent_) return true;
  if (stalled_ > 0 && write_stalled().would_block) return false;
  if (broken_) return true;
  ERR_clear_error();
  const int n = SSL_shutdown(ssl_.get());
  if (n < 0 && SSL_get_error(ssl_.get(), n) == SSL_ERROR_WANT_WRITE) return false;
  ERR_clear_error();
  return close_notify_sent_ = true;
}

io_result tls_channel::discard(char* into, std::size_t size) noexcept {
  if (input_end_ == io_end::open) {
    const io_result got = read(into, size);
    if (got.bytes > 0 || got.would_block) return got;
  }
  // After close_notify: raw bytes, until the FIN.
  for (int i = 0; i < reads_of_rest; ++i) {
    const io_result got = move_bytes(io_end::orderly, [&] { return ::recv(socket_, into, size, 0); });
    if (got.bytes == 0) return got;
  }
  return {};  // there may be more; the other connections of the loop come first
}

std::string_view tls_channel::agreed_protocol() const noexcept {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace lastcall::inline v0::net::detail
