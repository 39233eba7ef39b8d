// The testbed's routes, as far as the server can serve them.
#pragma once

#include <string>

#include "lastcall/http.hpp"

namespace testbed {

/// `upload_dir`: where /upload?name=X leaves files; empty: nowhere.
lastcall::http::router routes(const std::string& upload_dir);

}  // namespace testbed
