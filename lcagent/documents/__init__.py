"""Documents: formats to pages, pages to segments, spans, quote checking."""

from lcagent.documents.document import Coverage, Document, Page, coverage, extent
from lcagent.documents.headings import Heading, Outline, headings_text
from lcagent.documents.lexical import Layout, Passage, lay_out, linked, passages, search
from lcagent.documents.load import Loaded, ParseCache, load, load_all
from lcagent.documents.mentions import unmentioned
from lcagent.documents.named import DocumentSource, File
from lcagent.documents.quotes import Sentences, Span, check_quote, figures, find_quote, sentences
from lcagent.documents.segments import Segment, split
from lcagent.documents.words import names, opening, query_words

__all__ = [
    "Coverage",
    "Document",
    "DocumentSource",
    "File",
    "Heading",
    "Layout",
    "Loaded",
    "Outline",
    "Page",
    "ParseCache",
    "Passage",
    "Segment",
    "Sentences",
    "Span",
    "check_quote",
    "coverage",
    "extent",
    "figures",
    "find_quote",
    "headings_text",
    "lay_out",
    "linked",
    "load",
    "load_all",
    "names",
    "opening",
    "passages",
    "query_words",
    "search",
    "sentences",
    "split",
    "unmentioned",
]
