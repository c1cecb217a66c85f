"""What the tests themselves rely on: rings, and blocks of documents."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.support.environment import bare_environment
from tests.support.markdown import blocks
from tests.support.processes import ROOT
from tests.support.rings import ELSEWHERE, ring_of

_DOCUMENT = """
# Title

## 2. Second

### 2.1 Part

```bash
echo one
```

<!-- not run: needs another machine -->

```bash
echo two
```

<!-- file: app/tasks/mine.py -->
```python
x = 1
```

```text
shown
```
"""


def test_blocks_are_named_by_section_and_place(tmp_path: Path) -> None:
    path = tmp_path / "document.md"
    path.write_text(_DOCUMENT)
    found = {block.key: block for block in blocks(path)}
    assert list(found) == ["2.1#1", "2.1#2", "2.1#3", "2.1#4"]
    assert found["2.1#1"].text == "echo one\n"
    assert [block.runs for block in found.values()] == [True, False, False, False]
    assert found["2.1#2"].not_run == "needs another machine"
    assert found["2.1#3"].file == "app/tasks/mine.py"


def test_a_ring_is_the_folder_below_tests() -> None:
    tests = ROOT / "tests"
    assert ring_of(tests / "unit" / "test_x.py", tests) == "unit"
    assert ring_of(tests / "support" / "x.py", tests) is None


def test_a_missing_tool_is_named_in_the_last_lines(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.conftest import pytest_terminal_summary\n"
    )
    (folder / "test_one.py").write_text(
        "from tests.support.rings import elsewhere, not_run\n"
        "def test_one(): not_run('the page', 'install a browser')\n"
        "def test_two(): not_run('the page', 'install a browser')\n"
        "def test_three(): elsewhere('the image', 'start an engine')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-c", "/dev/null", "."],
        cwd=folder, env=bare_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    assert lines[-3:-1] == [
        "NOT RUN: the page — install a browser",
        f"NOT RUN: the image — start an engine{ELSEWHERE}",
    ], done.stdout + done.stderr
    assert sum(line.startswith("NOT RUN") for line in lines) == 2


def test_runners_take_whole_files_and_one_takes_every_scenario() -> None:
    """Run for real: a release of pytest once scattered the tests, and nothing said so."""
    command = [sys.executable, "-m", "pytest", "-v", "--numprocesses=2", "--dist=loadfile"]
    files = ["tests/unit/test_rank.py", "tests/unit/test_histogram.py", "tests/unit/test_report.py"]
    done = subprocess.run(
        [*command, *files], cwd=ROOT, env=bare_environment(), capture_output=True, text=True
    )
    runners: dict[str, set[str]] = {}
    for runner, file in re.findall(r"^\[(gw\d)\].* PASSED (\S+?)::", done.stdout, re.MULTILINE):
        runners.setdefault(file, set()).add(runner)
    assert sorted(runners) == sorted(files)
    assert all(len(those) == 1 for those in runners.values()), runners
    assert len(set.union(*runners.values())) == 2
