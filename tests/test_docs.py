"""What the documents name is there: links, headings, tests, files and modules."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path for place in ("*.md", "docs/*.md", "*/README.md") for path in ROOT.glob(place)
)
TESTS = {
    name
    for path in ROOT.glob("tests/**/*.py")
    for name in re.findall(r"^ *def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
}
of_each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def anchors(document: Path) -> set[str]:
    """Headings, as they are spelled in the address of a link."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@of_each_document
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", document.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@of_each_document
def test_tests_files_and_modules_that_are_named_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert {*re.findall(r"`(test_\w+)`", text)} <= TESTS
    for path in re.findall(r"`((?:activity|benchmarks|demo|findings|tests|tools)/[\w/.]*)`", text):
        assert (ROOT / path).exists(), path
    for module in re.findall(r"-m ((?:activity|benchmarks|demo|tests|tools)[\w.]*)", text):
        path = ROOT / module.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").exists(), module
