"""Whether `./lcagent.toml`, which may be anybody's, is believed where it would send text elsewhere.

A file that comes with a folder (a repository, an archive) must not redirect what its reader asks: it is
believed in that only once the user has said yes to it as it is. Yeses are kept in the user's data folder.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lcagent.errors import SettingsError
from lcagent.private import private_file, private_folder
from lcagent.text import listed, without_password

_PROVIDER = re.compile(r"^(?!hosted_vllm/)[a-z0-9_]+/.+")
_ALWAYS = ("api_base", "api_key", "embed_base", "home", "store", "tracing")
"""Settings that decide where text, or what is kept of it, goes, or in whose account it is asked."""


def names_provider(model: str | None) -> bool:
    """Whether a model's name may be litellm's `provider/NAME`."""
    return bool(model and _PROVIDER.match(model) and not Path(model).exists())


@dataclass(frozen=True, slots=True)
class LocalFile:
    """The settings' file of the current folder, read once.

    Args:
        path: of the file.
        values: what it sets.
        digest: of its bytes.
    """

    path: Path
    values: dict[str, Any]
    digest: str

    @classmethod
    def read(cls, path: Path) -> LocalFile | None:
        """The file, if it is there.

        Raises:
            ValueError: it is no TOML.
        """
        import tomllib

        if not path.is_file():
            return None
        raw = path.read_bytes()
        return cls(path.resolve(), tomllib.loads(raw.decode()), hashlib.sha256(raw).hexdigest())

    def sends(self, decided: Collection[str], *, served: bool) -> list[str]:
        """Names of its settings that send text elsewhere.

        Args:
            decided: settings that go before the file's.
            served: the user names the server, so that a model's name is only its name there.
        """
        names = [name for name in _ALWAYS if self.values.get(name)]
        model = self.values.get("model")
        if isinstance(model, str) and names_provider(model) and not served:
            names.append("model")
        return [name for name in names if name not in decided]

    def check(self, names: Sequence[str], kept: Path) -> None:
        """Complain of a file that sends text elsewhere and to which nobody has said yes.

        Args:
            names: from `sends`.
            kept: the user's data folder.

        Raises:
            SettingsError: it does so; the message names the file and where it sends.
        """
        if not names or _yeses(kept).get(str(self.path)) == self.digest:
            return
        told = ", ".join(_told(name, self.values[name]) for name in names)
        raise SettingsError(
            f"{self.path} would decide where the text goes: {told}",
            hint="if that is as you want it, say so once with --trust-config (`lcagent doctor"
            " --trust-config`); else delete it, or work in another folder",
        )

    def trust(self, kept: Path) -> None:
        """Note that the user has said yes to the file as it is now.

        Args:
            kept: the user's data folder.
        """
        yeses = {**_yeses(kept), str(self.path): self.digest}
        private_file(private_folder(kept) / _KEPT).write_text(json.dumps(yeses, indent=1), "utf-8")


_KEPT = "trusted.json"


def _yeses(folder: Path) -> Mapping[str, str]:
    try:
        yeses = json.loads((folder / _KEPT).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return yeses if isinstance(yeses, dict) else {}


def _told(name: str, value: object) -> str:
    if name == "api_key":  # no secret in a message
        return "api_key"
    if not name.endswith("_base"):
        return f"{name} = {value}"
    urls = [str(one) for one in value] if isinstance(value, list) else listed(str(value))
    told = [f"{without_password(url)} (host {_host(url)})" for url in urls]
    return f"{name} = {', '.join(told)}"


def _host(url: str) -> str:
    return urlsplit(url if "://" in url else f"http://{url}").hostname or "?"
