-- The secrets of the namespace's epochs after the first, each wrapped under a key-encryption key that is never in this database. The log says which
-- of them are used, by what they commit to: databases of one organisation may have made one each at the same time, under the same number.
CREATE TABLE epochs (
    commitment bytea PRIMARY KEY CHECK (length(commitment) = 32),
    number     bigint NOT NULL CHECK (number > 0),
    wrapped    bytea NOT NULL,
    kek_id     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
