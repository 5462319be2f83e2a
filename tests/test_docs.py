"""Every Python block of the README and the docs runs as it stands, and prints what it says it prints."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
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
