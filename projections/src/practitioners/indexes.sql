CREATE INDEX IF NOT EXISTS practitioners_by_identifier ON practitioners USING gin (((details->'other_identifiers') || (details->'identifier')) jsonb_path_ops);
