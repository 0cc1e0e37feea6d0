CREATE INDEX IF NOT EXISTS appointments_by_owner ON appointments (owner, starts, id);
CREATE INDEX IF NOT EXISTS appointments_by_start ON appointments (starts, id);
CREATE INDEX IF NOT EXISTS appointments_by_status ON appointments (status, starts, id);
CREATE INDEX IF NOT EXISTS appointments_that_stray ON appointments (starts, id) WHERE stray;
