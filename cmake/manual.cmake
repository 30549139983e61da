# What the program prints about itself, where a system looks for it: the manual page, completions of shells.
include(GNUInstallDirs)

set(manual_files "")
# printed_by_cnnopt(FILE DESTINATION ARGUMENT...): FILE holds what `cnnopt ARGUMENT...` prints.
function(printed_by_cnnopt file destination)
  set(path ${CMAKE_BINARY_DIR}/manual/${file})
  add_custom_command(OUTPUT ${path} COMMAND cnnopt ${ARGN} > ${path} DEPENDS cnnopt VERBATIM)
  install(FILES ${path} DESTINATION ${destination} COMPONENT manual)
  set(manual_files ${manual_files} ${path} PARENT_SCOPE)
endfunction()

file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/manual)
printed_by_cnnopt(cnnopt.1 ${CMAKE_INSTALL_MANDIR}/man1 man)
printed_by_cnnopt(cnnopt ${CMAKE_INSTALL_DATADIR}/bash-completion/completions completions bash)
printed_by_cnnopt(_cnnopt ${CMAKE_INSTALL_DATADIR}/zsh/site-functions completions zsh)
printed_by_cnnopt(cnnopt.fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d completions fish)
add_custom_target(manual ALL DEPENDS ${manual_files})
