#include "service/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace mas {
namespace {

struct Unit {
  std::string_view suffix;
  nanoseconds length;
};
// Longest first, so that printing finds the shortest text and `ms` is not read as `s`.
constexpr std::array<Unit, 7> units{{{"d", std::chrono::hours{24}},
                                     {"h", std::chrono::hours{1}},
                                     {"m", std::chrono::minutes{1}},
                                     {"ms", milliseconds{1}},
                                     {"us", std::chrono::microseconds{1}},
                                     {"ns", nanoseconds{1}},
                                     {"s", seconds{1}}}};
constexpr double duration_seconds_max = 100.0 * 365 * 86400;

std::string variable_of(const std::string& name) {
  std::string variable = "MAS_" + name;
  for (auto& letter : variable) {
    letter =
        letter == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  }
  return variable;
}

/// A whole number in [least, most], nothing around it.
std::optional<std::uint32_t> parse_count(std::string_view text, std::uint32_t least,
                                         std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (value < least || value > most) return std::nullopt;
  return value;
}

}  // namespace

Result<nanoseconds> parse_duration(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& candidate) {
    return candidate.suffix == (suffix.empty() ? "s" : suffix);
  });
  if (error != std::errc{} || unit == units.end() || !std::isfinite(number) || number < 0 ||
      number * static_cast<double>(unit->length.count()) > duration_seconds_max * 1e9) {
    return fail(Error::invalid, "'{}' is not a duration (like 500ms, 3s, 1m, 2h, 30d)", text);
  }
  return nanoseconds{std::llround(number * static_cast<double>(unit->length.count()))};
}

std::string duration_text(nanoseconds duration) {
  for (const auto* suffix : {"d", "h", "m", "s", "ms", "us"}) {
    const auto& unit = *std::find_if(units.begin(), units.end(), [&](const Unit& candidate) {
      return candidate.suffix == suffix;
    });
    if (duration.count() != 0 && duration % unit.length == nanoseconds{0}) {
      return fmt::format("{}{}", duration / unit.length, suffix);
    }
  }
  return duration.count() == 0 ? "0s" : fmt::format("{}ns", duration.count());
}

Options::Options(const std::string& program, const std::string& summary,
                 const std::string& log_level)
    : program_(program), app_(std::make_unique<CLI::App>(summary, program)), log_level_(log_level) {
  app_->set_version_flag("--version", program + " " MAS_VERSION);
  // CLI11 2.1 looks for the file before it looks at variables, so this one is its default, which
  // must be there if it is named.
  const char* const file = std::getenv("MAS_CONFIG");  // NOLINT(concurrency-mt-unsafe): at start
  app_->set_config("--config", file == nullptr ? "" : file,
                   "file of options, a line `name = value` each", file != nullptr)
      ->envname("MAS_CONFIG");
  // A key that is none is a slip that must not go unnoticed.
  app_->allow_config_extras(CLI::config_extras_mode::error);
  app_->add_option("--log-level", log_level_, "debug, info, warn or error")
      ->envname("MAS_LOG_LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
}

Options::~Options() = default;

template <typename Parse>
void Options::row(const std::string& name, const std::string& help, const std::string& fallback,
                  Parse parse) {
  app_->add_option_function<std::string>(
          "--" + name,
          [name, parse](const std::string& text) {
            const std::string wrong = parse(text);
            if (!wrong.empty()) throw CLI::ValidationError("--" + name, wrong);
          },
          help)
      ->envname(variable_of(name))
      ->type_name("")
      ->default_str(fallback);
}

void Options::text(std::string& target, const std::string& name, const std::string& help) {
  row(name, help, target, [&target](const std::string& value) -> std::string {
    if (value.empty()) return "must not be empty";
    target = value;
    return {};
  });
}

void Options::count(std::uint32_t& target, const std::string& name, std::uint32_t least,
                    std::uint32_t most, const std::string& help) {
  row(name, fmt::format("{} ({} to {})", help, least, most), std::to_string(target),
      [&target, least, most](const std::string& value) -> std::string {
        const auto parsed = parse_count(value, least, most);
        if (!parsed) return fmt::format("'{}' is not a number from {} to {}", value, least, most);
        target = *parsed;
        return {};
      });
}

void Options::port(std::uint16_t& target, const std::string& name, const std::string& help,
                   bool optional) {
  row(name, help + (optional ? " (0: none)" : ""), std::to_string(target),
      [&target, least = optional ? 0U : 1U](const std::string& value) -> std::string {
        const auto parsed = parse_count(value, least, 65535);
        if (!parsed) return fmt::format("'{}' is not a port from {} to 65535", value, least);
        target = static_cast<std::uint16_t>(*parsed);
        return {};
      });
}

void Options::duration(nanoseconds& target, const std::string& name, nanoseconds least,
                       nanoseconds most, const std::string& help) {
  row(name, fmt::format("{} ({} to {})", help, duration_text(least), duration_text(most)),
      duration_text(target), [&target, least, most](const std::string& value) -> std::string {
        const auto parsed = parse_duration(value);
        if (!parsed) return parsed.error().text;
        if (*parsed < least || *parsed > most) {
          return fmt::format("'{}' is not within {} to {}", value, duration_text(least),
                             duration_text(most));
        }
        target = *parsed;
        return {};
      });
}

void Options::address(HostPort& target, const std::string& name, const std::string& help) {
  row(name, help, fmt::format("{}:{}", target.host, target.port),
      [&target](const std::string& value) -> std::string {
        auto parsed = parse_host_port(value);
        if (!parsed) return parsed.error().text;
        target = *std::move(parsed);
        return {};
      });
}

void Options::choice(std::string& target, const std::string& name, std::vector<std::string> allowed,
                     const std::string& help) {
  const auto words = fmt::format("{}", fmt::join(allowed, ", "));
  row(name, fmt::format("{} ({})", help, words), target,
      [&target, allowed = std::move(allowed), words](const std::string& value) -> std::string {
        if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
          return fmt::format("'{}' is none of {}", value, words);
        }
        target = value;
        return {};
      });
}

void Options::flag(bool& target, const std::string& name, const std::string& help) {
  app_->add_flag("--" + name, target, help)->envname(variable_of(name));
}

void Options::argument(std::string& target, const std::string& name, const std::string& help) {
  app_->add_option(name, target, help)->required()->type_name("");
}

std::optional<int> Options::parse(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app_->exit(asked);
  } catch (const CLI::ConfigError& error) {
    std::fprintf(stderr, "%s: --config: %s\n", program_.c_str(), error.what());
    return 2;
  } catch (const CLI::Error& error) {
    std::fprintf(stderr, "%s: %s\n", program_.c_str(), error.what());
    return 2;
  }
  return std::nullopt;
}

}  // namespace mas
