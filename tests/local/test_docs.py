"""The pages of the node types are those that their files tell."""

from __future__ import annotations

from local import docs


def test_the_pages_and_the_readme_are_up_to_date() -> None:
    wanted = docs.files()
    stale = {path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text}
    gone = set(docs.PAGES.iterdir()) - wanted.keys()
    assert not stale | gone, "run `make docs`"
