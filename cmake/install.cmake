# What cmake --install puts where, in three components: runtime (shared libraries), development (headers, archives, and
# what find_package and pkg-config read) and command (the program with its manual page). An adapter X has the first two of
# its own, X_runtime and X_development.
include(CMakePackageConfigHelpers)
find_program(LASTCALL_GZIP gzip REQUIRED)

get_property(modules GLOBAL PROPERTY LASTCALL_MODULES)
get_property(adapters GLOBAL PROPERTY LASTCALL_ADAPTERS)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lastcall)
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

list(TRANSFORM modules PREPEND lastcall_ OUTPUT_VARIABLE targets)
install(TARGETS ${targets} EXPORT lastcall
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(EXPORT lastcall NAMESPACE lastcall:: FILE lastcall-targets.cmake DESTINATION ${config_dir} COMPONENT development)

foreach(adapter IN LISTS adapters)
  install(TARGETS lastcall_${adapter} EXPORT lastcall_${adapter}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${adapter}_runtime NAMELINK_COMPONENT ${adapter}_development
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${adapter}_development)
  install(EXPORT lastcall_${adapter} NAMESPACE lastcall:: FILE ${adapter}-targets.cmake
    DESTINATION ${config_dir}/adapters COMPONENT ${adapter}_development)
  # Read by lastcall-config.cmake where the component is asked for.
  get_property(depends GLOBAL PROPERTY LASTCALL_${adapter}_DEPENDS)
  get_property(library GLOBAL PROPERTY LASTCALL_${adapter}_FIND)
  list(GET library 0 module)
  set(module ${PROJECT_SOURCE_DIR}/cmake/Find${module}.cmake)
  if(NOT EXISTS ${module})  # CMake or the library itself brings one
    set(module "")
  endif()
  list(JOIN library " " library)
  set(dependencies ${PROJECT_BINARY_DIR}/adapters/${adapter}.cmake)
  file(CONFIGURE OUTPUT ${dependencies} @ONLY CONTENT "list(APPEND lastcall_FIND_COMPONENTS ${depends})
list(APPEND CMAKE_MODULE_PATH \${CMAKE_CURRENT_LIST_DIR})
find_dependency(${library})
list(REMOVE_ITEM CMAKE_MODULE_PATH \${CMAKE_CURRENT_LIST_DIR})
")
  install(FILES ${dependencies} ${module} DESTINATION ${config_dir}/adapters COMPONENT ${adapter}_development)
endforeach()

if(BUILD_SHARED_LIBS)
  set(LASTCALL_STATIC FALSE)
else()
  set(LASTCALL_STATIC TRUE)
endif()
string(REPLACE ";" " " LASTCALL_MODULES "${modules}")
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lastcall-config.cmake.in
  ${PROJECT_BINARY_DIR}/lastcall-config.cmake INSTALL_DESTINATION ${config_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lastcall-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lastcall-config.cmake ${PROJECT_BINARY_DIR}/lastcall-config-version.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindNghttp2.cmake
  DESTINATION ${config_dir} COMPONENT development)

# Relative to the file itself, so that a tree that is moved still works.
file(RELATIVE_PATH to_prefix /${pc_dir} /)
string(REGEX REPLACE "/$" "" to_prefix "${to_prefix}")
foreach(module IN LISTS modules adapters)
  set(component development)
  if(module IN_LIST adapters)
    set(component ${module}_development)
  endif()
  get_property(depends GLOBAL PROPERTY LASTCALL_${module}_DEPENDS)
  list(TRANSFORM depends REPLACE "(.+)" "lastcall-\\1 = ${PROJECT_VERSION}")
  if(LASTCALL_STATIC AND module STREQUAL "net")
    list(APPEND depends "libssl >= 3.0" "libcrypto >= 3.0")
  endif()
  get_property(library GLOBAL PROPERTY LASTCALL_${module}_PKG_CONFIG)  # of an adapter, whose headers show it
  list(APPEND depends ${library})
  list(JOIN depends ", " depends)
  # What an archive needs is its user's to link with; a shared library brings it.
  get_property(private_depends GLOBAL PROPERTY LASTCALL_${module}_REQUIRES_PRIVATE)
  if(private_depends AND NOT BUILD_SHARED_LIBS)
    string(APPEND depends ", ${private_depends}")
    set(private_depends "")
  endif()
  configure_file(${PROJECT_SOURCE_DIR}/cmake/lastcall.pc.in ${PROJECT_BINARY_DIR}/lastcall-${module}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/lastcall-${module}.pc DESTINATION ${pc_dir} COMPONENT ${component})
endforeach()

# The headers of the list, by scripts/check installed: what programs include, and what that includes.
set(list ${PROJECT_SOURCE_DIR}/cmake/public_headers.txt)
set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list})
file(STRINGS ${list} headers)
if(NOT LASTCALL_NET)
  list(FILTER headers INCLUDE REGEX "^lastcall/(app|log|metrics|pool|testing|version|work)\\.hpp$|^lastcall/(core|testing|work)/")
endif()
if(NOT LASTCALL_TESTING)
  list(FILTER headers EXCLUDE REGEX "^lastcall/testing[/.]")
endif()
function(install_headers component)
  foreach(header IN LISTS ARGN)
    get_filename_component(folder ${header} DIRECTORY)
    install(FILES ${PROJECT_SOURCE_DIR}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${folder} COMPONENT ${component})
  endforeach()
endfunction()
get_property(left_out GLOBAL PROPERTY LASTCALL_ADAPTERS_LEFT_OUT)
foreach(adapter IN LISTS adapters left_out)
  set(of_it ${headers})
  list(FILTER of_it INCLUDE REGEX "^lastcall/(adapters/${adapter}/|${adapter}(_async)?\\.hpp$)")
  if(of_it)
    list(REMOVE_ITEM headers ${of_it})
  endif()
  if(adapter IN_LIST adapters)
    install_headers(${adapter}_development ${of_it})
  endif()
endforeach()
install_headers(development ${headers})

if(TARGET lastcall)
  file(RELATIVE_PATH to_libraries /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
  set_target_properties(lastcall PROPERTIES INSTALL_RPATH "$ORIGIN/${to_libraries}")
  install(TARGETS lastcall RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT command)
  install(CODE "execute_process(COMMAND ${LASTCALL_GZIP} -9nc ${PROJECT_SOURCE_DIR}/docs/man/lastcall.1
    OUTPUT_FILE ${PROJECT_BINARY_DIR}/lastcall.1.gz COMMAND_ERROR_IS_FATAL ANY)" COMPONENT command)
  install(FILES ${PROJECT_BINARY_DIR}/lastcall.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT command)
endif()
