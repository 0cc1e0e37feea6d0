CREATE INDEX IF NOT EXISTS practitioners_by_other_identifier ON practitioners USING gin ((details->'other_identifiers') jsonb_path_ops);
