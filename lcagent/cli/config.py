"""`lcagent config`: every setting, its value, and where it comes from."""

from __future__ import annotations

import os

from lcagent.cli import terminal
from lcagent.cli.options import settings_from
from lcagent.errors import SettingsError


def config() -> None:
    """Every setting: its name, value, and where the value comes from."""
    from pathlib import Path

    from platformdirs import user_config_path

    from lcagent.settings import Settings

    try:
        settings = settings_from()
    except SettingsError as error:
        # Its hint may be to run this very command.
        hint = (
            error.hint
            if "lcagent config" not in error.hint
            else f"settings: {', '.join(Settings.model_fields)}"
        )
        raise SettingsError(error.message, hint=hint) from error
    values = settings.without_secrets()
    values["api_key"] = "set" if settings.api_key else None
    for name, value in values.items():
        variable = f"LCAGENT_{name.upper()}"
        source = f"  ({variable})" if variable in os.environ else ""
        if isinstance(value, dict):
            for inner, item in value.items():
                terminal.line(f"{name}.{inner} = {item}")
        else:
            terminal.line(f"{name} = {value}{source}")
    for file in (Path("lcagent.toml"), user_config_path("lcagent") / "config.toml"):
        terminal.line(f"# {file}: {'read' if file.is_file() else 'not there'}")
    terminal.line(f"# runs and logs: {settings.data_dir}; model files: {settings.models_dir}")
