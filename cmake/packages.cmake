# Debian packages by cpack (preset `package`): lastcall (the command), liblastcall-dev, and with BUILD_SHARED_LIBS
# liblastcall0.1; for each adapter X liblastcall-X-dev, and liblastcall-X0.1. Dependencies on what is linked come from dpkg-shlibdeps, those between our packages from here.
set(LASTCALL_MAINTAINER "Lastcall maintainers <maintainers@users.noreply.r-seed-08bbadbb.example>"
  CACHE STRING "Who answers for the packages: NAME <ADDRESS>")

set(runtime_package liblastcall${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(development_package liblastcall-dev)
set(command_package lastcall)
set(CPACK_COMPONENTS_ALL development)
if(BUILD_SHARED_LIBS)
  list(PREPEND CPACK_COMPONENTS_ALL runtime)
endif()
if(TARGET lastcall)
  list(APPEND CPACK_COMPONENTS_ALL command)
endif()
get_property(adapters GLOBAL PROPERTY LASTCALL_ADAPTERS)
foreach(adapter IN LISTS adapters)
  set(${adapter}_development_package liblastcall-${adapter}-dev)
  list(APPEND CPACK_COMPONENTS_ALL ${adapter}_development)
  if(BUILD_SHARED_LIBS)
    set(${adapter}_runtime_package liblastcall-${adapter}${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    list(APPEND CPACK_COMPONENTS_ALL ${adapter}_runtime)
  endif()
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME lastcall)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each package has a line of its own
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
find_program(LASTCALL_DPKG dpkg)
if(LASTCALL_DPKG)
  execute_process(COMMAND ${LASTCALL_DPKG} --print-architecture
    OUTPUT_VARIABLE CPACK_DEBIAN_PACKAGE_ARCHITECTURE OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
# All of them by one pattern, since they need each other: apt install ./lastcall_*.deb.
set(version_and_machine ${PROJECT_VERSION}_${CPACK_DEBIAN_PACKAGE_ARCHITECTURE}.deb)
set(CPACK_DEBIAN_RUNTIME_FILE_NAME lastcall_runtime_${version_and_machine})
set(CPACK_DEBIAN_DEVELOPMENT_FILE_NAME lastcall_dev_${version_and_machine})
set(CPACK_DEBIAN_COMMAND_FILE_NAME lastcall_${version_and_machine})
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${LASTCALL_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# The libraries of the package that is being made are not installed where it is made.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS
  ${PROJECT_BINARY_DIR}/lastcall/core ${PROJECT_BINARY_DIR}/lastcall/work ${PROJECT_BINARY_DIR}/lastcall/net
  ${PROJECT_BINARY_DIR}/lastcall/http ${PROJECT_BINARY_DIR}/lastcall/testing)
set(same_version "(= ${PROJECT_VERSION})")

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${runtime_package})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/debian/triggers)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "stops C++ network services without losing a request: libraries
A lifecycle for any program, and an HTTP server that finishes every
accepted request when it is told to stop. These are the shared libraries.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME ${development_package})
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(needs "")
if(BUILD_SHARED_LIBS)
  list(APPEND needs "${runtime_package} ${same_version}")
endif()
if(LASTCALL_NET)
  # The same Boost as ours: what the libraries have of Asio must be what a program has.
  find_package(Boost 1.81 REQUIRED)
  list(APPEND needs libboost${Boost_VERSION_MAJOR}.${Boost_VERSION_MINOR}-dev libnghttp2-dev)
  if(NOT BUILD_SHARED_LIBS)
    list(APPEND needs "libssl-dev (>= 3.0)")
  endif()
endif()
list(JOIN needs ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "stops C++ network services without losing a request: development
A lifecycle for any program, and an HTTP server that finishes every
accepted request when it is told to stop. These are the C++20 headers, the
libraries to link with, and what find_package and pkg-config read.")

set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME ${command_package})
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION net)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SHLIBDEPS ON)
if(BUILD_SHARED_LIBS)
  set(CPACK_DEBIAN_COMMAND_PACKAGE_DEPENDS "${runtime_package} ${same_version}")
endif()
set(CPACK_DEBIAN_COMMAND_DESCRIPTION "scores how a network service shuts down
Puts load on a server in any language, tells it to stop in the middle of that
load, and accounts for every request exactly once: answered, lost, late or
refused.")

foreach(adapter IN LISTS adapters)
  get_property(for_whom GLOBAL PROPERTY LASTCALL_${adapter}_FOR)
  get_property(library GLOBAL PROPERTY LASTCALL_${adapter}_DEBIAN)
  string(TOUPPER CPACK_DEBIAN_${adapter}_DEVELOPMENT of)
  set(${of}_FILE_NAME lastcall_${adapter}_dev_${version_and_machine})
  set(${of}_PACKAGE_NAME ${${adapter}_development_package})
  set(${of}_PACKAGE_SECTION libdevel)
  set(needs "${development_package} ${same_version}" ${library})
  if(BUILD_SHARED_LIBS)
    list(APPEND needs "${${adapter}_runtime_package} ${same_version}")
  endif()
  list(JOIN needs ", " ${of}_PACKAGE_DEPENDS)
  set(${of}_DESCRIPTION "adapter of lastcall for ${for_whom}: development
It drains, cancels and closes the connections of a network service that is
told to stop. These are the C++20 headers, the library to link with, and what
find_package and pkg-config read.")
  string(TOUPPER CPACK_DEBIAN_${adapter}_RUNTIME of)
  set(${of}_FILE_NAME lastcall_${adapter}_runtime_${version_and_machine})
  set(${of}_PACKAGE_NAME ${${adapter}_runtime_package})
  set(${of}_PACKAGE_SECTION libs)
  set(${of}_PACKAGE_SHLIBDEPS ON)
  set(${of}_PACKAGE_DEPENDS "${runtime_package} ${same_version}")
  set(${of}_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/debian/triggers)
  set(${of}_DESCRIPTION "adapter of lastcall for ${for_whom}: library
It drains, cancels and closes the connections of a network service that is
told to stop. This is the shared library.")
  list(APPEND CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lastcall/adapters/${adapter})
endforeach()

# What Debian's policy wants in each package, and only there: copyright, changelog, reasons for what lintian says.
set(debian ${PROJECT_BINARY_DIR}/debian)
string(TIMESTAMP package_date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # SOURCE_DATE_EPOCH, if that is set
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  set(package ${${component}_package})
  set(doc ${CMAKE_INSTALL_DATAROOTDIR}/doc/${package})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/debian/changelog.in ${debian}/${package}/changelog @ONLY)
  install(CODE "execute_process(COMMAND ${LASTCALL_GZIP} -9nkf ${debian}/${package}/changelog COMMAND_ERROR_IS_FATAL ANY)"
    COMPONENT ${component} EXCLUDE_FROM_ALL)
  install(FILES ${debian}/${package}/changelog.gz DESTINATION ${doc} COMPONENT ${component} EXCLUDE_FROM_ALL)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/debian/copyright DESTINATION ${doc} COMPONENT ${component} EXCLUDE_FROM_ALL)
  if(component STREQUAL "development")
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/deploy/systemd DESTINATION ${doc}/examples
      COMPONENT ${component} EXCLUDE_FROM_ALL)
  endif()
  if(EXISTS ${PROJECT_SOURCE_DIR}/cmake/debian/${component}.lintian-overrides)
    install(FILES ${PROJECT_SOURCE_DIR}/cmake/debian/${component}.lintian-overrides
      DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/lintian/overrides RENAME ${package} COMPONENT ${component} EXCLUDE_FROM_ALL)
  endif()
endforeach()
include(CPack)
