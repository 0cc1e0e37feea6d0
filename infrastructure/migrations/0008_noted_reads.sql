-- Who has read what is known of whom, from before the answer leaves a server until the log has it for good.

-- Notes that are put into the log together, by one command; whoever takes them on issues the same one.
CREATE TABLE taken_reads (
    command_id        uuid PRIMARY KEY,
    patient           uuid NOT NULL,
    taken_at          timestamptz NOT NULL DEFAULT clock_timestamp() CHECK (isfinite(taken_at)),
    undisturbed_until timestamptz NOT NULL DEFAULT '-infinity',
    -- How often somebody has taken them on: 0, 1, or more often.
    attempts          bigint NOT NULL DEFAULT 0
);
CREATE INDEX taken_reads_patient ON taken_reads (patient);
CREATE INDEX taken_reads_due ON taken_reads (undisturbed_until);

-- A note. What was read by whom is sealed under a key of the organisation's.
CREATE TABLE noted_reads (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient    uuid NOT NULL,
    noted_at   timestamptz NOT NULL DEFAULT clock_timestamp() CHECK (isfinite(noted_at)),
    sealed     bytea NOT NULL,
    -- Whether a backup has brought it.
    restored   boolean NOT NULL DEFAULT false,
    -- From when on it is taken. One that could not be opened is tried again after a while: a newer version of the program may.
    due_at     timestamptz NOT NULL,
    -- With which others it was taken, if it was.
    command_id uuid REFERENCES taken_reads ON DELETE CASCADE
);
CREATE INDEX noted_reads_patient ON noted_reads (patient, id);
CREATE INDEX noted_reads_age ON noted_reads (noted_at);
CREATE INDEX noted_reads_due ON noted_reads (due_at) WHERE command_id IS NULL;
CREATE INDEX noted_reads_taken ON noted_reads (command_id) WHERE command_id IS NOT NULL;
