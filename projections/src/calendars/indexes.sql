CREATE INDEX IF NOT EXISTS free_runs_by_start ON free_runs (first, practitioner) INCLUDE (last, minutes, day);
