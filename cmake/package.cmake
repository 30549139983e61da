# Packages: cpack -G DEB and cpack -G TGZ in the build folder. The licences of what is linked statically or compiled from
# headers come along, as Debian's packages of it have them.
set(licences)
foreach(package protobuf:libprotobuf-dev re2:libre2-dev stb:libstb-dev eigen:libeigen3-dev json:nlohmann-json3-dev
        cli11:libcli11-dev abseil:libabsl-dev)
  string(REPLACE ":" ";" package ${package})
  list(GET package 0 name)
  list(GET package 1 debian)
  if(EXISTS /usr/share/doc/${debian}/copyright)
    install(FILES /usr/share/doc/${debian}/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/cnnopt/licences
            RENAME ${name} COMPONENT command)
    install(FILES /usr/share/doc/${debian}/copyright DESTINATION licences RENAME ${name}
            COMPONENT python EXCLUDE_FROM_ALL)
  else()
    message(STATUS "packages will lack the licence of ${name}: there is no /usr/share/doc/${debian}/copyright")
  endif()
endforeach()
install(FILES LICENSE THIRD_PARTY_NOTICES.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/cnnopt
        COMPONENT command)

set(CPACK_PACKAGE_NAME cnnopt)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR cnnopt)
set(CPACK_PACKAGE_CONTACT "the cnnopt developers <cnnopt@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "makes trained convolutional networks smaller and faster, as ONNX files")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_GENERATOR TGZ DEB)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS libabsl-dev)
include(CPack)
