"""What a server keeps of those it serves: uploads and collections, jobs with their events, keys."""
