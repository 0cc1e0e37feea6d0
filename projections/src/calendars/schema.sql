-- What a day offers, and the slots that are taken, by appointment.
CREATE TABLE calendars (
    owner    uuid NOT NULL,
    day      date NOT NULL,
    sessions jsonb NOT NULL,
    taken    jsonb NOT NULL,
    version  int8 NOT NULL,
    position int8 NOT NULL,
    PRIMARY KEY (owner, day)
);
-- Nobody searches by these; counting their values for the planner is work for nothing.
ALTER TABLE calendars ALTER COLUMN sessions SET STATISTICS 0, ALTER COLUMN taken SET STATISTICS 0;

-- The slots that nobody has any part of, as runs of slots of one length without a gap: the starts of the first and of the last. A free
-- day is one row. Those of the past stay, and are not asked for.
CREATE TABLE free_runs (
    practitioner uuid NOT NULL,
    first        timestamptz NOT NULL,
    last         timestamptz NOT NULL,
    minutes      int8 NOT NULL,
    day          date NOT NULL
);
