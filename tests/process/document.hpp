// The one thing that is true of every report: its ledgers add up.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "lastcall/testing/internal/document.hpp"

namespace process_tests {

using lastcall::testing::document;

/// Each ledger's sum is what it began with.
inline void expect_ledgers_add_up(const document& report, const std::string& of = "") {
  const auto n = [&](const std::string& path) { return report.number(of + path); };
  EXPECT_EQ(n("connections.accepted"), n("connections.closed_clean") + n("connections.closed_by_remote") +
                                           n("connections.reset_by_remote") + n("connections.timed_out") +
                                           n("connections.handed_over") + n("connections.forced"));
  EXPECT_EQ(n("requests.begun"), n("requests.answered") + n("requests.rejected") + n("requests.abandoned_by_client") +
                                     n("requests.handed_over") + n("requests.forced") + n("requests.broken") +
                                     n("requests.timed_out"));
}

}  // namespace process_tests
