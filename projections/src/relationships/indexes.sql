CREATE INDEX IF NOT EXISTS relationships_by_practitioner ON relationships (practitioner, patient);
