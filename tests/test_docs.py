"""Every Python block of the README and the docs runs as it stands, and prints what it says it prints; so do its commands."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from marketic import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^    marketic (.*?)(?:  +#.*)?$", re.MULTILINE)
BLOCK = re.compile(r"```python\n(.*?)```(?:\s*```text\n(.*?)```)?", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_in_order(page, tmp_path, monkeypatch, capsys):
    """Blocks of one page share their names, as a reader's session would. A ```text block after one is its output."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for source, output in BLOCK.findall(page.read_text()):
        capsys.readouterr()
        exec(compile(source, page.name, "exec"), names)
        if output:
            assert capsys.readouterr().out.strip() == output.strip()


def test_the_readme_has_blocks_to_run():
    assert len(BLOCK.findall((ROOT / "README.md").read_text())) >= 2


def test_the_readmes_commands_run_in_order(tmp_path, monkeypatch, capsys):
    """With a hundredth of the steps, and without those that run until they are stopped or have tests of their own."""
    monkeypatch.chdir(tmp_path)
    commands = COMMAND.findall((ROOT / "README.md").read_text())
    assert len(commands) >= 10
    for command in commands:
        words = shlex.split(re.sub(r"(--steps|--at) (\d+)00\b", r"\1 \2", command))
        if words[0] in ("dashboard", "reproduce"):
            continue
        for choice in words[-1].split("|"):
            monkeypatch.setattr(sys, "argv", ["marketic", *words[:-1], choice])
            with pytest.raises(SystemExit) as caught:
                cli.main()
            assert not caught.value.code, (command, capsys.readouterr().err)
