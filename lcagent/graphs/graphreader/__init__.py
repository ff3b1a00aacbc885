"""GraphReader: a graph of a document's facts, built once and explored for every question."""
