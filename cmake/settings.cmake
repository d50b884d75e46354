set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug or RelWithDebInfo" FORCE)
endif()
# Not CMake's -O3: it builds a sixth longer, and GCC's flow warnings see ghosts at that level.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

option(MAS_BUILD_TESTS "Build the tests" ON)
option(MAS_WERROR "Treat warnings as errors" ON)
option(MAS_PCH "Precompile the heavy library headers" ON)
set(MAS_SANITIZE "" CACHE STRING "Sanitizers for everything, e.g. address,undefined or thread")

# Compiler cache: a clean build of an unchanged tree costs seconds. All its settings are here, none
# on the machine. Precompiled headers need its leave to differ in time stamps only, and the compilers
# to leave them out or to keep what they include in sight.
find_program(MAS_CCACHE ccache)
if(MAS_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${MAS_CCACHE})
  if(MAS_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set(MAS_CCACHE_OPTIONS -fpch-preprocess)
  elseif(MAS_PCH AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    set(MAS_CCACHE_OPTIONS "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()

add_library(mas_settings INTERFACE)
target_compile_options(mas_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wold-style-cast -Wnull-dereference -Wformat=2
  $<$<BOOL:${MAS_WERROR}>:-Werror>
  # False positives of GCC 12's and 14's flow analysis through std::variant and std::string, which it
  # reports from inside the standard library (GCC PR105329, PR105651). Clang and the sanitizers see
  # the real ones.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-null-dereference -Wno-restrict
    -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread>
  ${MAS_CCACHE_OPTIONS}
  # Broken invariants name the file as the repository does.
  -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=
  -fno-omit-frame-pointer)
target_include_directories(mas_settings INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/common)

if(MAS_SANITIZE)
  target_compile_options(mas_settings INTERFACE -fsanitize=${MAS_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(mas_settings INTERFACE -fsanitize=${MAS_SANITIZE})
  # Asio's fences, which the thread sanitizer does not see, order nothing that its locks do not.
  if(MAS_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(mas_settings INTERFACE -Wno-tsan)
  endif()
endif()
