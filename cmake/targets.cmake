# mas_library(NAME [SHELL] SOURCES ... DEPS ...): one static library, one concern. SHELL: it touches
# the outside world: Asio, ZeroMQ and spdlog come with it, and their precompiled headers.
# Targets named mas_<folder>_logic hold deciding logic only: `make lint` refuses Asio, ZeroMQ,
# spdlog and clock reads in them.
function(mas_library NAME)
  cmake_parse_arguments(ARG "SHELL" "" "SOURCES;DEPS" ${ARGN})
  add_library(${NAME} STATIC ${ARG_SOURCES})
  target_link_libraries(${NAME} PUBLIC mas_settings ${ARG_DEPS})
  if(ARG_SHELL)
    target_link_libraries(${NAME} PUBLIC dep::asio dep::cppzmq dep::spdlog)
    mas_precompile(${NAME} shell)
  else()
    mas_precompile(${NAME} logic)
  endif()
endfunction()

# mas_program(NAME SOURCES ... DEPS ...): a binary in build/bin.
function(mas_program NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE mas_settings ${ARG_DEPS})
endfunction()

# mas_unit_tests(FOLDER DEPS ...): every *_test.cpp in tests/unit/FOLDER, one binary, each test
# case registered with ctest by its name. A file that is not picked up cannot exist.
function(mas_unit_tests FOLDER)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  string(REPLACE "/" "_" SUFFIX ${FOLDER})
  file(GLOB SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/unit/${FOLDER}/*_test.cpp)
  add_executable(unit_${SUFFIX} ${SOURCES})
  target_link_libraries(unit_${SUFFIX} PRIVATE mas_settings mas_test_support ${ARG_DEPS})
  mas_precompile(unit_${SUFFIX} tests)
  catch_discover_tests(unit_${SUFFIX} ${MAS_CATCH_ARGUMENTS} TEST_PREFIX "${FOLDER}: "
    PROPERTIES LABELS unit)
endfunction()
