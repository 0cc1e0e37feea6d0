ALTER TABLE patient_names ADD PRIMARY KEY (patient, name);
CREATE INDEX IF NOT EXISTS patient_names_by_name ON patient_names (name, patient);
