CREATE INDEX IF NOT EXISTS reads_by_age ON reads (patient, at DESC, position DESC, n DESC);
CREATE INDEX IF NOT EXISTS reads_of_all ON reads (at DESC, position DESC, n DESC);
CREATE INDEX IF NOT EXISTS reads_by_reader ON reads (reader, at DESC, position DESC, n DESC);
