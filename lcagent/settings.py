"""Settings: flag > LCAGENT_* > ./lcagent.toml > user config > default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from platformdirs import user_cache_path, user_config_path, user_data_path
from pydantic import BaseModel, Field, ValidationError, create_model, field_serializer, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lcagent.errors import UPGRADE, ConfigUnreadable, NewerVersion, SettingsError, StoreError
from lcagent.graphs import STRATEGIES, options
from lcagent.local_file import LocalFile
from lcagent.place import URLS, Place
from lcagent.text import listed, without_passwords


class _Settings(BaseSettings):
    """Everything that can be set. Names are those of the flags and of `LCAGENT_*`."""

    model_config = SettingsConfigDict(
        env_prefix="LCAGENT_", env_nested_delimiter="__", extra="ignore", toml_file=None
    )

    model: str | None = None
    """litellm's name (`hosted_vllm/NAME`, `openai/NAME`, …), a bare served NAME, or a .gguf file."""
    api_base: str | None = None
    """An OpenAI-compatible endpoint, e.g. http://127.0.0.1:8000/v1; or several of one model, as a list or
    with commas between them: what shares a beginning keeps to one of them."""
    api_key: str | None = None
    """Bearer token for the endpoint."""
    tokenizer: str | None = None
    """A tokenizer.json (or its folder), for endpoints that count no tokens."""
    window: int = Field(default=8192, ge=512)
    """Tokens of one model call, prompt and reply together."""
    strategy: str = "auto"
    """How to read: a strategy's name; `auto` looks up, and reads on where that does not suffice."""
    style: Literal["auto", "short", "full"] = "auto"
    """How long an answer is: as the question needs, a word or a phrase, or whole sentences."""
    profile: Literal["auto", "trusting", "cautious", "probe"] = "auto"
    """Whether the model is believed: `auto` goes by what is known of it, and trusts one that is not known;
    `probe` measures it first, once."""
    home: Path | None = None
    """Where runs, models and logs live; default: the platform's data and cache folders."""
    store: str | None = None
    """Where everything is kept that is rows: a folder, or `postgresql://…` (extra `postgres`); default:
    `home`."""
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    """Sampling temperature."""
    top_p: float | None = Field(default=None, gt=0.0, le=1.0)
    """Nucleus sampling; the RL-MemoryAgent checkpoints were published with temperature 0.7, top_p 0.95."""
    reasoning_tokens: int | None = Field(default=None, ge=0)
    """Tokens a reasoning model may think per call; default: a fifth of the window if its name says
    that it reasons, else none."""
    timeout: float = Field(default=600.0, gt=0)
    """Seconds for one model call, waits and retries included."""
    concurrency: int | None = Field(default=None, ge=1)
    """Requests in flight at once, to each server; default: what it says it runs, else 8."""
    max_calls: int | None = Field(default=None, ge=1)
    """Budget: model calls in this command."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Budget: prompt and reply tokens in this command."""
    max_seconds: float | None = Field(default=None, gt=0)
    """Budget: seconds in this command."""
    encoding: str | None = None
    """Encoding of the text files; default: UTF-8, or what their bytes look like."""
    embed_model: str | None = None
    """Ranks passages by meaning beside words: an embedding model's folder, or its name. `all-MiniLM-L6-v2`
    comes with the extra `embed`; any other has to lie in the hub's cache, and is never fetched."""
    embed_base: str | None = None
    """An OpenAI-compatible server whose /v1/embeddings is asked instead; `embed_model` is the name there."""
    tracing: bool = False
    """Let LangGraph post each step, texts included, to LangSmith, where LANGSMITH_* variables ask for it."""
    store_mb: int | None = Field(default=None, ge=1)
    """MB that runs and parsed documents may take; beyond them the parsed documents used least recently go.
    Default: 1,024 in files, any number in a PostgreSQL."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources; the two TOML files are read where they exist.

        Raises:
            SettingsError: the current folder's file sends text elsewhere, and nobody has said yes to it.
        """
        own = _user_file()
        config = (TomlConfigSettingsSource(settings_cls, own),) if own.is_file() else ()
        local = LocalFile.read(_LOCAL)
        if local is None:
            return (init_settings, env_settings, *config)
        before = {**env_settings(), **init_settings()}
        users = {**(config[0]() if config else {}), **before}
        served = "api_base" in (before if "api_base" in local.values else users)
        names = local.sends(before, served=served)
        local.check(names, _kept(users))
        withheld: dict[str, Any] = {}
        if {"api_base", "model"} & set(names):  # a key that is meant for another server is not for its
            withheld["api_key"] = local.values.get("api_key")
        return (
            InitSettingsSource(settings_cls, withheld),
            init_settings,
            env_settings,
            InitSettingsSource(settings_cls, local.values),
            *config,
        )

    @field_validator("strategy")
    @classmethod
    def _known(cls, strategy: str) -> str:
        if strategy not in STRATEGIES:
            raise ValueError(f"strategies are {', '.join(STRATEGIES)}")
        return strategy

    def of(self, strategy: str) -> BaseModel | None:
        """A strategy's own settings; None where it has none."""
        return getattr(self, strategy, None)

    @field_validator("home", mode="before")
    @classmethod
    def _named(cls, home: Any) -> Any:
        # No ValueError: it is no value of another kind that is wanted, and the folder is nobody's mistake.
        if isinstance(home, str) and (not home.strip() or "\0" in home):
            raise StoreError(
                "the home folder has an empty name" if not home.strip() else "a folder's name holds no NUL",
                hint="unset LCAGENT_HOME, or name a folder with it or with --home",
            )
        return home

    @field_validator("store")
    @classmethod
    def _kept_there(cls, store: str | None) -> str | None:
        if store and "://" in store and not store.startswith(URLS):
            raise ValueError("nothing is kept there: name a folder, or postgresql://…")
        return store

    @field_validator("api_base", mode="before")
    @classmethod
    def _joined(cls, base: Any) -> Any:
        if isinstance(base, list | tuple) and all(isinstance(one, str) for one in base):
            return ",".join(base) or None
        return base

    @property
    def api_bases(self) -> list[str]:
        """The endpoints that `api_base` names."""
        return listed(self.api_base or "")

    @field_serializer("api_base", "embed_base", "store")
    def _without_password(self, base: str | None) -> str | None:
        """What is kept and shown of an address: no name and password, which belong to nobody else."""
        return base and without_passwords(base)

    @field_validator("home")
    @classmethod
    def _expanded(cls, home: Path | None) -> Path | None:
        try:
            return home and home.expanduser()
        except RuntimeError as error:  # ~nobody
            raise ValueError(str(error)) from error

    def without_secrets(self) -> dict[str, Any]:
        """All settings as plain data, as they may be kept and shown: without keys and passwords."""
        values = self.model_dump(mode="json", exclude={"api_key"})
        for name in ("api_base", "embed_base", "store"):
            if values[name] is not None:
                values[name] = without_passwords(values[name])
        return values

    def how(self) -> dict[str, Any]:
        """How is read, as plain data: not with which model, where it is kept, or what it may cost."""
        return self.model_dump(mode="json", exclude=set(_NOT_HOW))

    def reading(self, how: Mapping[str, Any]) -> Self:
        """These settings, reading as others say.

        Args:
            how: theirs, see `how`.

        Raises:
            NewerVersion: this one does not know all of them.
        """
        told = self.model_copy()
        try:
            for name, value in how.items():
                self.__pydantic_validator__.validate_assignment(told, name, value)
        except ValidationError as error:
            said = _explain(error)
            raise NewerVersion(f"it is asked of a newer lcagent: {said.message}", hint=UPGRADE) from error
        return told

    def within(self, budgets: Mapping[str, float | None]) -> Self:
        """These settings, with the lesser of each budget.

        Args:
            budgets: others, by their names; None: no limit.
        """
        limits = {
            name: value if (most := getattr(self, name)) is None else min(value, most)
            for name, value in budgets.items()
            if value is not None
        }
        return self.model_copy(update=limits)

    @property
    def data_dir(self) -> Path:
        """Folder of the run database, server state and logs."""
        return self.home or user_data_path("lcagent")

    @property
    def place(self) -> Place:
        """Where everything is kept."""
        store = self.store or ""
        if store.startswith(URLS):
            return Place(self.data_dir, store)
        return Place(Path(store).expanduser() if store else self.data_dir)

    @property
    def store_limit(self) -> int | None:
        """MB that runs and parsed documents may take; None: any number."""
        return self.store_mb or (None if self.place.url else 1024)

    @property
    def models_dir(self) -> Path:
        """Folder of fetched model files."""
        return self.home / "models" if self.home else user_cache_path("lcagent") / "models"


