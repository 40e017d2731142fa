"""Settings come from the environment, typed, or the start is refused with a reason."""

from dataclasses import FrozenInstanceError

import pytest

from graph.setting_kinds import Engine, LogLevel, Synchronous
from graph.settings import Settings, SettingsError


def test_an_empty_environment_gives_the_defaults():
    settings = Settings.from_environ({})

    assert settings == Settings()
    assert settings.db == "sqlite:///rungraph.db"
    assert (settings.host, settings.port, settings.host_url) == ("127.0.0.1", 8000, None)
    assert settings.sqlite_synchronous is Synchronous.FULL
    assert settings.log_level is LogLevel.INFO
    assert settings.engine is Engine.HTTP
    assert not settings.debug


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("db", "sqlite:////srv/runs.db", "sqlite:////srv/runs.db"),
        ("host", "::1", "::1"),
        ("port", "0", 0),
        ("host_url", "https://runs.example/here/", "https://runs.example/here"),
        ("ingest_max_bytes", "1024", 1024),
        ("ingest_queue_bytes", "4096", 4096),
        ("sqlite_synchronous", "NORMAL", Synchronous.NORMAL),
        ("parked_days", "0", 0),
        ("retention_days", "30", 30),
        ("signing_key", "0123456789abcdef", "0123456789abcdef"),
        ("log_level", "debug", LogLevel.DEBUG),
        ("engine", "off", Engine.OFF),
        ("debug", "on", True),
    ],
)
def test_a_value_is_read_in_its_type(variable, text, value):
    settings = Settings.from_environ({f"RUNGRAPH_{variable.upper()}": text})

    assert getattr(settings, variable) == value
    assert type(getattr(settings, variable)) is type(value)


@pytest.mark.parametrize(
    ("variable", "text", "allowed"),
    [
        ("RUNGRAPH_DB", "sqlite://", "sqlite:///file.db"),
        ("RUNGRAPH_DB", "mysql://there/runs", "sqlite:///file.db"),
        ("RUNGRAPH_DB", "sqlite:///:memory:", "sqlite:///file.db"),
        ("RUNGRAPH_HOST", "http://there", "a host name"),
        ("RUNGRAPH_PORT", "eighty", "a whole number from 0 to 65535"),
        ("RUNGRAPH_PORT", "65536", "a whole number from 0 to 65535"),
        ("RUNGRAPH_HOST_URL", "runs.example", "http"),
        ("RUNGRAPH_INGEST_MAX_BYTES", "50MB", "a whole number"),
        ("RUNGRAPH_SQLITE_SYNCHRONOUS", "off", "full or normal"),
        ("RUNGRAPH_PARKED_DAYS", "-1", "a whole number from 0"),
        ("RUNGRAPH_LOG_LEVEL", "loud", "debug or info or warning"),
        ("RUNGRAPH_ENGINE", "on", "off or executor or operation or http"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_what_is(variable, text, allowed):
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ({variable: text})

    assert f"{variable} is {text!r}; allowed: " in str(refused.value)
    assert allowed in str(refused.value)


def test_an_unknown_variable_is_refused_with_the_nearest_known_one():
    with pytest.raises(SettingsError, match=r"RUNGRAPH_PROT .* the nearest is RUNGRAPH_PORT"):
        Settings.from_environ({"RUNGRAPH_PROT": "1"})


def test_every_problem_is_told_at_once():
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ({"RUNGRAPH_PROT": "1", "RUNGRAPH_PORT": "x", "RUNGRAPH_ENGINE": "x"})

    assert len(str(refused.value).splitlines()) == 3


def test_variables_of_others_and_of_the_tests_are_left_alone():
    Settings.from_environ({"PATH": "/bin", "RUNGRAPH_TEST_POSTGRES": "x", "LANGSMITH_PROJECT": "x"})


def test_an_empty_value_counts_as_not_set():
    assert Settings.from_environ({"RUNGRAPH_PORT": " "}) == Settings()


def test_a_secret_is_never_shown():
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ({"RUNGRAPH_SIGNING_KEY": "hunter2"})

    assert "hunter2" not in str(refused.value)
    assert "0123456789abcdef" not in repr(Settings(signing_key="0123456789abcdef"))


def test_settings_can_not_be_changed():
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1
