# What scripts/setup.sh installs. CNNOPT_PREFIX is the folder it fills.
if(DEFINED ENV{CNNOPT_PREFIX})
  set(default_prefix "$ENV{CNNOPT_PREFIX}")
else()
  set(default_prefix "$ENV{HOME}/.cache/cnnopt")
endif()
set(CNNOPT_PREFIX "${default_prefix}" CACHE PATH "where scripts/setup.sh put onnx and ONNX Runtime")
list(PREPEND CMAKE_PREFIX_PATH "${CNNOPT_PREFIX}")

# protobuf statically and before onnx: a process that also holds a distribution's ONNX Runtime would otherwise
# register onnx's message types twice in one shared libprotobuf, which aborts.
set(Protobuf_USE_STATIC_LIBS ON)
find_package(Protobuf REQUIRED)
find_package(ONNX CONFIG REQUIRED)
find_package(absl REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(LAPACK REQUIRED)
find_package(LibArchive REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Threads REQUIRED)

# RE2, which Debian ships without a CMake config. Linked statically: it is small.
find_path(CNNOPT_RE2_INCLUDE re2/re2.h REQUIRED)
find_library(CNNOPT_RE2_LIBRARY NAMES libre2.a re2 REQUIRED)
add_library(cnnopt_re2 INTERFACE)
target_include_directories(cnnopt_re2 SYSTEM INTERFACE "${CNNOPT_RE2_INCLUDE}")
target_link_libraries(cnnopt_re2 INTERFACE "${CNNOPT_RE2_LIBRARY}" Threads::Threads)

# Other people's headers are not held to our warnings.
foreach(target ONNX::onnx ONNX::onnx_proto protobuf::libprotobuf Eigen3::Eigen)
  get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
  if(includes)
    set_target_properties(${target} PROPERTIES INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${includes}")
  endif()
endforeach()

# ONNX Runtime: headers only. The library is opened at run time (runtime/onnx_runtime.cc).
find_path(CNNOPT_ORT_INCLUDE onnxruntime_cxx_api.h HINTS "${CNNOPT_PREFIX}/include/onnxruntime"
          PATH_SUFFIXES onnxruntime REQUIRED)
add_library(cnnopt_ort_headers INTERFACE)
target_include_directories(cnnopt_ort_headers SYSTEM INTERFACE "${CNNOPT_ORT_INCLUDE}")
target_compile_definitions(cnnopt_ort_headers INTERFACE ORT_API_MANUAL_INIT
                           CNNOPT_DEFAULT_ORT="${CNNOPT_PREFIX}/lib/libonnxruntime.so.1")

# stb_image, headers only: runtime/decode_image.cc compiles it, tests/testing/image_files.cc its writer.
find_path(CNNOPT_STB_INCLUDE stb/stb_image.h REQUIRED)
add_library(cnnopt_stb_headers INTERFACE)
target_include_directories(cnnopt_stb_headers SYSTEM INTERFACE "${CNNOPT_STB_INCLUDE}")

# Dense algebra: Eigen's types on an optimised BLAS; LAPACK by its Fortran symbols.
add_library(cnnopt_blas INTERFACE)
target_link_libraries(cnnopt_blas INTERFACE LAPACK::LAPACK)
target_compile_definitions(cnnopt_blas INTERFACE EIGEN_USE_BLAS)

add_library(cnnopt_warnings INTERFACE)
target_compile_options(cnnopt_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)

set(CNNOPT_SANITIZE "" CACHE STRING "passed to -fsanitize= for everything of ours")
if(CNNOPT_SANITIZE)
  add_compile_options(-fsanitize=${CNNOPT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CNNOPT_SANITIZE})
endif()
