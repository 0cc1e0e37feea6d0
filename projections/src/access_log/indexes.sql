CREATE INDEX IF NOT EXISTS reads_by_age ON reads (patient, at DESC, position DESC, n DESC);
