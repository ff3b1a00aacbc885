"""One evidence, told as each protocol tells it."""
