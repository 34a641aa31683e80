"""What is read of the page's build."""

from __future__ import annotations

from pathlib import Path

from collabkit.relay import assets


def test_a_build_is_read_whole_and_by_path(tmp_path: Path) -> None:
    """Each file of a known kind is there under its path, with its type and a tag of its content."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "index.html").write_bytes(b"<p>")
    (tmp_path / "deep" / "page.js").write_bytes(b"1")
    (tmp_path / "deep" / "copy.js").write_bytes(b"1")
    (tmp_path / "LICENSE").write_bytes(b"not for serving")
    found = assets.load(tmp_path)
    assert set(found) == {"/index.html", "/deep/page.js", "/deep/copy.js"}
    assert found["/index.html"].media_type == "text/html; charset=utf-8"
    assert found["/deep/page.js"].etag == found["/deep/copy.js"].etag
    assert found["/deep/page.js"].etag != found["/index.html"].etag


def test_a_page_that_was_not_built_is_no_assets(tmp_path: Path) -> None:
    """Without a build there is nothing to serve, and that is no error."""
    assert assets.load(tmp_path / "dist") == {}
