// For programs whose server is not ours: the drain of a listener that closes without loss, addresses, descriptors, what
// errors mean.
#pragma once

#include "lastcall/net/endpoint.hpp"
#include "lastcall/net/io_error.hpp"
#include "lastcall/net/listen/drain_of_listener.hpp"
#include "lastcall/net/listen/listener.hpp"
#include "lastcall/net/unique_fd.hpp"
