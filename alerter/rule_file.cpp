#include "alerter/rule_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace mas {
namespace {

constexpr std::string_view extension = ".rules";
constexpr std::size_t token_digits = 16;

/// A file is rewritten when it is several times as long as the book alone, so each byte of the
/// book is rewritten once for several bytes of marks; and never below some marks' worth.
constexpr std::size_t growth_max = 4;
constexpr std::size_t rewrite_bytes_min = 64 * KiB;

std::optional<std::uint64_t> token_of(std::string_view name) {
  if (name.size() != token_digits + extension.size() || !name.ends_with(extension)) {
    return std::nullopt;
  }
  std::uint64_t token = 0;
  const auto* end = name.data() + token_digits;
  const auto [parsed, error] = std::from_chars(name.data(), end, token, 16);
  if (error != std::errc{} || parsed != end) return std::nullopt;
  return token;
}

}  // namespace

RuleFile::RuleFile(FileSystem& files, const std::string& data_dir, std::uint32_t shard,
                   std::uint64_t token)
    : files_(files),
      data_dir_(data_dir),
      relative_(fmt::format("rules/{:02}", shard)),
      shard_(shard),
      token_(token) {}

std::string RuleFile::path_of(std::uint64_t token) const {
  return fmt::format("{}/{}/{:016x}{}", data_dir_, relative_, token, extension);
}

Result<ReadRules> RuleFile::load() {
  older_.clear();
  const auto entries = files_.list(data_dir_ + '/' + relative_);
  if (!entries) {
    if (entries.error().kind == Error::not_found) return ReadRules{};
    return pass_on(entries);
  }
  for (const auto& entry : *entries) {
    if (const auto token = token_of(entry.name)) older_.push_back(*token);
  }
  if (older_.empty()) return ReadRules{};
  const auto newest = *std::max_element(older_.begin(), older_.end());
  if (newest > token_) {
    return fail(Error::busy, "{}: a later holder of shard {} has written", path_of(newest), shard_);
  }
  Bytes bytes;
  if (auto read = read_file(files_, path_of(newest), rule_file_bytes_max, bytes); !read) {
    return pass_on(read);
  }
  auto rules = read_rule_file(bytes, shard_);
  if (!rules) return fail(rules.error().kind, "{}: {}", path_of(newest), rules.error().text);
  return rules;
}

Result<void> RuleFile::write(const RuleBook& book, ByteView records) {
  const bool grown = bytes_ > std::max(rewrite_bytes_min, growth_max * bytes_when_replaced_);
  if (!file_ || grown) return replace(book, records);
  auto done = file_->append(records);
  if (done) done = file_->sync_data();
  if (!done) {
    file_.reset();  // what of it is there is not known: the next write replaces all
    return done;
  }
  bytes_ += records.size();
  return done;
}

Result<void> RuleFile::replace(const RuleBook& book, ByteView records) {
  file_.reset();
  std::vector<std::string> new_names_in;
  auto done = make_directories(files_, data_dir_, relative_, new_names_in);
  for (const auto& directory : new_names_in) {
    if (done) done = files_.sync_directory(directory);
  }
  if (!done) return done;
  Bytes bytes;
  append_rule_file(bytes, shard_, book);
  append(bytes, records);
  if (auto replaced = replace_file(files_, path_of(token_), bytes); !replaced) return replaced;
  written_ = true;
  bytes_ = bytes_when_replaced_ = bytes.size();
  // All is durable already; without a descriptor the next write replaces the file again.
  if (auto opened = files_.open_append(path_of(token_))) file_ = *std::move(opened);
  return {};
}

void RuleFile::drop_older() {
  for (const auto token : older_) {
    if (token < token_) static_cast<void>(files_.unlink(path_of(token)));
  }
  older_.clear();
}

}  // namespace mas
