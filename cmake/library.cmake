# The library as users get it: all rooms up to api/ in one archive, and the same objects as a shared library.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(CNNOPT_SO_VERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})  # docs/versioning.md

set(objects)
foreach(room onnx_io runtime passes report job api)
  list(APPEND objects $<TARGET_OBJECTS:cnnopt_${room}>)
endforeach()
add_library(cnnopt_static STATIC ${objects})
set_target_properties(cnnopt_static PROPERTIES OUTPUT_NAME cnnopt LINKER_LANGUAGE CXX)

# onnx and protobuf go into the shared library, where nobody else sees them: a process may hold others of both. Debian's
# archive of protobuf is not made for that, so scripts/setup.sh builds one; Abseil, OpenBLAS, libarchive, OpenSSL and RE2
# are the system's shared ones.
find_library(CNNOPT_PROTOBUF_PIC libprotobuf-pic.a HINTS "${CNNOPT_PREFIX}/lib" NO_DEFAULT_PATH)
find_library(CNNOPT_RE2_SHARED re2 REQUIRED)
if(CNNOPT_PROTOBUF_PIC)
  set(protobuf "${CNNOPT_PROTOBUF_PIC}")
else()
  find_library(CNNOPT_PROTOBUF_SHARED NAMES libprotobuf.so REQUIRED)
  set(protobuf "${CNNOPT_PROTOBUF_SHARED}")
  message(WARNING "no ${CNNOPT_PREFIX}/lib/libprotobuf-pic.a, which scripts/setup.sh builds: libcnnopt.so uses the "
                  "system's libprotobuf.so and must not meet another onnx on it in one process")
endif()
add_library(cnnopt_shared SHARED ${objects})
set_target_properties(cnnopt_shared PROPERTIES OUTPUT_NAME cnnopt LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION}
                      SOVERSION ${CNNOPT_SO_VERSION} LINK_DEPENDS ${CMAKE_SOURCE_DIR}/api/exports.map)
target_link_options(cnnopt_shared PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/api/exports.map -Wl,-z,defs
                    -Wl,--as-needed)
target_link_libraries(cnnopt_shared PRIVATE $<TARGET_FILE:ONNX::onnx> $<TARGET_FILE:ONNX::onnx_proto> ${protobuf}
  absl::flat_hash_map absl::flat_hash_set absl::status absl::statusor absl::strings absl::str_format absl::cord
  OpenSSL::Crypto LibArchive::LibArchive LAPACK::LAPACK ${CNNOPT_RE2_SHARED} Threads::Threads ${CMAKE_DL_LIBS})

install(TARGETS cnnopt RUNTIME COMPONENT command)
install(TARGETS cnnopt_shared LIBRARY COMPONENT library NAMELINK_COMPONENT development)
install(TARGETS cnnopt_static ARCHIVE COMPONENT development)
install(FILES api/include/cnnopt/cnnopt.h api/include/cnnopt/cnnopt_c.h ${CMAKE_BINARY_DIR}/api/cnnopt/version.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cnnopt COMPONENT development)
set(cmake_folder ${CMAKE_INSTALL_LIBDIR}/cmake/cnnopt)
configure_package_config_file(cmake/cnnoptConfig.cmake.in ${CMAKE_BINARY_DIR}/package/cnnoptConfig.cmake
                              INSTALL_DESTINATION ${cmake_folder}
                              PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/cnnoptConfigVersion.cmake COMPATIBILITY SameMinorVersion)
# How far the folder of .pc files is below the prefix, beyond two steps: none for lib/, one for lib/x86_64-linux-gnu/.
file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig/../.." "/")
set(CNNOPT_PC_UP "${up}")
configure_file(cmake/cnnopt.pc.in ${CMAKE_BINARY_DIR}/package/cnnopt.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/package/cnnoptConfig.cmake ${CMAKE_BINARY_DIR}/package/cnnoptConfigVersion.cmake
        DESTINATION ${cmake_folder} COMPONENT development)
install(FILES ${CMAKE_BINARY_DIR}/package/cnnopt.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT development)

# What a wheel holds, see pyproject.toml: the library under its plain name, and the command.
add_custom_target(cnnopt_for_python DEPENDS cnnopt_shared cnnopt)
install(FILES $<TARGET_FILE:cnnopt_shared> DESTINATION . RENAME libcnnopt.so COMPONENT python EXCLUDE_FROM_ALL)
install(PROGRAMS $<TARGET_FILE:cnnopt> DESTINATION bin COMPONENT python EXCLUDE_FROM_ALL)
include(cmake/package.cmake)
