CREATE INDEX IF NOT EXISTS patients_by_identifier ON patients USING gin (((details->'other_identifiers') || (details->'identifier')) jsonb_path_ops);
CREATE INDEX IF NOT EXISTS patient_names_by_name ON patient_names (name, patient);