BUDGETS = ("max_calls", "max_tokens", "max_seconds")
_NOT_HOW = (
    *("model", "api_base", "api_key", "tokenizer", "timeout", "concurrency", "embed_model", "embed_base"),
    *("home", "store", "store_mb", "tracing", *BUDGETS),
)
_LOCAL = Path("lcagent.toml")


def _user_file() -> Path:
    return user_config_path("lcagent") / "config.toml"


def _kept(users: Mapping[str, Any]) -> Path:
    """The user's data folder, as the user's own sources name it."""
    home = users.get("home")
    return Path(home).expanduser() if home else user_data_path("lcagent")


def _with_strategies() -> type[_Settings]:
    """The settings with those of each strategy under its name, as the registry knows them."""
    classes = {name: options(name) for name in STRATEGIES}
    fields: dict[str, Any] = {name: (kind, kind()) for name, kind in classes.items() if kind}
    return create_model("Settings", __base__=_Settings, __doc__=_Settings.__doc__, **fields)


if TYPE_CHECKING:

    class Settings(_Settings):
        """Everything that can be set."""

else:
    Settings = _with_strategies()


def split_strategy(spec: str) -> tuple[str, list[str]]:
    """`memagent:mode=overwrite+early_exit=true` as its name and the pairs for `load_settings`."""
    name, _, options = spec.partition(":")
    return name, [f"{name}.{option}" for option in options.split("+") if option]


