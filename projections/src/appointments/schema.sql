CREATE TABLE appointments (
    id                  uuid PRIMARY KEY,
    owner               uuid NOT NULL,
    day                 date NOT NULL,
    -- Whether the start is not near the day, which nothing honest writes: see query.rs.
    stray               bool NOT NULL,
    practitioner        uuid,
    patient             uuid,
    starts              timestamptz NOT NULL,
    minutes             int8 NOT NULL,
    status              text COLLATE "C" NOT NULL,
    reason              jsonb,
    cancellation_reason text,
    recorded            bool NOT NULL,
    -- What names an encounter of the past: see names.rs.
    names               jsonb,
    version             int8 NOT NULL,
    position            int8 NOT NULL
);
