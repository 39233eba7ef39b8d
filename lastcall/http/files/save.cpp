#include "lastcall/http/files/save.hpp"

#include <memory>

#include "lastcall/http/files/whole_file.hpp"
#include "lastcall/http/requests/call.hpp"

namespace lastcall::inline v0::http {

namespace {

constexpr std::size_t gathered_bytes = 256 * 1024;  // for one trip to the pool

/// What the coroutine and the pool's thread share; never both at once.
struct upload {
  std::unique_ptr<detail::whole_file> file;
  std::string gathered;
};

task<std::uint64_t> save_in_steps(detail::call& call, body_stream& in, std::string path) {
  const auto up = std::make_shared<upload>();
  std::uint64_t size = 0;
  for (bool more = true; more;) {
    const auto piece = co_await in.read();
    more = piece.has_value();
    if (more) {
      size += piece->size();
      up->gathered += *piece;
    }
    if (more && up->gathered.size() < gathered_bytes) continue;
    // A variable of its own: g++ 12 destroys a capturing lambda twice that is made within a co_await.
    function<void()> step = [up, path, last = !more] {
      if (!up->file) up->file = std::make_unique<detail::whole_file>(path);
      up->file->write(up->gathered);
      up->gathered.clear();
      if (last) up->file->commit();
    };
    co_await call.on_pool(std::move(step));
  }
  co_return size;
}

}  // namespace

task<std::uint64_t> save(body_stream& in, const std::string& path) {
  return save_in_steps(detail::stream_access::of(in), in, path);
}

std::uint64_t save_blocking(body_stream& in, const std::string& path) {
  detail::whole_file file(path);
  std::uint64_t size = 0;
  while (const auto piece = in.read_blocking()) {
    size += piece->size();
    file.write(*piece);
  }
  file.commit();
  return size;
}

}  // namespace lastcall::inline v0::http