def load_settings(
    overrides: dict[str, Any] | None = None, pairs: list[str] | None = None, *, trust_config: bool = False
) -> Settings:
    """Read all sources.

    Args:
        overrides: values of flags; None values are left out.
        pairs: `key=value` of `--set`, with dots for nesting (`memagent.mode=overwrite`).
        trust_config: say yes to `./lcagent.toml` as it is now, for good.

    Raises:
        SettingsError: a name or value is not known, or `./lcagent.toml` would send text elsewhere.
    """
    values: dict[str, Any] = {k: v for k, v in (overrides or {}).items() if v is not None}
    for pair in pairs or []:
        key, sep, value = pair.partition("=")
        if not sep or not key:
            raise SettingsError(
                f"--set {pair!r} is not key=value", hint="for example --set memagent.mode=overwrite"
            )
        _put(values, key.strip().split("."), value.strip())
    try:
        if trust_config and (local := LocalFile.read(_LOCAL)):
            local.trust(_kept({**_users_own(), **values}))
        settings = Settings(**values)
    except ValidationError as error:
        raise _explain(error) from error
    except (ValueError, OSError) as error:  # a TOML file that does not parse, or may not be read
        raise ConfigUnreadable(
            f"settings cannot be read{_where()}: {error}", hint="mend the file, or take it out of the way"
        ) from error
    unknown = set(values) - set(Settings.model_fields)
    if unknown:
        name = sorted(unknown)[0]
        raise SettingsError(f"no setting named {name!r}", hint=_likely(name))
    _check_environment()
    return settings


def _where() -> str:
    """Which file of settings cannot be read, as a part of a sentence."""
    for file in (_LOCAL, _user_file()):
        try:
            tomllib.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            continue
        except (ValueError, OSError):
            return f" from {file}"
    return ""


def _users_own() -> dict[str, Any]:
    """What the user's file and variables say of the data folder."""
    own = _user_file()
    values = tomllib.loads(own.read_text("utf-8")) if own.is_file() else {}
    home = os.environ.get("LCAGENT_HOME")
    return {**values, **({"home": home} if home else {})}


def _put(values: dict[str, Any], path: list[str], value: str) -> None:
    for name in path[:-1]:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            raise SettingsError(f"{name!r} is a single value, not a group", hint=_names_hint())
        values = inner
    values[path[-1]] = value


def _explain(error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    given = first["input"]
    if isinstance(given, str) and "://" in given:
        given = without_passwords(given)
    return SettingsError(
        f"setting {name!r}: {first['msg'].removeprefix('Value error, ')} (got {given!r})",
        hint=_names_hint(),
    )


def _names_hint() -> str:
    return "`lcagent config` lists every setting, its value and where it comes from"


def _likely(name: str) -> str:
    """A hint for the name of a setting, or of its variable, that there is not."""
    bare = name.removeprefix("LCAGENT_")
    near = get_close_matches(bare.lower(), Settings.model_fields, 1)
    if not near:
        return _names_hint()
    return f"did you mean {near[0] if bare == name else f'LCAGENT_{near[0].upper()}'}?"


def _check_environment() -> None:
    """A misspelt LCAGENT_* variable would otherwise be ignored without a word."""
    known = {f"LCAGENT_{name.upper()}" for name in Settings.model_fields}
    for name in os.environ:
        if not name.startswith("LCAGENT_") or name.startswith("LCAGENT_TEST_"):
            continue
        if name.split("__", maxsplit=1)[0] not in known:
            raise SettingsError(f"environment variable {name} is not a setting", hint=_likely(name))
