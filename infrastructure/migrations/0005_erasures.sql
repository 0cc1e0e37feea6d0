-- Whom somebody has asked to erase, and what has become of it.
CREATE TABLE erasure_requests (
    -- A patient, a practitioner or an account: its type and its id.
    subject           text COLLATE "C" PRIMARY KEY,
    command_id        uuid NOT NULL,
    asked_at          timestamptz NOT NULL DEFAULT now(),
    -- Until when nobody else need carry it through.
    undisturbed_until timestamptz NOT NULL DEFAULT now(),
    -- Since when the log has it.
    logged_at         timestamptz,
    -- Why it is not done, or not yet. Neither says anything of the person.
    refused           text,
    waits_for         text,
    CHECK (logged_at IS NULL OR refused IS NULL)
);

-- Since when nothing of what a destroyed key had sealed is left in this database's files, and what of it was not for this database's
-- role to remove.
ALTER TABLE data_keys ADD COLUMN purged_at timestamptz, ADD COLUMN purge_left text,
    ADD CHECK (purged_at IS NULL OR destroyed_at IS NOT NULL);
