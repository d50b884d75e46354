#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/file_system.hpp"

namespace mas {

/// The directory of a metric's files, relative to the data directory: `metrics/3fa/<escape>`, where
/// 3fa are the top 12 bits of XXH3-64 of the id, so that a million metrics spread over 4,096
/// directories. The escape is reversible and has only `a-z 0-9 _ - . %` and `+`; it names no hidden
/// file, no device of another system and no two ids alike, also where case is not told apart. An
/// escape longer than one name may be is split over nested directories. Any bytes, one or more,
/// give a path inside the data directory; see docs/storage.md for the rules.
[[nodiscard]] std::string metric_directory(std::string_view id);

/// The id whose directory this is; Error::invalid for a path that metric_directory() never makes.
[[nodiscard]] Result<std::string> metric_id_of(std::string_view relative_directory);

/// The ids of all metric directories below `data_dir`, sorted by bytes; those without a single
/// sample included. None where nothing was ever logged. Names that are no metric's are skipped.
[[nodiscard]] Result<std::vector<std::string>> list_metrics(FileSystem& files,
                                                            const std::string& data_dir);

}  // namespace mas
