# The target Nghttp2::nghttp2. nghttp2 comes without a CMake package on Debian; this module is installed with ours, so that
# who links our static library finds what that needs.
find_path(Nghttp2_INCLUDE_DIR nghttp2/nghttp2.h)
find_library(Nghttp2_LIBRARY nghttp2)
mark_as_advanced(Nghttp2_INCLUDE_DIR Nghttp2_LIBRARY)
if(Nghttp2_INCLUDE_DIR AND EXISTS ${Nghttp2_INCLUDE_DIR}/nghttp2/nghttp2ver.h)
  file(STRINGS ${Nghttp2_INCLUDE_DIR}/nghttp2/nghttp2ver.h line REGEX "define NGHTTP2_VERSION \"")
  string(REGEX REPLACE ".*\"(.*)\".*" "\\1" Nghttp2_VERSION "${line}")
  unset(line)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Nghttp2 REQUIRED_VARS Nghttp2_LIBRARY Nghttp2_INCLUDE_DIR VERSION_VAR Nghttp2_VERSION
  REASON_FAILURE_MESSAGE "on Debian: apt-get install libnghttp2-dev")

if(Nghttp2_FOUND AND NOT TARGET Nghttp2::nghttp2)
  add_library(Nghttp2::nghttp2 UNKNOWN IMPORTED GLOBAL)
  set_target_properties(Nghttp2::nghttp2 PROPERTIES
    IMPORTED_LOCATION ${Nghttp2_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${Nghttp2_INCLUDE_DIR})
endif()
