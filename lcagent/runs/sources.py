"""An answer that is kept, beside the files that it was read from, as far as they are still the same."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from lcagent.answer import Answer
from lcagent.documents.pdf_pages import unchanged
from lcagent.errors import RunNotFound
from lcagent.memory.opening import open_store
from lcagent.runs.records import Runs, SourceFile
from lcagent.settings import Settings


@dataclass(frozen=True, slots=True)
class Kept:
    """A run that has given an answer.

    Args:
        question: what was asked.
        answer: what came of it.
        files: those that were read, by the names of the documents.
    """

    question: str
    answer: Answer
    files: dict[str, SourceFile]

    def pdf(self, document: str) -> bytes | None:
        """The bytes of a PDF; None where it is none, has gone or has changed."""
        file = self.files.get(document)
        return unchanged(file.path, file.sha256) if file is not None and file.format == "pdf" else None


def kept(settings: Settings, run: str) -> Kept:
    """A run with its answer.

    Args:
        settings: where it is kept.
        run: its id, the beginning of it, or `last`.

    Raises:
        RunNotFound: there is none, or it has given no answer that this version can read.
    """
    with closing(open_store(settings.place)) as store:
        runs = Runs(store)
        row = runs.find(run)
        try:
            answer = Answer.model_validate_json(row["answer"] or "")
        except ValueError as error:
            raise RunNotFound(
                f"run {row['id']} has no answer", hint="the same command goes on with it"
            ) from error
        return Kept(row["question"], answer, runs.files(row["id"]))
