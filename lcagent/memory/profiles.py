"""Profiles that were measured, kept in the store, and which profile applies to a model."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from lcagent.memory.rows import Rows
from lcagent.models.profile import ModelProfile, unmeasured
from lcagent.models.serving.session import OpenModel
from lcagent.settings import Settings


class StoredProfiles:
    """Measured profiles under the model's name and its server's fingerprint."""

    def __init__(self, store: Rows) -> None:
        self._store = store

    def get(self, model: str, fingerprint: str) -> ModelProfile | None:
        """The profile measured of this very model, if there is one."""
        return self._first("model = ? AND fingerprint = ?", model, fingerprint)

    def latest(self, model: str) -> ModelProfile | None:
        """The last one measured under a name, whatever was served under it."""
        return self._first("model = ?", model)

    def put(self, profile: ModelProfile) -> None:
        """Keep a measured profile; it replaces the one before."""
        self._store.execute(
            "INSERT INTO profiles (model, fingerprint, measured, profile) VALUES (?,?,?,?)"
            " ON CONFLICT (model, fingerprint)"
            " DO UPDATE SET measured = excluded.measured, profile = excluded.profile",
            (profile.model, profile.fingerprint, profile.measured, profile.model_dump_json()),
        )

    def _first(self, condition: str, *values: Any) -> ModelProfile | None:
        row = self._store.execute(
            f"SELECT profile FROM profiles WHERE {condition} ORDER BY measured DESC LIMIT 1",  # noqa: S608 - ours
            values,
        ).fetchone()
        if row is None:
            return None
        try:
            return ModelProfile.model_validate_json(row[0])
        except ValidationError:  # a version of other fields wrote it: it has to be measured again
            return None


def profile_for(opened: OpenModel, settings: Settings, store: Rows) -> ModelProfile:
    """The profile that applies to an open model: as measured, else as shipped, else trust.

    `--profile trusting` or `cautious` sets the stance; what is known of the model else stays.

    Args:
        opened: the model.
        settings: `profile`.
        store: where measured ones are kept.
    """
    kept = StoredProfiles(store).get(opened.model, opened.fingerprint)
    return with_stance(kept or unmeasured(opened.model, opened.fingerprint), settings)


def with_stance(profile: ModelProfile, settings: Settings) -> ModelProfile:
    """A profile with the stance that the settings ask for.

    Args:
        profile: what is known.
        settings: `profile`.
    """
    wanted = settings.profile
    if wanted in {"auto", "probe"}:
        return profile
    return profile.model_copy(update={"stance": wanted, "source": "set"})
