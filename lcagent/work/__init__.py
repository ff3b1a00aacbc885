"""Work handed out to other machines, by an engine that is there: procrastinate over PostgreSQL."""
