"""Our retrieval as a retriever of LangChain's: no model is asked, but an embedding model where one is set."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as Passage
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, PrivateAttr

from lcagent.documents import Document, load_all
from lcagent.documents.corpus import Corpus, Region
from lcagent.documents.retrieval import Retrieval
from lcagent.memory.opening import open_store
from lcagent.memory.parsed import StoredDocuments
from lcagent.models.embeddings import Likeness
from lcagent.reader import Reader


class PassageRetriever(BaseRetriever):
    """Passages of documents that bear on a question, best first: by words, headings and the names that lead
    on; by meaning too where the reader's settings name an embedding model.

    `page_content` is characters `char_start` to `char_end` of the document's text. The metadata are these
    two, `document` (its name), `place` (where a person looks it up) and `page` (from 1; None where there are
    none). Files are looked at for each question; what was parsed is kept.

    Example:
        >>> from lcagent import Reader
        >>> from lcagent.integrations.retriever import PassageRetriever
        >>> retriever = PassageRetriever(reader=Reader(), documents=["report.pdf"], k=4)  # doctest: +SKIP
        >>> retriever.invoke("Who signed it?")[0].metadata["page"]  # doctest: +SKIP
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    reader: Reader
    """Its settings tell where parsed documents are kept, and the embedding model."""
    documents: Sequence[str | Path]
    """Files and folders that are searched."""
    k: int = 8
    """Most passages."""
    _last: Retrieval | None = PrivateAttr(None)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Passage]:
        """See there; awaited, it runs in a thread.

        Raises:
            LcagentError: a document cannot be read, or the embedding model not be asked.
        """
        retrieval = self._retrieval().about(query)
        ranked = retrieval.ranked()[: self.k]
        return [_passage(retrieval.corpus, one.region) for one in ranked]

    def _retrieval(self) -> Retrieval:
        """Over the documents as they are now; where they are as before, with what is known of them."""
        settings = self.reader.settings
        with closing(open_store(settings.place)) as store:
            parsed = StoredDocuments(store)
            loaded = load_all(self.documents, encoding=settings.encoding, cache=parsed)
        last = self._last
        if last is None or _names(last.corpus.documents) != _names(loaded.documents):
            embedder = self.reader.session.embedder()
            similarity = None if embedder is None else Likeness(embedder, lambda _: None)
            last = self._last = Retrieval(Corpus(tuple(loaded.documents)), "", similarity)
        return last


def _names(documents: Sequence[Document]) -> list[tuple[str, str]]:
    return [(one.name, one.sha256) for one in documents]


def _passage(corpus: Corpus, region: Region) -> Passage:
    number, start, end = corpus.trimmed(region)
    document = corpus.documents[number]
    return Passage(
        page_content=document.text[start:end],
        metadata={
            "document": document.name,
            "place": document.place(start),
            "page": document.page_at(start),
            "char_start": start,
            "char_end": end,
        },
    )
