-- The key ring: one random key per data subject, wrapped under a key-encryption key that is never in this database.
-- Destroying a key (erasure) keeps its row: the id and the time stay, the wrapped bytes go.
CREATE TABLE data_keys (
    key_id       bytea PRIMARY KEY CHECK (length(key_id) = 8),
    subject      uuid NOT NULL,
    wrapped      bytea,
    kek_id       text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
CREATE INDEX data_keys_subject ON data_keys (subject);

-- Whose database this is: the check value of the master secret, which also stands in every entry of the log. Another secret would
-- take everything for foreign.
CREATE TABLE organisation (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    org_key_id bytea NOT NULL CHECK (length(org_key_id) = 4)
);
