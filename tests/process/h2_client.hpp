// A client that keeps many HTTP/2 streams busy and knows of each what became of it: answered, refused in a way that
// makes it safe to send again, or lost. By nghttp2's client session; knows no testbed and no shutdown.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lastcall/listen.hpp"
#include "lastcall/testing/internal/server_address.hpp"

namespace process_tests {

struct h2_counts {
  std::uint64_t attempted = 0;  // its HEADERS went to the kernel
  std::uint64_t answered = 0;   // 200, and the end of the stream
  std::uint64_t safe = 0;       // REFUSED_STREAM, or above the last stream of GOAWAY: not processed, may be sent again
  std::uint64_t lost = 0;       // neither: nobody knows whether it was processed
  std::uint64_t wrong = 0;      // another status
  std::uint64_t goaways = 0;
  std::uint64_t connections = 0;
  std::uint64_t resets = 0;  // of connections, by TCP
  std::uint64_t ends = 0;    // by FIN
  std::uint64_t rude = 0;    // FIN came, but the wire's own end had not
  bool timed_out = false;
};

/// What carries the bytes of one connection. This one: TCP as it is.
class h2_wire {
 public:
  /// Connects. Without a descriptor: nobody listens.
  explicit h2_wire(const lastcall::testing::server_address& to)
      : fd_(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (::connect(fd(), reinterpret_cast<const sockaddr*>(&to.address), to.length) != 0) fd_.reset();
  }
  virtual ~h2_wire() = default;

  virtual int fd() const noexcept { return fd_.get(); }
  /// The bytes that say `plain`.
  virtual std::string seal(std::string_view plain) { return std::string(plain); }
  /// What the bytes said that came.
  virtual std::string open(std::string_view came) { return std::string(came); }
  virtual bool told_of_the_end() const noexcept { return true; }

 protected:
  h2_wire() = default;

 private:
  lastcall::net::unique_fd fd_;
};

class h2_client {
 public:
  struct options {
    lastcall::testing::server_address to;
    int connections = 8;
    int streams = 16;  // at once, of each
    std::string path = "/";
    std::chrono::milliseconds after{500};  // then `tell` is called
    std::chrono::seconds timeout{30};
    std::function<std::unique_ptr<h2_wire>()> connect = {};  // empty: TCP to `to`
  };

  /// Until nobody listens any more and every connection has ended.
  static h2_counts run(const options& o, const std::function<void()>& tell) {
    h2_client one(o);
    one.go(tell);
    return one.counts_;
  }

 private:
  using clock = std::chrono::steady_clock;

  struct link {
    h2_client& of;
    std::unique_ptr<h2_wire> wire;
    nghttp2_session* session = nullptr;
    std::set<std::int32_t> sent = {};  // whose end is not known
    std::string out = {};
    int open = 0;
    bool going_away = false;

    link(h2_client& c, std::unique_ptr<h2_wire> w) : of(c), wire(std::move(w)) {}
    link(const link&) = delete;
    link& operator=(const link&) = delete;
    ~link() {
      if (session) nghttp2_session_del(session);
    }
  };

