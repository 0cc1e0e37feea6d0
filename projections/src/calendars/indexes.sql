ALTER TABLE free_slots ADD PRIMARY KEY (practitioner, starts, minutes, day);
CREATE INDEX IF NOT EXISTS free_slots_by_start ON free_slots (starts, practitioner) INCLUDE (minutes, day);
