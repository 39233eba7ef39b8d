// A doubly linked list whose links are members of its elements. Owns nothing, allocates nothing, and does not know its
// size.
#pragma once

#include <cstddef>
#include <iterator>
#include <utility>

#include "lastcall/core/namespace.hpp"

namespace lastcall::inline v0::net {

template <class T, class Tag> class intrusive_list;

/// The base class of an element. It can be on one list at a time; with several hooks of different tags, on several.
/// An element that is destroyed leaves its list.   Threads: one for all elements of a list.
template <class Tag = void> class list_hook {
 public:
  list_hook() noexcept = default;
  list_hook(const list_hook&) = delete;
  list_hook& operator=(const list_hook&) = delete;
  ~list_hook() { unlink(); }

  bool linked() const noexcept { return next_ != nullptr; }

  /// Leaves the list, if it is on one. O(1).
  void unlink() noexcept {
    if (!linked()) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = nullptr;
  }

 private:
  template <class T, class U> friend class intrusive_list;

  list_hook* prev_ = nullptr;
  list_hook* next_ = nullptr;
};

/// Elements in the order in which they were added. An element that is added leaves the list it was on (of the same
/// tag). In a loop the current element may leave once the iterator has passed it (`T& t = *it++;`). If others may
/// leave, too, splice into a local list and take from its front.
template <class T, class Tag = void> class intrusive_list {
  using hook = list_hook<Tag>;

 public:
  class iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;

    iterator() noexcept = default;
    T& operator*() const noexcept { return *static_cast<T*>(at_); }
    T* operator->() const noexcept { return static_cast<T*>(at_); }
    iterator& operator++() noexcept { return at_ = at_->next_, *this; }
    iterator& operator--() noexcept { return at_ = at_->prev_, *this; }
    iterator operator++(int) noexcept { return iterator(std::exchange(at_, at_->next_)); }
    iterator operator--(int) noexcept { return iterator(std::exchange(at_, at_->prev_)); }
    bool operator==(const iterator&) const noexcept = default;

   private:
    friend class intrusive_list;
    explicit iterator(hook* at) noexcept : at_(at) {}
    hook* at_ = nullptr;
  };

  intrusive_list() noexcept { ends_.prev_ = ends_.next_ = &ends_; }
  intrusive_list(const intrusive_list&) = delete;
  intrusive_list& operator=(const intrusive_list&) = delete;
  ~intrusive_list() { clear(); }

  bool empty() const noexcept { return ends_.next_ == &ends_; }
  T& front() noexcept { return *static_cast<T*>(ends_.next_); }
  T& back() noexcept { return *static_cast<T*>(ends_.prev_); }
  iterator begin() noexcept { return iterator(ends_.next_); }
  iterator end() noexcept { return iterator(&ends_); }

  void push_back(T& element) noexcept { link(element, &ends_); }
  void push_front(T& element) noexcept { link(element, ends_.next_); }

  /// Puts `element` before `position`, which is not the element itself.
  void insert(iterator position, T& element) noexcept { link(element, position.at_); }

  static void erase(T& element) noexcept { static_cast<hook&>(element).unlink(); }

  /// Takes the first element off; null when there is none.
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    T& first = front();
    erase(first);
    return &first;
  }

  /// Moves all elements of `other` behind ours. O(1).
  void splice_back(intrusive_list& other) noexcept {
    if (&other == this || other.empty()) return;
    hook* const first = other.ends_.next_;
    hook* const last = other.ends_.prev_;
    first->prev_ = ends_.prev_;
    ends_.prev_->next_ = first;
    last->next_ = &ends_;
    ends_.prev_ = last;
    other.ends_.prev_ = other.ends_.next_ = &other.ends_;
  }

  /// Unlinks every element. O(n).
  void clear() noexcept {
    while (!empty()) ends_.next_->unlink();
  }

 private:
  static void link(T& element, hook* before) noexcept {
    hook& h = element;
    if (&h == before) return;
    h.unlink();
    h.prev_ = before->prev_;
    h.next_ = before;
    before->prev_->next_ = &h;
    before->prev_ = &h;
  }

  hook ends_;  // next_ is the first element, prev_ the last; both are itself when empty
};

}  // namespace lastcall::inline v0::net