  explicit h2_client(const options& o) : options_(o) {
    nghttp2_session_callbacks_new(&callbacks_);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks_,
                                                         [](nghttp2_session*, const nghttp2_frame* f, void* user) {
                                                           link& l = *static_cast<link*>(user);
                                                           if (f->hd.type != NGHTTP2_HEADERS) return 0;
                                                           l.sent.insert(f->hd.stream_id);
                                                           ++l.of.counts_.attempted;
                                                           return 0;
                                                         });
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks_, [](nghttp2_session* s, const nghttp2_frame* f, const std::uint8_t* name, std::size_t size,
                       const std::uint8_t* value, std::size_t, std::uint8_t, void*) {
          if (size == 7 && name[0] == ':')
            nghttp2_session_set_stream_user_data(s, f->hd.stream_id,
                                                 reinterpret_cast<void*>(std::intptr_t{value[0] == '2' ? 1 : 2}));
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks_,
                                                         [](nghttp2_session*, const nghttp2_frame* f, void* user) {
                                                           link& l = *static_cast<link*>(user);
                                                           if (f->hd.type == NGHTTP2_GOAWAY) {
                                                             l.going_away = true;
                                                             ++l.of.counts_.goaways;
                                                           }
                                                           return 0;
                                                         });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks_, [](nghttp2_session* s, std::int32_t id, std::uint32_t why, void* user) {
          link& l = *static_cast<link*>(user);
          --l.open;
          if (l.sent.erase(id) == 0) return 0;  // never left
          h2_counts& c = l.of.counts_;
          const auto status = reinterpret_cast<std::intptr_t>(nghttp2_session_get_stream_user_data(s, id));
          // Also those above the last stream of a GOAWAY: nghttp2 closes them itself, with this code.
          if (why == NGHTTP2_REFUSED_STREAM) {
            ++c.safe;
          } else if (why == NGHTTP2_NO_ERROR && status == 1) {
            ++c.answered;
          } else if (why == NGHTTP2_NO_ERROR && status == 2) {
            ++c.wrong;
          } else {
            ++c.lost;
          }
          return 0;
        });
  }
  ~h2_client() { nghttp2_session_callbacks_del(callbacks_); }
  h2_client(const h2_client&) = delete;
  h2_client& operator=(const h2_client&) = delete;

  std::unique_ptr<link> enter() {
    auto wire = options_.connect ? options_.connect() : std::make_unique<h2_wire>(options_.to);
    if (wire->fd() < 0) return nullptr;  // nobody listens
    auto l = std::make_unique<link>(*this, std::move(wire));
    ::fcntl(l->wire->fd(), F_SETFL, O_NONBLOCK);
    const int on = 1;
    ::setsockopt(l->wire->fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    nghttp2_session_client_new(&l->session, callbacks_, l.get());
    nghttp2_submit_settings(l->session, NGHTTP2_FLAG_NONE, nullptr, 0);
    ++counts_.connections;
    return l;
  }

  void fill(link& l) {
    const auto nv = [](const char* name, const std::string& value) {
      return nghttp2_nv{reinterpret_cast<std::uint8_t*>(const_cast<char*>(name)),
                        reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), std::strlen(name),
                        value.size(), NGHTTP2_NV_FLAG_NONE};
    };
    static const std::string get = "GET", http = "http", host = "a";
    const nghttp2_nv all[] = {nv(":method", get), nv(":scheme", http), nv(":path", options_.path),
                              nv(":authority", host)};
    while (!l.going_away && l.open < options_.streams &&
           nghttp2_submit_request(l.session, nullptr, all, 4, nullptr, nullptr) > 0)
      ++l.open;
  }

  /// False: it has ended.
  bool serve(link& l, short events) {
    if (events & (POLLIN | POLLHUP | POLLERR)) {
      char bytes[65536];
      for (;;) {
        const ssize_t n = ::recv(l.wire->fd(), bytes, sizeof bytes, 0);
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) {
          ++(n < 0 ? counts_.resets : l.wire->told_of_the_end() ? counts_.ends : counts_.rude);
          return false;
        }
        const std::string said = l.wire->open({bytes, static_cast<std::size_t>(n)});
        if (nghttp2_session_mem_recv(l.session, reinterpret_cast<const std::uint8_t*>(said.data()), said.size()) < 0)
          return false;
      }
    }
    fill(l);
    for (const std::uint8_t* bytes = nullptr;;) {
      const ssize_t n = nghttp2_session_mem_send(l.session, &bytes);
      if (n <= 0) break;
      l.out += l.wire->seal({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n)});
    }
    while (!l.out.empty()) {
      const ssize_t n = ::send(l.wire->fd(), l.out.data(), l.out.size(), MSG_NOSIGNAL);
      if (n < 0) return errno == EAGAIN;
      l.out.erase(0, static_cast<std::size_t>(n));
    }
    return true;  // until the end of the server, which has the last word
  }

  void go(const std::function<void()>& tell) {
    const auto began = clock::now();
    std::vector<std::unique_ptr<link>> links(static_cast<std::size_t>(options_.connections));
    bool told = false, door_open = true;
    for (;;) {
      if (!told && clock::now() - began >= options_.after) {
        told = true;
        tell();
      }
      if (clock::now() - began > options_.timeout) {
        counts_.timed_out = true;
        break;
      }
      bool any = false;
      for (auto& l : links) {
        if (!l && door_open) {
          l = enter();
          if (!l) door_open = !told;
        }
        any = any || l;
      }
      if (!any && !door_open) break;
      std::vector<pollfd> watched;
      for (auto& l : links) {
        if (!l) {
          watched.push_back({.fd = -1, .events = 0, .revents = 0});
          continue;
        }
        if (l->out.empty() && l->open == 0) serve(*l, 0);
        watched.push_back({.fd = l->wire->fd(),
                           .events = static_cast<short>(l->out.empty() ? POLLIN : POLLIN | POLLOUT),
                           .revents = 0});
      }
      ::poll(watched.data(), watched.size(), 20);
      for (std::size_t i = 0; i < links.size(); ++i) {
        if (!links[i] || watched[i].revents == 0 || serve(*links[i], watched[i].revents)) continue;
        counts_.lost += links[i]->sent.size();  // no word of them came
        links[i].reset();
      }
    }
    for (auto& l : links)
      if (l) counts_.lost += l->sent.size();
  }

  const options options_;
  nghttp2_session_callbacks* callbacks_ = nullptr;
  h2_counts counts_;
};

}  // namespace process_tests
