"""Many documents: a table of typed answers, a row a document."""
