// Boost.Intrusive's list, as connections and timers use it: an element that is added leaves the list that it was on,
// and one that is destroyed leaves its list. Owns nothing, allocates nothing, and does not know its size.
#pragma once

#include <boost/intrusive/list.hpp>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::net {

/// A public base class of an element. It can be on one list at a time; with several hooks of different tags, on
/// several. Threads: one for all elements of a list.
template <class Tag = void>
using list_hook = boost::intrusive::list_base_hook<boost::intrusive::tag<Tag>,
                                                   boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// Elements in the order in which they were added. In a loop the current element may leave once the iterator has passed
/// it (`T& t = *it++;`). If others may leave, too, splice into a local list and take from its front.
template <class T, class Tag = void> class intrusive_list {
 public:
  bool empty() const noexcept { return all_.empty(); }
  T& front() noexcept { return all_.front(); }
  auto begin() noexcept { return all_.begin(); }
  auto end() noexcept { return all_.end(); }

  void push_back(T& element) noexcept {
    erase(element);
    all_.push_back(element);
  }
  static void erase(T& element) noexcept { static_cast<list_hook<Tag>&>(element).unlink(); }
  /// Takes the first element off; null when there is none.
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    T& first = front();
    all_.pop_front();
    return &first;
  }
  /// Moves all elements of `other` behind ours. O(1).
  void splice_back(intrusive_list& other) noexcept {
    if (&other != this) all_.splice(end(), other.all_);
  }

 private:
  boost::intrusive::list<T, boost::intrusive::base_hook<list_hook<Tag>>, boost::intrusive::constant_time_size<false>>
      all_;
};

}  // namespace lastcall::inline v0::net
