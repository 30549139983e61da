# room(NAME ROOMS ... LIBRARIES ...): the static library cnnopt_NAME of all sources in folder NAME.
# Its include path holds only itself and the rooms below it (one folder of links per room), so that an include
# against the order  cli -> batch, api -> job -> report -> passes -> runtime -> onnx_io  does not compile.
function(room name)
  cmake_parse_arguments(arg "" "" "ROOMS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.cc ${CMAKE_SOURCE_DIR}/${name}/*.h)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  set(door ${CMAKE_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${door})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${name} ${door}/${name} SYMBOLIC)
  add_library(cnnopt_${name} STATIC ${sources})
  set_target_properties(cnnopt_${name} PROPERTIES LINKER_LANGUAGE CXX)
  if(CNNOPT_LIBRARY)  # the objects go into libcnnopt.so, too
    set_target_properties(cnnopt_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                          VISIBILITY_INLINES_HIDDEN ON)
  endif()
  target_include_directories(cnnopt_${name} PUBLIC ${door})
  list(TRANSFORM arg_ROOMS PREPEND cnnopt_)
  target_link_libraries(cnnopt_${name} PUBLIC ${arg_ROOMS} ${arg_LIBRARIES} PRIVATE cnnopt_warnings)
endfunction()
