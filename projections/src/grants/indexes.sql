CREATE INDEX IF NOT EXISTS grants_by_grantee ON grants (patient, grantee);
CREATE INDEX IF NOT EXISTS grants_by_age ON grants (patient, position, grant_id);
