#include "text/tokens.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace mas {
namespace {

/// Splits a copy on the heap of exactly the line's size; the tokens as text.
std::pair<std::size_t, std::vector<std::string>> split(const std::string& line) {
  const auto copy = std::make_unique<char[]>(line.size());
  line.copy(copy.get(), line.size());
  std::array<std::string_view, 3> tokens;
  const std::size_t count = split_tokens({copy.get(), line.size()}, tokens);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < std::min(count, tokens.size()); ++i) texts.emplace_back(tokens[i]);
  return {count, texts};
}
bool id(const std::string& text) {
  const auto copy = std::make_unique<char[]>(text.size());
  text.copy(copy.get(), text.size());
  return is_metric_id({copy.get(), text.size()});
}
bool utf8(const std::string& text) {
  const auto copy = std::make_unique<char[]>(text.size());
  text.copy(copy.get(), text.size());
  return is_utf8({copy.get(), text.size()});
}
using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("tokens are separated by runs of spaces or tabs, those at the ends are ignored") {
  CHECK(split("LOG cpu 1") == std::pair{std::size_t{3}, Texts{"LOG", "cpu", "1"}});
  CHECK(split(" \t LOG\t\tcpu \t 1  ") == std::pair{std::size_t{3}, Texts{"LOG", "cpu", "1"}});
  CHECK(split("LOG") == std::pair{std::size_t{1}, Texts{"LOG"}});
  CHECK(split("") == std::pair{std::size_t{0}, Texts{}});
  CHECK(split(" \t ") == std::pair{std::size_t{0}, Texts{}});
}

TEST_CASE("only spaces and tabs separate tokens") {
  for (const char c : {'\r', '\v', '\f', '\0', '\x1f', ',', '\xa0'})
    CHECK(split(std::string("a") + c + "b").first == 1);
  CHECK(split("a\xc2\xa0"
              "b")
            .first == 1);
}

TEST_CASE("more tokens than there is room for are told, not stored") {
  CHECK(split("a b c d") == std::pair{std::size_t{4}, Texts{"a", "b", "c"}});
  CHECK(split("a b c d e f g") == std::pair{std::size_t{4}, Texts{"a", "b", "c"}});
  CHECK(split("a b c   ").first == 3);
}

TEST_CASE("any text of 1 to 200 bytes without space or control characters names a metric") {
  for (const char* const text : {"cpu", "mi-metrica", "../../etc/passwd", "a/b", ".", "..", "CON",
                                 "métrica", "~", "!", "%2e", "\xe6\xb8\xa9\xe5\xba\xa6",
                                 "\xf0\x9f\x8c\xa1", "abcdefgh", "abcdefghi", "a\\b", "\"", "'"})
    CHECK(id(text));
  CHECK(id(std::string(200, 'a')));
  CHECK(id(std::string(100, 'a') + std::string(100, '~')));
  CHECK_FALSE(id(""));
  CHECK_FALSE(id(std::string(201, 'a')));
  // 200 bytes, not 200 characters.
  std::string accents;
  for (int i = 0; i < 100; ++i) accents += "é";
  CHECK(id(accents));
  CHECK_FALSE(id(accents + "a"));
}

TEST_CASE("no single ASCII character but a printable one may stand in an id, wherever it stands") {
  for (int c = 0; c < 128; ++c) {
    for (std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{9},
                             std::size_t{17}, std::size_t{32}}) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(c);
        if (id(text) != (c > 0x20 && c < 0x7f)) {
          CAPTURE(c, size, at);
          FAIL("wrongly judged");
        }
      }
    }
  }
}

TEST_CASE("Unicode's white space and control characters make an id malformed") {
  for (const char* const text : {"\xc2\x80", "\xc2\x85", "\xc2\x9f", "\xc2\xa0", "\xe1\x9a\x80",
                                 "\xe2\x80\x80", "\xe2\x80\x89", "\xe2\x80\xa8", "\xe2\x80\xa9",
                                 "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"}) {
    CAPTURE(text);
    CHECK_FALSE(id(text));
    CHECK_FALSE(id(std::string("a") + text));
    CHECK_FALSE(id(std::string(text) + "abcdefghijkl"));
    CHECK(utf8(text));
  }
}

TEST_CASE("Unicode's format characters, marks and unassigned code points may stand in an id") {
  for (const char* const text : {"\xe2\x80\x8b",      // U+200B zero width space
                                 "\xe2\x80\x8d",      // U+200D zero width joiner
                                 "\xe2\x80\xae",      // U+202E right-to-left override
                                 "\xef\xbb\xbf",      // U+FEFF byte order mark
                                 "\xc2\xad",          // U+00AD soft hyphen
                                 "\xe1\xa0\x8e",      // U+180E Mongolian vowel separator
                                 "e\xcc\x81",         // a combining accent
                                 "\xee\x80\x80",      // U+E000 private use
                                 "\xef\xbf\xbd",      // U+FFFD
                                 "\xef\xbf\xbf",      // U+FFFF, a noncharacter
                                 "\xf4\x8f\xbf\xbf"}  // U+10FFFF
  ) {
    CAPTURE(text);
    CHECK(id(text));
  }
}

TEST_CASE("what is not UTF-8 is no id and no UTF-8") {
  for (const char* const text :
       {"\x80", "\xbf", "\xc3", "\xc3(", "\xe2\x82", "\xe2(\xa1", "\xf0\x9f\x8c", "\xf0\x9f\x8c(",
        "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",  // overlong
        "\xed\xa0\x80", "\xed\xbf\xbf",                              // surrogates
        "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff",  // beyond U+10FFFF
        "m\xe9trica"}) {                                             // Latin-1
    CAPTURE(text);
    CHECK_FALSE(utf8(text));
    CHECK_FALSE(id(text));
    CHECK_FALSE(utf8(std::string("abcdefghijklmnop") + text));
    CHECK_FALSE(id(std::string("abcdefghijklmnop") + text));
    CHECK_FALSE(id(std::string(text) + "abcdefghijklmnop"));
  }
  CHECK(utf8(""));
  CHECK(utf8(std::string("a\0b\r\n\t", 6)));
  CHECK(utf8("métrica \xf0\x9f\x8c\xa1"));
}

}  // namespace mas
