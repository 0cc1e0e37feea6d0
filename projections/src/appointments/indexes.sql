-- Relationships are brought up to date with it.
CREATE INDEX IF NOT EXISTS appointments_by_patient ON appointments (patient, starts, id) WHERE patient IS NOT NULL;
CREATE INDEX IF NOT EXISTS appointments_by_owner ON appointments (owner, starts, id);
CREATE INDEX IF NOT EXISTS appointments_by_start ON appointments (starts, id);
CREATE INDEX IF NOT EXISTS appointments_by_status ON appointments (status, starts, id);
CREATE INDEX IF NOT EXISTS appointments_that_stray ON appointments (starts, id) WHERE stray;
