// What a consumer says to the server about its stream. Decides nothing: see consumer_core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lastcall/adapters/redis/connection.hpp"
#include "lastcall/adapters/redis/entry_book.hpp"

namespace lastcall::inline v0::redis::detail {

/// Every call: Blocks as a command.
struct stream_group {
  std::string stream{};
  std::string group{};
  std::string consumer{};

  /// Makes the stream and the group if there are none. No error: this user may not; then they are there, or the first
  /// read says that they are not.
  std::optional<error> make(connection& on, const context& with, bool from_beginning) const;
  /// New entries. None: there were none within `longest`, which is at least a millisecond, or the read was ended.
  result<std::vector<entry>, error> read(connection& on, const context& with, std::size_t most, duration longest) const;
  /// From `from` on ("-": the first; "(ID": the next), those of all consumers that are idle for so long; without a
  /// time those of this consumer.
  result<std::vector<pending_entry>, error> pending(connection& on, const context& with, const std::string& from,
                                                    std::size_t most, std::optional<duration> idle) const;
  /// Those that were still idle for so long; those that are no longer in the stream are left out.
  result<std::vector<entry>, error> claim(connection& on, const context& with, const std::vector<pending_entry>& which,
                                          duration idle) const;
  std::optional<error> acknowledge(connection& on, const context& with, const std::vector<std::string>& ids) const;
  /// Adds it to that stream and acknowledges it, both or neither.
  std::optional<error> move_to_dead_letters(connection& on, const context& with, const dead_letter& what,
                                            const std::string& to) const;
  /// They are this consumer's, and have been idle for so long. Nothing, if there are none.
  std::optional<error> set_idle(connection& on, const context& with, const std::vector<std::string>& ids,
                                duration idle) const;
  /// The same, and the last time that each was given does not count.
  std::optional<error> give_back(connection& on, const context& with, const std::vector<pending_entry>& which,
                                 duration idle) const;
  /// Removes the consumer from the group, if nothing is pending for it.
  std::optional<error> leave(connection& on, const context& with) const;
};

}  // namespace lastcall::inline v0::redis::detail
