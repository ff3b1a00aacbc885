"""A competent reader: what a strategy loses with it is lost by the strategy's own code."""

from tests.reader.cases import Case, Hop, clip, fold
from tests.reader.reader import FIELDS, CompetentReader, Said

__all__ = ["FIELDS", "Case", "CompetentReader", "Hop", "Said", "clip", "fold"]
