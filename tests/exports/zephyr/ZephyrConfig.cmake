# Plays Zephyr's package: the functions that modules call, an application linked with what they make,
# and its settings, as prj.conf has them. Compiled as Zephyr does, for size and freestanding, but
# with the strictest warnings.
set(CMAKE_C_COMPILER_WORKS 1)
project(stub C)

file(STRINGS ${CMAKE_SOURCE_DIR}/prj.conf settings REGEX "^CONFIG_")
foreach(setting IN LISTS settings)
  string(REGEX MATCH "^(CONFIG_[A-Z0-9_]+)=(.*)$" _ ${setting})
  set(${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
endforeach()
set(CONFIG_SIZE_OPTIMIZATIONS y)

add_library(zephyr_interface INTERFACE)
target_compile_options(zephyr_interface INTERFACE
  -std=c11 -Os -ffreestanding -ffunction-sections -fdata-sections
  -Wall -Wextra -Wconversion -Werror)
target_compile_definitions(zephyr_interface INTERFACE KERNEL __ZEPHYR__=1)
target_include_directories(zephyr_interface INTERFACE ${CMAKE_CURRENT_LIST_DIR})

function(zephyr_include_directories)
  target_include_directories(zephyr_interface INTERFACE ${ARGV})
endfunction()

macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC "")
  target_link_libraries(${name} PUBLIC zephyr_interface)
  set_property(GLOBAL APPEND PROPERTY ZEPHYR_LIBS ${name})
endmacro()

function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGV})
endfunction()

function(zephyr_library_include_directories)
  target_include_directories(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGV})
endfunction()

# Behind those of zephyr_interface.
function(zephyr_library_compile_options)
  string(MD5 options "${ZEPHYR_CURRENT_LIBRARY} ${ARGV}")
  add_library(${options} INTERFACE)
  target_compile_options(${options} INTERFACE ${ARGV})
  target_link_libraries(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${options})
endfunction()

set(number 0)
foreach(module IN LISTS EXTRA_ZEPHYR_MODULES)
  file(STRINGS ${module}/zephyr/module.yml cmake REGEX "^  cmake: ")
  string(REPLACE "  cmake: " "" cmake ${cmake})
  math(EXPR number "${number} + 1")
  add_subdirectory(${module}/${cmake} ${CMAKE_BINARY_DIR}/modules/${number})
endforeach()

add_library(app OBJECT "")
target_link_libraries(app PUBLIC zephyr_interface)
get_property(libraries GLOBAL PROPERTY ZEPHYR_LIBS)
add_executable(zephyr ${CMAKE_CURRENT_LIST_DIR}/printk.c $<TARGET_OBJECTS:app>)
target_link_libraries(zephyr PRIVATE ${libraries})
