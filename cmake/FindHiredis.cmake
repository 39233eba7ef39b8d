# The target Hiredis::hiredis. hiredis 0.14 (Debian 12) comes without a CMake package; this module is installed with the
# adapter for Redis.
find_path(Hiredis_INCLUDE_DIR hiredis/hiredis.h)
find_library(Hiredis_LIBRARY hiredis)
mark_as_advanced(Hiredis_INCLUDE_DIR Hiredis_LIBRARY)
if(Hiredis_INCLUDE_DIR AND EXISTS ${Hiredis_INCLUDE_DIR}/hiredis/hiredis.h)
  file(STRINGS ${Hiredis_INCLUDE_DIR}/hiredis/hiredis.h lines REGEX "^#define HIREDIS_(MAJOR|MINOR|PATCH) [0-9]+$")
  list(TRANSFORM lines REPLACE ".* " "")
  list(JOIN lines "." Hiredis_VERSION)
  unset(lines)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Hiredis REQUIRED_VARS Hiredis_LIBRARY Hiredis_INCLUDE_DIR VERSION_VAR Hiredis_VERSION
  REASON_FAILURE_MESSAGE "on Debian: apt-get install libhiredis-dev")

if(Hiredis_FOUND AND NOT TARGET Hiredis::hiredis)
  add_library(Hiredis::hiredis UNKNOWN IMPORTED GLOBAL)
  set_target_properties(Hiredis::hiredis PROPERTIES
    IMPORTED_LOCATION ${Hiredis_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${Hiredis_INCLUDE_DIR})
endif()
