#include "store/posix_file.hpp"

#include <sys/resource.h>
#include <csignal>

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace mas;

TEST_CASE("files on disk append, read, cut, sync and say their size") {
  const TempDir directory;
  PosixFileSystem files;
  const auto path = directory.path().string() + "/f";

  auto file = files.create(path);
  REQUIRE(file);
  REQUIRE((*file)->append(as_bytes("hello ")));
  REQUIRE((*file)->append(as_bytes("world")));
  CHECK((*file)->size().value() == 11);
  REQUIRE((*file)->sync_data());
  REQUIRE(files.sync_directory(directory.path().string()));

  Bytes read(100);
  REQUIRE((*file)->read_at(6, read).value() == 5);
  CHECK(as_text(ByteView(read).first(5)) == "world");
  CHECK((*file)->read_at(11, read).value() == 0);

  REQUIRE((*file)->truncate(5));
  REQUIRE((*file)->append(as_bytes("!")));
  Bytes whole;
  REQUIRE(read_file(files, path, 100, whole));
  CHECK(as_text(whole) == "hello!");
  CHECK(read_file(files, path, 5, whole).error().kind == Error::invalid);
  CHECK(files.status(path)->bytes == 6);
  CHECK(files.status(directory.path().string())->is_directory);
}

TEST_CASE("an error says whether the name is there, and names path and cause") {
  const TempDir directory;
  PosixFileSystem files;
  const auto path = directory.path().string() + "/f";
  REQUIRE(files.create(path));
  CHECK(files.create(path).error().kind == Error::exists);
  CHECK(files.link(path, path).error().kind == Error::exists);
  CHECK(files.make_directory(path).error().kind == Error::exists);
  const auto missing = files.open_read(path + "x");
  CHECK(missing.error().kind == Error::not_found);
  CHECK(missing.error().text == "open " + path + "x: No such file or directory");
  CHECK(files.open_append(path + "x").error().kind == Error::not_found);
  CHECK(files.list(path + "x").error().kind == Error::not_found);
  CHECK(files.list(path).error().kind == Error::io);
  CHECK(files.unlink(path + "x").error().kind == Error::not_found);
  CHECK(files.status(path + "x").error().kind == Error::not_found);
  CHECK(files.rename(path + "x", path).error().kind == Error::not_found);
}

TEST_CASE("a full disk and too many open files are errors with the system's words") {
  PosixFileSystem files;
  auto full = files.open_append("/dev/full");
  REQUIRE(full);
  const auto written = (*full)->append(as_bytes("x"));
  REQUIRE_FALSE(written);
  CHECK(written.error().kind == Error::io);
  CHECK(written.error().text == "write /dev/full: No space left on device");

  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit none = before;
  none.rlim_cur = 0;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const auto opened = files.open_read("/dev/null");
  const auto listed = files.list("/dev");
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == Error::io);
  CHECK(opened.error().text == "open /dev/null: Too many open files");
  REQUIRE_FALSE(listed);
  CHECK(listed.error().kind == Error::io);
}

TEST_CASE("a short write is completed, and one that cannot be is reported") {
  const TempDir directory;
  PosixFileSystem files;
  auto file = files.create(directory.path().string() + "/f");
  REQUIRE(file);
  // A limit on the file's size makes the kernel take a part, then refuse the rest.
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit small = before;
  small.rlim_cur = 1000;
  auto* const old_handler = ::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto written = (*file)->append(Bytes(4000, 7));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  ::signal(SIGXFSZ, old_handler);
  REQUIRE_FALSE(written);
  CHECK(written.error().kind == Error::io);
  CHECK((*file)->size().value() == 1000);
}

TEST_CASE("a listing is sorted and tells directories from files") {
  const TempDir directory;
  PosixFileSystem files;
  const auto root = directory.path().string();
  REQUIRE(files.make_directory(root + "/b"));
  REQUIRE(files.create(root + "/c"));
  REQUIRE(files.create(root + "/a"));
  CHECK(files.list(root).value() ==
        std::vector<DirectoryEntry>{{"a", false}, {"b", true}, {"c", false}});
  REQUIRE(files.unlink(root + "/a"));
  REQUIRE(files.rename(root + "/c", root + "/d"));
  REQUIRE(files.link(root + "/d", root + "/e"));
  CHECK(files.list(root).value() ==
        std::vector<DirectoryEntry>{{"b", true}, {"d", false}, {"e", false}});
}

TEST_CASE("nested directories are made once, and those with new names are told") {
  const TempDir directory;
  PosixFileSystem files;
  const auto root = directory.path().string();
  std::vector<std::string> to_sync;
  REQUIRE(make_directories(files, root, "a/b/c", to_sync));
  CHECK(to_sync == std::vector<std::string>{root, root + "/a", root + "/a/b"});
  to_sync.clear();
  REQUIRE(make_directories(files, root, "a/b/d", to_sync));
  CHECK(to_sync == std::vector<std::string>{root + "/a/b"});
}

TEST_CASE("a file is replaced wholly, over what a cut attempt has left") {
  const TempDir directory;
  PosixFileSystem files;
  const auto path = directory.path().string() + "/rules";
  REQUIRE(replace_file(files, path, as_bytes("one")));
  REQUIRE(files.create(path + ".new"));
  REQUIRE(replace_file(files, path, as_bytes("two")));
  Bytes read;
  REQUIRE(read_file(files, path, 100, read));
  CHECK(as_text(read) == "two");
  CHECK(files.list(directory.path().string())->size() == 1);
}
