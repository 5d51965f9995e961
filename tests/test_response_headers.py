"""What every answer tells the browser to refuse."""

import pytest

from explainer.app.server.response_headers import FRAME_ANCESTORS, headers


def policy() -> dict[str, str]:
    rules = headers()["content-security-policy"].split("; ")
    return {name: value for name, _, value in (rule.partition(" ") for rule in rules)}


def test_nothing_comes_from_elsewhere_and_no_text_becomes_a_script() -> None:
    rules = policy()
    for name in ("default-src", "script-src", "style-src", "img-src", "font-src", "media-src", "worker-src"):
        assert set(rules[name].split()) <= {"'self'", "data:", "blob:", "'unsafe-inline'"} | {
            each for each in rules["script-src"].split() if each.startswith("'sha256-")
        }
    assert "unsafe" not in rules["script-src"]
    assert rules.get("connect-src", rules["default-src"]) == "'self'"
    assert rules["object-src"] == "'none'"


def test_who_may_show_it_in_a_frame_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FRAME_ANCESTORS, raising=False)
    assert policy()["frame-ancestors"] == "'self'"
    monkeypatch.setenv(FRAME_ANCESTORS, "'self'  https://moodle.example.org https://*.school.example:8443")
    assert policy()["frame-ancestors"] == "'self' https://moodle.example.org https://*.school.example:8443"


@pytest.mark.parametrize("wrong", ["*; script-src *", "moodle", "'self', https://a.example", "https://a\nX-Other: 1"])
def test_a_setting_that_names_no_site_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv(FRAME_ANCESTORS, wrong)
    with pytest.raises(ValueError, match="which is no site: write 'self', 'none', or addresses"):
        headers()
