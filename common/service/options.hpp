#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time_types.hpp"
#include "net/name_link.hpp"

namespace CLI {
class App;
}

namespace mas {

/// `3s`, `500ms`, `1m`, `2h`, `30d`, fractions too (`0.5s`); a number alone is seconds.
/// Error::invalid for anything else, for negative ones and for more than 100 years.
[[nodiscard]] Result<nanoseconds> parse_duration(std::string_view text);
/// The shortest of these forms that says it exactly.
[[nodiscard]] std::string duration_text(nanoseconds duration);

/// A program's options. One row makes the flag (`--lease-ttl`), the environment variable
/// (`MAS_LEASE_TTL`), the key in the file that `--config` names (`lease-ttl = 3s`), the range and
/// the line in --help; a flag wins over the variable, the variable over the file. Targets keep
/// their value as default and must outlive parse(). Thread-safety: one owner.
class Options {
 public:
  /// `summary` heads --help. Rows that every program has come with it: --config, --log-level,
  /// --version.
  Options(const std::string& program, const std::string& summary,
          const std::string& log_level = "info");
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;
  ~Options();

  void text(std::string& target, const std::string& name, const std::string& help);
  void count(std::uint32_t& target, const std::string& name, std::uint32_t least,
             std::uint32_t most, const std::string& help);
  /// `port` 0 is taken only where `optional`, and means: do not listen.
  void port(std::uint16_t& target, const std::string& name, const std::string& help,
            bool optional = false);
  void duration(nanoseconds& target, const std::string& name, nanoseconds least, nanoseconds most,
                const std::string& help);
  void address(HostPort& target, const std::string& name, const std::string& help);
  /// One of the words of `allowed`.
  void choice(std::string& target, const std::string& name, std::vector<std::string> allowed,
              const std::string& help);
  /// True when given, without a value.
  void flag(bool& target, const std::string& name, const std::string& help);
  /// Not an option: a word by itself, which must be there.
  void argument(std::string& target, const std::string& name, const std::string& help);

  /// Nothing when the program shall run; else the exit status: 0 after --help or --version, 2
  /// after one clear line on stderr for a bad option.
  [[nodiscard]] std::optional<int> parse(int argc, const char* const* argv);

  [[nodiscard]] const std::string& log_level() const { return log_level_; }

 private:
  template <typename Parse>
  void row(const std::string& name, const std::string& help, const std::string& fallback,
           Parse parse);

  std::string program_;
  std::unique_ptr<CLI::App> app_;
  std::string log_level_;
};

}  // namespace mas
