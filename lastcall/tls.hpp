// Certificates and options of TLS, for the servers that take them.
#pragma once

#include "lastcall/net/tls/tls.hpp"
