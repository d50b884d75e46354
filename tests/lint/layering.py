#!/usr/bin/env python3
"""Checks that the tree depends one way and that logic stays free of the outside world.

    layering.py ROOT          prints each violation as FILE:LINE: what, exits 1 if there is any
    layering.py --self-test   plants each kind of violation and checks that it is found

The rules (docs/architecture.md says why):
1. A folder of common/ includes only those before it in COMMON_ORDER; locks/ and store/ never meet.
2. common/ includes no program's header, and no program includes another's.
3. The sources of a target mas_<folder>_logic, with their headers, include no Asio, ZeroMQ or spdlog
   and read no clock, and the target links only libraries that keep the same promise.
4. Every .cpp of common/ and the programs belongs to a target: what nobody builds, nobody checks.
"""

import re
import sys
import tempfile
from pathlib import Path

COMMON_ORDER = ["base", "text", "aggregate", "wire", "net", "locks", "store", "service"]
NEVER_MEET = {("locks", "store"), ("store", "locks")}
PROGRAMS = ["gateway", "ingest", "query", "alerter", "lockbroker", "client"]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TARGET = re.compile(r"\bmas_(?:library|program)\s*\(\s*(\w+)([^)]*)\)")
SHELL_HEADER = re.compile(r"^(asio|zmq|zmq_addon|spdlog|httplib)(\.h|\.hpp|/|$)")
SHELL_LIBRARIES = {"dep::asio", "dep::cppzmq", "dep::spdlog", "dep::httplib"}
CLOCK_READS = re.compile(
    r"\bclock_gettime\b|\bgettimeofday\b|::now\s*\(|\bsleep_for\b|\bsleep_until\b"
    r"|\b(?:u|nano)?sleep\s*\(|(?<![\w.>])time\s*\(\s*(?:nullptr|NULL|0|&)"
)


def without_comments(text):
    """The text with comments and string literals blanked, line by line."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"', re.DOTALL
    )

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    return pattern.sub(blank, text)


def includes(path):
    """(line number, header) of each include directive."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(2)


def layer_of(header, root):
    """The place of a header named as our sources name theirs: ("common", folder), (program,
    None), or None when it is not ours."""
    folder = header.split("/")[0]
    if folder in COMMON_ORDER and (root / "common" / header).is_file():
        return ("common", folder)
    if folder == "common":
        return ("common", header.split("/")[1])
    if folder in PROGRAMS:
        return (folder, None)
    return None


def check_includes(root):
    """Rules 1 and 2."""
    for path in sorted([*root.glob("common/**/*.[hc]pp"), *root.glob("*/*.[hc]pp")]):
        parts = path.relative_to(root).parts
        if parts[0] != "common" and parts[0] not in PROGRAMS:
            continue
        for number, header in includes(path):
            target = layer_of(header, root)
            if target is None:
                continue
            where = f"{path.relative_to(root)}:{number}"
            if target[0] != "common":
                if target[0] != parts[0]:
                    yield f"{where}: {parts[0]}/ includes a header of the program {target[0]}/"
            elif parts[0] == "common":
                own, other = parts[1], target[1]
                if (own, other) in NEVER_MEET:
                    yield f"{where}: locks/ and store/ never meet"
                elif COMMON_ORDER.index(other) > COMMON_ORDER.index(own):
                    yield f"{where}: common/{own}/ includes common/{other}/, which comes after it"


def targets(root):
    """(CMakeLists.txt, target, sources, dependencies) of each mas_library and mas_program."""
    for path in sorted([*root.glob("common/*/CMakeLists.txt"), *root.glob("*/CMakeLists.txt")]):
        text = re.sub(r"#[^\n]*", "", path.read_text())
        for name, body in TARGET.findall(text):
            lists = {"SOURCES": [], "DEPS": []}
            current = []
            for word in body.split():
                current = lists.get(word, current) if word.isupper() else current
                if word not in lists:
                    current.append(word)
            yield path, name, lists["SOURCES"], lists["DEPS"]


