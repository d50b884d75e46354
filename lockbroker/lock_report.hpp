#pragma once

#include <functional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/time_types.hpp"
#include "lockbroker/lock_table.hpp"
#include "wire/lock_report.hpp"

namespace mas {

/// Names that one page looks at, at most; hash buckets count like names. Two milliseconds or so,
/// so that a look at a million names holds nobody up.
inline constexpr std::size_t report_steps_max = 16384;

/// The name that a session gave itself.
using WorkerOf = std::function<std::string_view(LockToken session)>;

/// One page of an answer to `asked`. `rows` is the caller's buffer for it, which the report views.
[[nodiscard]] LockReport make_report(const LockInspect& asked, const LockTable& table,
                                     const WorkerOf& worker_of, MonoTime now, Bytes& rows);

}  // namespace mas
