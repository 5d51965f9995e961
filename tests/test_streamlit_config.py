"""The options that decide speed and safety, read back through Streamlit as the server reads them."""

from pathlib import Path

import pytest
from streamlit import config

from explainer.app.server.serving import CONFIGURATION, FRAME, _variable, configuration

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _from_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    config.get_config_options(force_reparse=True)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        # Hidden: if Streamlit drops it, this fails and explainer/app/server/start.py must change.
        ("runner.postScriptGC", False),
        ("runner.fastReruns", True),
        ("runner.magicEnabled", False),
        ("server.maxUploadSize", 1025),
        ("server.maxMessageSize", 16),
        ("server.enableWebsocketCompression", False),
        ("server.disconnectedSessionTTL", 30),
        ("server.fileWatcherType", "none"),
        ("server.showEmailPrompt", False),  # README promises one command: it must not stop for a question
        ("browser.gatherUsageStats", False),
        ("client.showErrorDetails", "type"),
        ("client.toolbarMode", "viewer"),
    ],
)
def test_option_reaches_streamlit(option: str, expected: object) -> None:
    assert config.get_option(option) == expected
    assert config.get_where_defined(option).endswith("config.toml")


def test_pages_are_not_discovered_by_folder() -> None:
    """A root script next to pages/ would be served the old way; app.py hands over to pages/frame.py instead."""
    source = (ROOT / "app.py").read_text(encoding="utf-8")
    assert "st.App(FRAME" in source and FRAME == ROOT / "pages" / "frame.py"


def test_the_style_has_no_angle_bracket() -> None:
    """Streamlit's cleaner of HTML drops a whole style sheet in which something looks like a tag."""
    assert "<" not in (ROOT / "assets" / "style.css").read_text(encoding="utf-8")


def test_the_whole_configuration_travels_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """``st.App.run`` refuses an option that it does not know; what the environment sets stays as it is there."""
    assert CONFIGURATION == ROOT / ".streamlit" / "config.toml"
    for option, value in configuration().items():
        assert config.get_option(option) == value
        assert config.get_where_defined(option).endswith("config.toml")
    assert len(configuration()) > 30
    monkeypatch.setenv("STREAMLIT_SERVER_MAX_UPLOAD_SIZE", "20")
    assert "server.maxUploadSize" not in configuration()
    variables = {name: option.env_var for name, option in config._config_options_template.items()}
    assert {name: _variable(name) for name in variables if _variable(name) != variables[name]} == {}
