#include "lastcall/adapters/redis/reply.hpp"

#include <stdexcept>

namespace lastcall::inline v0::redis {

namespace {

std::string shown(const value& of) {
  const redisReply& is = *of.native_handle();
  switch (is.type) {
    case REDIS_REPLY_NIL:
      return "nil";
    case REDIS_REPLY_INTEGER:
      return "the number " + std::to_string(is.integer);
    case REDIS_REPLY_ARRAY:
      return "an array of " + std::to_string(is.elements);
    case REDIS_REPLY_ERROR:
      return "the error \"" + std::string(of.text().substr(0, 60)) + '"';
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      return "the text \"" + std::string(of.text().substr(0, 60)) + '"';
    default:
      return "a reply of type " + std::to_string(is.type);
  }
}

}  // namespace

value value::operator[](std::size_t which) const {
  if (which >= size())
    throw std::invalid_argument("redis: the reply has no element " + std::to_string(which) + ", it is " + shown(*this));
  return value(of_->element[which]);
}

void value::refuse(const char* wanted) const {
  throw std::invalid_argument("redis: the reply is not " + std::string(wanted) + ", it is " + shown(*this));
}

}  // namespace lastcall::inline v0::redis