def check_logic(root):
    """Rule 3."""
    for cmake, name, sources, dependencies in targets(root):
        if not (name.startswith("mas_") and name.endswith("_logic")):
            continue
        for dependency in dependencies:
            ours = dependency.startswith("mas_")
            if dependency in SHELL_LIBRARIES or (ours and not dependency.endswith("_logic")):
                yield f"{cmake.relative_to(root)}:1: {name} is logic but links {dependency}"
        files = {cmake.parent / source for source in sources}
        files |= {file.with_suffix(".hpp") for file in files}
        for path in sorted(file for file in files if file.is_file()):
            relative = path.relative_to(root)
            for number, header in includes(path):
                if SHELL_HEADER.match(header):
                    yield f"{relative}:{number}: logic ({name}) includes {header}"
            code = without_comments(path.read_text())
            for number, line in enumerate(code.splitlines(), 1):
                if CLOCK_READS.search(line):
                    yield f"{relative}:{number}: logic ({name}) reads a clock or sleeps"


def check_orphans(root):
    """Rule 4."""
    built = {cmake.parent / source for cmake, _, sources, _ in targets(root) for source in sources}
    for folder in [*(root / "common" / name for name in COMMON_ORDER),
                   *(root / name for name in PROGRAMS)]:
        for path in sorted(folder.glob("*.cpp")):
            if path not in built:
                yield f"{path.relative_to(root)}:1: belongs to no mas_library or mas_program"


def violations(root):
    """All of them, as FILE:LINE: what."""
    return [*check_includes(root), *check_logic(root), *check_orphans(root)]


def self_test():
    """Plants violations in a small tree: each must be found, and nothing else."""
    lists = {
        "common/base/CMakeLists.txt": "mas_library(mas_base_logic SOURCES a.cpp DEPS dep::fmt)",
        "common/base/a.hpp": "",
        "common/store/s.hpp": '#include "base/a.hpp"',
        "common/locks/l.hpp": "",
        "gateway/g.hpp": '#include "base/a.hpp"\n#include "store/s.hpp"',
        "gateway/CMakeLists.txt": "mas_library(mas_gateway_logic\n  SOURCES g.cpp\n"
        "  DEPS mas_base_logic)\nmas_library(mas_gateway SOURCES loop.cpp DEPS dep::asio)",
        "gateway/g.cpp": "// Foo::now() in a comment\nconst char* text = \"sleep(1)\";",
        "gateway/loop.cpp": "#include <asio.hpp>\nauto t = Clock::now();",
    }
    sound = {"common/base/a.cpp": '#include "base/a.hpp"\nvoid f(int uptime) { time(uptime); }'}
    planted = {
        "common/base/a.cpp": [
            '#include "text/number.hpp"\n#include "store/s.hpp"',
            '#include "gateway/g.hpp"',
            "#include <asio.hpp>",
            "#include <zmq.hpp>",
            "#include <spdlog/spdlog.h>",
            "auto t = std::chrono::steady_clock::now();",
            "int r = clock_gettime(CLOCK_REALTIME, &t);",
            "auto t = ::time(nullptr);",
            "std::this_thread::sleep_for(1s);",
        ],
        "common/store/s.hpp": ['#include "locks/l.hpp"'],
        "common/locks/l.hpp": ['#include "store/s.hpp"'],
        "common/text/orphan.cpp": ["int x;"],
        "ingest/i.hpp": ['#include "gateway/g.hpp"'],
        "gateway/CMakeLists.txt": [
            lists["gateway/CMakeLists.txt"].replace("mas_base_logic)", "dep::spdlog)"),
            lists["gateway/CMakeLists.txt"].replace("mas_base_logic)", "mas_net)"),
        ],
    }
    cases = [({}, 0)] + [({path: text}, 1) for path, texts in planted.items() for text in texts]
    for changes, expected in cases:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for path, text in {**lists, **sound, **changes}.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            found = violations(root)
            if len(found) != expected:
                sys.exit(f"layering.py --self-test: {changes} gave {found}, not {expected}")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = violations(Path(sys.argv[1]).resolve())
    for violation in found:
        print(violation)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
