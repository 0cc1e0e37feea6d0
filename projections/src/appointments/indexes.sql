CREATE INDEX IF NOT EXISTS appointments_by_owner ON appointments (owner, starts, id);
CREATE INDEX IF NOT EXISTS appointments_by_owner_and_day ON appointments (owner, day, starts, id);
CREATE INDEX IF NOT EXISTS appointments_by_day ON appointments (day, starts, id);
CREATE INDEX IF NOT EXISTS appointments_by_start ON appointments (starts, id);
