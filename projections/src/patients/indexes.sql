CREATE INDEX IF NOT EXISTS patient_names_by_name ON patient_names (name, patient);
