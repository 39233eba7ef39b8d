# The target RdKafka::rdkafka, librdkafka's C API. It comes without a CMake package on Debian; this module is installed with
# the adapter for Kafka, so that who links that finds what it needs.
find_path(RdKafka_INCLUDE_DIR librdkafka/rdkafka.h)
find_library(RdKafka_LIBRARY rdkafka)
mark_as_advanced(RdKafka_INCLUDE_DIR RdKafka_LIBRARY)
if(RdKafka_INCLUDE_DIR AND EXISTS ${RdKafka_INCLUDE_DIR}/librdkafka/rdkafka.h)
  # 0x020002ff is 2.0.2.
  file(STRINGS ${RdKafka_INCLUDE_DIR}/librdkafka/rdkafka.h line REGEX "define RD_KAFKA_VERSION +0x")
  string(REGEX REPLACE ".*0x(..)(..)(..).*" "\\1;\\2;\\3" line "${line}")
  set(RdKafka_VERSION "")
  foreach(part IN LISTS line)
    math(EXPR part "0x${part}")
    list(APPEND RdKafka_VERSION ${part})
  endforeach()
  list(JOIN RdKafka_VERSION "." RdKafka_VERSION)
  unset(line)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(RdKafka REQUIRED_VARS RdKafka_LIBRARY RdKafka_INCLUDE_DIR VERSION_VAR RdKafka_VERSION
  REASON_FAILURE_MESSAGE "on Debian: apt-get install librdkafka-dev")

if(RdKafka_FOUND AND NOT TARGET RdKafka::rdkafka)
  add_library(RdKafka::rdkafka UNKNOWN IMPORTED GLOBAL)
  set_target_properties(RdKafka::rdkafka PROPERTIES
    IMPORTED_LOCATION ${RdKafka_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${RdKafka_INCLUDE_DIR})
endif()
