"""The documentation as a site of several versions: docs/site.py."""

import importlib.util
import json
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "docs" / "site.py"


@pytest.fixture(scope="module")
def site():
    spec = importlib.util.spec_from_file_location("docs_site", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_versions_are_ordered_as_numbers_and_a_release_comes_after_its_candidates(site):
    given = ["0.10.0", "0.9.1", "0.10.0rc1", "0.2.0.dev3", "0.2.0"]
    assert sorted(given, key=site.order) == ["0.2.0.dev3", "0.2.0", "0.9.1", "0.10.0rc1", "0.10.0"]


def test_the_newest_comes_first_and_folders_without_pages_are_left_out(site, tmp_path):
    for name in ("0.1.0", "0.10.0", "0.9.0", "drafts"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text("")
    (tmp_path / "0.11.0").mkdir()
    site.join(tmp_path)
    listed = (tmp_path / "versions.js").read_text().removeprefix("window.versions = ").removesuffix(";\n")
    assert json.loads(listed) == ["0.10.0", "0.9.0", "0.1.0"]
    assert "url=0.10.0/index.html" in (tmp_path / "index.html").read_text()
