# Precompiled headers: three sets, each compiled once and reused by every target of its kind, as one
# per target would cost more than it gives. They only make builds faster: every file includes what
# it uses and builds with -DMAS_PCH=OFF too.

# mas_precompiled_set(KIND HEADERS ... DEPS ...): the set's owner, an object library of one empty
# file. DEPS: what those who reuse it must link too, as both need the same definitions.
function(mas_precompiled_set KIND)
  cmake_parse_arguments(ARG "" "" "HEADERS;DEPS" ${ARGN})
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/precompiled_${KIND}.cpp CONTENT "")
  add_library(mas_precompiled_${KIND} OBJECT ${PROJECT_BINARY_DIR}/precompiled_${KIND}.cpp)
  target_link_libraries(mas_precompiled_${KIND} PRIVATE mas_settings ${ARG_DEPS})
  target_precompile_headers(mas_precompiled_${KIND} PRIVATE ${ARG_HEADERS})
endfunction()

# mas_precompile(TARGET KIND): TARGET reuses the set.
function(mas_precompile NAME KIND)
  if(MAS_PCH)
    target_precompile_headers(${NAME} REUSE_FROM mas_precompiled_${KIND})
  endif()
endfunction()

if(MAS_PCH)
  set(BASE_HEADERS <algorithm> <chrono> <cstdint> <deque> <functional> <map> <memory> <optional>
                   <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>
                   <fmt/format.h> <tl/expected.hpp>)
  set(BASE_DEPS dep::fmt dep::expected)
  mas_precompiled_set(logic HEADERS ${BASE_HEADERS} DEPS ${BASE_DEPS})
  mas_precompiled_set(shell HEADERS ${BASE_HEADERS} <asio.hpp> <spdlog/spdlog.h> <zmq.hpp>
                      DEPS ${BASE_DEPS} dep::asio dep::cppzmq dep::spdlog)
  if(MAS_BUILD_TESTS)
    mas_precompiled_set(tests HEADERS ${BASE_HEADERS} ${PROJECT_SOURCE_DIR}/tests/support/catch.hpp
                        DEPS ${BASE_DEPS} mas_test_support)
  endif()
endif()
